// kill -9 at any moment, then --resume: the run ends as if nothing had happened, to the bit. The program as people start it,
// on configs/tiny-rl.yaml.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "base/file.h"
#include "base/rng.h"
#include "tests/base/temp_folder.h"
#include "train/run/events.h"
#include "train/run/metrics.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kRandomKills = 10, kAimedKills = 4;

double Seconds(Clock::time_point since) { return std::chrono::duration<double>(Clock::now() - since).count(); }

class KillTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!FileExists(Program())) GTEST_SKIP() << "pith-train is not built in this configuration";
    ::setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
  }

  static std::string Program() { return std::string(PITH_TEST_BINARY) + "/pith-train"; }

  // Goes on with what is there; a run that was killed before it had a folder begins anew.
  pid_t Start(const std::string& run) {
    const bool resume = FileExists(run + "/config.yaml");
    // Checkpoints by the clock too: they come at other steps in each run, and that must not matter.
    std::vector<std::string> words = {Program(), "configs/tiny-rl.yaml", "--set", "folder=" + run, "--set", "log.save_minutes=0.003", "--expect"};
    if (resume) words.push_back("--resume");
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const std::string log = folder_ / "log";
    const pid_t pid = fork();
    if (pid != 0) return pid;
    const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    dup2(out, 1);
    dup2(out, 2);
    if (chdir(PITH_TEST_SOURCE) == 0) execv(arguments[0], arguments.data());
    _exit(127);
  }

  // Whether the process still ran.
  static bool Kill(pid_t pid) {
    kill(pid, SIGKILL);
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status);
  }

  void Finish(pid_t pid) {
    int status = 0;
    waitpid(pid, &status, 0);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << ReadFile(folder_ / "log");
  }

  TempFolder folder_;
};

// Metrics without their clocks.
std::string Unclocked(const std::string& metrics) {
  std::istringstream in(metrics);
  std::string kept, text;
  while (std::getline(in, text)) {
    nlohmann::ordered_json line, unclocked;
    line = nlohmann::ordered_json::parse(text);
    for (const auto& [name, value] : line.items()) {
      const bool clock = name == "tokens_per_second" || name == "step_time" || name == "wall_time" || name.starts_with("time/");
      if (!clock) unclocked[name] = value;
    }
    kept += unclocked.dump() + "\n";
  }
  return kept;
}

// All that a finished run leaves, by name. Of the checkpoints the last and the best, since the clock decides which others
// there are. The event file is replaced by whether it holds each line of metrics once.
std::map<std::string, std::string> Contents(const std::string& run) {
  const std::string last = "checkpoints/step-24/";
  const auto best = "checkpoints/step-" + nlohmann::json::parse(ReadFile(run + "/checkpoints/best.json"))["step"].dump() + "/";
  std::map<std::string, std::string> contents;
  for (const auto& entry : fs::recursive_directory_iterator(run)) {
    const std::string name = fs::relative(entry.path(), run).string(), bare = entry.path().filename().string();
    if (entry.is_directory() && !bare.starts_with(".") && bare.find(".tmp-") == std::string::npos) continue;
    if (name.starts_with("checkpoints/step-") && !name.starts_with(last) && !name.starts_with(best)) continue;
    if (EventsFile::IsName(bare)) {
      std::string expected;
      for (const MetricsLine& line : MetricsFile(run + "/metrics.jsonl").Until(1000)) {
        expected += EventOfStep(FindMetric(line.metrics, "wall_time").value_or(0), line.step, line.metrics);
      }
      const std::string got = ReadFile(entry.path().string());
      contents["events"] += got.size() == expected.size() + EventsHead(0).size() && got.ends_with(expected) ? "as metrics" : "others";
    } else if (name == "config.yaml") {
      contents[name] = ReadFile(entry.path().string()).find("stage: rl") != std::string::npos ? "there" : "broken";  // it names the folder
    } else {
      const std::string bytes = entry.is_directory() ? "folder" : ReadFile(entry.path().string());
      contents[name] = name == "metrics.jsonl" ? Unclocked(bytes) : bytes;
    }
  }
  return contents;
}

void ExpectEqual(const std::map<std::string, std::string>& got, const std::map<std::string, std::string>& wanted, const std::string& where) {
  for (const auto& [name, bytes] : wanted) {
    const auto it = got.find(name);
    if (it == got.end()) {
      ADD_FAILURE() << where << ": " << name << " is missing";
    } else {
      EXPECT_TRUE(it->second == bytes) << where << ": " << name << " differs";
    }
  }
  for (const auto& [name, bytes] : got) EXPECT_EQ(wanted.count(name), 1u) << where << ": " << name << " should not be there";
}

TEST_F(KillTest, AtAnyMomentCostsNothing) {
  // Twice: a run equals another without any kill, and the shorter one shows how long it takes when nothing disturbs it.
  const Clock::time_point start = Clock::now();
  double length = 1e9;
  for (const char* name : {"whole", "again"}) {
    const Clock::time_point begin = Clock::now();
    Finish(Start(folder_ / name));
    if (HasFatalFailure()) return;
    const std::string log = ReadFile(folder_ / "log");
    EXPECT_NE(log.find("as expected: "), std::string::npos) << "it leaves the curves of configs/tiny-rl.expect.json: " << log;
    EXPECT_EQ(log.find("--expect: "), std::string::npos) << "other settings than the curves': make them anew with configs/expect.py: " << log;
    length = std::min(length, Seconds(begin));
  }
  const auto wanted = Contents(folder_ / "whole");
  ExpectEqual(Contents(folder_ / "again"), wanted, "an uninterrupted run");
  ASSERT_EQ(wanted.count("adapter/adapter_model.safetensors"), 1u);
  ASSERT_EQ(wanted.count("checkpoints/step-24/optimizer.safetensors"), 1u);
  ASSERT_EQ(wanted.count("completions/step-24.jsonl"), 1u);
  ASSERT_EQ(wanted.at("events"), "as metrics");
  const std::string& metrics = wanted.at("metrics.jsonl");
  ASSERT_EQ(std::count(metrics.begin(), metrics.end(), '\n'), 24);

  Rng rng(20, {0x6b696c6c});
  int in_a_save = 0;
  for (int i = 0; i < kRandomKills + kAimedKills && !HasFailure(); ++i) {
    const std::string run = folder_ / ("run-" + std::to_string(i));
    std::ostringstream where;
    pid_t pid = Start(run);
    if (i < kRandomKills) {
      // At any moment of its life, the first and the last ones too; every fourth run dies twice.
      for (int death = 0; death < (i % 4 == 3 ? 2 : 1); ++death) {
        const double moment = rng.Uniform() * length;
        where << "killed after " << moment << " s; ";
        std::this_thread::sleep_for(std::chrono::duration<double>(moment));
        Kill(pid);
        pid = Start(run);
      }
      Finish(pid);
    } else {
      // Within a save: as soon as one begins, after a few of them have passed.
      const std::string writing = run + "/checkpoints/.writing";
      const int nth = static_cast<int>(rng.Int(1, 4));
      bool before = false;
      for (int begun = 0; Seconds(start) < 600;) {
        int status = 0;
        if (waitpid(pid, &status, WNOHANG) != 0) break;
        const bool now = access(writing.c_str(), F_OK) == 0;
        begun += now && !before;
        before = now;
        if (begun == nth) break;
      }
      std::this_thread::sleep_for(std::chrono::microseconds(rng.Int(0, 2000)));
      Kill(pid);
      in_a_save += access(writing.c_str(), F_OK) == 0;
      where << "killed in save " << nth;
      Finish(Start(run));
    }
    if (HasFatalFailure()) return;
    ExpectEqual(Contents(run), wanted, where.str());
    fs::remove_all(run);
  }
  EXPECT_GT(in_a_save, 0) << "no kill met a checkpoint half-written";
}

}  // namespace
}  // namespace pith
