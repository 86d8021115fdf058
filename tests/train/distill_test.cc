// Distillation: divergences and gradients against PyTorch (tests/tools/distill_golden.py), whole runs, traces, and what is refused.

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <sstream>
#include <nlohmann/json.hpp>

#include "adapters/peft.h"
#include "base/file.h"
#include "base/safetensors.h"
#include "tests/train/tiny_run.h"
#include "train/model/distill_head.h"
#include "train/supervised/distill.h"
#include "train/supervised/traces.h"

namespace pith {
namespace {

using nlohmann::json;
using testing::Execute;
using testing::MetricsOf;
using testing::Refusal;
using testing::Scratch;
using testing::TinyConfig;
const std::string kGolden = PITH_TEST_GOLDEN;

TrainConfig DistillConfig(const Scratch& scratch, const std::string& name) {
  TrainConfig c = TinyConfig(scratch, "distill", name);
  c.distill.teacher = c.model.path;
  c.distill.teacher_adapter = kGolden + "/tiny-alora";
  return c;
}

// ---- the head

struct Sides {
  at::Tensor student, teacher, hidden, its_hidden, ids;
  static constexpr int64_t kRows = 40, kTokens = 37;  // in chunks of 16 rows
  Sides() {
    at::manual_seed(3);
    student = at::randn({kTokens + 3, 24});  // rows of padding, which are no tokens, in both
    teacher = at::randn({kTokens + 7, 16}) * 1.3;
    hidden = at::randn({kRows, 24});
    its_hidden = at::randn({kRows, 16});
    ids = at::randint(kTokens, {kRows}, at::kLong);
  }
};

TEST(DistillHead, IsTheDivergenceOverTheSharedTokensAndItsGradient) {
  const Sides s;
  const Head student(s.student, at::kFloat, /*chunk_bytes=*/0), teacher(s.teacher, at::kFloat, 0);
  for (const Divergence kind : {Divergence::kForward, Divergence::kReverse}) {
    const DivergenceResult got =
        RunDivergence({student, s.hidden}, {teacher, s.its_hidden}, s.ids, {kind, 0.8, Sides::kTokens}, 0.25, true);
    const at::Tensor h = s.hidden.to(at::kDouble).set_requires_grad(true);
    const auto log_p = [](const at::Tensor& hidden, const at::Tensor& weight) {
      return at::log_softmax(at::mm(hidden.to(at::kDouble), weight.to(at::kDouble).t()).narrow(1, 0, Sides::kTokens) / 0.8, -1);
    };
    const at::Tensor q = log_p(h, s.student), p = log_p(s.its_hidden, s.teacher);
    const at::Tensor divergence = (kind == Divergence::kForward ? p.exp() * (p - q) : q.exp() * (q - p)).sum(1);
    (0.25 * divergence.sum()).backward();
    EXPECT_TRUE(at::allclose(got.divergence.to(at::kDouble), divergence, 1e-5, 1e-5));
    EXPECT_TRUE(at::allclose(got.logp.to(at::kDouble), q.gather(1, s.ids.unsqueeze(1)).squeeze(1), 1e-5, 1e-5));
    EXPECT_TRUE(at::allclose(got.teacher_logp.to(at::kDouble), p.gather(1, s.ids.unsqueeze(1)).squeeze(1), 1e-5, 1e-5));
    EXPECT_TRUE(at::allclose(got.g_hidden.to(at::kDouble), h.grad(), 1e-4, 1e-5)) << (got.g_hidden - h.grad()).abs().max();
  }
}

// ---- a step

class DistillStep : public ::testing::TestWithParam<const char*> {};

TEST_P(DistillStep, HasTheDivergenceAndGradientsOfPyTorch) {
  const json golden = json::parse(ReadFile(kGolden + "/train/distill.json"))["cases"][GetParam()];
  const json steps = json::parse(ReadFile(kGolden + "/train/steps.json"))["adapters"]["alora"]["sequences"];
  Session session;
  session.base = BaseModel::Load(kGolden + "/tiny-llama");
  session.prompter = Prompter::Load(kGolden + "/tiny-llama");
  session.initial = ReadPeft(kGolden + "/tiny-alora");
  session.fresh = false;
  session.config.model.dtype = "float32";
  session.config.distill.teacher = kGolden + "/tiny-llama";
  session.config.distill.teacher_adapter = kGolden + "/tiny-lora";
  session.config.distill.divergence = GetParam();
  session.config.distill.temperature = golden["temperature"];
  std::vector<SftExample> examples;
  for (const json& s : steps) {
    PreparedProblem p;
    p.prompt.ids = s["prompt"].get<std::vector<int32_t>>();
    p.prompt.invocation_start = FindInvocation(p.prompt.ids, session.initial.invocation).value();
    examples.push_back({session.problems.size(), s["response"].get<std::vector<int32_t>>()});
    session.problems.push_back(p);
  }
  const Model model(session.base, at::kFloat, &session.initial);
  std::vector<const Prompt*> prompts;
  for (const auto& p : session.problems) prompts.push_back(&p.prompt);
  const PromptEncoder encoder(model, prompts);
  const ScoringTeacher teacher(session, LoadTeacher(session));
  const SafetensorsFile file(kGolden + "/train/distill-" + GetParam() + ".safetensors");
  for (const int64_t micro : {1, 2, 3}) {
    session.config.sft.micro_batch_size = micro;
    const std::vector<size_t> batch = micro == 2 ? std::vector<size_t>{2, 0, 1} : std::vector<size_t>{0, 1, 2};
    const DistillStepResult r = DistillGradients(session, model, encoder, teacher, examples, batch, 0);
    EXPECT_NEAR(r.loss, golden["divergence"].get<double>(), 1e-5);
    EXPECT_NEAR(r.nll, golden["nll"].get<double>(), 1e-5);
    EXPECT_NEAR(r.teacher_nll, golden["teacher_nll"].get<double>(), 1e-5);
    size_t compared = 0;
    for (NamedParameter p : model.parameters()) {
      // blk.0.attn_q.weight.lora_a → base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight
      for (const LinearKind& kind : kLinearKinds) {
        for (int64_t layer = 0; layer < model.config().num_layers; ++layer) {
          for (const std::string side : {"a", "b"}) {
            if (p.name != Str("blk.", layer, ".", kind.gguf, ".weight.lora_", side)) continue;
            const SafeTensor* t = file.Find(Str("base_model.model.model.layers.", layer, ".", kind.hf, ".lora_", side == "a" ? "A" : "B", ".weight"));
            ASSERT_NE(t, nullptr) << p.name;
            const at::Tensor expected = at::from_blob(const_cast<uint8_t*>(t->data), t->shape, at::kFloat);
            const double scale = expected.abs().max().item<double>();
            EXPECT_GT(scale, 0) << p.name;
            EXPECT_LT((p.tensor.grad() - expected).abs().max().item<double>(), 5e-5 * scale) << p.name << " in micro-batches of " << micro;
            ++compared;
          }
        }
      }
      p.tensor.mutable_grad() = at::Tensor();
    }
    EXPECT_EQ(compared, model.parameters().size());
    EXPECT_EQ(compared, file.tensors().size());
  }
}

INSTANTIATE_TEST_SUITE_P(, DistillStep, ::testing::Values("forward", "reverse"));

// ---- runs

TEST(Distill, BringsTheStudentToTheTeacher) {
  for (const char* divergence : {"forward", "reverse"}) {
    const Scratch scratch;
    TrainConfig c = DistillConfig(scratch, "learns");
    c.distill.divergence = divergence;
    c.sft.epochs = 10;
    c.adapter.rank = 8;
    c.adapter.alpha = 16;
    c.optimizer.schedule = "constant";
    Execute(c);
    const auto metrics = MetricsOf(c.run.folder);
    EXPECT_LT(metrics.back()["loss"].get<double>(), 0.7 * metrics.front()["loss"].get<double>()) << divergence;
    EXPECT_GT(metrics.back()["teacher/nll"].get<double>(), 0.0);
  }
}

TEST(Distill, FromItselfChangesNothing) {
  const Scratch scratch;
  TrainConfig c = DistillConfig(scratch, "itself");
  c.run.init_adapter = kGolden + "/tiny-alora";
  c.adapter.rank = 8;
  c.adapter.alpha = 16;
  c.model.dtype = "float32";
  Execute(c);
  for (const auto& m : MetricsOf(c.run.folder)) {
    EXPECT_NEAR(m["loss"].get<double>(), 0.0, 1e-6);
    EXPECT_NEAR(m["nll"].get<double>(), m["teacher/nll"].get<double>(), 1e-6);
  }
}

TEST(Distill, ResumesToTheBitInBothModes) {
  for (const char* mode : {"logits", "traces"}) {
    const Scratch scratch;
    TrainConfig whole = DistillConfig(scratch, "whole");
    whole.distill.mode = mode;
    whole.distill.keep = "all";
    whole.distill.max_tokens = 300;
    TrainConfig parts = whole;
    parts.run.name = "parts";
    parts.run.folder = scratch.path + "/parts";
    Execute(whole);
    Execute(parts, FolderMode::kNew, 3);
    Execute(parts, FolderMode::kResume);
    const std::string adapter = "/adapter/adapter_model.safetensors";
    EXPECT_EQ(ReadFile(whole.run.folder + adapter), ReadFile(parts.run.folder + adapter)) << mode;
    EXPECT_EQ(MetricsOf(whole.run.folder), MetricsOf(parts.run.folder)) << mode;
  }
}

// ---- traces

TEST(Traces, AreADataSetThatGoesOnWhereAKilledRunLeftIt) {
  const Scratch scratch;
  TrainConfig c = DistillConfig(scratch, "traces");
  c.distill.mode = "traces";
  c.distill.keep = "all";
  c.distill.samples = 3;
  c.distill.max_batch = 3;  // chunks of four problems
  c.distill.max_tokens = 400;
  const Session session = OpenSession(c);
  const Teacher teacher = LoadTeacher(session);
  const size_t examples = MakeTraces(session, teacher, /*quiet=*/true).size();
  const std::string path = scratch.path + "/traces.traces.jsonl", whole = ReadFile(path);
  ASSERT_EQ(TracesPath(c), path);
  std::vector<size_t> ends;
  for (size_t i = 0; i < whole.size(); ++i) {
    if (whole[i] == '\n') ends.push_back(i + 1);
  }
  ASSERT_GT(ends.size(), 12u) << "some problems have several traces";
  // Broken off between problems, inside one, inside a line, before the first.
  for (const size_t kept : {ends[1], ends[4], ends[5], ends[6], ends[5] + 7, ends.back() - 3, size_t{0}}) {
    WriteFile(path, whole.substr(0, kept));
    EXPECT_EQ(MakeTraces(session, teacher, true).size(), examples) << kept;
    EXPECT_EQ(ReadFile(path), whole) << kept;
  }
  // As data for SFT.
  TrainConfig sft = TinyConfig(scratch, "sft", "sft");
  sft.data.dataset = path;
  EXPECT_GE(MakeSftExamples(OpenSession(sft)).size(), examples);

  c.distill.samples = 2;
  const Session other = OpenSession(c);
  EXPECT_NE(Refusal([&] { MakeTraces(other, teacher, true); }).find("was sampled by another teacher, or with other settings"), std::string::npos);
  EXPECT_EQ(ReadFile(path), whole) << "refused without a change";
  WriteFile(path, "{\"question\": \"mine\"}\n");
  EXPECT_NE(Refusal([&] { MakeTraces(session, teacher, true); }).find("line 1: is no trace of pith-train"), std::string::npos);
}

TEST(Traces, KeepWhatIsAskedFor) {
  const Scratch scratch;
  // Answers that an untrained model hits now and then when numbers are read leniently: any digit.
  std::string lines;
  for (int i = 0; i < 12; ++i) lines += json{{"question", "Which digit? " + std::to_string(i)}, {"answer", std::to_string(i % 4)}}.dump() + "\n";
  WriteFile(scratch.path + "/sums.jsonl", lines);
  std::map<std::string, std::vector<json>> kept;
  for (const char* keep : {"all", "correct", "shortest"}) {
    TrainConfig c = DistillConfig(scratch, std::string("keep-") + keep);
    c.distill.mode = "traces";
    c.distill.keep = keep;
    c.distill.samples = 24;
    c.distill.max_tokens = 120;
    c.distill.sampling_temperature = 1.0;
    c.distill.reading = "lenient";
    const Session session = OpenSession(c);
    MakeTraces(session, LoadTeacher(session), true);
    std::istringstream in(ReadFile(TracesPath(c)));
    for (std::string line; std::getline(in, line);) kept[keep].push_back(json::parse(line));
  }
  std::map<std::string, std::vector<int64_t>> right;  // lengths of the right ones, by problem
  size_t num_right = 0;
  for (const json& t : kept["all"]) {
    if (!t.contains("solution") || !t["correct"].get<bool>()) continue;
    right[t["id"]].push_back(t["tokens"]);
    ++num_right;
  }
  ASSERT_GT(right.size(), 0u);
  ASSERT_GT(num_right, right.size()) << "one problem with several right answers at least";
  size_t correct = 0, shortest = 0;
  for (const json& t : kept["correct"]) correct += t.contains("solution");
  for (const json& t : kept["shortest"]) {
    if (!t.contains("solution")) continue;
    ++shortest;
    ASSERT_TRUE(right.contains(t["id"])) << "only right ones are kept: " << t;
    EXPECT_EQ(t["tokens"].get<int64_t>(), *std::min_element(right[t["id"]].begin(), right[t["id"]].end()));
  }
  EXPECT_EQ(correct, num_right);
  EXPECT_EQ(shortest, right.size());
}

// ---- what is refused

TEST(Teacher, IsRefusedWhereItCannotTeach) {
  const Scratch scratch;
  TrainConfig c = DistillConfig(scratch, "refused");
  c.distill.teacher_adapter = "";
  EXPECT_NE(Refusal([&] { Execute(c); }).find("is the student's own base, without an adapter"), std::string::npos);
  EXPECT_FALSE(IsFolder(c.run.folder));

  // Another token in the vocabulary.
  const std::string other = scratch.path + "/other";
  std::filesystem::copy(c.model.path, other);
  json tokenizer = json::parse(ReadFile(other + "/tokenizer.json"));
  auto& vocab = tokenizer["model"]["vocab"];
  const std::string last = std::max_element(vocab.begin(), vocab.end(), [](const json& a, const json& b) { return a.get<int>() < b.get<int>(); }).key();
  const int id = vocab[last];
  vocab.erase(last);
  vocab["zq"] = id;
  auto& merges = tokenizer["model"]["merges"];
  merges.erase(merges.end() - 1);
  WriteFile(other + "/tokenizer.json", tokenizer.dump());
  c.distill.teacher = other;
  c.distill.teacher_adapter = kGolden + "/tiny-alora";
  const std::string refusal = Refusal([&] { Execute(c); });
  EXPECT_NE(refusal.find(Str("token ", id, " is 'zq' to distill.teacher")), std::string::npos) << refusal;
  EXPECT_NE(refusal.find("use distill.mode: traces"), std::string::npos) << refusal;
  EXPECT_FALSE(IsFolder(c.run.folder));

}

// A fresh student is its base, wherever its adapter acts, so only the teacher's own invocation decides about the first loss.
TEST(Teacher, ActsFromItsOwnInvocation) {
  const Scratch scratch;
  std::map<std::string, double> first;
  for (const std::string activation : {"invocation", "always"}) {
    TrainConfig c = DistillConfig(scratch, activation);
    c.adapter.activation = activation;
    c.model.dtype = "float32";
    Execute(c);
    first[activation] = MetricsOf(c.run.folder).front()["loss"];
  }
  EXPECT_GT(first["invocation"], 1e-3);
  EXPECT_NEAR(first["always"], first["invocation"], 1e-5 * first["invocation"]);
}

}  // namespace
}  // namespace pith
