// Settings of the adapter and the rate: patterns, kinds, auto.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "configs/load.h"
#include "tests/configs/yaml_path.h"

namespace pith {
namespace {

namespace fs = std::filesystem;

class AdapterConfig : public ::testing::Test {
 protected:
  AdapterConfig() : path_(testing::YamlPath()) {}
  ~AdapterConfig() override { fs::remove(path_); }

  TrainConfig Load(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
    std::ofstream(path_) << "stage: sft\nmodel: {path: m.gguf}\ndata: {limit: 8}\n" << yaml;
    return LoadTrainConfig(path_, overrides);
  }
  std::string Complaint(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
    try {
      Load(yaml, overrides);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  }

  std::string path_;
};

TEST_F(AdapterConfig, ReadsPatternsInTheirOrder) {
  const TrainConfig c = Load("adapter:\n  rank_pattern:\n    layers.1.mlp.down_proj: 8\n    down_proj: 64\n    'layers\\.[0-3]\\..*': 4\n"
                             "  alpha_pattern: {q_proj: 2.5}\n");
  EXPECT_EQ(c.adapter.rank_pattern, (std::vector<std::pair<std::string, int64_t>>{{"layers.1.mlp.down_proj", 8}, {"down_proj", 64}, {"layers\\.[0-3]\\..*", 4}}));
  EXPECT_EQ(c.adapter.alpha_pattern, (std::vector<std::pair<std::string, double>>{{"q_proj", 2.5}}));
  EXPECT_EQ(Load("", {"adapter.rank_pattern={up_proj: 3}"}).adapter.rank_pattern, (std::vector<std::pair<std::string, int64_t>>{{"up_proj", 3}}));
  // What is printed reads back.
  std::ofstream(path_) << DumpTrainConfig(c);
  EXPECT_EQ(LoadTrainConfig(path_, {}).adapter, c.adapter);
}

TEST_F(AdapterConfig, RateIsANumberOrAuto) {
  EXPECT_FALSE(Load("").optimizer.learning_rate.has_value());
  EXPECT_FALSE(Load("optimizer: {learning_rate: auto}").optimizer.learning_rate.has_value());
  EXPECT_EQ(Load("optimizer: {learning_rate: 3e-4}").optimizer.learning_rate, 3e-4);
  EXPECT_NE(DumpTrainConfig(Load("")).find("learning_rate: auto\n"), std::string::npos);
  EXPECT_NE(Complaint("optimizer: {learning_rate: fast}").find("got 'fast', expected a number more than 0, or auto"), std::string::npos);
  EXPECT_NE(Complaint("optimizer: {learning_rate: -1}").find("optimizer.learning_rate: got -1, expected a number more than 0"), std::string::npos);
}

TEST_F(AdapterConfig, RefusesWrongValuesAndKindsThatDoNotGoTogether) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"adapter: {rank_pattern: {down_proj: 0}}", "adapter.rank_pattern.down_proj: got 0, expected an integer from 1 to 4096"},
      {"adapter: {rank_pattern: {down_proj: x}}", "adapter.rank_pattern.down_proj: got 'x', expected an integer from 1 to 4096"},
      {"adapter: {rank_pattern: [4]}", "adapter.rank_pattern: got a list, expected a map"},
      {"adapter: {rank_pattern: {down_proj: 4, down_proj: 5}}", "given twice"},
      {"adapter: {alpha_pattern: {down_proj: 0}}", "adapter.alpha_pattern.down_proj: got 0, expected a number more than 0"},
      {"adapter: {init: olora}", "adapter.init: got olora, expected default or pissa"},
      {"adapter: {dora: true}", "adapter.dora: rescales whole rows of the base"},
      {"adapter: {dora: true, activation: always, init: pissa}", "adapter.dora: does not go with adapter.init: pissa"},
      {"adapter: {dora: true, activation: always, dropout: 0.1}", "adapter.dora: does not go with adapter.dropout"},
  };
  for (const auto& [yaml, part] : cases) {
    const std::string complaint = Complaint(yaml);
    EXPECT_NE(complaint.find(part), std::string::npos) << yaml << " gave: " << complaint;
  }
  EXPECT_EQ(Complaint("adapter: {dora: true, activation: always}"), "");
  EXPECT_NE(Complaint("adapter: {dora: true, activation: always}", {"stage=rl"}).find("cannot be trained by rl"), std::string::npos);
  EXPECT_EQ(Complaint("adapter: {init: pissa, dropout: 0.1}"), "");
}

}  // namespace
}  // namespace pith
