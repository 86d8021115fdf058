#include "base/progress.h"

#include <gtest/gtest.h>

#include "base/log.h"

namespace pith {
namespace {

TEST(FormatDuration, ReadsWell) {
  EXPECT_EQ(FormatDuration(0.2), "0 s");
  EXPECT_EQ(FormatDuration(59.4), "59 s");
  EXPECT_EQ(FormatDuration(59.6), "1 m 00 s");
  EXPECT_EQ(FormatDuration(187), "3 m 07 s");
  EXPECT_EQ(FormatDuration(3600), "1 h 00 m");
  EXPECT_EQ(FormatDuration(7 * 3600 + 5 * 60 + 59), "7 h 05 m");
  EXPECT_EQ(FormatDuration(-3), "0 s");
}

// Tests' stderr is a file here, so the bar writes plain lines.
TEST(ProgressBar, WritesFewPlainLinesWhereThereIsNoTerminal) {
  testing::internal::CaptureStderr();
  {
    ProgressBar bar("steps", 1000);
    for (int i = 1; i <= 1000; ++i) bar.Update(i, "loss 0.5");
    bar.Print("step 1000");
  }
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find("step 1000\n"), 0u) << text;
  EXPECT_NE(text.find("steps 1000/1000  took 0 s  loss 0.5\n"), std::string::npos) << text;
  EXPECT_EQ(text.find('\r'), std::string::npos);
}

TEST(ProgressBar, TotalOfNothingIsNoDivisionByZero) {
  testing::internal::CaptureStderr();
  { ProgressBar bar("empty", 0); }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "empty 0/0  took 0 s\n");
}

TEST(Log, GoesToStderrLineByLine) {
  testing::internal::CaptureStderr();
  LogInfo("ready");
  LogWarning("hot");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "ready\nwarning: hot\n");
}

}  // namespace
}  // namespace pith
