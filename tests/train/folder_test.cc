// Run folders: what they refuse, what they replace, and checkpoints that do not belong to the run.
#include <gtest/gtest.h>

#include <filesystem>

#include "adapters/peft.h"
#include "adapters/torch/fresh_adapter.h"
#include "tests/train/tiny_run.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using testing::Execute;
using testing::MetricsOf;
using testing::Refusal;
using testing::Scratch;
using testing::TinyConfig;

#define EXPECT_REFUSED(body, part)                                                    \
  do {                                                                                \
    const std::string sentence = Refusal([&] { body; });                              \
    EXPECT_NE(sentence.find(part), std::string::npos) << "the sentence: " << sentence; \
  } while (0)

TEST(RunFolder, RefusesAnEarlierRunAndAnotherConfiguration) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "twice");
  c.sft.epochs = 1;
  Execute(c);
  EXPECT_REFUSED(Execute(c), "holds a run already");
  c.optimizer.learning_rate = 1e-4;
  EXPECT_REFUSED(Execute(c, FolderMode::kResume), "learning_rate: 1e-04'");
  // What is not the run's stays, even beside its checkpoints.
  WriteFile(c.run.folder + "/notes.txt", "mine");
  WriteFile(c.run.folder + "/checkpoints/notes.txt", "mine");
  fs::create_directories(c.run.folder + "/checkpoints/step-500");
  Execute(c, FolderMode::kOverwrite);
  EXPECT_EQ(MetricsOf(c.run.folder).size(), 3u);
  EXPECT_FALSE(fs::exists(c.run.folder + "/checkpoints/.writing"));
  EXPECT_FALSE(fs::exists(c.run.folder + "/checkpoints/step-500")) << "an old checkpoint would outrank the new ones";
  EXPECT_TRUE(FileExists(c.run.folder + "/checkpoints/step-3/state.json"));
  EXPECT_TRUE(FileExists(c.run.folder + "/notes.txt"));
  EXPECT_TRUE(FileExists(c.run.folder + "/checkpoints/notes.txt"));
}

TEST(RunFolder, HasNothingToResumeWhereNoRunIs) {
  const Scratch scratch;
  const TrainConfig c = TinyConfig(scratch, "sft", "never");
  EXPECT_REFUSED(Execute(c, FolderMode::kResume), "holds no run to go on with; start it without --resume");
  EXPECT_FALSE(fs::exists(c.run.folder));
  fs::create_directories(c.run.folder);
  EXPECT_REFUSED(CheckRunFolder(c.run.folder, FolderMode::kResume), "holds no run to go on with");
  EXPECT_FALSE(CheckRunFolder(c.run.folder, FolderMode::kNew));
  Execute(c, FolderMode::kNew, 1);
  EXPECT_TRUE(CheckRunFolder(c.run.folder, FolderMode::kResume));
  EXPECT_REFUSED(CheckRunFolder(c.run.folder, FolderMode::kNew), "holds a run already");
}

TEST(RunFolder, GoesOnWhereAnEarlierVersionKnewFewerSettings) {
  const Scratch scratch;
  const TrainConfig c = TinyConfig(scratch, "sft", "earlier");
  Execute(c, FolderMode::kNew, 1);
  const std::string path = c.run.folder + "/config.yaml";
  std::string text = ReadFile(path);
  const size_t line = text.find("  now:");
  ASSERT_NE(line, std::string::npos) << text;
  text.erase(line, text.find('\n', line) + 1 - line);
  WriteFile(path, text);
  Execute(c, FolderMode::kResume);
  EXPECT_NE(ReadFile(path).find("  now:"), std::string::npos);
}

TEST(RunFolder, LeavesFoldersThatAreNoRunAlone) {
  const Scratch scratch;
  const TrainConfig c = TinyConfig(scratch, "sft", "foreign");
  const std::string own_config = "stage: sft  # somebody's own file\n";
  for (const char* name : {"config.yaml", "metrics.jsonl", "completions/x", "checkpoints/step-500/state.json", "adapter/thesis.tex"}) {
    fs::remove_all(c.run.folder);
    fs::create_directories(fs::path(c.run.folder + "/" + name).parent_path());
    WriteFile(c.run.folder + "/" + name, own_config);
    for (const FolderMode mode : {FolderMode::kNew, FolderMode::kResume, FolderMode::kOverwrite}) {
      EXPECT_REFUSED(Execute(c, mode), "is no run");
      EXPECT_EQ(ReadFile(c.run.folder + "/" + name), own_config) << name;
    }
    EXPECT_EQ(std::distance(fs::directory_iterator(c.run.folder), fs::directory_iterator()), 1) << name;
  }
}

TEST(RunFolder, FindsAnAdapterThatItCouldNotReplaceBeforeTraining) {
  const Scratch scratch;
  const TrainConfig c = TinyConfig(scratch, "sft", "blocked");
  Execute(c, FolderMode::kNew, 1);
  fs::create_directories(c.run.folder + "/adapter");
  WriteFile(c.run.folder + "/adapter/thesis.tex", "x");
  for (const FolderMode mode : {FolderMode::kResume, FolderMode::kOverwrite}) {
    EXPECT_REFUSED(Execute(c, mode), "thesis.tex");
    EXPECT_EQ(MetricsOf(c.run.folder).size(), 1u) << "it trained, or removed what was there";
  }
}

class Checkpoint : public ::testing::Test {
 protected:
  Checkpoint() : config_(TinyConfig(scratch_, "sft", "damaged")) {
    Execute(config_, FolderMode::kNew, 2);
    folder_ = config_.run.folder + "/checkpoints/step-2";
  }
  void Resume() { Execute(config_, FolderMode::kResume); }
  void WriteAdapter(LoraAdapter adapter) { WritePeft(adapter, folder_ + "/adapter"); }
  void Edit(const std::string& path, const std::string& from, const std::string& to) {
    std::string text = ReadFile(path);
    ASSERT_NE(text.find(from), std::string::npos) << text;
    WriteFile(path, text.replace(text.find(from), from.size(), to));
  }

  Scratch scratch_;
  TrainConfig config_;
  std::string folder_;
};

TEST_F(Checkpoint, WithDamagedMomentsOrStateIsRefused) {
  const std::string moments = folder_ + "/optimizer.safetensors", whole = ReadFile(moments);
  WriteFile(moments, whole.substr(0, whole.size() / 2));
  EXPECT_REFUSED(Resume(), "optimizer.safetensors");
  WriteFile(moments, whole);
  const std::string state = ReadFile(folder_ + "/state.json");
  for (const char* text : {"{\"step\": 9}", "{\"step\": \"x\"}", "[]", "", "{"}) {
    WriteFile(folder_ + "/state.json", text);
    EXPECT_REFUSED(Resume(), "state.json");
  }
  WriteFile(folder_ + "/state.json", state);
  Edit(folder_ + "/state.json", "\"num_updates\": 2", "\"num_updates\": -2");
  EXPECT_REFUSED(Resume(), "negative");
}

TEST_F(Checkpoint, OfAnotherBaseIsRefused) {
  LoraAdapter adapter = ReadPeft(folder_ + "/adapter");
  adapter.base_sha256 = std::string(64, 'a');
  WriteAdapter(adapter);
  EXPECT_REFUSED(Resume(), "was trained on base aaaaaaaaaaaa");
}

TEST_F(Checkpoint, WithAnAdapterOfAnotherFormIsRefused) {
  const LoraAdapter good = ReadPeft(folder_ + "/adapter");
  const ModelConfig model = BaseModel::Load(config_.model.path)->config();
  LoraAdapter other = FreshAdapter(model, {config_.adapter.targets, 5, 8, {}, {}}, false, 1);  // another rank
  other.invocation = good.invocation;
  other.base_sha256 = good.base_sha256;
  WriteAdapter(other);
  EXPECT_REFUSED(Resume(), "another rank");
  other = good;  // as many layers, but others
  other.pairs.erase("blk.1.attn_q.weight");
  WriteAdapter(other);
  EXPECT_REFUSED(Resume(), "other layers");
  other = good;
  other.invocation = {1};
  WriteAdapter(other);
  EXPECT_REFUSED(Resume(), "invocation");
  other = good;
  other.alpha = 9;
  WriteAdapter(other);
  EXPECT_REFUSED(Resume(), "scale");
  WriteAdapter(good);
  Resume();
  EXPECT_EQ(MetricsOf(config_.run.folder).size(), 6u);
}

TEST_F(Checkpoint, WithDamagedMetricsIsRefusedAndALineCutOffByACrashDropped) {
  const std::string path = config_.run.folder + "/metrics.jsonl", good = ReadFile(path);
  for (const char* line : {"{\"step\":\"x\"}", "{\"loss\":1}", "{\"step\":1.5}", "7", "{"}) {
    WriteFile(path, good + line + "\n");
    EXPECT_REFUSED(Resume(), "metrics.jsonl:3: ");
    EXPECT_EQ(ReadFile(path), good + line + "\n") << "it was rewritten";
  }
  WriteFile(path, good + "{\"step\": 2");
  Resume();
  EXPECT_EQ(MetricsOf(config_.run.folder).size(), 6u);
}

}  // namespace
}  // namespace pith
