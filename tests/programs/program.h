// The programs as people start them.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "tests/base/temp_folder.h"

namespace pith {

class ProgramTest : public ::testing::Test {
 protected:
  explicit ProgramTest(const std::string& program) : program_(program) {
    ::setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
  }

  void SetUp() override {
    if (!FileExists(Binary())) GTEST_SKIP() << program_ << " is not built in this configuration";
  }

  struct Outcome {
    int code;
    std::string out, err;
  };

  // `before`: what stands before the program on the command line.
  Outcome Run(const std::vector<std::string>& arguments, const std::string& before = "") {
    std::string command = before + " " + Binary();
    for (const std::string& argument : arguments) {
      command += " '";
      for (char c : argument) command += c == '\'' ? std::string("'\\''") : std::string(1, c);
      command += "'";
    }
    const int status = std::system((command + " > " + (folder_ / "stdout") + " 2> " + (folder_ / "stderr")).c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, ReadFile(folder_ / "stdout"), ReadFile(folder_ / "stderr")};
  }

  // A line of shell in which $P is the program; `out` is what the line prints.
  Outcome Shell(const std::string& line) {
    const std::string whole = "{ P=" + Binary() + "; " + line + "; } > " + (folder_ / "stdout") + " 2> " + (folder_ / "stderr");
    const int status = std::system(whole.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, ReadFile(folder_ / "stdout"), ReadFile(folder_ / "stderr")};
  }

  // One sentence on stderr (behind warnings, if any) that holds `words`, exit code 2, nothing on stdout, no new file beside
  // those that were there.
  void ExpectRefusal(const std::vector<std::string>& arguments, const std::string& words) {
    std::string shown = program_;
    for (const std::string& argument : arguments) shown += " " + argument.substr(0, 80);
    const std::vector<std::string> before = Files();
    Outcome outcome = Run(arguments);
    while (outcome.err.starts_with("warning: ")) outcome.err.erase(0, outcome.err.find('\n') + 1);
    EXPECT_EQ(outcome.code, 2) << shown << "\n" << outcome.err;
    EXPECT_EQ(outcome.out, "") << shown;
    EXPECT_EQ(outcome.err.rfind(program_ + ": ", 0), 0u) << shown << "\n" << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << shown << "\n" << outcome.err;
    EXPECT_NE(outcome.err.find(words), std::string::npos) << shown << "\nwants: " << words << "\n" << outcome.err;
    EXPECT_EQ(Files(), before) << shown;
  }

  std::string Binary() const { return std::string(PITH_TEST_BINARY) + "/" + program_; }

  TempFolder folder_;

 private:
  // Everything below the folder but what the tests themselves put there on each run.
  std::vector<std::string> Files() const {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
      const std::string name = entry.path().string();
      if (name.find("/cache") == std::string::npos && !name.ends_with("/stdout") && !name.ends_with("/stderr")) files.push_back(name);
    }
    std::sort(files.begin(), files.end());
    return files;
  }

  std::string program_;
};

}  // namespace pith
