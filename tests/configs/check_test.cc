// The section `check`, of stage verifier.
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "configs/load.h"
#include "tests/configs/yaml_path.h"

namespace pith {
namespace {

const std::string kStage = "stage: verifier\nmodel: {path: m.gguf}\ndata: {limit: 8}\ninit_adapter: runs/x/adapter\n";

TrainConfig LoadCheck(const std::string& yaml) {
  const std::string path = testing::YamlPath();
  std::ofstream(path) << yaml << "\n";
  return LoadTrainConfig(path, {});
}

std::string CheckComplaint(const std::string& yaml) {
  try {
    LoadCheck(yaml);
  } catch (const UserError& error) {
    const std::string text = error.what();
    return text.substr(text.find(": ") + 2);
  }
  return "";
}

TEST(CheckSettings, AreReadAndSurviveTheDump) {
  const TrainConfig plain = LoadCheck(kStage);
  EXPECT_EQ(plain.check, CheckSettings());
  const TrainConfig config = LoadCheck(kStage + "check: {text: 'Sure?', reader: base, type: q4_0, samples: 8, temperature: 1, held_out: 0.5, l2: 0.25, reading: strict}\nreward: {form: any}");
  EXPECT_EQ(config.check.text, "Sure?");
  EXPECT_EQ(config.check.reader, "base");
  EXPECT_EQ(config.check.l2, 0.25);
  for (const TrainConfig& c : {plain, config}) {
    EXPECT_EQ(LoadCheck(DumpTrainConfig(c)), c) << DumpTrainConfig(c);
    EXPECT_EQ(DumpTrainConfig(c).find("optimizer:"), std::string::npos) << "of what the stage reads alone";
  }
}

TEST(CheckSettings, RefuseWhatCannotBe) {
  EXPECT_EQ(CheckComplaint("stage: verifier\nmodel: {path: m.gguf}\ndata: {limit: 8}"),
            "init_adapter: is empty, but a verifier is fitted to what a trained adapter answers; name an earlier run's `adapter` folder");
  EXPECT_EQ(CheckComplaint(kStage + "check: {temperature: 0}"), "check.samples: got 4, but at temperature 0 all would be the same; set check.temperature");
  EXPECT_EQ(CheckComplaint(kStage + "check: {temperature: 0, samples: 1, top_p: 0.9}"), "check.top_p: has no effect at temperature 0; remove it, or set check.temperature");
  EXPECT_EQ(CheckComplaint(kStage + "check: {held_out: 1}"), "check.held_out: got 1, expected a number more than 0 and at most 0.9");
  EXPECT_EQ(CheckComplaint(kStage + "check: {reader: me}"), "check.reader: got me, expected adapter or base");
  EXPECT_EQ(CheckComplaint(kStage + "check: {text: ''}"), "check.text: got nothing, expected a question, such as Is this answer right?");
  EXPECT_EQ(CheckComplaint(kStage + "optimizer: {learning_rate: 1e-4}"), "optimizer.learning_rate: has no effect when stage is verifier; remove it");
  EXPECT_EQ(CheckComplaint(kStage + "adapter: {rank: 8}"), "adapter.rank: has no effect when stage is verifier; remove it");
  EXPECT_EQ(CheckComplaint("stage: sft\nmodel: {path: m.gguf}\ndata: {limit: 8}\ncheck: {samples: 2}"), "check.samples: has no effect when stage is sft; remove it");
}

}  // namespace
}  // namespace pith
