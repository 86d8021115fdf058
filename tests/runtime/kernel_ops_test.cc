// The small operations of every instruction set against their scalar references and against double arithmetic.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "runtime/kernels/linear.h"
#include "runtime/kernels/ops.h"
#include "runtime/kernels/ops_kernels.h"

namespace pith {
namespace {

Rotary Turning(int64_t rotary_dim, double theta, double magnitude = 1) {
  Rotary rotary;
  rotary.theta = theta;
  rotary.magnitude = magnitude;
  SetFrequencies(rotary_dim, &rotary);
  return rotary;
}

struct Version : Ops {
  Version(Isa isa, const Ops& ops) : Ops(ops), isa(isa) {}
  Isa isa;
};

std::vector<Version> Versions() {
  std::vector<Version> versions = {{Isa::kScalar, OpsRef()}};
#if defined(__x86_64__)
  if (IsaAvailable(Isa::kAvx2)) versions.push_back({Isa::kAvx2, OpsAvx2()});
  if (IsaAvailable(Isa::kAvx512)) versions.push_back({Isa::kAvx512, OpsAvx512()});
#elif defined(__aarch64__)
  versions.push_back({Isa::kNeon, OpsNeon()});
#endif
  return versions;
}

std::vector<float> RandomFloats(int64_t count, uint32_t seed, float scale = 1.0f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, scale);
  std::vector<float> out(static_cast<size_t>(count));
  for (float& v : out) v = normal(random);
  return out;
}

constexpr double kEps = 1.0 / (1 << 24);

TEST(KernelOps, RmsNormIsTheFormula) {
  for (const Version& v : Versions()) {
    for (int64_t d : {1, 5, 16, 63, 64, 100, 576, 896}) {
      const std::vector<float> x = RandomFloats(d, 1), w = RandomFloats(d, 2);
      std::vector<float> y(static_cast<size_t>(d) + 1, 7.0f), in_place = x;
      v.rms_norm(x.data(), w.data(), y.data(), d, 1e-5f);
      v.rms_norm(in_place.data(), w.data(), in_place.data(), d, 1e-5f);
      double squares = 0.0;
      for (float value : x) squares += static_cast<double>(value) * static_cast<double>(value);
      const double factor = 1.0 / std::sqrt(squares / static_cast<double>(d) + 1e-5);
      for (size_t i = 0; i < x.size(); ++i) {
        const double expected = static_cast<double>(x[i]) * factor * static_cast<double>(w[i]);
        // The sum of d positive terms is off by d·eps at most, its root by half of that; six more roundings.
        EXPECT_NEAR(y[i], expected, (static_cast<double>(d) / 2 + 6) * kEps * std::fabs(expected)) << IsaName(v.isa) << d;
        EXPECT_EQ(in_place[i], y[i]);
      }
      EXPECT_EQ(y.back(), 7.0f) << "written past the end";
    }
  }
}

TEST(KernelOps, RopeIsBitwiseTheReference) {
  for (const Version& v : Versions()) {
    for (int64_t head_dim : {2, 8, 16, 24, 36, 64, 80, 128}) {
      for (RopeLayout layout : {RopeLayout::kHalves, RopeLayout::kInterleaved}) {
        std::vector<float> cos(static_cast<size_t>(head_dim / 2)), sin = cos;
        RopeTable(1234, Turning(head_dim, 1e5), cos.data(), sin.data());
        std::vector<float> x = RandomFloats(head_dim, 3), reference = x;
        v.rope(x.data(), cos.data(), sin.data(), head_dim, layout);
        OpsRef().rope(reference.data(), cos.data(), sin.data(), head_dim, layout);
        EXPECT_EQ(std::memcmp(x.data(), reference.data(), x.size() * 4), 0) << IsaName(v.isa) << " " << head_dim;
      }
    }
  }
}

TEST(KernelOps, RopeTurnsPairsByTheirAngles) {
  constexpr int64_t kDim = 8;
  float cos[kDim / 2], sin[kDim / 2];
  RopeTable(3, Turning(kDim, 10000.0, 1.25), cos, sin);
  for (RopeLayout layout : {RopeLayout::kHalves, RopeLayout::kInterleaved}) {
    float x[kDim] = {1, 2, 3, 4, 5, 6, 7, 8};
    Rope(x, cos, sin, kDim, layout);
    for (int i = 0; i < kDim / 2; ++i) {
      const int a = layout == RopeLayout::kHalves ? i : 2 * i, b = layout == RopeLayout::kHalves ? i + kDim / 2 : 2 * i + 1;
      const double angle = 3.0 * std::pow(10000.0, -2.0 * i / kDim);
      EXPECT_NEAR(x[a], 1.25 * ((a + 1) * std::cos(angle) - (b + 1) * std::sin(angle)), 1e-5);
      EXPECT_NEAR(x[b], 1.25 * ((a + 1) * std::sin(angle) + (b + 1) * std::cos(angle)), 1e-5);
    }
  }
}

TEST(KernelOps, SwiGluIsTheFormulaOverTheWholeRange) {
  std::vector<float> gate;
  for (float g = -110.0f; g <= 110.0f; g += 0.00731f) gate.push_back(g);
  gate.insert(gate.end(), {0.0f, -0.0f, -1e-30f, 1e-30f, -87.4f, -88.8f, -1000.0f, 1000.0f});
  const std::vector<float> up = RandomFloats(static_cast<int64_t>(gate.size()), 4);
  for (const Version& v : Versions()) {
    std::vector<float> y(gate.size());
    v.swiglu(gate.data(), up.data(), y.data(), static_cast<int64_t>(gate.size()));
    for (size_t i = 0; i < gate.size(); ++i) {
      const double g = static_cast<double>(gate[i]);
      const double expected = g / (1.0 + std::exp(-g)) * static_cast<double>(up[i]);
      // e^x within 2^-22, four roundings; results that are subnormal lose their low bits.
      EXPECT_NEAR(y[i], expected, 8 * kEps * std::fabs(expected) + 1e-36) << IsaName(v.isa) << " gate " << g;
    }
    std::vector<float> in_place = gate;
    v.swiglu(in_place.data(), up.data(), in_place.data(), static_cast<int64_t>(gate.size()));
    EXPECT_EQ(std::memcmp(in_place.data(), y.data(), y.size() * 4), 0);
    float bad = std::nanf(""), one = 1.0f, out = 0.0f;
    v.swiglu(&bad, &one, &out, 1);
    EXPECT_TRUE(std::isnan(out)) << IsaName(v.isa);
  }
}

TEST(KernelOps, ReluSquaredIsTheFormulaToTheBit) {
  std::vector<float> x = RandomFloats(1003, 4);
  x.insert(x.end(), {0.0f, -0.0f, 1e-30f, -1e-30f, 3e38f, -3e38f, INFINITY, -INFINITY});
  for (const Version& v : Versions()) {
    for (size_t n = x.size(); n + 20 > x.size(); --n) {
      std::vector<float> y(n + 1, 7.0f), in_place = x;
      v.relu_squared(x.data(), y.data(), static_cast<int64_t>(n));
      v.relu_squared(in_place.data(), in_place.data(), static_cast<int64_t>(n));
      for (size_t i = 0; i < n; ++i) {
        ASSERT_EQ(y[i], x[i] > 0 ? x[i] * x[i] : 0.0f) << IsaName(v.isa) << " " << x[i];
        ASSERT_EQ(in_place[i], y[i]);
      }
      EXPECT_EQ(y.back(), 7.0f) << "written past the end";
    }
    float bad = std::nanf(""), out = 0.0f;
    v.relu_squared(&bad, &out, 1);
    EXPECT_TRUE(std::isnan(out)) << IsaName(v.isa);
  }
}

TEST(KernelOps, GeGluIsTheFormulaOverTheWholeRange) {
  std::vector<float> gate;
  for (float g = -12.0f; g <= 12.0f; g += 0.00131f) gate.push_back(g);
  gate.insert(gate.end(), {0.0f, -0.0f, -1e-30f, 1e-30f, -1000.0f, 1000.0f});
  const std::vector<float> up = RandomFloats(static_cast<int64_t>(gate.size()), 4);
  for (const Version& v : Versions()) {
    std::vector<float> y(gate.size());
    v.geglu(gate.data(), up.data(), y.data(), static_cast<int64_t>(gate.size()));
    for (size_t i = 0; i < gate.size(); ++i) {
      const double g = gate[i], t = std::sqrt(2 / 3.14159265358979323846) * (g + 0.044715 * g * g * g);
      // tanh by e^−2t: its argument is off by a few roundings of 2|t|, which the tail turns into a relative error.
      const double expected = g / (1 + std::exp(-2 * t)) * static_cast<double>(up[i]);
      EXPECT_NEAR(y[i], expected, (8 + 8 * std::min(std::fabs(t), 88.0)) * kEps * std::fabs(expected) + 1e-36) << IsaName(v.isa) << " gate " << g;
      const double by_tanh = g / 2 * (1 + std::tanh(t)) * static_cast<double>(up[i]);
      EXPECT_NEAR(expected, by_tanh, 1e-12 * (1 + std::fabs(g) * std::fabs(up[i])));
    }
    float bad = std::nanf(""), one = 1.0f, out = 0.0f;
    v.geglu(&bad, &one, &out, 1);
    EXPECT_TRUE(std::isnan(out)) << IsaName(v.isa);
  }
}

TEST(KernelOps, LogSumExpIsSafeAndExact) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const Version& v : Versions()) {
    for (int64_t n : {1, 3, 8, 17, 1000, 1024, 5000, 49152}) {
      for (float shift : {0.0f, 500.0f, -500.0f}) {
        std::vector<float> x = RandomFloats(n, 5, 4.0f);
        for (float& value : x) value += shift;
        double top = -1e30, sum = 0.0;
        for (float value : x) top = std::max(top, static_cast<double>(value));
        for (float value : x) sum += std::exp(static_cast<double>(value) - top);
        const double expected = top + std::log(sum);
        // e^x within 2^-22, its argument rounded (|x − top| < 40), sums of 64 terms a lane; then one rounding.
        EXPECT_NEAR(v.log_sum_exp(x.data(), n), expected, (40 + 64 + 4) * kEps + kEps * std::fabs(expected) * 2)
            << IsaName(v.isa) << " " << n;
      }
    }
    const std::vector<float> lowest(20, -infinity);
    EXPECT_EQ(v.log_sum_exp(lowest.data(), 20), -infinity);
    std::vector<float> masked(20, -infinity);
    masked[13] = 2.5f;
    EXPECT_EQ(v.log_sum_exp(masked.data(), 20), 2.5f);
  }
}

}  // namespace
}  // namespace pith
