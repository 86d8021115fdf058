// A short SFT run and a short RL run on a tiny model of every family: it learns, and the sampler agrees with the trainer.
#include <gtest/gtest.h>

#include "adapters/peft.h"
#include "tests/families/family_golden.h"
#include "tests/train/tiny_run.h"

namespace pith::testing {
namespace {

class FamilyRuns : public ::testing::TestWithParam<std::string> {
 protected:
  FamilyRuns() : model_(FamilyGolden(GetParam()).WriteModel(folder_)), data_(folder_ / "sums.jsonl") {
    std::string lines;
    for (int i = 0; i < 12; ++i) {
      lines += nlohmann::json{{"question", Str(i, " + 4?")}, {"answer", Str(i + 4)}, {"solution", Str("#### ", i + 4)}}.dump() + "\n";
    }
    WriteFile(data_, lines);
  }

  TrainConfig Config(const std::string& stage, const std::string& activation) const {
    TrainConfig c = TinyConfig(scratch_, stage, stage + "-" + activation);
    c.model.path = model_;
    c.model.dtype = "float32";
    c.adapter.activation = activation;
    if (!BaseModel::Load(model_)->config().has_gate()) std::erase(c.adapter.targets, "gate_proj");
    c.sft.epochs = 4;
    c.rl.steps = 2;
    c.rl.updates_per_rollout = 1;
    c.rollout.activations = "f32";
    c.sft.max_length = 64;  // of longrope's first context
    c.rollout.max_completion_tokens = 24;  // prompts and completions reach beyond the windows of the tiny models
    c.data.dataset = data_;
    return c;
  }

  static RunOptions Quiet() {
    RunOptions options;
    options.quiet = true;
    return options;
  }

  TempFolder folder_;
  Scratch scratch_;
  std::string model_, data_;
};

TEST_P(FamilyRuns, LearnAndSampleAsTheyLearn) {
  for (const char* activation : {"invocation", "always"}) {
    const TrainConfig sft = Config("sft", activation);
    Execute(sft, Quiet());
    const auto learned = MetricsOf(sft.run.folder);
    ASSERT_EQ(learned.size(), 12u);
    EXPECT_LT(learned.back()["loss"].get<double>(), 0.8 * learned.front()["loss"].get<double>());

    TrainConfig rl = Config("rl", activation);
    rl.run.init_adapter = sft.run.folder + "/adapter";
    Execute(rl, Quiet());
    const LoraAdapter before = ReadPeft(rl.run.init_adapter), after = ReadPeft(rl.run.folder + "/adapter");
    ASSERT_EQ(after.pairs.size(), before.pairs.size());
    for (const auto& [name, pair] : after.pairs) EXPECT_NE(pair.b, before.pairs.at(name).b) << name;
    for (const auto& m : MetricsOf(rl.run.folder)) {
      EXPECT_LT(m.value("sampling/sampling_logp_difference/max", 1.0), 2e-4) << m.dump();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, FamilyRuns, ::testing::ValuesIn(FamilyNames()), FamilyTestName);

}  // namespace
}  // namespace pith::testing
