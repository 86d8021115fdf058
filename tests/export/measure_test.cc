// What quantising costs the tiny model, against the logits of the reference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "adapters/peft.h"
#include "base/file.h"
#include "data/text/begin_token.h"
#include "data/text/tokenizer.h"
#include "export/commands.h"
#include "export/reference_logits.h"
#include "tests/adapters/random_adapter.h"
#include "tests/programs/program.h"

namespace pith {
namespace {

std::optional<int32_t> BeginTokenOf(const BaseModel& base) {
  return base.gguf() != nullptr ? BeginToken(*base.gguf(), base.config().vocab_size) : BeginToken(base.path());
}

namespace fs = std::filesystem;
using testing::Refusal;

const std::string kGolden = PITH_TEST_GOLDEN, kModel = kGolden + "/tiny-llama", kLora = kGolden + "/tiny-lora", kDora = kGolden + "/adapters/peft-dora";
const std::string kText = std::string(PITH_TEST_SOURCE) + "/LICENSE";  // long enough for any of these
constexpr int64_t kVocab = 320;

class MeasureTest : public ProgramTest {
 protected:
  MeasureTest() : ProgramTest("pith-export"), f32_(folder_ / "f32.gguf") { RunConvert({kModel, {TensorType::kF32, {}}, f32_}); }

  Measurement Converted(const std::string& from, TensorType type) {
    return *RunConvert({from, {type, {}}, folder_ / "q.gguf", false, {kText, 2 * kMeasureWindow}});
  }

  const std::string f32_;
};

// By the definitions, in the simplest way that there is, from the reference's logits.
struct Plain {
  std::vector<double> nll_q, nll_base, kld, delta_p;
  int64_t same_top = 0;
};
Plain ByTheReference(const std::string& q, const std::string& base, const LoraAdapter* adapter, const MeasuredText& text) {
  Plain plain;
  const auto of_q = BaseModel::Load(q), of_base = BaseModel::Load(base);
  const auto softmax = [](const std::vector<float>& logits, int64_t row) {
    std::vector<double> p(logits.begin() + row * kVocab, logits.begin() + (row + 1) * kVocab);
    double sum = 0;
    for (double& x : p) sum += x = std::exp(x);
    for (double& x : p) x /= sum;
    return p;
  };
  for (int64_t w = 0; w < text.num_windows; ++w) {
    const auto ids = text.Window(w);
    const std::vector<float> logits_q = ReferenceLogits(*of_q, nullptr, 0, ids), logits_base = ReferenceLogits(*of_base, adapter, 0, ids);
    for (int64_t t = 256; t < 511; ++t) {
      const std::vector<double> p_q = softmax(logits_q, t), p_base = softmax(logits_base, t);
      const auto next = static_cast<size_t>(ids[static_cast<size_t>(t + 1)]);
      double kld = 0;
      for (size_t v = 0; v < p_q.size(); ++v) kld += p_base[v] * std::log(p_base[v] / p_q[v]);
      plain.nll_q.push_back(-std::log(p_q[next]));
      plain.nll_base.push_back(-std::log(p_base[next]));
      plain.kld.push_back(kld);
      plain.delta_p.push_back(p_q[next] - p_base[next]);
      const auto top = [](const std::vector<double>& p) { return std::max_element(p.begin(), p.end()) - p.begin(); };
      plain.same_top += top(p_q) == top(p_base);
    }
  }
  return plain;
}

double MeanOf(const std::vector<double>& values) {
  double sum = 0;
  for (const double x : values) sum += x;
  return sum / static_cast<double>(values.size());
}

void ExpectThoseOf(const Plain& plain, const Divergence& d) {
  const auto n = static_cast<double>(plain.kld.size());
  ASSERT_EQ(d.num_tokens, static_cast<int64_t>(plain.kld.size()));
  EXPECT_NEAR(std::log(d.ppl_q.value), MeanOf(plain.nll_q), 1e-4);
  EXPECT_NEAR(std::log(d.ppl_base.value), MeanOf(plain.nll_base), 1e-4);
  EXPECT_NEAR(d.ln_ppl_ratio.value, MeanOf(plain.nll_q) - MeanOf(plain.nll_base), 1e-4);
  EXPECT_NEAR(d.mean_kld.value, MeanOf(plain.kld), 1e-4);
  EXPECT_NEAR(d.mean_delta_p.value, MeanOf(plain.delta_p), 1e-4);
  std::vector<double> sorted = plain.kld;
  std::sort(sorted.begin(), sorted.end());
  for (const double share : {0.0, 0.5, 0.999, 1.0}) EXPECT_NEAR(Percentile(d.kld, share), Percentile(sorted, share), 1e-4);
  EXPECT_NEAR(d.same_top.value, static_cast<double>(plain.same_top) / n, 1.5 / n) << "one tie may fall the other way";
}

TEST_F(MeasureTest, TheSameValuesCostNothing) {
  const Measurement same = Converted(f32_, TensorType::kF32);
  EXPECT_EQ(same.window, 512);
  EXPECT_EQ(same.num_windows, 2);
  EXPECT_GT(same.num_in_text, 2);
  EXPECT_EQ(same.divergence.num_tokens, 2 * 255);
  EXPECT_EQ(same.bits_per_weight, 32);
  EXPECT_EQ(same.file_bytes, fs::file_size(folder_ / "q.gguf"));
  const Divergence& d = same.divergence;
  EXPECT_EQ(d.mean_kld.value, 0);
  EXPECT_EQ(d.kld.back(), 0);
  EXPECT_EQ(d.ppl_ratio.value, 1);
  EXPECT_EQ(d.ppl_ratio.error, 0);
  EXPECT_EQ(d.rms_delta_p.value, 0);
  EXPECT_EQ(d.rms_delta_p.error, 0);
  EXPECT_EQ(d.same_top.value, 1);
  EXPECT_NEAR(d.correlation, 1, 1e-9);
  EXPECT_GT(d.ppl_base.value, 1);
  // From the folder, whose query rows lie in another order: nothing but the order of sums.
  EXPECT_LT(Converted(kModel, TensorType::kF32).divergence.kld.back(), 1e-6);
}

// A cache in half precision or activations in int8 would be seen here.
TEST_F(MeasureTest, TypesCostWhatTheReferenceSays) {
  const MeasuredText text = ReadMeasuredText(*BaseModel::Load(f32_), kText, 2 * kMeasureWindow);
  double before = 1e-6;
  for (const TensorType type : {TensorType::kQ8_0, TensorType::kQ5_0, TensorType::kQ4_0}) {
    const Measurement m = Converted(f32_, type);
    ExpectThoseOf(ByTheReference(folder_ / "q.gguf", f32_, nullptr, text), m.divergence);
    EXPECT_GT(m.divergence.mean_kld.value, 2 * before) << TypeName(type);
    before = m.divergence.mean_kld.value;
  }
  EXPECT_LT(before, 1);
}

// Measured is the type, not what the adapter changes.
TEST_F(MeasureTest, FusedIsComparedWithTheAdapterThatActs) {
  const MeasureOptions measure{kText, 2 * kMeasureWindow};
  const MeasuredText text = ReadMeasuredText(*BaseModel::Load(kModel), kText, measure.max_tokens);
  const LoraAdapter lora = ReadPeft(kLora);
  for (const std::string& from : {kModel, f32_}) {
    const auto exact = RunFuse({kLora, from, TensorType::kF32, {}, folder_ / "q.gguf", false, false, false, measure});
    EXPECT_LT(exact->divergence.kld.back(), 1e-6) << from;
    const auto coarse = RunFuse({kLora, from, TensorType::kQ4_0, {}, folder_ / "q.gguf", false, false, false, measure});
    EXPECT_GT(coarse->divergence.mean_kld.value, 1e-3) << from;
    ExpectThoseOf(ByTheReference(folder_ / "q.gguf", from, &lora, text), coarse->divergence);
  }
  // An adapter that was trained to act from its invocation on is compared as the fused one acts: always.
  const auto always = RunFuse({kGolden + "/tiny-alora", kModel, TensorType::kF32, {}, folder_ / "q.gguf", false, true, false, measure});
  EXPECT_LT(always->divergence.kld.back(), 1e-6);
  const auto folder = RunFuse({kLora, kModel, {}, {}, folder_ / "fused", false, false, false, measure});
  EXPECT_GT(folder->divergence.mean_kld.value, 0);
  EXPECT_LT(folder->divergence.mean_kld.value, 1e-2);
  EXPECT_EQ(folder->bits_per_weight, 16);
}

TEST_F(MeasureTest, DoraIsComparedWithItselfInFloats) {
  const MeasureOptions measure{kText, kMeasureWindow};
  EXPECT_EQ(RunFuse({kDora, kModel, TensorType::kF32, {}, folder_ / "q.gguf", false, false, false, measure})->divergence.kld.back(), 0);
  EXPECT_GT(RunFuse({kDora, kModel, TensorType::kQ4_0, {}, folder_ / "q.gguf", false, false, false, measure})->divergence.mean_kld.value, 1e-3);
  for (const auto& entry : fs::directory_iterator(folder_.path())) EXPECT_EQ(entry.path().string().find(".tmp"), std::string::npos) << entry.path();
}

TEST_F(MeasureTest, WindowsBeginWithBosWhereTextsDo) {
  const auto base = BaseModel::Load(f32_);
  const std::vector<int32_t> ids = Tokenizer::Load(kModel)->Encode(ReadFile(kText));
  const MeasuredText plain = ReadMeasuredText(*base, kText, 0);
  EXPECT_EQ(plain.num_windows, static_cast<int64_t>(ids.size()) / 512) << "0: the whole text";
  EXPECT_TRUE(std::equal(plain.ids.begin(), plain.ids.end(), ids.begin()));

  fs::copy(kModel, folder_ / "model");
  auto settings = nlohmann::json::parse(ReadFile(kModel + "/tokenizer_config.json"));
  settings["add_bos_token"] = true;
  WriteFile(folder_ / "model/tokenizer_config.json", settings.dump());
  RunConvert({folder_ / "model", {TensorType::kF32, {}}, folder_ / "bos.gguf"});
  for (const std::string& path : {folder_ / "model", folder_ / "bos.gguf"}) {
    const MeasuredText text = ReadMeasuredText(*BaseModel::Load(path), kText, 1100);
    ASSERT_EQ(text.num_windows, 2);
    ASSERT_EQ(text.ids.size(), 1024u);
    EXPECT_EQ(text.ids[0], 1);
    EXPECT_EQ(text.ids[512], 1) << "in place of a token of the text";
    EXPECT_EQ(text.ids[1], ids[0]);
    EXPECT_EQ(text.ids[513], ids[512]);
  }
}

TEST_F(MeasureTest, WhoBeginsWithBos) {
  EXPECT_EQ(BeginTokenOf(*BaseModel::Load(kModel)), std::nullopt);
  EXPECT_EQ(BeginTokenOf(*BaseModel::Load(f32_)), std::nullopt);
  // As the tokenizers library is told to.
  fs::copy(kModel, folder_ / "model");
  auto tokenizer = nlohmann::json::parse(ReadFile(kModel + "/tokenizer.json"));
  const nlohmann::json begins = {{"type", "TemplateProcessing"},
                                 {"single", {{{"SpecialToken", {{"id", "<|im_start|>"}, {"type_id", 0}}}}, {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}}};
  for (const nlohmann::json& processor : {begins, nlohmann::json{{"type", "Sequence"}, {"processors", {{{"type", "ByteLevel"}}, begins}}}}) {
    tokenizer["post_processor"] = processor;
    WriteFile(folder_ / "model/tokenizer.json", tokenizer.dump());
    EXPECT_EQ(BeginTokenOf(*BaseModel::Load(folder_ / "model")), 1);
  }
  // As llama.cpp takes what a file leaves open: by the kind of tokenizer.
  const auto kind = [&](const std::string& model, const std::string& pre, std::optional<bool> add) {
    const GgufFile file(f32_);
    GgufWriter writer;
    writer.CopyMetadata(file);
    writer.Set("tokenizer.ggml.model", model);
    writer.Set("tokenizer.ggml.pre", pre);
    if (add) writer.Set("tokenizer.ggml.add_bos_token", *add);
    for (const GgufTensor& tensor : file.tensors()) writer.Add(tensor.name, file.Tensor(tensor.name));
    writer.Write(folder_ / "kind.gguf");
    return BeginTokenOf(*BaseModel::Load(folder_ / "kind.gguf"));
  };
  EXPECT_EQ(kind("gpt2", "llama-bpe", {}), 1);
  EXPECT_EQ(kind("gpt2", "llama-bpe", false), std::nullopt);
  EXPECT_EQ(kind("gpt2", "qwen2", {}), std::nullopt);
  EXPECT_EQ(kind("llama", "default", {}), 1);
  EXPECT_EQ(kind("t5", "default", {}), std::nullopt);
}

TEST_F(MeasureTest, DataSetsAreQuestionAndSolution) {
  fs::create_directories(folder_ / "data/gsm8k");
  std::string lines, words;
  for (int i = 0; i < 40; ++i) {
    const std::string n = std::to_string(i);
    lines += nlohmann::json{{"question", "What is " + n + " and 4?"}, {"answer", "Add <<4=4>>them.\n#### 1" + n}}.dump() + "\n";
    words += "What is " + n + " and 4?\nAdd them.\n#### 1" + n + "\n\n";
  }
  WriteFile(folder_ / "data/gsm8k/test.jsonl", lines);
  WriteFile(folder_ / "words.txt", words);
  ::setenv("PITH_DATA", (folder_ / "data").c_str(), 1);
  const auto base = BaseModel::Load(f32_);
  const MeasuredText text = ReadMeasuredText(*base, "gsm8k", 0);
  EXPECT_EQ(text.name, "gsm8k");
  EXPECT_EQ(text.ids, ReadMeasuredText(*base, folder_ / "words.txt", 0).ids);
  EXPECT_NE(Refusal([&] { ReadMeasuredText(*base, "math", 0); }).find("math500"), std::string::npos);
  ::unsetenv("PITH_DATA");
  // A file of problems: the answer where there is no solution.
  std::string problems, plain;
  for (int i = 0; i < 100; ++i) {
    problems += nlohmann::json{{"question", "How many?"}, {"answer", i}}.dump() + "\n";
    plain += "How many?\n" + std::to_string(i) + "\n\n";
  }
  WriteFile(folder_ / "own.jsonl", problems);
  WriteFile(folder_ / "own.txt", plain);
  EXPECT_EQ(ReadMeasuredText(*base, folder_ / "own.jsonl", 0).ids, ReadMeasuredText(*base, folder_ / "own.txt", 0).ids);
}

TEST_F(MeasureTest, IsPrintedInLlamaCppsWords) {
  const Outcome outcome = Run({"convert", "--base", f32_, "--type", "q4_0", "--out", folder_ / "q.gguf", "--measure", kText, "--measure-tokens", "1024",
                               "--measure-out", folder_ / "m.json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out.rfind(folder_ / "q.gguf\n\nQ: ", 0), 0u) << outcome.out;
  for (const char* name : {"Mean PPL(Q) ", "Mean PPL(base) ", "Cor(ln(PPL(Q)), ln(PPL(base))) ", "Mean ln(PPL(Q)/PPL(base)) ", "Mean PPL(Q)/PPL(base) ", "Mean PPL(Q)-PPL(base) ",
                           "KLD", "Δp", "Maximum ", "99.9% ", "Median ", "Minimum ", "RMS Δp ", "Same top p "}) {
    EXPECT_NE(outcome.out.find(name), std::string::npos) << name << "\n" << outcome.out;
  }
  EXPECT_NE(outcome.err.find("2 of its "), std::string::npos) << outcome.err;
  const auto json = nlohmann::json::parse(ReadFile(folder_ / "m.json"));
  const Measurement m = Converted(f32_, TensorType::kQ4_0);
  EXPECT_EQ(json["kld"]["mean"]["value"], m.divergence.mean_kld.value);
  EXPECT_EQ(json["kld"]["mean"]["error"], m.divergence.mean_kld.error);
  EXPECT_EQ(json["kld"]["p99.9"], Percentile(m.divergence.kld, 0.999));
  EXPECT_EQ(json["kld"]["maximum"], m.divergence.kld.back());
  EXPECT_EQ(json["delta_p"]["p1"], Percentile(m.divergence.delta_p, 0.01));
  EXPECT_EQ(json["ppl_ratio"]["value"], m.divergence.ppl_ratio.value);
  EXPECT_EQ(json["same_top_p"]["value"], m.divergence.same_top.value);
  EXPECT_EQ(json["windows"], 2);
  EXPECT_EQ(json["tokens_counted"], 510);
  // The same with an adapter, into an earlier result's place.
  const Outcome fused = Run({"fuse", "--adapter", kLora, "--base", f32_, "--type", "f16", "--out", folder_ / "q.gguf", "--measure", kText, "--measure-tokens", "512",
                             "--measure-out", folder_ / "m.json", "--overwrite"});
  ASSERT_EQ(fused.code, 0) << fused.err;
  EXPECT_EQ(nlohmann::json::parse(ReadFile(folder_ / "m.json"))["tokens_counted"], 255);
}

TEST_F(MeasureTest, MistakesAreFoundBeforeAnythingIsWritten) {
  WriteFile(folder_ / "short.txt", "A few words.");
  WriteFile(folder_ / "binary.txt", std::string("words\0words", 11));
  WriteFile(folder_ / "mine.json", "{}");
  const auto refuse = [&](const std::vector<std::string>& more, const std::string& words) {
    std::vector<std::string> arguments = {"convert", "--base", f32_, "--type", "q4_0", "--out", folder_ / "q.gguf"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    ExpectRefusal(arguments, words);
  };
  refuse({"--measure", folder_ / "short.txt"}, "tokens, less than one window of 512; give a longer text");
  refuse({"--measure", folder_ / "binary.txt"}, "is no text");
  refuse({"--measure", "gsm9k"}, "'gsm9k', which is neither a data set (gsm8k, math500, svamp) nor a file");
  refuse({"--measure", ""}, "--measure is empty");
  refuse({"--measure", folder_ / "none.jsonl"}, "none.jsonl");
  refuse({"--measure", kText, "--measure-tokens", "511"}, "--measure-tokens is 511, less than one window of 512");
  refuse({"--measure", kText, "--measure-tokens", "many"}, "--measure-tokens: got 'many'");
  refuse({"--measure-tokens", "1024"}, "without --measure");
  refuse({"--measure-out", folder_ / "m.json"}, "without --measure");
  refuse({"--measure", kText, "--measure-out", folder_ / "no/m.json"}, "there is no folder");
  refuse({"--measure", kText, "--measure-out", folder_.path()}, "it is a folder");
  refuse({"--measure", kText, "--measure-out", folder_ / "q.gguf"}, "are both");
  refuse({"--measure", kText, "--measure-out", f32_, "--overwrite"}, "is the input itself");
  refuse({"--measure", kText, "--measure-out", folder_ / "mine.json"}, "is there already");
  ExpectRefusal({"convert", "--base", f32_, "--type", "q4_0", "--out", folder_ / "short.txt", "--measure", folder_ / "short.txt", "--overwrite"}, "is the input itself");
  ExpectRefusal({"adapter", "--adapter", kLora, "--base", f32_, "--out", folder_ / "a.gguf", "--measure", kText}, "--measure");
  ExpectRefusal({"fuse", "--adapter", kLora, "--base", f32_, "--type", "q4_0", "--out", folder_ / "q.gguf", "--measure", folder_ / "short.txt"}, "give a longer text");
}

}  // namespace
}  // namespace pith
