// A folder for what an export writes, the tiny model converted into it, and the logits that transformers computes.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "adapters/packed_adapter.h"
#include "adapters/peft.h"
#include "base/file.h"
#include "export/commands.h"
#include "tests/adapters/random_adapter.h"

namespace pith {

namespace fs = std::filesystem;
using testing::Refusal;

inline const std::string kGolden = PITH_TEST_GOLDEN;
inline const std::string kModel = kGolden + "/tiny-llama", kLora = kGolden + "/tiny-lora", kAlora = kGolden + "/tiny-alora";
// Logits of size 1 to 6 through 2 layers of width 64, all sums in float32 in another order: ~100 roundings of 6e-8 · 6.
inline constexpr double kLogitTolerance = 4e-5;

class ExportTest : public ::testing::Test {
 protected:
  ExportTest() : folder_((fs::temp_directory_path() / ("pith-export-" + std::to_string(::getpid()))).string()) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    ::setenv("XDG_CACHE_HOME", (folder_ + "/cache").c_str(), 1);
  }
  ~ExportTest() override { fs::remove_all(folder_); }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  std::string Convert(TensorType type, const std::string& name, std::optional<TensorType> head = {}) {
    RunConvert({kModel, {type, head}, Path(name)});
    return Path(name);
  }

  std::string folder_;
};

inline nlohmann::json GoldenSequences() { return nlohmann::json::parse(ReadFile(kGolden + "/tiny-logits.json"))["sequences"]; }

inline int64_t LastMatch(const std::vector<int32_t>& ids, const std::vector<int32_t>& wanted) {
  for (auto at = static_cast<int64_t>(ids.size() - wanted.size()); at >= 0; --at) {
    if (std::equal(wanted.begin(), wanted.end(), ids.begin() + at)) return at;
  }
  return static_cast<int64_t>(ids.size());
}

inline void ExpectLogits(const std::vector<float>& got, const nlohmann::json& rows, double tolerance) {
  ASSERT_EQ(got.size(), rows.size() * rows[0].size());
  double largest = 0;
  for (size_t t = 0; t < rows.size(); ++t) {
    for (size_t v = 0; v < rows[t].size(); ++v) {
      largest = std::max(largest, std::abs(got[t * rows[t].size() + v] - rows[t][v].get<double>()));
    }
  }
  EXPECT_LT(largest, tolerance);
}

}  // namespace pith
