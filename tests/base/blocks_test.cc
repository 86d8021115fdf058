// Block formats against golden files of tests/tools/blocks_golden.py: values to the bit; bytes of Q5_0 and Q5_1; errors of Q4_K and Q6_K
// beside those of ggml's quantisers.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/gguf.h"
#include "base/super_blocks.h"

namespace pith {
namespace {

GgufFile Blocks(const std::string& name) { return GgufFile(std::string(PITH_TEST_GOLDEN) + "/base/blocks/" + name + ".gguf"); }

class GoldenBlocks : public testing::TestWithParam<const char*> {};

TEST_P(GoldenBlocks, ValuesAreGgmlsToTheBit) {
  const GgufFile golden = Blocks(GetParam());
  const TensorView view = golden.Tensor(GetParam());
  EXPECT_STREQ(TypeName(view.type), GetParam());
  const std::vector<float> got = view.ToF32(), expected = golden.Tensor("values").ToF32();
  ASSERT_EQ(got.size(), expected.size());
  ASSERT_EQ(got.size(), 8u * 256u);
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(std::bit_cast<uint32_t>(got[i]), std::bit_cast<uint32_t>(expected[i])) << "row " << i / 256 << ", value " << i % 256;
  }
}

INSTANTIATE_TEST_SUITE_P(Types, GoldenBlocks, testing::Values("q5_0", "q5_1", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_xs"),
                         [](const auto& info) { return std::string(info.param); });

TEST(FiveBitQuantisers, BytesAreGgmls) {
  const GgufFile golden = Blocks("quantise");
  for (const char* name : {"q5_0", "q5_1", "edges.q5_0", "edges.q5_1"}) {
    const TensorView expected = golden.Tensor(name);
    const std::vector<float> input = golden.Tensor(std::string(name).starts_with("edges") ? "edges" : "input").ToF32();
    std::vector<uint8_t> got(expected.bytes());
    Quantise(expected.type, input.data(), got.data(), static_cast<int64_t>(input.size()));
    EXPECT_EQ(std::memcmp(got.data(), expected.data, got.size()), 0) << name;
  }
}

double SquareError(const float* x, const float* y, size_t count) {
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += (static_cast<double>(x[i]) - y[i]) * (static_cast<double>(x[i]) - y[i]);
  return sum;
}

std::vector<float> RoundTrip(TensorType type, const std::vector<float>& input) {
  const auto count = static_cast<int64_t>(input.size());
  std::vector<uint8_t> bytes(RowBytes(type, count));
  Quantise(type, input.data(), bytes.data(), count);
  std::vector<float> out(input.size());
  Dequantise(type, bytes.data(), out.data(), count);
  return out;
}

// Both search the same grids, though not in the same order: a row may come out a little better or worse, all together are as good.
TEST(KQuantisers, ErrorsAreGgmls) {
  const GgufFile golden = Blocks("quantise");
  const std::vector<float> input = golden.Tensor("input").ToF32();
  for (const char* name : {"q4_k", "q6_k"}) {
    const TensorView reference = golden.Tensor(name);
    const std::vector<float> theirs = reference.ToF32(), ours = RoundTrip(reference.type, input);
    double ratios = 0;
    for (size_t row = 0; row < input.size(); row += 256) {
      const double expected = SquareError(&input[row], &theirs[row], 256), got = SquareError(&input[row], &ours[row], 256);
      ASSERT_GT(expected, 0.0);
      EXPECT_LT(got, 1.01 * expected) << name << ", row " << row / 256;
      ratios += got / expected;
    }
    EXPECT_LT(ratios, 1.0005 * static_cast<double>(input.size() / 256)) << name;
  }
}

TEST(KQuantisers, AreBetterThanTheSimplerFormatOfAsManyBits) {
  const std::vector<float> input = Blocks("quantise").Tensor("input").ToF32();
  const auto error = [&](TensorType type) { return SquareError(input.data(), RoundTrip(type, input).data(), input.size()); };
  EXPECT_LT(error(TensorType::kQ4_K), 0.8 * error(TensorType::kQ4_0));
  EXPECT_LT(error(TensorType::kQ4_K), error(TensorType::kQ4_1));  // which takes half a bit more
  EXPECT_LT(error(TensorType::kQ6_K), 0.75 * error(TensorType::kQ5_1));
}

// What a grid can hold comes back: a constant, one sign only, zeros, and codes with scales that need no rounding.
TEST(KQuantisers, WhatFitsComesBack) {
  for (const TensorType type : {TensorType::kQ4_K, TensorType::kQ6_K}) {
    EXPECT_EQ(RoundTrip(type, std::vector<float>(256, 0.0f)), std::vector<float>(256, 0.0f));
    std::vector<float> grid(256);
    const int first = type == TensorType::kQ4_K ? 0 : -32, count = type == TensorType::kQ4_K ? 16 : 64;
    for (size_t i = 0; i < grid.size(); ++i) grid[i] = static_cast<float>(first + static_cast<int>(i * 7) % count) * 0.5f;
    if (type == TensorType::kQ6_K) {  // every part of sixteen reaches −32
      for (size_t i = 0; i < grid.size(); i += 16) grid[i] = -16.0f;
    }
    const std::vector<float> back = RoundTrip(type, grid);
    for (size_t i = 0; i < grid.size(); ++i) EXPECT_NEAR(back[i], grid[i], 0.5 / 64) << TypeName(type) << " " << i;
    for (const float constant : {0.37f, -0.37f}) {
      for (const float v : RoundTrip(type, std::vector<float>(256, constant))) EXPECT_NEAR(v, constant, 0.001) << TypeName(type);
    }
  }
}

TEST(KQuantisers, HugeTinyAndBrokenValuesStayDefined) {
  for (const float extreme : {1e-39f, 1e-42f, 1e-20f, 1e20f, 3e38f, std::numeric_limits<float>::infinity(), std::nanf("")}) {
    for (const TensorType type : {TensorType::kQ4_K, TensorType::kQ6_K, TensorType::kQ5_0, TensorType::kQ5_1}) {
      std::vector<float> input(256, extreme);
      input[5] = -extreme;
      input[200] = 1.0f;
      RoundTrip(type, input);  // the sanitizers judge
    }
  }
}

TEST(SixBitScales, EveryPairSurvivesItsTwelveBytes) {
  for (int value = 0; value < 64; ++value) {
    SixBitScales scales;
    for (int i = 0; i < 8; ++i) {
      scales.scale[i] = static_cast<uint8_t>((value + 9 * i) % 64);
      scales.offset[i] = static_cast<uint8_t>((63 - value + 5 * i) % 64);
    }
    uint8_t bytes[12];
    PackSixBits(scales, bytes);
    const SixBitScales back = UnpackSixBits(bytes);
    EXPECT_EQ(std::memcmp(&back, &scales, sizeof scales), 0) << value;
  }
}

TEST(TypesWithoutQuantiserDeathTest, SayWhich) {
  const std::vector<float> input(256, 1.0f);
  std::vector<uint8_t> bytes(256);
  EXPECT_FALSE(CanQuantise(TensorType::kQ5_K));
  EXPECT_TRUE(CanQuantise(TensorType::kQ4_K));
  EXPECT_DEATH(Quantise(TensorType::kQ5_K, input.data(), bytes.data(), 256), "q5_k");
}

}  // namespace
}  // namespace pith
