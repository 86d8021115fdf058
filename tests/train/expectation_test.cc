// --expect on metrics made up for it; the curves of the ready configurations are held to what runs do by train_program_test.cc.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "tests/base/scratch.h"
#include "train/run/expectation.h"

namespace pith {
namespace {

nlohmann::json Expected() {
  return {{"seeds", {0, 1, 2, 3}}, {"window", 2}, {"config", {{"stage", "sft"}, {"sft.epochs", "1"}}},
          {"curves", {{"loss", {{{"step", 2}, {"mean", 3.0}, {"deviation", 0.1}}, {{"step", 4}, {"mean", 2.0}, {"deviation", 0.1}}, {{"step", 6}, {"mean", 1.0}, {"deviation", 0.1}}}}}}};
}

// What a run with these losses is told, and how it is summed up.
struct Told {
  std::vector<std::string> warnings;
  std::string summary;
};
Told Compare(const nlohmann::json& file, const std::vector<double>& losses, const TrainConfig& config = {}) {
  const std::string path = Scratch("x.expect.json");
  WriteFile(path, file.dump());
  Told told;
  const LogSink sink = [&](LogLevel, const std::string& line) { told.warnings.push_back(line); };
  const LogScope scope(&sink);
  Expectation expectation(path, config);
  for (size_t i = 0; i < losses.size(); ++i) expectation.Observe(static_cast<int64_t>(i) + 1, {{"loss", losses[i]}});
  told.summary = expectation.Summary();
  return told;
}

TEST(Expectation, IsWithinOrSaysWhereItLeft) {
  // 4 · 0.1 · √(1 + 1/4) = 0.447
  const Told within = Compare(Expected(), {3.5, 3.3, 2.0, 1.2, 1.4, 1.4});
  EXPECT_EQ(within.warnings, std::vector<std::string>());
  EXPECT_TRUE(within.summary.starts_with("as expected: loss stayed within the spread of 4 seeds in ")) << within.summary;
  const Told left = Compare(Expected(), {3, 3, 2.5, 2.4, 2.6, 2.4});
  ASSERT_EQ(left.warnings.size(), 1u) << "said once, while it stays outside";
  EXPECT_TRUE(left.warnings[0].starts_with("step 4: loss is 2.45, not within 1.55278 and 2.44722 as 4 seeds of this configuration were (")) << left.warnings[0];
  EXPECT_TRUE(left.summary.starts_with("not as expected: loss (first in step 4; 2 of 3 windows) left the spread of 4 seeds in ")) << left.summary;
  EXPECT_EQ(Compare(Expected(), {3, 3, NAN, 2, 1, 1}).warnings.size(), 1u);
}

TEST(Expectation, SeedsThatLieCloseByChanceDoNotNarrowIt) {
  nlohmann::json close = Expected();
  close["curves"]["loss"][1]["deviation"] = 1e-9;
  EXPECT_EQ(Compare(close, {3, 3, 2.2, 2.2, 1, 1}).warnings.size(), 0u);
  EXPECT_EQ(Compare(close, {3, 3, 2.5, 2.5, 1, 1}).warnings.size(), 1u);
}

TEST(Expectation, ComparesWithOtherSettingsAndSaysWhich) {
  TrainConfig config;
  config.sft.epochs = 2;
  const Told told = Compare(Expected(), {3, 3}, config);
  ASSERT_EQ(told.warnings.size(), 1u);
  EXPECT_EQ(told.warnings[0], "--expect: sft.epochs is 2, while the expected curve was made with 1; the run is compared with it all the same");
  nlohmann::json rl = Expected();
  rl["config"]["rl.steps"] = "3";
  EXPECT_NE(Compare(rl, {3, 3}).warnings.at(0).find("rl.steps is without effect here"), std::string::npos);
}

TEST(Expectation, RefusesWhatIsNone) {
  nlohmann::json one = Expected();
  one["seeds"] = {0};
  for (const std::string& text : {std::string("[]"), std::string("{"), one.dump(), std::string("{\"seeds\": [1, 2], \"window\": 1}")}) {
    WriteFile(Scratch("broken.expect.json"), text);
    EXPECT_THROW(Expectation(Scratch("broken.expect.json"), {}), UserError) << text;
  }
  EXPECT_EQ(ExpectationPath((WriteFile(Scratch("a.expect.json"), "{}"), Scratch("a.yaml"))), Scratch("a.expect.json"));
  EXPECT_THROW(ExpectationPath(Scratch("b.yaml")), UserError);
}

}  // namespace
}  // namespace pith
