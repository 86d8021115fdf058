// data.sources in the YAML: what entries take over from data, what is refused, what survives the dump.
#include "configs/data_sources.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "configs/load.h"
#include "tests/configs/yaml_path.h"

namespace pith {
namespace {

TrainConfig LoadWhole(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  const std::string path = testing::YamlPath();
  std::ofstream(path) << yaml;
  return LoadTrainConfig(path, overrides);
}

TrainConfig Load(const std::string& data, const std::vector<std::string>& overrides = {}) {
  return LoadWhole("stage: sft\nmodel: {path: m.gguf}\ndata:\n" + data, overrides);
}

template <class... Arguments>
std::string Complaint(const Arguments&... arguments) {
  try {
    Load(arguments...);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(Sources, TakeOverWhatTheyLeaveOut) {
  const TrainConfig config = Load(
      "  sources:\n"
      "    - {name: brief, verbosity: short, weight: 3, max_response_tokens: 40}\n"
      "    - {verbosity: verbose, limit: 16}\n"
      "    - {dataset: a/b c.jsonl, answer_field: gold, weight: 0.5}\n"
      "    - math500\n"
      "  limit: 8\n"
      "  max_steps: 2\n"
      "  question_field: problem\n"
      "  min_response_tokens: 4\n"
      "  shuffle: false\n"
      "  system: think\n");
  const auto& s = config.data.sources;
  ASSERT_EQ(s.size(), 4u);
  EXPECT_EQ(SourceName(s[0]), "brief");
  EXPECT_EQ(SourceName(s[1]), "synthetic");
  EXPECT_EQ(SourceName(s[2]), "b_c");
  EXPECT_EQ(SourceName(s[3]), "math500");
  EXPECT_EQ(s[0].dataset, "synthetic");
  EXPECT_EQ(s[0].verbosity, "short");
  EXPECT_EQ(s[0].weight, 3);
  EXPECT_EQ(s[0].max_response_tokens, 40);
  EXPECT_EQ(s[1].weight, 1);
  EXPECT_EQ(s[1].max_response_tokens, 0);
  EXPECT_EQ(s[1].verbosity, "verbose");
  EXPECT_EQ(s[2].weight, 0.5);
  EXPECT_EQ(s[2].answer_field, "gold");
  EXPECT_EQ(s[2].question_field, "problem");
  EXPECT_EQ(s[0].question_field, "question") << "means nothing for generated data";
  EXPECT_EQ(s[0].max_steps, 2);
  EXPECT_EQ(s[3].max_steps, DataSource().max_steps);
  const int64_t limits[] = {8, 16, 8, 8};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(s[i].limit, limits[i]) << i;
    EXPECT_EQ(s[i].min_response_tokens, 4) << i;
    EXPECT_FALSE(s[i].shuffle) << i;
  }
  EXPECT_EQ(config.data.system, "think");

  const std::string dump = DumpTrainConfig(config);
  EXPECT_EQ(LoadWhole(dump), config) << dump;
  EXPECT_NE(dump.find("  sources: [{dataset: synthetic, "), std::string::npos) << dump;
  EXPECT_EQ(dump.find("\n  limit: "), std::string::npos) << "data's own keys say nothing then";
}

TEST(Sources, AreNoneUnlessGiven) {
  const TrainConfig plain = Load("  limit: 8\n  max_response_tokens: 40\n"), empty = Load("  limit: 8\n  max_response_tokens: 40\n  sources: []\n");
  EXPECT_TRUE(plain.data.sources.empty());
  EXPECT_EQ(plain.data.limit, 8);
  EXPECT_EQ(plain.data.max_response_tokens, 40);
  EXPECT_EQ(plain, empty);
  EXPECT_EQ(LoadWhole(DumpTrainConfig(plain)), plain);
}

TEST(Sources, AreSetFromTheCommandLine) {
  const TrainConfig config = Load("  sources: [{limit: 4}, {dataset: gsm8k}]\n  limit: 8\n", {"data.sources.1.weight=3", "data.seed=5", "data.sources.2=svamp"});
  ASSERT_EQ(config.data.sources.size(), 3u);
  EXPECT_EQ(config.data.sources[1].weight, 3);
  EXPECT_EQ(config.data.sources[1].dataset, "gsm8k");
  EXPECT_EQ(config.data.sources[2].dataset, "svamp");
  for (const DataSource& source : config.data.sources) EXPECT_EQ(source.seed, 5u);
  EXPECT_EQ(config.data.sources[0].limit, 4);
  EXPECT_EQ(config.data.sources[2].limit, 8);
}

struct Case {
  std::string data, complaint;
};

TEST(Sources, RefuseWhatHasNoMeaning) {
  const std::vector<Case> cases = {
      {"sources: gsm8k", "data.sources: got 'gsm8k', expected a list of elements, each a source such as {dataset: gsm8k, weight: 2}"},
      {"sources: [{dataset: gsm8k, weight: 0}]", "data.sources[0].weight: got 0, expected a number more than 0"},
      {"sources: [{dataset: gsm8k, weight: -1}]", "data.sources[0].weight: got -1, expected a number more than 0"},
      {"sources: [{dataset: gsm8k, weight: .inf}]", "data.sources[0].weight: got '.inf', expected a number more than 0 and at most 1000000"},
      {"sources: [{dataset: gsm8k, weight: much}]", "data.sources[0].weight: got 'much', expected a number more than 0 and at most 1000000"},
      {"sources: [gsm8k, {}]\n  min_steps: 2", "data.sources[1]: is empty, expected a source such as {dataset: gsm8k"},
      {"sources: [gsm8k, ~]\n  limit: 3", "data.sources[1]: got nothing, expected a source"},
      {"sources: [gsm8k, [svamp]]", "data.sources[1]: got a list, expected a source"},
      {"sources: [{dataset: gsm8k, wieght: 2}]", "data.sources[0].wieght: unknown key; did you mean weight?"},
      {"sources: [{dataset: gsm8k, system: hello}]", "data.sources[0].system: unknown key"},
      {"sources: [{dataset: gsm9k}]\n  min_steps: 2", "data.sources[0].dataset: got gsm9k, expected gsm8k, math"},
      {"sources: [gsm8k, gsm9k]", "data.sources[1].dataset: got gsm9k, expected gsm8k, math"},
      {"sources: [{weight: 2}]", "data.sources[0].limit: generated data has no end"},
      {"sources: [gsm8k, {weight: 2}]", "data.sources[1].limit: generated data has no end"},
      {"sources: [{dataset: gsm8k, min_steps: 2}]",
       "data.sources[0].min_steps: has no effect unless dataset is synthetic; this one is gsm8k"},
      {"sources: [{dataset: math500, split: test}]", "data.sources[0].split: has no effect unless dataset has splits"},
      {"sources: [{min_steps: 3}]\n  limit: 4\n  max_steps: 2", "data.sources[0].min_steps: got 3, expected at most data.sources[0].max_steps, which is 2"},
      {"sources: [gsm8k, svamp]\n  min_steps: 2", "data.min_steps: has no effect: each of data.sources gives its own, or has no use for it"},
      {"sources: [{dataset: gsm8k}, svamp]\n  dataset: math", "data.dataset: has no effect: each of data.sources gives its own"},
      {"sources: [{dataset: gsm8k, limit: 4}]\n  limit: 8", "data.limit: has no effect: each of data.sources gives its own"},
      {"sources: [gsm8k, {dataset: gsm8k, limit: 4}]", "data.sources[1].name: this source and data.sources[0] are both called gsm8k; give each a name"},
      {"sources: [{dataset: a/x.jsonl}, {dataset: b/x.jsonl}]", "data.sources[1].name: this source and data.sources[0] are both called x;"},
      {"sources: [{dataset: gsm8k, name: svamp}, svamp]", "both called svamp"},
      {"sources: [{dataset: gsm8k, name: a/b}]", "data.sources[0].name: got a/b, expected letters, digits"},
      {"sources: [{dataset: gsm8k, min_response_tokens: 9, max_response_tokens: 8}]",
       "data.sources[0].min_response_tokens: got 9, expected at most data.sources[0].max_response_tokens, which is 8"},
      {"sources: [{dataset: gsm8k, min_response_tokens: 512}]", "data.sources[0].min_response_tokens: got 512, expected less than sft.max_length"},
      {"dataset: gsm8k\n  min_response_tokens: 9\n  max_response_tokens: 8", "data.min_response_tokens: got 9, expected at most data.max_response_tokens"},
      {"dataset: gsm8k\n  max_response_tokens: -1", "data.max_response_tokens: got -1"},
  };
  for (const Case& c : cases) {
    const std::string text = Complaint("  " + c.data + "\n");
    EXPECT_NE(text.find(c.complaint), std::string::npos) << c.data << "\n" << text;
    EXPECT_EQ(text.find("problems in"), std::string::npos) << "one mistake, several complaints\n" << text;
  }
}

TEST(Sources, NameTheLineThatAValueTakenOverCameFrom) {
  EXPECT_NE(Complaint("  sources: [gsm8k]\n  seed: x\n").find(".yaml:5: data.sources[0].seed: got 'x', expected an integer"), std::string::npos)
      << Complaint("  sources: [gsm8k]\n  seed: x\n");
}

TEST(Sources, TakeOverAllKeysThatStandBeforeThem) {
  const TrainConfig config = Load("  limit: 8\n  seed: 3\n  max_response_tokens: 40\n  sources: [{name: a}, {name: b, seed: 4}]\n");
  EXPECT_EQ(config.data.sources[0].limit, 8);
  EXPECT_EQ(config.data.sources[0].seed, 3u);
  EXPECT_EQ(config.data.sources[1].seed, 4u);
  EXPECT_EQ(config.data.sources[0].max_response_tokens, 40);
  EXPECT_EQ(config.data.sources[1].max_response_tokens, 40);
}

TEST(Sources, OfReinforcementLearning) {
  const std::string start = "stage: rl\nmodel: {path: m.gguf}\n";
  EXPECT_EQ(LoadWhole(start + "data: {limit: 8, sources: [{name: a, weight: 2}, gsm8k]}\n").data.sources.size(), 2u);
  const std::pair<const char*, const char*> cases[] = {
      {"data: {limit: 8, sources: [{verbosity: short}, gsm8k]}\n", "data.sources[0].verbosity: has no effect when stage is rl; remove it"},
      {"data: {limit: 8, max_response_tokens: 9, sources: [gsm8k]}\n", "data.sources[0].max_response_tokens: has no effect when stage is rl; remove it"},
      {"data: {sources: [gsm8k, svamp]}\ncurriculum: {enabled: true}\n", "curriculum.enabled: chooses problems by how often they are solved"},
  };
  for (const auto& [yaml, complaint] : cases) {
    try {
      LoadWhole(start + yaml);
      ADD_FAILURE() << yaml;
    } catch (const UserError& error) {
      const std::string text = error.what();
      EXPECT_NE(text.find(complaint), std::string::npos) << text;
      EXPECT_EQ(text.find("problems in"), std::string::npos) << text;
    }
  }
}

TEST(Sources, SayWhatAnEvaluationAsks) {
  TrainConfig config = Load("  sources: [{name: short, max_steps: 2}, {dataset: gsm8k}, {name: long, max_steps: 5}]\n  limit: 8\n  max_number: 20\n");
  EXPECT_EQ(EvaluatedData(config).dataset, "synthetic");
  EXPECT_EQ(EvaluatedData(config).max_steps, 2);
  EXPECT_EQ(EvaluatedData(config).max_number, 20);
  config.eval.dataset = "gsm8k";
  EXPECT_EQ(EvaluatedData(config), DatasetSettings(config.data.sources[1]));
  config.eval.dataset = "svamp";
  DatasetSettings fresh;
  fresh.dataset = "svamp";
  EXPECT_EQ(EvaluatedData(config), fresh);

  TrainConfig one = Load("  max_steps: 2\n  limit: 8\n");
  EXPECT_EQ(EvaluatedData(one), DatasetSettings(one.data));
  one.eval.dataset = "gsm8k";
  EXPECT_EQ(EvaluatedData(one).dataset, "gsm8k");
  EXPECT_EQ(EvaluatedData(one).max_steps, 2);

  EXPECT_NE(Complaint("  sources: [{dataset: a.jsonl}, gsm8k]\neval: {every: 5}\n").find("eval.dataset: the first of data.sources is a file"),
            std::string::npos);
  EXPECT_EQ(Complaint("  sources: [gsm8k, {dataset: a.jsonl}]\neval: {every: 5}\n"), "");
}

TEST(Sources, StandInTheReference) {
  const std::string page = ConfigReference();
  EXPECT_NE(page.find("### Entries of `data.sources`"), std::string::npos);
  EXPECT_NE(page.find("| `weight` | number | `1` |  | How often it is drawn"), std::string::npos);
}

}  // namespace
}  // namespace pith
