#include "configs/load.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "base/error.h"
#include "base/file.h"
#include "configs/sections.h"

namespace pith {
namespace {

namespace fs = std::filesystem;

class LoadTest : public testing::Test {
 protected:
  LoadTest() {
    folder_ = fs::path(testing::TempDir()) /
              (std::string("pith_configs_") + testing::UnitTest::GetInstance()->current_test_info()->name() + "-" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  ~LoadTest() override { fs::remove_all(folder_); }

  std::string Write(const std::string& yaml) {
    const std::string path = (folder_ / "run.yaml").string();
    std::ofstream(path) << yaml;
    return path;
  }

  TrainConfig Load(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
    return LoadTrainConfig(Write(yaml), overrides);
  }

  // What loading complains about, with the file's folder cut away; empty when it does not.
  std::string Complaint(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
    try {
      Load(yaml, overrides);
    } catch (const UserError& error) {
      std::string text = error.what();
      const std::string cut = folder_.string() + "/";
      for (size_t at; (at = text.find(cut)) != std::string::npos;) text.erase(at, cut.size());
      return text;
    }
    return "";
  }

  fs::path folder_;
};

// A smallest file of each stage: one line each, so that what a test adds begins on line 2.
const std::string kSft = "{stage: sft, model: {path: m.gguf}, data: {limit: 8}}\n";
const std::string kRl = "stage: rl\nmodel: {path: m.gguf}\ndata: {limit: 8}\n";

TEST_F(LoadTest, AnUnknownStageIsTheOneProblem) {
  EXPECT_EQ(Complaint("{stage: foo, model: {path: m.gguf}, data: {limit: 8}, sft: {epochs: 2}}\n"),
            "run.yaml:1: stage: got foo, expected sft, rl, distill, verifier or switcher");
}

TEST_F(LoadTest, ReadsValuesOfEveryTypeAndKeepsDefaults) {
  const TrainConfig config = Load(
      "stage: rl\nname: a/b-1\nseed: 18446744073709551615\nmodel:\n  path: m.gguf\nadapter:\n  rank: 16\n  alpha: 3.5e1\n"
      "  rslora: true\n  targets: [q_proj, v_proj]\n  invocation: [1, 2]\ndata: {limit: 8, system: \"be brief: \\n\"}\n"
      "rollout: {max_completion_tokens: 63}\nbudget: {tokens: 45, window: 0.4}\n"
      "reward:\n  times:\n    - budget\n    - {kind: free_then_falling, free_tokens: 20, fall_tokens: 10, floor: 0.5}\n"
      "  plus: [{kind: format, weight: 0.1, always: true}]\n");
  EXPECT_EQ(config.run.stage, "rl");
  EXPECT_EQ(config.run.seed, 18446744073709551615u);
  EXPECT_EQ(config.run.folder, "runs/a/b-1");
  EXPECT_EQ(config.adapter.rank, 16);
  EXPECT_EQ(config.adapter.alpha, 35.0);
  EXPECT_TRUE(config.adapter.rslora);
  EXPECT_EQ(config.adapter.targets, (std::vector<std::string>{"q_proj", "v_proj"}));
  EXPECT_EQ(config.adapter.invocation, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(config.data.system, "be brief: \n");
  EXPECT_EQ(config.budget.window, 0.4);
  ASSERT_EQ(config.reward.times.size(), 2u);
  EXPECT_EQ(config.reward.times[0].kind, "budget");
  EXPECT_EQ(config.reward.times[1].free_tokens, 20);
  EXPECT_EQ(config.reward.times[1].floor, 0.5);
  ASSERT_EQ(config.reward.plus.size(), 1u);
  EXPECT_EQ(config.reward.plus[0].weight, 0.1);
  EXPECT_TRUE(config.reward.plus[0].always);
  EXPECT_EQ(config.optimizer, OptimizerSettings{});
  EXPECT_EQ(config.rl, RlSettings{});
}

TEST_F(LoadTest, ReportsEverythingAtOnceWithLines) {
  EXPECT_EQ(Complaint("stage: rl\n"
                      "model:\n"
                      "  path: m.gguf\n"
                      "rl:\n"
                      "  clip_epsilon_hihg: 0.3\n"
                      "  steps: many\n"
                      "  group_size: 1\n"
                      "  max_batch: 1\n"
                      "data: {limit: 8}\n"
                      "optimiser: {}\n"),
            "5 problems in the configuration:\n"
            "run.yaml:5: rl.clip_epsilon_hihg: unknown key; did you mean clip_epsilon_high?\n"
            "run.yaml:6: rl.steps: got 'many', expected an integer from 1 to 1000000\n"
            "run.yaml:7: rl.group_size: is 1, so every completion would be compared with itself alone; expected at least 2, or advantage: "
            "reinforce_pp\n"
            "run.yaml:8: rl.max_batch: unknown key; did you mean rollout.max_batch?\n"
            "run.yaml:10: optimiser: unknown key; did you mean optimizer?");
}

struct Case {
  std::string extra, complaint;
};

TEST_F(LoadTest, RefusesWrongValues) {
  const std::vector<Case> cases = {
      {"seed: -1", "seed: got '-1', expected an integer from 0 to 18446744073709551615"},
      {"seed: 1.5", "seed: got '1.5', expected an integer"},
      {"seed: \"1\"", "seed: got the text \"1\", expected an integer"},
      {"seed: 99999999999999999999", "seed: got '99999999999999999999', expected an integer"},
      {"threads: 3000000000", "threads: got '3000000000', expected an integer from 0 to 4096"},
      {"threads: -1", "threads: got -1, expected an integer from 0 to 4096"},
      {"name: ../x", "name: got"},
      {"name: ''", "name: got nothing"},
      {"name:", "name: got nothing, expected text"},
      {"adapter: {rank: 0}", "adapter.rank: got 0, expected an integer from 1 to 4096"},
      {"adapter: {rank: abc}", "adapter.rank: got 'abc', expected an integer from 1 to 4096"},
      {"adapter: {rank: 99999999999999999999}", "adapter.rank: got '99999999999999999999', expected an integer from 1 to 4096"},
      {"adapter: {rank: 8.5}", "adapter.rank: got '8.5', expected an integer from 1 to 4096"},
      {"adapter: {rank: [8]}", "adapter.rank: got a list, expected an integer from 1 to 4096"},
      {"adapter: {alpha: 1e999}", "adapter.alpha: got '1e999', expected a number more than 0"},
      {"adapter: {rslora: yes}", "adapter.rslora: got 'yes', expected true or false"},
      {"adapter: {targets: q_proj}", "adapter.targets: got 'q_proj', expected a list"},
      {"adapter: {targets: []}", "adapter.targets: is empty"},
      {"adapter: {targets: [q_proj, q_proj]}", "adapter.targets: names a layer twice"},
      {"adapter: {targets: [q_proj, lm_head]}", "adapter.targets[1]: got lm_head, expected q_proj, k_proj"},
      {"adapter: {invocation: [1, x]}", "adapter.invocation[1]: got 'x', expected an integer from 0 to 2147483647"},
      {"adapter: {invocation: 1}", "adapter.invocation: got '1', expected a list such as [1, 2]"},
      {"adapter: {activation: always, invocation: [1]}", "adapter.invocation: has no effect unless"},
      {"adapter: 5", "adapter: got '5', expected a group of keys"},
      {"optimizer: {learning_rate: .nan}", "optimizer.learning_rate: got '.nan', expected a number"},
      {"optimizer: {learning_rate: nan}", "optimizer.learning_rate: got 'nan', expected a number more than 0, or auto"},
      {"optimizer: {learning_rate: 0}", "optimizer.learning_rate: got 0, expected a number more than 0"},
      {"optimizer: {beta1: 1}", "optimizer.beta1: got 1, expected a number of at least 0 and less than 1"},
      {"optimizer: {schedule: cosin}", "optimizer.schedule: got cosin, expected constant, linear or cosine"},
      {"sft: {micro_batch_size: 0}", "sft.micro_batch_size: got 0, expected an integer from 1 to 4096"},
      {"sft: {epochs: 10001}", "sft.epochs: got 10001"},
      {"sft: {batch_size: 9223372036854775807}", "sft.batch_size: got 9223372036854775807, expected an integer from 1 to 65536"},
      {"sft: {micro_batch_size: 4097}", "sft.micro_batch_size: got 4097"},
      {"sft: {max_length: 1048577}", "sft.max_length: got 1048577"},
      {"optimizer: {warmup_steps: 9223372036854775807}", "optimizer.warmup_steps: got 9223372036854775807"},
      {"log: {save_every: 9223372036854775807}", "log.save_every: got 9223372036854775807"},
      {"log: {keep_checkpoints: 9223372036854775807}", "log.keep_checkpoints: got 9223372036854775807"},
      {"log: {completions: true}", "log.completions: has no effect when stage is sft"},
      {"rl: {steps: 3}", "run.yaml:4: rl.steps: has no effect when stage is sft; remove it"},
      {"rollout: {close: forced}", "rollout.close: has no effect when stage is sft"},
      {"budget: {tokens: 30, sentence: short, window: 0.5}", "budget.window: has no effect when stage is sft"},
      {"budget: {tokens: 3}", "budget.tokens: has no effect: nothing is paid in SFT, and neither a budget.sentence nor a budget.announcement tells it"},
      {"budget: {choices: [32, 64]}", "budget.choices: has no effect unless budget.tokens is more than 0"},
      {"budget: {tokens: 64, choices: [32, 64]}", "budget.choices: gives each example a budget, which the model can only know by a budget.sentence that holds {budget}"},
      {"budget: {tokens: 64, choices: [32, 64], announcement: short}", "budget.choices: gives each example a budget"},
      {"budget: {tokens: 64, choices: [32, 64, 32], announcement: 'budget {budget}:'}", "budget.choices: names 32 twice, but nothing is drawn in SFT"},
      {"budget: {tokens: 64, choices: [0, 0], announcement: 'budget {budget}:'}", "budget.choices: names no budget but 0"},
      {"budget: {tokens: 64, choices: [32], announcement: 'budget {budget}:'}", "budget.choices: leaves nothing to choose"},
      {"budget: {tokens: 64, announcement: 'budget {budget}:', sentence: 'in {budget}'}", "budget.announcement: and budget.sentence both tell the model its budget"},
      {"seed: 1\nseed: 2", "run.yaml:5: seed: given twice (first on line 4); keep one"},
      {"sft: {epochs: 1, epochs: 1}", "sft.epochs: given twice"},
      {"? [1]\n: 2", "a key must be a word"},
      {"seed: &a 1\nthreads: *a", "run.yaml:5: aliases"},
      {"---\nseed: 1", "a second document"},
      {"seed: [1", "not valid YAML"},
  };
  for (const Case& c : cases) {
    const std::string text = Complaint("stage: sft\nmodel: {path: m.gguf}\ndata: {limit: 8}\n" + c.extra + "\n");
    EXPECT_NE(text.find(c.complaint), std::string::npos) << c.extra << "\n" << text;
    EXPECT_EQ(text.find("problems in"), std::string::npos) << "one mistake, several complaints\n" << text;
  }
}

// Whatever is no number, or beyond the field's type, is told what the field's own rule allows.
TEST_F(LoadTest, EveryNumberNamesItsRealRange) {
  int count = 0;
  for (const Section& section : TrainSections()) {
    const std::string stage = section.stages.front();
    for (const Field<TrainConfig>& field : section.fields) {
      const std::string noun = field.type == "integer" ? "an integer" : field.type == "number" || field.type == "number or auto" ? "a number" : "";
      if (noun.empty()) continue;
      std::string expected = section.Path(field.key) == "seed" || field.rule.empty() ? noun + " from 0 to 18446744073709551615" : NumberWords(noun, field.rule);
      if (field.type == "number or auto") expected += ", or auto";
      for (const std::string value : {"abc", "''", "99999999999999999999", "1e999", ".nan", "[1]"}) {
        if (noun == "a number" && value.starts_with("999")) continue;  // it is one
        const std::string override_text = section.Path(field.key) + "=" + value;
        const std::string text = Complaint("stage: " + stage + "\nmodel: {path: m.gguf}\n", {override_text}) + "\n";
        EXPECT_NE(text.find("--set " + override_text + ": " + section.Path(field.key) + ": got "), std::string::npos) << override_text << "\n" << text;
        EXPECT_NE(text.find(", expected " + expected + "\n"), std::string::npos) << override_text << "\n" << text;
      }
      ++count;
    }
  }
  EXPECT_GT(count, 80);
}

TEST_F(LoadTest, ReadsWhatBeginsWithAByteOrderMark) {
  EXPECT_EQ(Load("\xef\xbb\xbf" + kRl), Load(kRl));
  EXPECT_NE(Complaint("\xef\xbb\xbf" + kRl + "rl: {steps: 0}").find("run.yaml:4: rl.steps"), std::string::npos);
}

TEST_F(LoadTest, RefusesWhatHasNoEffectOrCannotFire) {
  const std::vector<Case> cases = {
      {"budget: {tokens: 45, window: 0.4}\nreward: {times: [budget]}\nrollout: {max_completion_tokens: 62}",
       "rollout.max_completion_tokens: got 62, expected at least (1 + m)·B = 63 tokens"},
      {"reward: {times: [budget]}", "reward.times[0]: pays by a budget but budget.tokens is 0"},
      {"reward: {plus: [budget]}", "reward.plus[0]: pays by a budget but budget.tokens is 0"},
      {"budget: {tokens: 45}", "budget.tokens: has no effect"},
      {"budget: {window: 0.4}", "budget.window: has no effect unless budget.tokens is more than 0"},
      {"budget: {tokens: 45, floor: 1}\nreward: {times: [budget]}", "budget.floor: is 1"},
      {"reward: {times: [{kind: free_then_falling, free_tokens: 150, fall_tokens: 11}]}", "could not fire"},
      {"reward: {times: [free_then_falling]}", "reward.times[0].fall_tokens: got 0, expected an integer from 1 to 100000000"},
      {"reward: {plus: [{kind: soft_overlong, max_tokens: 161, cache_tokens: 10}]}", "could not fire"},
      {"reward: {plus: [{kind: soft_overlong, max_tokens: 160}]}", "could not fire"},
      {"reward: {plus: [{kind: soft_overlong, max_tokens: 16, cache_tokens: 17}]}", "cache_tokens is 17"},
      {"reward: {times: [{kind: soft_overlong, max_tokens: 16, cache_tokens: 7}]}", "put it under plus:"},
      {"reward: {times: [{kind: format, weight: 2}]}", "weight and always belong to plus: terms"},
      {"reward: {plus: [{kind: format, weight: 0}]}", "reward.plus[0].weight: got 0, expected a number other than 0"},
      {"reward: {plus: [{kind: format, free_tokens: 2}]}",
       "reward.plus[0].free_tokens: has no effect unless kind is free_then_falling; this one is format"},
      {"reward: {times: [fromat]}", "got fromat, expected budget, free_then_falling, soft_overlong, l1_exact"},
      {"reward: {times: [{weight: 2}]}", "reward.times[0].kind: got nothing"},
      {"reward: {plus: [{kind: format, wieght: 2}]}", "reward.plus[0].wieght: unknown key; did you mean weight?"},
      {"reward: {times: budget}", "reward.times: got 'budget', expected a list"},
      {"adapter: {dropout: 0.1}", "adapter.dropout: must be 0 when stage is rl"},
      {"sft: {epochs: 1}", "sft.epochs: has no effect when stage is rl"},
      {"data: {brief_rate: 0.5, limit: 8}", "data.brief_rate: has no effect when stage is rl"},
      {"data: {verbosity: short, limit: 8}", "data.verbosity: has no effect when stage is rl"},
      {"rl: {group_size: 4294967298}", "rl.group_size: got 4294967298, expected an integer from 1 to 4096"},
      {"rl: {prompts_per_step: 4097}", "rl.prompts_per_step: got 4097"},
      {"rl: {micro_batch_size: 4097}", "rl.micro_batch_size: got 4097"},
      {"rl: {updates_per_rollout: 1001}", "rl.updates_per_rollout: got 1001"},
      {"rl: {steps: 9223372036854775807}", "rl.steps: got 9223372036854775807"},
      {"rollout: {max_completion_tokens: 1048577}", "rollout.max_completion_tokens: got 1048577"},
      {"rollout: {temperature: 100.5}", "rollout.temperature: got 100.5, expected a number more than 0 and at most 100"},
      {"rollout: {top_k: 9223372036854775807}", "rollout.top_k: got 9223372036854775807"},
      {"rollout: {temperature: 0}", "rollout.temperature: got 0"},
      {"rollout: {max_batch: 0}", "rollout.max_batch: got 0"},
      {"rl: {importance_cap: 0.5}", "rl.importance_cap: got 0.5, expected a number of at least 1 (to switch"},
      {"rl: {steps: 2}\noptimizer: {warmup_steps: 3}", "optimizer.warmup_steps: got 3, expected less than the run's 2 optimiser steps"},
      {"rl: {steps: 2}\noptimizer: {warmup_steps: 2}", "optimizer.warmup_steps: got 2, expected less than the run's 2 optimiser steps"},
  };
  for (const Case& c : cases) {
    const std::string base = c.extra.starts_with("data:") ? "stage: rl\nmodel: {path: m.gguf}\n" : kRl;
    const std::string text = Complaint(base + c.extra + "\n");
    EXPECT_NE(text.find(c.complaint), std::string::npos) << c.extra << "\n" << text;
    EXPECT_EQ(text.find("problems in"), std::string::npos) << "one mistake, several complaints\n" << text;
  }
  EXPECT_EQ(Complaint(kRl + "rl: {steps: 2}\noptimizer: {warmup_steps: 1}"), "");
  // At the limit itself the penalties can fire.
  EXPECT_EQ(Complaint(kRl + "budget: {tokens: 45, window: 0.4}\nreward: {times: [budget]}\n"
                            "rollout: {max_completion_tokens: 63}"), "");
  EXPECT_EQ(Complaint(kRl + "reward: {plus: [{kind: soft_overlong, max_tokens: 160, cache_tokens: 10}]}"), "");
  EXPECT_EQ(Complaint(kRl + "reward: {times: [{kind: free_then_falling, free_tokens: 150, fall_tokens: 10}]}"), "");
}

TEST_F(LoadTest, ChecksDataAgainstTheDataset) {
  const auto complaint = [&](const std::string& data) { return Complaint("model: {path: m}\ndata: {" + data + "}\n"); };
  EXPECT_NE(complaint("dataset: synthetic").find("data.limit: generated data has no end"), std::string::npos);
  EXPECT_NE(complaint("limit: 8, min_steps: 3, max_steps: 2").find("data.min_steps: got 3"), std::string::npos);
  EXPECT_NE(complaint("dataset: gsm8k, min_steps: 2").find("data.min_steps: has no effect unless"), std::string::npos);
  EXPECT_NE(complaint("dataset: gsm8k, answer_field: a").find("data.answer_field: has no effect"), std::string::npos);
  EXPECT_NE(complaint("dataset: math500, split: test").find("data.split: has no effect"), std::string::npos);
  EXPECT_NE(complaint("dataset: gsm9k").find("data.dataset: got gsm9k, expected gsm8k, math"), std::string::npos);
  EXPECT_EQ(complaint("dataset: x/y.jsonl, answer_field: a"), "");
  EXPECT_EQ(complaint("dataset: gsm8k, split: test"), "");
}

TEST_F(LoadTest, RefusesFilesThatAreNoConfiguration) {
  EXPECT_NE(Complaint("").find("model.path: got nothing, expected a GGUF file"), std::string::npos);
  EXPECT_NE(Complaint("just text").find("expected keys"), std::string::npos);
  EXPECT_NE(Complaint("- a\n- b\n").find("got a list, expected keys"), std::string::npos);
  EXPECT_NE(Complaint(std::string(3000, '[')).find("run.yaml"), std::string::npos);
  EXPECT_NE(Complaint(std::string(2 << 20, ' ')).find("too long"), std::string::npos);
  EXPECT_THROW(LoadTrainConfig((folder_ / "absent.yaml").string()), UserError);
  EXPECT_THROW(LoadTrainConfig(folder_.string()), UserError);
}

TEST_F(LoadTest, OverridesReplaceAndAreNamedInComplaints) {
  const TrainConfig config = Load(kRl + "rollout: {top_k: 5}\nreward: {plus: [format, format]}\n",
                                  {"rl.steps=5", "rollout.top_k=7", "seed=3", "reward.plus.1={kind: format, weight: 0.5}",
                                   "reward.plus.2=format", "adapter.targets=[v_proj]", "init_adapter=runs/x/adapter",
                                   "data.system="});
  EXPECT_EQ(config.rl.steps, 5);
  EXPECT_EQ(config.rollout.top_k, 7);
  EXPECT_EQ(config.run.seed, 3u);
  EXPECT_EQ(config.adapter.targets, std::vector<std::string>{"v_proj"});
  EXPECT_EQ(config.run.init_adapter, "runs/x/adapter");
  EXPECT_EQ(config.data.system, "");
  ASSERT_EQ(config.reward.plus.size(), 3u);
  EXPECT_EQ(config.reward.plus[0].weight, 1.0);
  EXPECT_EQ(config.reward.plus[1].weight, 0.5);
  // An override mends what is wrong in the file.
  EXPECT_EQ(Complaint(kRl + "seed: x", {"seed=1"}), "");

  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"rl.stesp=5", "--set rl.stesp=5: rl.stesp: unknown key; did you mean steps?"},
      {"rl.steps=0", "--set rl.steps=0: rl.steps: got 0, expected an integer from 1"},
      {"rl.steps", "--set rl.steps: expected section.key=value"},
      {"", "--set '': expected section.key=value"},
      {"=5", "--set =5: expected section.key=value"},
      {"rl..steps=5", "expected section.key=value"},
      {"rl.steps=", "--set rl.steps=: rl.steps: got the text \"\", expected an integer"},
      {"rl.steps=[1", "--set rl.steps=[1: rl.steps: not valid YAML"},
      {"rl.steps.x=1", "rl.steps: got a group of keys, expected an integer"},
      {"rl=5", "--set rl=5: rl: is a section"},
      {"model.path.x=1", "model.path: is one value and has no key 'x' inside"},
      {"adapter.targets=[z]", "--set adapter.targets=[z]: adapter.targets[0]: got z"},
  };
  for (const auto& [assignment, complaint] : wrong) {
    const std::string text = Complaint(kRl, {assignment});
    EXPECT_NE(text.find(complaint), std::string::npos) << assignment << "\n" << text;
    EXPECT_EQ(text.find("problems in"), std::string::npos) << text;
  }
  EXPECT_NE(Complaint(kRl + "reward: {plus: [format]}", {"reward.plus.2=format"}).find("is a list of 1"), std::string::npos);
}

TEST_F(LoadTest, EveryConfigOfTheProjectLoadsAndItsDumpLoadsBackEqual) {
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(PITH_TEST_SOURCE) / "configs")) {
    if (entry.path().extension() != ".yaml") continue;
    SCOPED_TRACE(entry.path().string());
    const TrainConfig config = LoadTrainConfig(entry.path().string());
    const std::string dump = DumpTrainConfig(config);
    const TrainConfig again = Load(dump);
    EXPECT_EQ(config, again);
    EXPECT_EQ(dump, DumpTrainConfig(again));
    ++count;
  }
  EXPECT_GE(count, 11);
}

TEST_F(LoadTest, DumpKeepsAwkwardValues) {
  TrainConfig config = Load(kRl + "rollout: {max_completion_tokens: 63}\nbudget: {tokens: 45, window: 0.4}\n"
                                  "reward: {times: [budget], plus: [{kind: format, weight: 0.1}]}\n");
  config.optimizer.epsilon = 1.0000000000000002e-8;
  config.optimizer.learning_rate = 0.1 + 0.2;
  for (const std::string text : {"", "true", "null", "~", "5", "1e3", "- x", "a: b", "#", " pad ", "quote\" back\\ \n\t\r\x01\x7f", "Größe − π",
                                 "'", "{budget}", "[x", "*a", "&a", "!t", "%", "@", "`", "a #b", "yes", ".inf", "0x10", "---", "|", ">"}) {
    config.data.system = text;
    config.budget.close_text = text;
    EXPECT_EQ(Load(DumpTrainConfig(config)), config) << text;
  }
}

TEST_F(LoadTest, DumpLeavesOutWhatAnotherStageReads) {
  const std::string sft = DumpTrainConfig(Load(kSft)), rl = DumpTrainConfig(Load(kRl));
  for (const char* key : {"\nsft:", "  verbosity: ", "  brief_rate: "}) {
    EXPECT_NE(sft.find(key), std::string::npos) << key;
    EXPECT_EQ(rl.find(key), std::string::npos) << key;
  }
  for (const char* key : {"\nrl:", "\nrollout:", "  completions: "}) {
    EXPECT_EQ(sft.find(key), std::string::npos) << key;
    EXPECT_NE(rl.find(key), std::string::npos) << key;
  }
  EXPECT_NE(ConfigReference().find("Style of the generated solutions. Only when data.dataset is synthetic. Only when stage is sft or distill."),
            std::string::npos);
}

TEST_F(LoadTest, SurvivesBrokenFiles) {
  const std::string good = ReadFile(std::string(PITH_TEST_SOURCE) + "/configs/tiny-rl.yaml");
  std::mt19937 random(11);
  for (int round = 0; round < 1000; ++round) {
    std::string bad = good;
    if (round % 3 == 0) bad.resize(random() % bad.size());
    for (int i = 0; i < round % 5; ++i) {
      if (!bad.empty()) bad[random() % bad.size()] = static_cast<char>(random() % 256);
    }
    Complaint(bad);  // loads, or throws UserError; anything else fails the test
  }
}

TEST(ConfigReference, IsCurrent) {
  const std::string path = std::string(PITH_TEST_SOURCE) + "/docs/config-reference.md";
  if (std::getenv("PITH_UPDATE_DOCS") != nullptr) WriteFile(path, ConfigReference());
  EXPECT_EQ(ReadFile(path), ConfigReference()) << "regenerate it: PITH_UPDATE_DOCS=1 configs_test "
                                                  "--gtest_filter=ConfigReference.IsCurrent";
}

TEST(ConfigKeys, NamesEveryKeyWithItsDefault) {
  const std::string keys = ConfigKeys();
  EXPECT_NE(keys.find("rl.steps (integer, default 30): "), std::string::npos) << keys;
  EXPECT_NE(keys.find("\nstage (text, default sft): "), std::string::npos) << keys;
}

}  // namespace
}  // namespace pith
