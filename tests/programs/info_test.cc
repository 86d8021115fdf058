// pith-run info: what files are, to the letter.
#include <nlohmann/json.hpp>

#include "adapters/packed_adapter.h"
#include "adapters/peft.h"
#include "export/commands.h"
#include "tests/families/family_golden.h"
#include "tests/programs/program.h"

namespace pith {
namespace {

using nlohmann::json;

const std::string kFolder = PITH_TEST_GOLDEN "/tiny-llama", kLora = PITH_TEST_GOLDEN "/tiny-lora", kAlora = PITH_TEST_GOLDEN "/tiny-alora";
constexpr char kIdentity[] = "f9e5e27e4215f5e6efa9f9df29e43d9907b79318cff7f6354877484620b4230a";  // of tests/golden/tiny-llama

class InfoTest : public ProgramTest {
 protected:
  InfoTest() : ProgramTest("pith-run") {}

  std::string Text(const std::vector<std::string>& arguments) {
    std::vector<std::string> all = {"info"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    const Outcome outcome = Run(all);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    return outcome.out;
  }
  json Facts(std::vector<std::string> arguments) {
    arguments.push_back("--json");
    const std::string text = Text(arguments);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
    return json::parse(text);
  }

  // The tiny adapter with all that an adapter can carry.
  LoraAdapter Full() const {
    LoraAdapter lora = ReadPeft(kAlora);
    lora.base_sha256 = kIdentity;
    lora.budget = AdapterBudget{64, 8, "\n#### ", "Use {budget} tokens."};
    AdapterCard& card = lora.card.emplace();
    card.name = "tiny-rl";
    card.stage = "rl";
    card.loss = "dapo";
    card.reward = "correct × budget";
    card.steps = 30;
    card.rank = 8;
    card.datasets = {"sums.jsonl"};
    card.seed = 7;
    card.base_name = "Tiny";
    card.parent_path = "runs/sft/adapter";
    card.parent_sha256 = std::string(64, 'c');
    card.curve = {{.from = "training", .step = 10, .dataset = "sums.jsonl", .budget_tokens = 64, .accuracy = 0.5, .accuracy_lenient = 0.625, .mean_tokens = 61.75},
                  {.from = "evaluation", .mode = "base", .dataset = "sums.jsonl", .num_problems = 40, .accuracy = 0.25, .accuracy_lenient = 0.25, .mean_tokens = 200}};
    return lora;
  }
};

TEST_F(InfoTest, AHuggingFaceFolder) {
  EXPECT_EQ(Text({kFolder}), "base           " + kFolder + R"( (Hugging Face folder), 191.1 kB
model          tiny-llama, architecture llama
parameters     94.5 k, 16.00 bits each
  bf16         20 tensors, 94.5 k parameters, 189.1 kB
shape          2 layers of width 64, 4 heads of 16 over 2 of keys and values, feed-forward 128
vocabulary     320 tokens; embedding and output head are one
context        512 tokens
positions      rotary, theta 10000
tokenizer      byte-level BPE, 320 tokens
ends of text   "<|im_end|>" (2), "<|endoftext|>" (0)
chat template  312 bytes, sha256 e041b7e6ab32…, no reasoning tags
invocation     "<|im_start|>assistant\n" [1, 67, 270, 280, 86, 201]
identity       sha256 )" + kIdentity + "\n");
}

// What sets a family's positions apart is told.
TEST_F(InfoTest, WindowsScalesAndLayersWithoutPositions) {
  const std::pair<const char*, const char*> told[] = {{"gemma3-linear", "positions      rotary, theta 1e+06, scaled: linear; a window of "},
                                                      {"smollm3", "; none in 1 of "},
                                                      {"phi4mini", ", scaled: longrope, 24 of 32 values of a head"},
                                                      {"llama3", ", scaled: divisors\n"}};
  for (const auto& [name, part] : told) {
    const TempFolder folder;
    const std::string text = Text({testing::FamilyGolden(name).WriteModel(folder)});
    EXPECT_NE(text.find(part), std::string::npos) << name << "\n" << text;
  }
}

TEST_F(InfoTest, AGgufBase) {
  RunConvert({kFolder, {TensorType::kQ4_0, {}}, folder_ / "base.gguf"});
  const json facts = Facts({folder_ / "base.gguf"});
  const json types = {{{"type", "q8_0"}, {"tensors", 1}, {"parameters", 20480}, {"bytes", 21760}},
                      {{"type", "f32"}, {"tensors", 5}, {"parameters", 320}, {"bytes", 1280}},
                      {{"type", "q4_0"}, {"tensors", 14}, {"parameters", 73728}, {"bytes", 41472}}};
  EXPECT_EQ(facts["tensor_types"], types);
  EXPECT_EQ(facts["parameters"], 94528);
  EXPECT_EQ(facts["bits_per_weight"], 8.0 * (21760 + 1280 + 41472) / 94528);
  EXPECT_EQ(facts["bytes"], std::filesystem::file_size(folder_ / "base.gguf"));
  EXPECT_EQ(facts["format"], "gguf");
  EXPECT_EQ(facts["tied_head"], true);
  EXPECT_EQ(facts["kv_heads"], 2);
  EXPECT_EQ(facts["ends"], json::parse(R"([{"id": 2, "text": "<|im_end|>"}, {"id": 0, "text": "<|endoftext|>"}])"));
  EXPECT_EQ(facts["invocation"]["text"], "<|im_start|>assistant\n");
  EXPECT_EQ(facts["identity"], BaseModel::Load(folder_ / "base.gguf")->Identity());
  EXPECT_EQ(facts["identity_stored"], facts["identity"]);
  EXPECT_NE(Text({folder_ / "base.gguf"}).find(facts["identity"].get<std::string>() + ", as the file says\n"), std::string::npos);
}

// What is missing beside the weights is told, and is no error.
TEST_F(InfoTest, ABaseWithoutWords) {
  std::filesystem::copy(kFolder, folder_ / "bare", std::filesystem::copy_options::recursive);
  std::filesystem::remove(folder_ / "bare/chat_template.jinja");
  const json no_template = Facts({folder_ / "bare"});
  EXPECT_EQ(no_template["chat_template"], nullptr);
  EXPECT_EQ(no_template["tokenizer"]["tokens"], 320);
  std::filesystem::remove(folder_ / "bare/tokenizer.json");
  EXPECT_EQ(Facts({folder_ / "bare"})["tokenizer"], nullptr);
  EXPECT_NE(Text({folder_ / "bare"}).find("\ntokenizer   none: '"), std::string::npos);
}

TEST_F(InfoTest, AReasoningTemplate) {
  std::filesystem::copy(kFolder, folder_ / "thinks", std::filesystem::copy_options::recursive);
  WriteFile(folder_ / "thinks/chat_template.jinja", ReadFile(kFolder + "/chat_template.jinja") + "{{ '<think>\\n' }}");
  EXPECT_EQ(Facts({folder_ / "thinks"})["chat_template"]["reasoning_tags"], json{"<think>"});
}

TEST_F(InfoTest, APeftFolder) {
  EXPECT_EQ(Text({kLora}), "adapter     " + kLora + R"( (PEFT folder), 70.2 kB
base        tiny-llama, without a hash
rank        8, alpha 16, scale 2
acts on     q_proj k_proj v_proj o_proj gate_proj up_proj down_proj, 2 layers, 14 pairs
parameters  16.4 k
  f32       28 tensors, 16.4 k parameters, 65.5 kB
acts        always
card        none
)");
  WritePeft(Full(), folder_ / "full");
  const LoraAdapter full = ReadPeft(folder_ / "full");
  std::string text = Text({folder_ / "full", "--model", kFolder});
  const size_t second = text.find('\n') + 1;
  const std::string hash = AdapterHash(full);
  EXPECT_EQ(text.substr(second), std::string("base            Tiny, sha256 ") + kIdentity + R"(; that is --model
rank            8, alpha 16, scale 2
acts on         q_proj k_proj v_proj o_proj gate_proj up_proj down_proj, 2 layers, 14 pairs
parameters      16.4 k
  f32           28 tensors, 16.4 k parameters, 65.5 kB
acts            from its invocation on: "<|im_start|>assistant\n" [1, 67, 270, 280, 86, 201]
budget          64 tokens, of which 8 to close with "\n#### " and answer; told by "Use {budget} tokens."
card            tiny-rl: LoRA adapter of rank 8 for Tiny, trained by rl (dapo) on sums.jsonl, 30 steps
  reward        correct × budget
  seed          7
  started from  runs/sft/adapter, sha256 )" + std::string(64, 'c') + "\n  adapter       sha256 " + hash + R"(
  step 10       accuracy 0.500 (lenient 0.625) at 61.8 tokens, sums.jsonl, budget 64
  evaluation    accuracy 0.250 (lenient 0.250) at 200.0 tokens, sums.jsonl, 40 problems, base
)");
  const json facts = Facts({folder_ / "full"});
  EXPECT_EQ(facts["card"], json::parse(CardJson(*full.card)));
  EXPECT_EQ(facts["card_fits"], true);
  EXPECT_EQ(facts["invocation"], (json{{"ids", {1, 67, 270, 280, 86, 201}}, {"text", nullptr}})) << "without its base there are only numbers";

  std::filesystem::copy_file(kLora + "/adapter_model.safetensors", folder_ / "full/adapter_model.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(Facts({folder_ / "full"})["card_fits"], false);
  EXPECT_NE(Text({folder_ / "full"}).find("card            of other tensors: these were changed since\n"), std::string::npos);
}

TEST_F(InfoTest, AnAdapterGguf) {
  const auto base = BaseModel::Load(kFolder);
  RunConvert({kFolder, {TensorType::kF32, {}}, folder_ / "base.gguf"});
  LoraAdapter lora = Full();
  lora.budget = AdapterBudget{64, 8, "\n#### ", "", "budget {budget}:"};
  WritePeft(lora, folder_ / "full");
  RunAdapter({folder_ / "full", folder_ / "base.gguf", TensorType::kQ8_0, folder_ / "full.gguf", /*any_base=*/true, ""});
  const json facts = Facts({folder_ / "full.gguf"});
  const json types = {{{"type", "q8_0"}, {"tensors", 14}, {"parameters", 8192}, {"bytes", 8704}},
                      {{"type", "f16"}, {"tensors", 14}, {"parameters", 8192}, {"bytes", 16384}}};
  EXPECT_EQ(facts["tensor_types"], types);
  EXPECT_EQ(facts["rank"], (json{8, 8}));
  EXPECT_EQ(facts["scale"], (json{2.0, 2.0}));
  EXPECT_EQ(facts["base"], (json{{"sha256", kIdentity}, {"name", "Tiny"}}));
  EXPECT_EQ(facts["budget"], (json{{"tokens", 64}, {"reserve_tokens", 8}, {"close_text", "\n#### "}, {"sentence", ""}, {"announcement", "budget {budget}:"}}));
  EXPECT_EQ(facts["card"]["recipe"]["reward"], "correct × budget");
  EXPECT_EQ(Facts({folder_ / "full.gguf", "--model", folder_ / "base.gguf"})["invocation"]["text"], "<|im_start|>assistant\n");
  EXPECT_EQ(Facts({folder_ / "full.gguf", "--model", folder_ / "base.gguf"})["base"]["is_model"], false) << "another file, another identity";
  EXPECT_EQ(facts["proof"], (json{{"policy", "exporter"}, {"prompts", 16}}));
  const std::string text = Text({folder_ / "full.gguf"});
  EXPECT_NE(text.find("\nproof           16 prompts by the exporter, change "), std::string::npos) << text;
  EXPECT_EQ(text.substr(0, text.find(", ")), "adapter         " + (folder_ / "full.gguf") + " (GGUF LoRA");
  EXPECT_NE(text.find("and answer; announced by \"budget {budget}:\"\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nacts            from its invocation on: [1, 67, 270, 280, 86, 201]\n"), std::string::npos) << text;
}

TEST_F(InfoTest, ARunIsItsAdapter) {
  std::filesystem::create_directories(folder_ / "run/checkpoints");
  WriteFile(folder_ / "run/config.yaml", "stage: rl\n");
  ExpectRefusal({"info", folder_ / "run"}, "nor a finished run's");
  WritePeft(Full(), folder_ / "run/adapter");
  EXPECT_EQ(Facts({folder_ / "run"})["path"], folder_ / "run/adapter");
}

TEST_F(InfoTest, WhatItCannotRead) {
  RunConvert({kFolder, {TensorType::kF32, {}}, folder_ / "base.gguf"});
  const std::string whole = ReadFile(folder_ / "base.gguf");
  WriteFile(folder_ / "half.gguf", whole.substr(0, whole.size() / 2));
  WriteFile(folder_ / "text.gguf", "not a model");
  std::filesystem::create_directories(folder_ / "empty");
  std::filesystem::create_directories(folder_ / "torn");
  WriteFile(folder_ / "torn/adapter_config.json", "{\"peft_type\": \"LORA\", ");
  for (const char* name : {"half.gguf", "text.gguf", "missing.gguf", "empty", "torn"}) ExpectRefusal({"info", folder_ / name}, name);
  ExpectRefusal({"info"}, "FILE");
  ExpectRefusal({"info", kFolder, "--model", kFolder}, "--model has no effect on a base");
  LoraAdapter wide = Full();
  wide.pairs.begin()->second.in = 32;
  for (auto& [name, pair] : wide.pairs) pair.a.resize(static_cast<size_t>(pair.rank * pair.in));
  WritePeft(wide, folder_ / "wide");
  ExpectRefusal({"info", folder_ / "wide", "--model", kFolder}, wide.pairs.begin()->first);
}

TEST_F(InfoTest, TheDemoModel) {
  if (!FileExists(PITH_DEMO_MODEL)) GTEST_SKIP() << "the demo model is not here";
  const json facts = Facts({PITH_DEMO_MODEL});
  EXPECT_EQ(facts["parameters"], 134515008);
  EXPECT_EQ(facts["layers"], 30);
  EXPECT_EQ(facts["heads"], 9);
  EXPECT_EQ(facts["kv_heads"], 3);
  EXPECT_EQ(facts["vocabulary"], 49152);
  EXPECT_EQ(facts["context"], 8192);
  EXPECT_EQ(facts["rope_theta"], 100000.0);
  EXPECT_EQ(facts["rope_scaling"], "none");
  EXPECT_EQ(facts["windowed_layers"], 0);
  EXPECT_EQ(facts["invocation"], (json{{"ids", {1, 520, 9531, 198}}, {"text", "<|im_start|>assistant\n"}}));
  EXPECT_EQ(facts["tensor_types"][2], (json{{"type", "q4_1"}, {"tensors", 210}, {"parameters", 106168320}, {"bytes", 66355200}}));
  EXPECT_EQ(facts["identity_stored"], nullptr);
}

}  // namespace
}  // namespace pith
