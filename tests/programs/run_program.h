// pith-run from outside, with the tiny model as its base.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "adapters/packed_adapter.h"
#include "adapters/peft.h"
#include "export/commands.h"
#include "tests/programs/program.h"

namespace pith {

inline const std::string kFolder = PITH_TEST_GOLDEN "/tiny-llama", kAlora = PITH_TEST_GOLDEN "/tiny-alora";

class RunProgramTest : public ProgramTest {
 protected:
  RunProgramTest() : ProgramTest("pith-run"), model_(folder_ / "base.gguf") {
    RunConvert({kFolder, {TensorType::kF32, {}}, model_});
    std::string lines;
    for (int i = 0; i < 3; ++i) {
      lines += nlohmann::json{{"question", "What is " + std::to_string(i) + " + 4?"}, {"answer", i + 4}}.dump() + "\n";
    }
    WriteFile(folder_ / "sums.jsonl", lines);
  }

  // The tiny adapter as a GGUF for base `base_sha256` (empty: the tiny model).
  std::string Adapter(const std::string& name, const std::string& base_sha256, const std::vector<int32_t>& invocation = {}) {
    const auto base = BaseModel::Load(model_);
    LoraAdapter lora = ReadPeft(kAlora);
    lora.base_sha256 = base_sha256.empty() ? base->Identity() : base_sha256;
    if (!invocation.empty()) lora.invocation = invocation;
    PackedAdapter::FromLora(lora, base->config(), TensorType::kF16)->WriteGguf(folder_ / name);
    return folder_ / name;
  }

  std::vector<std::string> Generate(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {"generate", "--model", model_, "--threads", "1", "--prompt", "What is 3 + 4?"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  std::vector<std::string> Eval(const std::vector<std::string>& more, const std::string& dataset = "") const {
    std::vector<std::string> arguments = {"eval", "--model", model_, "--threads", "1", "--out", folder_ / "new/out", "--dataset",
                                          dataset.empty() ? folder_ / "sums.jsonl" : dataset};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  const std::string model_;
};

}  // namespace pith
