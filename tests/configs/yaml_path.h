// Where a test writes its YAML: a file of its own, since CTest runs tests side by side.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

namespace pith::testing {

inline std::string YamlPath() {
  return ::testing::TempDir() + "pith-" + ::testing::UnitTest::GetInstance()->current_test_info()->name() + "-" + std::to_string(getpid()) + ".yaml";
}

}  // namespace pith::testing
