// pith-train from outside: what it refuses, in one sentence and before a run's folder is made.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "adapters/peft.h"
#include "base/error.h"
#include "base/version.h"
#include "export/commands.h"
#include "tests/programs/program.h"

namespace pith {
namespace {

const std::string kFolder = PITH_TEST_GOLDEN "/tiny-llama", kAlora = PITH_TEST_GOLDEN "/tiny-alora";

class TrainProgramTest : public ProgramTest {
 protected:
  TrainProgramTest() : ProgramTest("pith-train"), model_(folder_ / "base.gguf"), config_(folder_ / "run.yaml") {
    RunConvert({kFolder, {TensorType::kF32, {}}, model_});
    std::string lines;
    for (int i = 0; i < 4; ++i) {
      const std::string sum = std::to_string(i) + " + 4", result = std::to_string(i + 4);
      lines += nlohmann::json{{"question", "What is " + sum + "?"}, {"answer", result}, {"solution", sum + " = " + result + "\n#### " + result}}
                   .dump() + "\n";
    }
    WriteFile(folder_ / "sums.jsonl", lines);
    Write("sft", "sft: {batch_size: 2, micro_batch_size: 2}\n");
  }

  // A smallest run, and what a test adds to it.
  void Write(const std::string& stage, const std::string& more) {
    WriteFile(config_, "stage: " + stage + "\nname: tiny\nfolder: " + (folder_ / "run") + "\nthreads: 1\nmodel: {path: " + model_ +
                           "}\ndata: {dataset: " + (folder_ / "sums.jsonl") + "}\n" + more);
  }

  const std::string model_, config_;
};

TEST_F(TrainProgramTest, CommandLines) {
  ExpectRefusal({}, "CONFIG.yaml");
  ExpectRefusal({folder_ / "missing.yaml"}, "missing.yaml");
  ExpectRefusal({config_, "--loud"}, "--loud");
  ExpectRefusal({config_, "--set", "sft.epochs"}, "sft.epochs");
  ExpectRefusal({config_, "--set", "sft.epochs=many"}, "sft.epochs");
  EXPECT_EQ(Run({"--help"}).code, 0);
  for (const char* ids : {"", "1,2147483648"}) {
    ExpectRefusal({"logits", "--model", model_, "--ids", ids, "--json"}, "logits: --ids: got '");
  }
  ExpectRefusal({config_, "--set", "adapter.rank=abc"}, "adapter.rank: got 'abc', expected an integer from 1 to 4096");
}

TEST_F(TrainProgramTest, TheVersionIsThatOfPithAndOfLibTorch) {
  const Outcome outcome = Run({"--version"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_TRUE(outcome.out.starts_with(Str("pith-train ", Version(), "\n"))) << outcome.out;
  EXPECT_NE(outcome.out.find("\n  LibTorch 2."), std::string::npos) << outcome.out;
}

// The trainer has kernels of its own for fewer sets than the runtime, and takes the runtime's names all the same.
TEST_F(TrainProgramTest, AnyInstructionSetThatRunsHereCanBeAskedFor) {
  const std::string command = "$P logits --model " + model_ + " --ids 1,2 --json";
  for (const char* isa : {"scalar", "avx2", "avxvnni", "avx512bw", "avx512vnni", "avx512", "amx", "neon"}) {
    const Outcome outcome = Shell(Str("PITH_ISA=", isa, " ", command));
    if (outcome.code == 0) continue;
    EXPECT_EQ(outcome.err, Str("pith-train: PITH_ISA asks for ", isa, ", which this processor does not have; unset it, or use scalar\n"));
  }
  EXPECT_EQ(Shell("PITH_ISA=scalar " + command).code, 0);
  const Outcome wrong = Shell("PITH_ISA=fast " + command);
  EXPECT_EQ(wrong.code, 2);
  EXPECT_NE(wrong.err.find("PITH_ISA is 'fast'; here it can be scalar"), std::string::npos) << wrong.err;
}

TEST_F(TrainProgramTest, ListsTheReadyConfigurations) {
  const Outcome outcome = Run({"--list", PITH_TEST_SOURCE "/configs/quickstart"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 3) << outcome.out;
  EXPECT_NE(outcome.out.find("/configs/quickstart/rl.yaml  Quickstart, step 2 of 3: "), std::string::npos) << outcome.out;
  ExpectRefusal({"--list", folder_ / "none"}, "no configuration (*.yaml) lies in");
  ExpectRefusal({config_, "--expect"}, "run.expect.json' to compare this run with; make it with python3 configs/expect.py");
}

TEST_F(TrainProgramTest, OutputThatCannotBeWritten) {
  for (const std::string& command : {config_ + " --dry-run", "logits --model " + model_ + " --ids 1,2 --json"}) {
    const Outcome outcome = Shell("$P " + command + " > /dev/full");
    EXPECT_EQ(outcome.code, 2) << command;
    EXPECT_NE(outcome.err.find("pith-train: cannot write to standard output: No space left on device"), std::string::npos) << command << "\n" << outcome.err;
  }
}

TEST_F(TrainProgramTest, ASecondStageIsShownBeforeTheFirstHasRun) {
  const std::vector<std::string> second = {config_, "--set", "init_adapter=" + (folder_ / "first/adapter")};
  ExpectRefusal(second, "first/adapter");
  const Outcome dry = Run({config_, "--set", "init_adapter=" + (folder_ / "first/adapter"), "--dry-run"});
  EXPECT_EQ(dry.code, 0) << dry.err;
  EXPECT_TRUE(dry.out.ends_with("  init_adapter: " + (folder_ / "first/adapter") + "\n")) << dry.out;
}

TEST_F(TrainProgramTest, ADryRunSaysWhatWouldStopTheRun) {
  const Outcome absent = Run({config_, "--dry-run", "--resume"});
  EXPECT_EQ(absent.code, 0) << absent.err;
  EXPECT_NE(absent.err.find("without --dry-run this would stop: '" + (folder_ / "run") + "' holds no run to go on with"), std::string::npos) << absent.err;
  ASSERT_EQ(Run({config_}).code, 0);
  const Outcome there = Run({config_, "--dry-run"});
  EXPECT_EQ(there.code, 0) << there.err;
  EXPECT_NE(there.err.find("this would stop: '" + (folder_ / "run") + "' holds a run already; continue it with --resume"), std::string::npos) << there.err;
  EXPECT_EQ(Run({config_, "--dry-run", "--resume"}).err.find("would stop"), std::string::npos);
}

// A description is enough to see what a model would need: config.json without weights, tokenizer or data.
TEST_F(TrainProgramTest, ADryRunOfShapesAloneSaysWhatMemoryTheyNeed) {
  const auto described = [&](const char* config) {
    std::filesystem::create_directories(folder_ / "shapes");
    WriteFile(folder_ / "shapes/config.json", config);
    return std::vector<std::string>{config_, "--set", "model.path=" + (folder_ / "shapes"), "--set", "adapter.rank=32", "--dry-run"};
  };
  // Qwen2.5-0.5B: 24 layers of 14.9 M weights in its linear layers, 136 M of an embedding that is its head; in bfloat16.
  const auto qwen = described(R"({"model_type": "qwen2", "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14,
                                  "num_key_value_heads": 2, "vocab_size": 151936, "max_position_embeddings": 32768, "tie_word_embeddings": true})");
  const Outcome outcome = Run(qwen);
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const int64_t layer = 2 * 896 * 896 + 2 * 128 * 896 + 3 * 896 * 4864, base = 2 * (24 * layer + 151936 * (896 + 16));
  const int64_t trained = 24 * 32 * (2 * (896 + 896) + 2 * (896 + 128) + 3 * (896 + 4864));
  EXPECT_NE(outcome.out.find(Str(trained, " trained parameters")), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find(Str("base ", (base + 500000) / 1000000, " MB, adapter and optimiser ", (trained * 27 + 500000) / 1000000, " MB")), std::string::npos)
      << outcome.out;
  EXPECT_NE(outcome.out.find("model.path: the weights"), std::string::npos) << outcome.out;
  EXPECT_FALSE(FileExists(folder_ / "run"));
  // Without --dry-run the weights are demanded; a module that the base fuses is trained as a whole.
  ExpectRefusal({config_, "--set", "model.path=" + (folder_ / "shapes")}, "has neither model.safetensors");
  auto phi = described(R"({"model_type": "phi3", "hidden_size": 3072, "intermediate_size": 8192, "num_hidden_layers": 32, "num_attention_heads": 32,
                           "num_key_value_heads": 32, "vocab_size": 32064, "max_position_embeddings": 4096})");
  const int64_t fused = 32 * 32 * ((3072 + 9216) + (3072 + 3072) + (3072 + 16384) + (8192 + 3072));
  EXPECT_NE(Run(phi).out.find(Str(fused, " trained parameters")), std::string::npos);
  phi.insert(phi.end(), {"--set", "adapter.targets=[q_proj, o_proj]"});
  ExpectRefusal(phi, "adapter.targets names q_proj, which this base keeps in qkv_proj; name that, or all of its parts");
}

TEST_F(TrainProgramTest, AWarmUpAsLongAsTheRun) {
  ExpectRefusal({config_, "--set", "optimizer.warmup_steps=2"}, "optimizer.warmup_steps is 2, expected less than the run's 2 optimiser steps");
  EXPECT_EQ(Run({config_, "--set", "optimizer.warmup_steps=1"}).code, 0);
}

TEST_F(TrainProgramTest, DamagedConfigurations) {
  WriteFile(config_, "stage: sft\nmodel: {path: [\n");
  ExpectRefusal({config_}, "run.yaml");
  WriteFile(config_, std::string("stage: sft\n\0\xff\xfe", 14));
  ExpectRefusal({config_}, "run.yaml");
  Write("sft", "optimiser: {learning_rate: 1}\n");
  ExpectRefusal({config_}, "did you mean optimizer");
  Write("sft", "sft: {batch_size: 0}\n");
  ExpectRefusal({config_}, "run.yaml:7: sft.batch_size");
}

TEST_F(TrainProgramTest, DamagedModelsAndData) {
  const std::string whole = ReadFile(model_);
  WriteFile(folder_ / "half.gguf", whole.substr(0, whole.size() / 2));
  WriteFile(folder_ / "text.gguf", "not a model");
  for (const char* name : {"half.gguf", "text.gguf", "missing.gguf"}) {
    ExpectRefusal({config_, "--set", "model.path=" + (folder_ / name)}, name);
    ExpectRefusal({"logits", "--model", folder_ / name, "--ids", "1,2", "--json"}, name);
  }
  WriteFile(folder_ / "bad.jsonl", "{\"question\": \"1 + 1?\", \"answer\": 2}\n{\"question\": \"1 +");
  ExpectRefusal({config_, "--set", "data.dataset=" + (folder_ / "bad.jsonl")}, "bad.jsonl");
  ExpectRefusal({config_, "--set", "sft.max_length=12"}, "sft.max_length");
}

TEST_F(TrainProgramTest, AdaptersThatDoNotFit) {
  LoraAdapter lora = ReadPeft(kAlora);
  lora.base_sha256 = std::string(64, 'a');
  WritePeft(lora, folder_ / "foreign");
  const std::vector<std::string> start = {config_, "--set", "init_adapter=" + (folder_ / "foreign"), "--set", "adapter.rank=8", "--set",
                                          "adapter.alpha=16"};
  ExpectRefusal(start, "was trained on");
  std::filesystem::resize_file(folder_ / "foreign/adapter_model.safetensors", 1000);
  ExpectRefusal(start, "adapter_model.safetensors");
  ExpectRefusal({config_, "--set", "init_adapter=" + (folder_ / "none")}, "none");
}

TEST_F(TrainProgramTest, BudgetsAndPromptsThatCannotWork) {
  Write("rl", "rollout: {max_completion_tokens: 100}\nbudget: {tokens: 90}\nreward: {times: [budget]}\n");
  ExpectRefusal({config_}, "max_completion_tokens");
  Write("rl", "rollout: {max_completion_tokens: 500}\nbudget: {tokens: 90}\nreward: {times: [budget]}\n");
  ExpectRefusal({config_}, "leaves of the model's context of 512");
}

TEST_F(TrainProgramTest, ARunAndItsFolder) {
  ExpectRefusal({config_, "--resume"}, "holds no run to go on with; start it without --resume");
  const Outcome dry = Run({config_, "--dry-run"});
  EXPECT_EQ(dry.code, 0) << dry.err;
  EXPECT_FALSE(IsFolder(folder_ / "run"));
  const Outcome outcome = Run({config_});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, "adapter: " + (folder_ / "run") + "/adapter\n");
  const LoraAdapter adapter = ReadPeft(folder_ / "run/adapter");
  EXPECT_EQ(adapter.base_sha256, BaseModel::Load(model_)->Identity());
  ASSERT_TRUE(adapter.proof);
  EXPECT_EQ(adapter.proof->policy, "trainer");
  EXPECT_EQ(adapter.proof->adapter_sha256, AdapterHash(adapter));
  ExpectRefusal({config_}, "--resume");
  ExpectRefusal({config_, "--resume", "--set", "sft.epochs=2"}, "another configuration");
}

}  // namespace
}  // namespace pith
