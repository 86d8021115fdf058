#include "base/tensor_type.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/gguf.h"
#include "base/rng.h"

namespace pith {
namespace {

// Straight from the definition of IEEE binary16, in exact double arithmetic.
double ValueOfF16(uint16_t h) {
  const int exponent = (h >> 10) & 31, mantissa = h & 1023;
  const double sign = (h & 0x8000) != 0 ? -1 : 1;
  if (exponent == 31) return mantissa == 0 ? sign * INFINITY : NAN;
  return exponent == 0 ? sign * std::ldexp(mantissa, -24) : sign * std::ldexp(1024 + mantissa, exponent - 25);
}

TEST(F16, WidensEveryValueExactly) {
  for (uint32_t h = 0; h < 65536; ++h) {
    const double expected = ValueOfF16(static_cast<uint16_t>(h));
    const float got = F16ToF32(static_cast<uint16_t>(h));
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(got)) << h;
    } else {
      EXPECT_EQ(static_cast<double>(got), expected) << h;
      EXPECT_EQ(std::signbit(got), std::signbit(expected)) << h;
    }
  }
}

TEST(F16, EveryValueSurvivesTheRoundTrip) {
  for (uint32_t h = 0; h < 65536; ++h) {
    const uint16_t back = F32ToF16(F16ToF32(static_cast<uint16_t>(h)));
    if ((h & 0x7fff) > 0x7c00) {
      EXPECT_GT(back & 0x7fff, 0x7c00) << h;
    } else {
      EXPECT_EQ(back, h);
    }
  }
}

// Between each two neighbours: the midpoint goes to the even one, and the floats beside it to the nearer one.
TEST(F16, NarrowsToNearestEven) {
  for (uint32_t h = 0; h < 0x7c00; ++h) {
    const double low = ValueOfF16(static_cast<uint16_t>(h));
    const double high = h == 0x7bff ? 65536.0 : ValueOfF16(static_cast<uint16_t>(h + 1));
    const auto middle = static_cast<float>((low + high) / 2);
    ASSERT_EQ(static_cast<double>(middle), (low + high) / 2);
    const uint16_t even = static_cast<uint16_t>(h % 2 == 0 ? h : h + 1);
    for (const int sign : {0, 0x8000}) {
      const float s = sign == 0 ? 1.0f : -1.0f;
      EXPECT_EQ(F32ToF16(s * middle), sign | even) << h;
      EXPECT_EQ(F32ToF16(s * std::nextafter(middle, 0.0f)), sign | h) << h;
      EXPECT_EQ(F32ToF16(s * std::nextafter(middle, 1e9f)), sign | (h + 1)) << h;
    }
  }
  EXPECT_EQ(F32ToF16(1e30f), 0x7c00);
  EXPECT_EQ(F32ToF16(-std::numeric_limits<float>::infinity()), 0xfc00);
  EXPECT_EQ(F32ToF16(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_GT(F32ToF16(std::numeric_limits<float>::quiet_NaN()) & 0x7fff, 0x7c00);
}

TEST(BF16, NarrowsToNearestEven) {
  for (uint32_t b = 0; b < 0x7f80; ++b) {
    const float middle = std::bit_cast<float>(b << 16 | 0x8000u);
    const uint32_t even = b % 2 == 0 ? b : b + 1;
    EXPECT_EQ(F32ToBF16(middle), even);
    EXPECT_EQ(F32ToBF16(std::bit_cast<float>(b << 16 | 0x7fffu)), b);
    EXPECT_EQ(F32ToBF16(std::bit_cast<float>(b << 16 | 0x8001u)), b + 1);
    EXPECT_EQ(F32ToBF16(BF16ToF32(static_cast<uint16_t>(b))), b);
    EXPECT_EQ(F32ToBF16(-middle), 0x8000u | even);
  }
  // A NaN whose mantissa would round away stays a NaN.
  EXPECT_TRUE(std::isnan(BF16ToF32(F32ToBF16(std::bit_cast<float>(0x7f800001u)))));
  EXPECT_TRUE(std::isnan(BF16ToF32(F32ToBF16(std::bit_cast<float>(0x7fffffffu)))));
}

// The golden file is written by the gguf package, and checked there against ggml's own functions.
class GoldenQuantise : public testing::TestWithParam<const char*> {
 protected:
  GgufFile golden_{std::string(PITH_TEST_GOLDEN) + "/base/quantise.gguf"};
};

TEST_P(GoldenQuantise, BytesAreGgmls) {
  const std::vector<float> input = golden_.Tensor("input").ToF32();
  const TensorView expected = golden_.Tensor(GetParam());
  std::vector<uint8_t> got(expected.bytes());
  Quantise(expected.type, input.data(), got.data(), static_cast<int64_t>(input.size()));
  for (int64_t r = 0; r < expected.rows; ++r) {
    const size_t bytes = expected.row_bytes();
    EXPECT_EQ(std::memcmp(got.data() + static_cast<size_t>(r) * bytes, expected.row(r), bytes), 0) << "row " << r;
  }
}

class GoldenDequantise : public GoldenQuantise {};  // 16-bit floats are covered exhaustively above

TEST_P(GoldenDequantise, ValuesAreGgmls) {
  const std::string name = GetParam();
  const std::vector<float> expected = golden_.Tensor(name + ".values").ToF32(), got = golden_.Tensor(name).ToF32();
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], expected[i]) << i;
}

INSTANTIATE_TEST_SUITE_P(Types, GoldenDequantise, testing::Values("q8_0", "q4_0", "q4_1", "iq4_nl"),
                         [](const auto& info) { return std::string(info.param); });
INSTANTIATE_TEST_SUITE_P(Types, GoldenQuantise, testing::Values("q8_0", "q4_0", "q4_1", "iq4_nl", "f16", "bf16"),
                         [](const auto& info) { return std::string(info.param); });

TEST(Dequantise, ReadsFromOddAddresses) {
  Rng rng(1);
  std::vector<float> input(64);
  for (float& v : input) v = static_cast<float>(rng.Normal());
  for (const TensorType type : {TensorType::kF32, TensorType::kF16, TensorType::kBF16, TensorType::kQ8_0,
                                TensorType::kQ4_0, TensorType::kQ4_1}) {
    std::vector<uint8_t> bytes(RowBytes(type, 64) + 1);
    Quantise(type, input.data(), bytes.data() + 1, 64);
    std::vector<float> back(64);
    Dequantise(type, bytes.data() + 1, back.data(), 64);
    const double tolerance = IsQuantised(type) ? 0.5 : 0.02;  // a step of q4 is at most (2·3.5)/15
    for (size_t i = 0; i < 64; ++i) EXPECT_NEAR(back[i], input[i], tolerance) << TypeName(type);
  }
}

TEST(Quantise, HugeTinyAndBrokenValuesStayDefined) {
  for (const float extreme : {1e-39f, 1e-42f, 3e38f, INFINITY, NAN}) {
    std::vector<float> input(32, extreme);
    input[5] = -extreme;
    for (const TensorType type : {TensorType::kQ8_0, TensorType::kQ4_0, TensorType::kQ4_1, TensorType::kIQ4_NL}) {
      std::vector<uint8_t> bytes(RowBytes(type, 32));
      Quantise(type, input.data(), bytes.data(), 32);  // the sanitizers judge
    }
  }
}

TEST(TensorTypes, NamesAndNumbers) {
  EXPECT_EQ(TypeFromName("Q4_0"), TensorType::kQ4_0);
  EXPECT_EQ(TypeFromName("bf16"), TensorType::kBF16);
  EXPECT_EQ(TypeFromName("Q4_K"), TensorType::kQ4_K);
  EXPECT_EQ(TypeFromName("q8_k"), std::nullopt);
  EXPECT_EQ(TypeFromName(""), std::nullopt);
  EXPECT_EQ(TypeFromGguf(8), TensorType::kQ8_0);
  EXPECT_EQ(TypeFromGguf(12), TensorType::kQ4_K);
  EXPECT_EQ(TypeFromGguf(15), std::nullopt);
  EXPECT_STREQ(TypeName(TensorType::kQ4_1), "q4_1");
  EXPECT_EQ(RowBytes(TensorType::kQ8_0, 64), 68u);
  EXPECT_EQ(RowBytes(TensorType::kF16, 3), 6u);
  EXPECT_EQ(RowBytes(TensorType::kQ6_K, 512), 420u);
  EXPECT_TRUE(IsFourBit(TensorType::kQ4_1) && IsFourBit(TensorType::kQ4_K) && IsFourBit(TensorType::kIQ4_XS));
  EXPECT_FALSE(IsFourBit(TensorType::kQ5_0) || IsFourBit(TensorType::kQ6_K) || IsFourBit(TensorType::kF16));
}

TEST(TensorTypesDeathTest, RowsMustBeWholeBlocks) {
  EXPECT_DEATH(RowBytes(TensorType::kQ4_0, 33), "row of 33 values of q4_0");
}

}  // namespace
}  // namespace pith
