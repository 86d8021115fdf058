// Settings of the evaluation inside training: what contradicts.
#include <gtest/gtest.h>


#include "base/error.h"
#include "base/file.h"
#include "configs/load.h"
#include "tests/configs/yaml_path.h"

namespace pith {
namespace {

std::string Complaint(const std::string& more) {
  const std::string path = testing::YamlPath();
  WriteFile(path, "stage: rl\nmodel: {path: m.gguf}\ndata: {limit: 8}\n" + more);
  try {
    LoadTrainConfig(path);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(EvalSettings, RefuseWhatContradicts) {
  EXPECT_EQ(Complaint("eval: {every: 5, budgets: [64, 0], chains: 4, temperature: 0.7}\nlog: {best_metric: eval/64/accuracy}\n"), "");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"eval: {limit: 5}\n", "has no effect unless eval.every is above 0"},
      {"eval: {every: 5, chains: 4}\n", "eval.chains: got 4, but at temperature 0"},
      {"eval: {every: 5, limit: 0}\n", "eval.limit: generated data has no end"},
      {"eval: {every: 5, budgets: []}\n", "eval.budgets: is empty"},
      {"eval: {every: 5, budgets: [64, 64]}\n", "eval.budgets: names a budget twice"},
      {"eval: {every: 5, max_share: 0}\n", "eval.max_share: got 0"},
      {"log: {best_metric: eval/accuracy}\n", "log.best_metric: is measured by evaluations"},
      {"log: {best_mode: min}\n", "log.best_mode: has no effect unless log.best_metric is set"},
  };
  for (const auto& [more, words] : cases) EXPECT_NE(Complaint(more).find(words), std::string::npos) << more << Complaint(more);
}

}  // namespace
}  // namespace pith
