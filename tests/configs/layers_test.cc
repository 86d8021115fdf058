// extends: what a file says over the one it begins as, and what is wrong with such chains.
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "configs/load.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

class Layers : public testing::Test {
 protected:
  Layers() {
    Write("base.yaml", "stage: rl\nname: base\nseed: 3\nmodel: {path: m.gguf}\nadapter: {targets: [q_proj, v_proj], rank_pattern: {q_proj: 8}}\ndata: {limit: 8}\n"
                       "rl:\n  steps: 40\n  num_generations: 4\nreward: {times: [format], verifier: {command: [judge], timeout_seconds: 5}}\n"
                       "optimizer: {schedule: cosine}\n");
  }
  void Write(const std::string& name, const std::string& yaml) {
    MakeFolders(std::filesystem::path(folder_ / name).parent_path());
    WriteFile(folder_ / name, yaml);
  }
  TrainConfig Load(const std::string& name, const std::vector<std::string>& overrides = {}) { return LoadTrainConfig(folder_ / name, overrides); }
  // With the folder cut away.
  std::string Complaint(const std::string& name, const std::vector<std::string>& overrides = {}) {
    try {
      Load(name, overrides);
    } catch (const UserError& error) {
      std::string text = error.what();
      const std::string cut = folder_.path() + "/";
      for (size_t at; (at = text.find(cut)) != std::string::npos;) text.erase(at, cut.size());
      return text;
    }
    return "";
  }
  TempFolder folder_;
};

TEST_F(Layers, ReplaceKeyByKeyAndListsAndMapsAsAWhole) {
  Write("deep/child.yaml", "extends: ../base.yaml\nname: child\nrl: {steps: 7}\nadapter: {targets: [o_proj], rank_pattern: {o_proj: 16}}\n"
                           "reward: {verifier: {timeout_seconds: 9}}\n");
  const TrainConfig config = Load("deep/child.yaml");
  EXPECT_EQ(config.run.name, "child");
  EXPECT_EQ(config.run.folder, "runs/child");
  EXPECT_EQ(config.run.seed, 3u);
  EXPECT_EQ(config.rl.steps, 7);
  EXPECT_EQ(config.rl.group_size, 4);
  EXPECT_EQ(config.adapter.targets, std::vector<std::string>{"o_proj"});
  EXPECT_EQ(config.adapter.rank_pattern, (std::vector<std::pair<std::string, int64_t>>{{"o_proj", 16}}));
  ASSERT_EQ(config.reward.times.size(), 1u);
  EXPECT_EQ(config.reward.verifier.command, std::vector<std::string>{"judge"}) << "a group of keys is merged";
  EXPECT_EQ(config.reward.verifier.timeout_seconds, 9);
  const std::string dump = DumpTrainConfig(config);
  EXPECT_EQ(dump.find("extends"), std::string::npos);
  Write("dump.yaml", dump);
  EXPECT_EQ(Load("dump.yaml"), config);
}

TEST_F(Layers, ChainAndUnderstandEitherName) {
  Write("middle.yaml", "extends: base.yaml\nrl: {group_size: 6}\noptimizer: {lr_scheduler_type: linear}\n");
  Write("child.yaml", "extends: middle.yaml\nnum_generations: 10\n");
  EXPECT_EQ(Load("middle.yaml").rl.group_size, 6);
  EXPECT_EQ(Load("child.yaml").rl.group_size, 10);
  EXPECT_EQ(Load("child.yaml").optimizer.schedule, "linear");
  EXPECT_EQ(Load("child.yaml", {"rl.group_size=12"}).rl.group_size, 12);
}

TEST_F(Layers, TakeBackWhatTheBaseSets) {
  Write("child.yaml", "extends: base.yaml\nstage: sft\nrl: ~\nreward: ~\noptimizer: {schedule: ~}\n");
  const TrainConfig config = Load("child.yaml");
  EXPECT_EQ(config.rl, RlSettings());
  EXPECT_EQ(config.optimizer.schedule, "constant");
  Write("child.yaml", "extends: base.yaml\nstage: sft\nreward: ~\n");
  EXPECT_EQ(Complaint("child.yaml"),
            "2 problems in the configuration:\n"
            "base.yaml:8: rl.steps: has no effect when stage is sft; remove it (or write `steps: ~` in child.yaml, which takes it back)\n"
            "base.yaml:9: rl.group_size: has no effect when stage is sft; remove it (or write `group_size: ~` in child.yaml, which takes it back)");
}

TEST_F(Layers, ErrorsNameTheFileAndTheLine) {
  Write("wrong.yaml", "model: {path: m.gguf}\ndata: {limit: 8}\nsft:\n  epochs: many\n");
  Write("child.yaml", "seed: 1\nextends: wrong.yaml\nsft: {batch_size: 0}\n");
  EXPECT_EQ(Complaint("child.yaml"), "2 problems in the configuration:\n"
                                     "child.yaml:3: sft.batch_size: got 0, expected an integer from 1 to 65536\n"
                                     "wrong.yaml:4: sft.epochs: got 'many', expected an integer from 1 to 10000");
  Write("wrong.yaml", "model: [1\n");
  EXPECT_NE(Complaint("child.yaml").find("wrong.yaml:"), std::string::npos) << Complaint("child.yaml");
  EXPECT_NE(Complaint("child.yaml").find("not valid YAML"), std::string::npos) << Complaint("child.yaml");
  Write("child.yaml", "seed: 1\nextends: none.yaml\n");
  EXPECT_NE(Complaint("child.yaml").find("child.yaml:2: extends: "), std::string::npos) << Complaint("child.yaml");
  Write("child.yaml", "extends: [a.yaml]\n");
  EXPECT_EQ(Complaint("child.yaml"), "child.yaml:1: extends: got a list, expected the path of another configuration");
  EXPECT_EQ(Complaint("base.yaml", {"extends=x.yaml"}), "--set extends=x.yaml: extends: can stand in a file alone; give that file instead of this one");
}

TEST_F(Layers, ACycleIsRefused) {
  Write("a.yaml", "extends: b.yaml\n");
  Write("b.yaml", "seed: 1\nextends: a.yaml\n");
  EXPECT_EQ(Complaint("a.yaml"), "b.yaml:2: extends: 'a.yaml' extends itself, in 2 steps; a base must not come back to what extends it");
  Write("a.yaml", "extends: a.yaml\n");
  EXPECT_EQ(Complaint("a.yaml"), "a.yaml:1: extends: 'a.yaml' extends itself, in 1 step; a base must not come back to what extends it");
}

}  // namespace
}  // namespace pith
