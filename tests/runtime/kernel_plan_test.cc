// Plans change how fast a product is, never what comes of it; they are measured once, remembered, and can be forced.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "base/file.h"
#include "base/tensor_view.h"
#include "runtime/kernels/linear.h"
#include "runtime/kernels/linear_plan.h"
#include "tests/base/random_blocks.h"
#include "tests/base/temp_folder.h"
#include "tests/runtime/emulated.h"

namespace pith {
namespace {

constexpr TensorType kInt8Types[] = {TensorType::kQ8_0, TensorType::kQ4_0,   TensorType::kQ4_1,   TensorType::kQ5_0, TensorType::kQ5_1,
                                     TensorType::kQ4_K, TensorType::kIQ4_NL, TensorType::kIQ4_XS, TensorType::kQ5_K, TensorType::kQ6_K};

// An environment variable for as long as it lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    const char* old = std::getenv(name);
    had_ = old != nullptr;
    if (had_) old_ = old;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() {
    if (had_) setenv(name_, old_.c_str(), 1);
    else unsetenv(name_);
  }

 private:
  const char* name_;
  std::string old_;
  bool had_;
};

std::vector<float> Product(const TensorView& w, const std::vector<float>& x, int64_t m, Isa isa, ThreadPool& pool) {
  PreparedRows rows;
  rows.Prepare(x.data(), m, w.cols, w.cols, ActivationType::kInt8, isa);
  std::vector<float> y(static_cast<size_t>(m * w.rows));
  const LinearJob job{.w = w, .x = &rows, .y = y.data(), .y_stride = w.rows};
  Linear(pool, {&job, 1});
  return y;
}

TEST(KernelPlan, EveryPlanGivesTheSameBits) {
  constexpr int64_t kCols = 512, kRows = 51, kMost = 35;  // rows that fill no vector
  ThreadPool pool(2);
  std::vector<float> x;
  Rng rng(3);
  for (int64_t i = 0; i < kCols * kMost; ++i) x.push_back(static_cast<float>(rng.Int(-1000, 1000)) / 500);
  std::vector<LinearPlan> plans;
  for (const int few : Sizes<int>({0, 1, 4, 9}, {0, 4})) {
    for (const int registers : Sizes<int>({0, 4, 9}, {0, 4})) plans.push_back({.few_rows = few, .register_rows = registers});
  }
  if (IsaAvailable(Isa::kAmx)) {
    for (const int tiles : {0, 1, 9}) plans.push_back({.register_rows = 0, .tile_rows = tiles});
  }
  for (const int64_t ahead : Sizes<int64_t>({0, 64, 1 << 20}, {64})) {
    for (const bool near : {false, true}) plans.push_back({.ahead = ahead, .near = near});
  }
  for (const TensorType type : kInt8Types) {
    const std::vector<uint8_t> bytes = RandomBlocks(type, kRows * kCols, 0.5f, 5);
    const TensorView w{type, kRows, kCols, bytes.data()};
    for (const int64_t m : std::initializer_list<int64_t>{1, 2, 4, 5, 9, 16, 17, 33, 35}) {
      if (m > 9 && !IsaAvailable(Isa::kAmx)) continue;  // more than a tile has rows
      const std::vector<float> expected = Product(w, x, m, Isa::kScalar, pool);
      for (const Isa isa : kIsas) {
        if (!IsaAvailable(isa) || (m > 9 && isa != Isa::kAmx)) continue;
        for (const LinearPlan& plan : plans) {
          SetPlan({type, kCols, isa}, plan);
          const std::vector<float> y = Product(w, x, m, isa, pool);
          ASSERT_EQ(std::memcmp(y.data(), expected.data(), y.size() * sizeof(float)), 0)
              << TypeName(type) << " " << IsaName(isa) << " " << m << " rows, " << PlanText(plan);
        }
        SetPlan({type, kCols, isa}, {});
      }
    }
  }
}

TEST(KernelPlan, ATextIsReadAsItIsWritten) {
  const LinearPlan plan{.ahead = 4096, .near = true, .few_rows = 2, .register_rows = 8, .tile_rows = 9};
  EXPECT_EQ(PlanText(plan), "ahead=4096,level=1,few=2,registers=8,tiles=9");
  EXPECT_EQ(PlanOf(PlanText(plan)), plan);
  EXPECT_EQ(PlanOf("few=0"), (LinearPlan{.few_rows = 0}));
  for (const char* bad : {"fast", "ahead", "ahead=", "ahead=-1", "ahead=2000000", "level=3", "level=0", "few=1;registers=2", "ahead=64k", "tiles=-1"}) {
    try {
      PlanOf(bad);
      ADD_FAILURE() << bad;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(bad), std::string::npos) << error.what();
    }
  }
}

// Matrices of more than a cache holds, of a width that no other test has.
class KernelPlanChoice : public testing::Test {
 protected:
  static constexpr int64_t kCols = 1056, kRows = 40000;
  TempFolder folder;
  Variable cache{"XDG_CACHE_HOME", folder.path()};
  ThreadPool pool{2};
  std::vector<uint8_t> bytes = std::vector<uint8_t>(RowBytes(TensorType::kQ4_0, kCols) * kRows, 0x11);
  TensorView matrix{TensorType::kQ4_0, kRows, kCols, bytes.data()};
  PlanKey key{TensorType::kQ4_0, kCols, BestIsa()};

  void SetUp() override {
    if (BestIsa() == Isa::kScalar) GTEST_SKIP() << "the scalar reference has no plans";
    SetPlan(key, Odd());
  }
  static LinearPlan Odd() { return {.ahead = 192, .near = true, .few_rows = 3, .register_rows = 5}; }
  std::string Remembered() {
    std::string found;
    if (!std::filesystem::exists(folder / "pith")) return found;
    for (const auto& entry : std::filesystem::directory_iterator(folder / "pith")) {
      if (entry.path().filename().string().starts_with("plans-")) found = entry.path().string();
    }
    return found;
  }
};

TEST_F(KernelPlanChoice, IsMeasuredOnceAndRemembered) {
  ChoosePlans(pool, {&matrix, 1}, key.isa);
  const LinearPlan measured = PlanFor(key);
  EXPECT_NE(measured, Odd());
  ASSERT_FALSE(Remembered().empty());
  EXPECT_EQ(ReadFile(Remembered()), Str("q4_0 ", kCols, " ", PlanText(measured), "\n"));

  WriteFile(Remembered(), Str("q4_0 ", kCols, " ", PlanText(Odd()), "\n"));  // so it is not measured again
  ChoosePlans(pool, {&matrix, 1}, key.isa);
  EXPECT_EQ(PlanFor(key), Odd());

  const Variable anew("PITH_PLAN", "measure");
  ChoosePlans(pool, {&matrix, 1}, key.isa);
  EXPECT_NE(PlanFor(key), Odd());
  EXPECT_EQ(ReadFile(Remembered()), Str("q4_0 ", kCols, " ", PlanText(PlanFor(key)), "\n"));
}

TEST_F(KernelPlanChoice, IsMeasuredAgainWhereTheMemoryIsDamaged) {
  ChoosePlans(pool, {&matrix, 1}, key.isa);
  WriteFile(Remembered(), Str("q4_0 ", kCols, " ahead=many\n"));
  SetPlan(key, Odd());
  ChoosePlans(pool, {&matrix, 1}, key.isa);
  EXPECT_NE(PlanFor(key), Odd());
}

TEST_F(KernelPlanChoice, CanBeForced) {
  for (const auto& [text, plan] : {std::pair<const char*, LinearPlan>{"default", {}}, {"ahead=0,few=2", {.ahead = 0, .few_rows = 2}}}) {
    const Variable wish("PITH_PLAN", text);
    ChoosePlans(pool, {&matrix, 1}, key.isa);
    EXPECT_EQ(PlanFor(key), plan) << text;
  }
  const Variable wish("PITH_PLAN", "quickest");
  EXPECT_THROW(ChoosePlans(pool, {&matrix, 1}, key.isa), UserError);
  EXPECT_TRUE(Remembered().empty());
}

TEST_F(KernelPlanChoice, SmallModelsAreNotMeasured) {
  matrix.rows = 1000;
  ChoosePlans(pool, {&matrix, 1}, key.isa);
  EXPECT_EQ(PlanFor(key), Odd());
  EXPECT_TRUE(Remembered().empty());
}

}  // namespace
}  // namespace pith
