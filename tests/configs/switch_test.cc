// The section `switch`, of stage switcher; and the data set everyday.
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "configs/load.h"
#include "tests/configs/yaml_path.h"

namespace pith {
namespace {

const std::string kSwitcherStage = "stage: switcher\nmodel: {path: m.gguf}\ndata: {limit: 8}\ninit_adapter: runs/x/adapter\n";

TrainConfig LoadSwitch(const std::string& yaml) {
  const std::string path = testing::YamlPath();
  std::ofstream(path) << yaml << "\n";
  return LoadTrainConfig(path, {});
}

std::string SwitchComplaint(const std::string& yaml) {
  try {
    LoadSwitch(yaml);
  } catch (const UserError& error) {
    const std::string text = error.what();
    return text.substr(text.find(": ") + 2);
  }
  return "";
}

TEST(SwitchSettings, AreReadAndSurviveTheDump) {
  const TrainConfig plain = LoadSwitch(kSwitcherStage);
  EXPECT_EQ(plain.switcher, SwitchSettings());
  EXPECT_EQ(plain.switcher.samples, 1);
  EXPECT_EQ(plain.switcher.temperature, 0);
  const TrainConfig config = LoadSwitch("stage: switcher\nmodel: {path: m.gguf}\ninit_adapter: x\ndata: {sources: [{dataset: synthetic, limit: 9}, {dataset: everyday, limit: 5}]}\n"
                                        "switch: {budgets: [24, 48, 0], cost: 30.5, samples: 2, temperature: 0.7, type: q4_0, held_out: 0.5}\nreward: {form: any}");
  EXPECT_EQ(config.switcher.budgets, (std::vector<int64_t>{24, 48, 0}));
  EXPECT_EQ(config.switcher.cost, 30.5);
  EXPECT_EQ(config.data.sources[1].dataset, "everyday");
  EXPECT_EQ(config.switcher.longest_answer(), 256);
  for (const TrainConfig& c : {plain, config}) {
    EXPECT_EQ(LoadSwitch(DumpTrainConfig(c)), c) << DumpTrainConfig(c);
    EXPECT_EQ(DumpTrainConfig(c).find("check:"), std::string::npos) << "of what the stage reads alone";
  }
}

TEST(SwitchSettings, RefuseWhatCannotBe) {
  EXPECT_EQ(SwitchComplaint("stage: switcher\nmodel: {path: m.gguf}\ndata: {limit: 8}"),
            "init_adapter: is empty, but a switcher is fitted to what a trained adapter answers; name an earlier run's `adapter` folder");
  EXPECT_EQ(SwitchComplaint(kSwitcherStage + "switch: {samples: 3}"), "switch.samples: got 3, but at temperature 0 all would be the same; set switch.temperature");
  EXPECT_EQ(SwitchComplaint(kSwitcherStage + "switch: {top_p: 0.9}"), "switch.top_p: has no effect at temperature 0; remove it, or set switch.temperature");
  EXPECT_EQ(SwitchComplaint(kSwitcherStage + "switch: {budgets: []}"), "switch.budgets: is empty, which leaves nothing to choose but the base; [0] is the adapter without a budget");
  EXPECT_EQ(SwitchComplaint(kSwitcherStage + "switch: {budgets: [24, 24]}"), "switch.budgets: names a budget twice");
  EXPECT_EQ(SwitchComplaint(kSwitcherStage + "switch: {cost: -1}"), "switch.cost: got -1, expected a number of at least 0");
  EXPECT_EQ(SwitchComplaint(kSwitcherStage + "check: {samples: 2}"), "check.samples: has no effect when stage is switcher; remove it");
  EXPECT_EQ(SwitchComplaint("stage: switcher\nmodel: {path: m.gguf}\ndata: {dataset: everyday}\ninit_adapter: x"), "data.limit: generated data has no end; set how many problems to make");
  EXPECT_EQ(SwitchComplaint("stage: sft\nmodel: {path: m.gguf}\ndata: {limit: 8}\nswitch: {cost: 3}"), "switch.cost: has no effect when stage is sft; remove it");
}

}  // namespace
}  // namespace pith
