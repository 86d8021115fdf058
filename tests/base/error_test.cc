#include "base/error.h"

#include <gtest/gtest.h>

#include <new>

namespace pith {
namespace {

TEST(RunProgram, TurnsUserErrorIntoOneLineAndExitCodeTwo) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(RunProgram("prog", []() -> int { ThrowUser("got ", 3, ", expected ", 4); }), 2);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "prog: got 3, expected 4\n");
}

TEST(RunProgram, OtherFailuresGiveOne) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(RunProgram("prog", []() -> int { throw std::bad_alloc(); }), 1);
  EXPECT_EQ(RunProgram("prog", []() -> int { throw std::runtime_error("boom"); }), 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "prog: out of memory\nprog: internal error: boom\n");
}

TEST(RunProgram, PassesTheExitCodeOn) { EXPECT_EQ(RunProgram("prog", [] { return 7; }), 7); }

TEST(CheckDeathTest, AbortsWithValuesAndPlace) {
  EXPECT_DEATH(PITH_CHECK_EQ(1 + 1, 3), "error_test.cc:[0-9]+: check failed: 1 \\+ 1 == 3: 2 vs 3");
  EXPECT_DEATH(PITH_CHECK(false, "rank ", 5), "check failed: false: rank 5");
}

}  // namespace
}  // namespace pith
