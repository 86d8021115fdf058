// log.command: a process that reads, one that reads slowly, one that ends, one that cannot be started. None may hold up a step.
#include <gtest/gtest.h>

#include <chrono>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "tests/base/scratch.h"
#include "train/run/metrics_feed.h"

namespace pith {
namespace {

using std::chrono::milliseconds;
using FeedTestClock = std::chrono::steady_clock;

// Sends n lines with a pause, and ends; the warnings.
std::vector<std::string> Feed(const std::vector<std::string>& command, int n, milliseconds pause = milliseconds(0), milliseconds time_to_end = milliseconds(5000)) {
  std::vector<std::string> warnings;
  const LogSink sink = [&](LogLevel, const std::string& line) { warnings.push_back(line); };
  const LogScope scope(&sink);
  MetricsFeed feed(command, {"PITH_RUN_NAME=mine"}, Scratch("command.log"), time_to_end);
  for (int i = 1; i <= n; ++i) {
    feed.Send(Str("{\"step\":", i, "}"));
    if (pause.count() > 0) std::this_thread::sleep_for(pause);
  }
  return warnings;  // of what is said at the end, none: the feed is still there
}

TEST(MetricsFeed, SendsEveryLineAndEndsWithTheRun) {
  const std::string out = Scratch("lines");
  EXPECT_EQ(Feed({"sh", "-c", "echo \"$PITH_RUN_NAME\"; echo words >&2; cat > " + out}, 300).size(), 0u);
  const std::string lines = ReadFile(out);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 300);
  EXPECT_TRUE(lines.starts_with("{\"step\":1}\n{\"step\":2}\n")) << lines.substr(0, 60);
  EXPECT_TRUE(lines.ends_with("{\"step\":300}\n"));
  EXPECT_EQ(ReadFile(Scratch("command.log")), "mine\nwords\n");
}

TEST(MetricsFeed, AProcessThatNeverReadsHoldsNothingUp) {
  std::vector<std::string> warnings;
  const LogSink sink = [&](LogLevel, const std::string& line) { warnings.push_back(line); };
  const LogScope scope(&sink);
  const auto begin = FeedTestClock::now();
  {
    MetricsFeed feed({"sleep", "60"}, {}, Scratch("slow.log"), milliseconds(200));
    const std::string line(1000, 'x');
    for (size_t i = 0; i < MetricsFeed::kMaxWaiting + 500; ++i) feed.Send(line);
    EXPECT_LT(FeedTestClock::now() - begin, milliseconds(2000));
  }
  EXPECT_LT(FeedTestClock::now() - begin, milliseconds(4000)) << "it is ended with the run";
  ASSERT_EQ(warnings.size(), 3u);
  EXPECT_NE(warnings[0].find("10000 lines of metrics behind"), std::string::npos) << warnings[0];
  EXPECT_NE(warnings[1].find("ended with signal 9"), std::string::npos) << warnings[1];
  EXPECT_NE(warnings[2].find("lines of metrics were not sent"), std::string::npos) << warnings[2];
}

TEST(MetricsFeed, AProcessThatFailsIsNamedOnceAndTheRunGoesOn) {
  const std::vector<std::string> warnings = Feed({"sh", "-c", "echo no network >&2; exit 3"}, 40, milliseconds(10));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("log.command reads no more (exit status 3; its words are in "), std::string::npos) << warnings[0];
  EXPECT_EQ(Feed({"/no/such/program"}, 3).at(0), "log.command: '/no/such/program' cannot be started (No such file or directory); the run goes on without it");
}

}  // namespace
}  // namespace pith
