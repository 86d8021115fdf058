// reward.verifier and reward.form in the YAML.
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "configs/load.h"
#include "tests/configs/yaml_path.h"

namespace pith {
namespace {

const std::string kRl = "stage: rl\nmodel: {path: m.gguf}\ndata: {limit: 8}\n", kSft = "stage: sft\nmodel: {path: m.gguf}\ndata: {limit: 8}\n";

TrainConfig Load(const std::string& yaml, const std::vector<std::string>& set = {}) {
  const std::string path = testing::YamlPath();
  std::ofstream(path) << yaml << "\n";
  return LoadTrainConfig(path, set);
}

std::string Complaint(const std::string& yaml, const std::vector<std::string>& set = {}) {
  try {
    Load(yaml, set);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(VerifierSettings, AreReadAndSurviveTheDump) {
  EXPECT_FALSE(Load(kRl).reward.verifier.enabled());
  const TrainConfig config = Load(kRl + "reward:\n  form: any\n  verifier: {command: [python3, 'my judge.py'], kinds: [code], workers: 4}\n",
                                  {"reward.verifier.timeout_seconds=2.5", "reward.verifier.max_error_share=0"});
  EXPECT_EQ(config.reward.verifier.command, (std::vector<std::string>{"python3", "my judge.py"}));
  EXPECT_EQ(config.reward.verifier.kinds, std::vector<std::string>{"code"});
  EXPECT_EQ(config.reward.verifier.workers, 4);
  EXPECT_EQ(config.reward.verifier.timeout_seconds, 2.5);
  EXPECT_EQ(config.reward.verifier.max_error_share, 0);
  EXPECT_EQ(config.reward.form, "any");
  for (const TrainConfig& c : {config, Load(kRl), Load(kSft + "eval: {every: 5}\nreward: {verifier: {url: 'http://h:1/p'}}")}) {
    EXPECT_EQ(Load(DumpTrainConfig(c)), c) << DumpTrainConfig(c);
  }
  EXPECT_EQ(Load(kRl, {"reward.verifier={url: 'http://localhost:8000/judge'}"}).reward.verifier.url, "http://localhost:8000/judge");
}

TEST(VerifierSettings, WhatIsWrongWithThemIsNamed) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"reward: {verifier: python3}", "reward.verifier: got 'python3', expected keys such as {command: [python3, judge.py]}"},
      {"reward: {verifier: {comand: [x]}}", "reward.verifier.comand: unknown key; did you mean command?"},
      {"reward: {verifier: {command: x}}", "reward.verifier.command: got 'x', expected a list"},
      {"reward: {verifier: {command: ['']}}", "reward.verifier.command[0]: got nothing"},
      {"reward: {verifier: {url: 'https://x'}}", "reward.verifier.url: got \"https://x\", expected empty, or http://HOST"},
      {"reward: {verifier: {workers: 3}}", "reward.verifier.workers: has no effect unless command or url is set"},
      {"reward: {verifier: {command: [x], workers: 0}}", "reward.verifier.workers: got 0, expected an integer from 1 to 256"},
      {"reward: {verifier: {command: [x], timeout_seconds: 0}}", "reward.verifier.timeout_seconds: got 0"},
      {"reward: {verifier: {command: [x], max_error_share: 1}}", "reward.verifier.max_error_share: got 1"},
      {"reward: {verifier: {command: [x], url: 'http://x'}}", "reward.verifier.url: and reward.verifier.command are two judges"},
      {"reward: {form: some}", "reward.form: got some, expected finished or any"},
  };
  for (const auto& [yaml, complaint] : cases) EXPECT_NE(Complaint(kRl + yaml).find(complaint), std::string::npos) << yaml << "\n" << Complaint(kRl + yaml);
}

TEST(VerifierSettings, WhereNothingIsJudgedTheyAreRefused) {
  const std::string judge = "reward: {verifier: {command: [x]}}";
  EXPECT_NE(Complaint(kSft + judge).find("reward.verifier: has no effect: nothing is judged here"), std::string::npos) << Complaint(kSft + judge);
  EXPECT_EQ(Complaint(kSft + judge + "\neval: {every: 5}"), "");
  EXPECT_NE(Complaint(kSft + "reward: {times: [format]}").find("reward.times: has no effect when stage is sft"), std::string::npos);
  EXPECT_EQ(Complaint("stage: distill\nmodel: {path: m.gguf}\ndata: {limit: 8}\ndistill: {teacher: t.gguf, mode: traces}\n" + judge), "");
}

}  // namespace
}  // namespace pith
