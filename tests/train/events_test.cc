// TensorBoard event files: the bytes that TensorBoard's own library writes, and those of a run.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/train/tiny_run.h"
#include "train/run/events.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using testing::Execute;
using testing::Scratch;
using testing::TinyConfig;

std::vector<std::string> EventFiles(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().find("tfevents") != std::string::npos) files.push_back(entry.path().string());
  }
  return files;
}

TEST(Events, EqualTensorBoardsBytes) {
  const std::string golden = ReadFile(std::string(PITH_TEST_GOLDEN) + "/train/events.tfevents");
  const std::string ours = EventsHead(1763720000.25) +
                           EventOfStep(1763720001.5, 1, {{"loss", 0.5}, {"completions/mean_length", 61.75}}) +
                           EventOfStep(1763720002.75, 300, {{"loss", -1.0 / 3.0}, {"learning_rate", 2e-4}, {"num_tokens", 123456789.0}}) +
                           EventOfStep(1763720003.0, 5000000000, {{"rewards/budget/mean", 0.0}});
  EXPECT_EQ(ours, golden);
}

TEST(Events, LeaveOutWhatIsNotFiniteAndTheTimeItself) {
  EXPECT_EQ(EventOfStep(1, 2, {{"a", NAN}, {"b", 3}, {"c", 1e300}, {"wall_time", 1}}), EventOfStep(1, 2, {{"b", 3}}));
}

// What a run's file must hold: its head, and each line of metrics.jsonl once.
void ExpectEventsEqualMetrics(const std::string& folder) {
  const std::vector<std::string> files = EventFiles(folder);
  ASSERT_EQ(files.size(), 1u);
  const auto lines = MetricsFile(folder + "/metrics.jsonl").Until(1000);
  ASSERT_EQ(lines.size(), 6u);
  std::string expected;
  for (const MetricsLine& line : lines) {
    ASSERT_TRUE(FindMetric(line.metrics, "wall_time").has_value());
    expected += EventOfStep(FindMetric(line.metrics, "wall_time").value(), line.step, line.metrics);
  }
  const std::string got = ReadFile(files[0]);
  ASSERT_GT(got.size(), expected.size());
  EXPECT_EQ(got.substr(got.size() - expected.size()), expected);
  EXPECT_EQ(got.size() - expected.size(), EventsHead(0).size());
}

TEST(Events, OfARunAreItsMetricsAlsoAfterAResumption) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "events");
  Execute(c);
  ExpectEventsEqualMetrics(c.run.folder);
  Execute(c, FolderMode::kOverwrite, 3);
  EXPECT_EQ(EventFiles(c.run.folder).size(), 1u);
  fs::remove_all(c.run.folder + "/checkpoints/step-3");  // step 3 comes again
  Execute(c, FolderMode::kResume);
  ExpectEventsEqualMetrics(c.run.folder);
  c.log.tensorboard = false;
  Execute(c, FolderMode::kOverwrite);
  EXPECT_TRUE(EventFiles(c.run.folder).empty());
}

}  // namespace
}  // namespace pith
