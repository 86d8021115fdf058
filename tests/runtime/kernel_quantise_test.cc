// Activations and KV in groups of 32 with one scale: the same bits on every instruction set, whatever the floats.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/tensor_type.h"
#include "runtime/kernels/attention.h"
#include "runtime/kernels/linear.h"
#include "runtime/kernels/prepared_rows.h"

namespace pith {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity(), kMax = std::numeric_limits<float>::max();
constexpr float kDenormal = std::numeric_limits<float>::denorm_min(), kNormal = std::numeric_limits<float>::min();
const float kSmallest = std::ldexp(1.0f, -119);  // below it a group counts as zeros

using Group = std::vector<float>;

Group Uniform(std::mt19937& random, float top) {
  std::uniform_real_distribution<float> draw(-1.0f, 1.0f);
  Group group(32);
  for (float& x : group) x = draw(random) * top;
  group[random() % 32] = random() % 2 ? top : -top;
  return group;
}

// Groups of every size of float, of any bits at all, and the special ones.
std::vector<Group> Groups() {
  std::mt19937 random(11);
  std::vector<Group> groups;
  for (int exponent = -149; exponent <= 127; ++exponent) {
    for (int i = 0; i < 8; ++i) groups.push_back(Uniform(random, std::ldexp(1.0f + static_cast<float>(random() % 1000) / 1000, exponent)));
  }
  for (int i = 0; i < 2000; ++i) {
    Group any(32);
    for (float& x : any) x = std::bit_cast<float>(static_cast<uint32_t>(random()));
    groups.push_back(any);
    for (float& x : any) x = std::bit_cast<float>(static_cast<uint32_t>(random()) & 0xbfffffffu);  // finite, below 2
    groups.push_back(any);
    for (float& x : any) x = std::bit_cast<float>(static_cast<uint32_t>(random()) & 0x807fffffu);  // subnormal
    groups.push_back(any);
  }
  for (const float top : {kMax, kNormal, kSmallest, std::nextafter(kSmallest, 0.0f), std::nextafter(kSmallest, 1.0f), 3.7e-37f, 3.8e-37f,
                          kDenormal, 0.0f, -0.0f, 1.0f}) {
    groups.push_back(Group(32, top));
    groups.push_back(Group(32, -top));
    groups.push_back(Uniform(random, top));
    for (const float odd : {kInfinity, -kInfinity, std::nanf(""), -std::nanf("7"), kMax, kDenormal, 0.0f}) {
      Group group = Uniform(random, top);
      group[random() % 32] = odd;
      groups.push_back(group);
    }
  }
  for (const float all : {kInfinity, -kInfinity, std::nanf("")}) groups.push_back(Group(32, all));
  // Halves, which instruction sets might round apart.
  for (int first = 0; first < 4; ++first) {
    Group group(32);
    for (int i = 0; i < 32; ++i) group[static_cast<size_t>(i)] = static_cast<float>(4 * i - 60 + first) + 0.5f;
    group[31] = 127.0f;
    groups.push_back(group);
  }
  return groups;
}

float Largest(const Group& group) {
  float top = 0;
  for (const float x : group) top = std::isnan(x) || std::isnan(top) ? std::nanf("") : std::max(top, std::fabs(x));
  return top;
}

std::string Shown(const Group& group) {
  std::string text;
  for (const float x : group) text += std::to_string(std::bit_cast<uint32_t>(x)) + " ";
  return text;
}

std::vector<Isa> Isas() {
  std::vector<Isa> isas;
  for (Isa isa : kIsas) {
    if (IsaAvailable(isa)) isas.push_back(isa);
  }
  return isas;
}

TEST(KernelQuantise, TheSameBitsOnEveryInstructionSet) {
  const std::vector<Group> groups = Groups();
  std::vector<float> x;
  for (const Group& group : groups) x.insert(x.end(), group.begin(), group.end());
  const auto count = static_cast<int64_t>(groups.size());
  PreparedRows scalar;
  scalar.Prepare(x.data(), 1, count * 32, count * 32, ActivationType::kInt8, Isa::kScalar);
  const RowsView expected = scalar.impl().view;
  for (int64_t g = 0; g < count; ++g) {
    const Group& group = groups[static_cast<size_t>(g)];
    const float top = Largest(group), d = expected.groups[g].d;
    int32_t sum = 0, first = 0;
    for (int i = 0; i < 32; ++i) {
      const int q = expected.q[32 * g + i];
      ASSERT_LE(std::abs(q), 127);
      sum += q;
      if (i < 16) first += q;
      if (top >= kSmallest && top <= kMax) {
        const double exact = static_cast<double>(group[static_cast<size_t>(i)]) / top * 127;
        ASSERT_LE(std::fabs(q - exact), 0.5001) << Shown(group);
      } else {
        ASSERT_EQ(q, 0) << Shown(group);
      }
    }
    ASSERT_EQ(expected.groups[g].minus8, -8 * sum);
    ASSERT_EQ(expected.groups[g].minus8_low, -8 * first);
    if (top >= kSmallest && top <= kMax) {
      ASSERT_EQ(d, top / 127.0f);
      ASSERT_GE(d, kNormal) << "a subnormal scale would be 0 where such numbers are flushed";
    } else if (top < kSmallest) {
      ASSERT_EQ(d, 0.0f);
    } else {
      ASSERT_TRUE(std::isnan(d)) << Shown(group);
      ASSERT_TRUE(std::isnan(expected.groups[g].d_sum)) << Shown(group);
    }
  }
  ASSERT_GT(Isas().size(), 1u) << "nothing to compare with";
  for (const Isa isa : Isas()) {
    PreparedRows rows;
    rows.Prepare(x.data(), 1, count * 32, count * 32, ActivationType::kInt8, isa);
    const RowsView got = rows.impl().view;
    for (int64_t g = 0; g < count; ++g) {
      const std::string what = std::string(IsaName(isa)) + ": " + Shown(groups[static_cast<size_t>(g)]);
      ASSERT_EQ(std::memcmp(got.q + 32 * g, expected.q + 32 * g, 32), 0) << what;
      ASSERT_EQ(std::memcmp(got.groups + g, expected.groups + g, sizeof(RowGroup)), 0) << what;
    }
  }
}

// Its scale is an f16: groups below 127 · 2^−25 count as zeros, and above 127 · 65504 nothing that comes of them is a number.
TEST(KernelQuantise, KvGroups) {
  constexpr int64_t kHead = 32;
  for (const Group& group : Groups()) {
    std::vector<uint8_t> k(static_cast<size_t>(KvPageBytes(KvType::kInt8, kHead))), v(k.size());
    StoreKv(KvType::kInt8, kHead, kHead, 0, group.data(), group.data(), k.data(), v.data());
    uint16_t scale = 0, k_scale = 0;
    std::memcpy(&scale, v.data() + kKvPageTokens * kHead, 2);
    std::memcpy(&k_scale, k.data() + kKvPageTokens * kHead, 2);
    ASSERT_EQ(scale, k_scale);
    const float d = F16ToF32(scale), top = Largest(group);
    if (std::isnan(top)) {
      ASSERT_TRUE(std::isnan(d)) << Shown(group);
    } else {
      ASSERT_EQ(scale, F32ToF16(top / 127.0f)) << Shown(group);
    }
    for (int i = 0; i < 32; ++i) {
      const int q = static_cast<int8_t>(v[static_cast<size_t>(i)]);
      const float x = group[static_cast<size_t>(i)];
      ASSERT_EQ(q, static_cast<int>(k[static_cast<size_t>(i / 4 * kKvPageTokens * 4 + i % 4)]) - 128);
      ASSERT_LE(std::abs(q), 127);
      if (!std::isfinite(d) || d == 0) {
        ASSERT_EQ(q, 0) << Shown(group);
      } else {
        ASSERT_EQ(q, std::clamp(std::nearbyint(x * (1.0f / d)), -127.0f, 127.0f)) << Shown(group);
      }
    }
  }
}

}  // namespace
}  // namespace pith
