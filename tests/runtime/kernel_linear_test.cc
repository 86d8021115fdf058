// Linear() on every instruction set, type of weight and precision against the scalar reference.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/tensor_view.h"
#include "base/thread_pool.h"
#include "runtime/kernels/linear.h"
#include "runtime/kernels/prepared_rows.h"
#include "tests/base/random_blocks.h"
#include "tests/runtime/emulated.h"

namespace pith {
namespace {

constexpr TensorType kTypes[] = {TensorType::kF32,  TensorType::kF16,  TensorType::kBF16,
                                 TensorType::kQ8_0, TensorType::kQ4_0, TensorType::kQ4_1,
                                 TensorType::kIQ4_NL, TensorType::kIQ4_XS,
                                 TensorType::kQ5_0, TensorType::kQ5_1, TensorType::kQ2_K, TensorType::kQ3_K,
                                 TensorType::kQ4_K, TensorType::kQ5_K, TensorType::kQ6_K};
constexpr ActivationType kPrecisions[] = {ActivationType::kF32, ActivationType::kBF16, ActivationType::kInt8};

std::vector<Isa> Isas() {
  std::vector<Isa> isas;
  for (Isa isa : kIsas) {
    if (IsaAvailable(isa)) isas.push_back(isa);
  }
  return isas;
}

struct Matrix {
  std::vector<uint8_t> bytes;
  TensorView view;
};

std::vector<float> RandomFloats(int64_t count, uint32_t seed, float scale = 1.0f) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, scale);
  std::vector<float> out(static_cast<size_t>(count));
  for (float& v : out) v = normal(random);
  return out;
}

// An offset makes Q4_1's minimum and the sums of activations matter.
Matrix RandomMatrix(TensorType type, int64_t n, int64_t k, uint32_t seed) {
  Matrix w;
  if (!HasFloatKernel(type)) {
    w.bytes = RandomBlocks(type, n * k, 1.5f, seed);
    w.view = {type, n, k, w.bytes.data()};
    return w;
  }
  std::vector<float> values = RandomFloats(n * k, seed, 0.5f);
  for (float& v : values) v += 0.25f;
  w.bytes.resize(RowBytes(type, k) * static_cast<size_t>(n));
  Quantise(type, values.data(), w.bytes.data(), n * k);
  w.view = {type, n, k, w.bytes.data()};
  return w;
}

struct Case {
  TensorType type;
  ActivationType precision;
  Isa isa;
  std::string Name() const {
    return std::string(TypeName(type)) + " " + ActivationTypeName(precision) + " " + IsaName(isa);
  }
};

std::vector<float> Product(const Case& c, ThreadPool& pool, const Matrix& w, const float* x, int64_t m, int64_t stride,
                       float scale = 1.0f, const float* start = nullptr) {
  PreparedRows rows;
  rows.Prepare(x, m, w.view.cols, stride, c.precision, c.isa);
  std::vector<float> y(static_cast<size_t>(m * w.view.rows), std::nanf(""));
  if (start != nullptr) y.assign(start, start + y.size());
  const LinearJob job{.w = w.view, .x = &rows, .y = y.data(), .y_stride = w.view.rows, .scale = scale, .accumulate = start != nullptr};
  Linear(pool, {&job, 1});
  return y;
}

// What the numbers of a case mean, in double: the precision's roundings of x and W, then an exact sum, and Σ|x||w|.
void Exact(const Case& c, const Matrix& w, const float* x_row, int64_t n, double* sum, double* magnitude) {
  const int64_t k = w.view.cols;
  std::vector<float> row(static_cast<size_t>(k)), x(x_row, x_row + k);
  Dequantise(w.view.type, w.view.row(n), row.data(), k);
  const bool int8 = c.precision == ActivationType::kInt8 && HasInt8Kernel(c.type);
  if (c.precision != ActivationType::kF32 && !int8) {
    for (float& v : row) v = BF16ToF32(F32ToBF16(v));
    for (float& v : x) v = BF16ToF32(F32ToBF16(v));
  }
  if (int8) {
    for (int64_t b = 0; b < k; b += 32) {
      float top = 0.0f;
      for (int64_t i = b; i < b + 32; ++i) top = std::max(top, std::fabs(x[static_cast<size_t>(i)]));
      for (int64_t i = b; i < b + 32; ++i) {
        float& v = x[static_cast<size_t>(i)];
        v = top > 0.0f ? std::nearbyint(v * (127.0f / top)) * (top / 127.0f) : 0.0f;
      }
    }
  }
  *sum = *magnitude = 0.0;
  for (size_t i = 0; i < row.size(); ++i) {
    const double product = static_cast<double>(row[i]) * static_cast<double>(x[i]);
    *sum += product;
    *magnitude += std::fabs(product);
  }
}

class KernelLinear : public testing::TestWithParam<Case> {};

// A model that has gone wrong must be seen to: whatever the kernel, NaN or infinity in x does not come out as a number.
TEST_P(KernelLinear, WhatIsNotFiniteStaysSo) {
  const Case c = GetParam();
  ThreadPool pool(1);
  const int64_t k = std::max(64, ValuesPerBlock(c.type));
  const Matrix w = RandomMatrix(c.type, 40, k, 5);
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    for (const int64_t place : {0, 13, 31, 63}) {
      std::vector<float> x = RandomFloats(k, 7);
      x[static_cast<size_t>(place)] = bad;
      for (const float y : Product(c, pool, w, x.data(), 1, k)) ASSERT_FALSE(std::isfinite(y)) << c.Name() << ", place " << place;
    }
    const std::vector<float> all(static_cast<size_t>(k), bad);
    for (const float y : Product(c, pool, w, all.data(), 1, k)) ASSERT_FALSE(std::isfinite(y)) << c.Name();
  }
}

TEST_P(KernelLinear, AgreesWithTheExactSum) {
  const Case c = GetParam();
  ThreadPool pool(2);
  std::vector<int64_t> ks = {32, 96, 576, 1536};
  if (ValuesPerBlock(c.type) == kSuperBlockSize) ks = {256, 768};
  if (!IsQuantised(c.type)) ks.insert(ks.end(), {1, 7, 33, 100, 31 + 64});
  uint32_t seed = 1;
  for (int64_t k : ks) {
    for (int64_t n : {1, 3, 16, 31, 33, 70}) {
      for (int64_t m : {1, 5, 17}) {
        const Matrix w = RandomMatrix(c.type, n, k, ++seed);
        const int64_t stride = k + 3;
        const std::vector<float> x = RandomFloats(m * stride, ++seed);
        const std::vector<float> start = RandomFloats(m * n, ++seed);
        const std::vector<float> y = Product(c, pool, w, x.data(), m, stride);
        const std::vector<float> added = Product(c, pool, w, x.data(), m, stride, -0.375f, start.data());
        for (int64_t i = 0; i < m; ++i) {
          for (int64_t j = 0; j < n; ++j) {
            double sum, magnitude;
            Exact(c, w, x.data() + i * stride, j, &sum, &magnitude);
            // Float sums of k terms in any order are off by at most k·2^-24·Σ|x||w|. Q4_1's offsets cancel against its
            // codes, which can exceed the values they make up (|d·q| + |m| ≤ 3 Σ|w| here), and blocks add two roundings.
            const double eps = std::ldexp(1.0, -24);
            const double tolerance = (static_cast<double>(k) + 4.0) * eps * (3.0 * magnitude + 1e-6);
            const size_t at = static_cast<size_t>(i * n + j);
            ASSERT_NEAR(y[at], sum, tolerance) << c.Name() << " k " << k << " n " << n << " m " << m;
            const float expected = start[at] + -0.375f * y[at];
            ASSERT_EQ(added[at], expected) << c.Name() << " k " << k << " n " << n << " m " << m;
          }
        }
      }
    }
  }
}

TEST_P(KernelLinear, BatchOfAnySizeIsBatchOfOneBitwise) {
  const Case c = GetParam();
  ThreadPool one(1), two(2), three(3);
  for (int64_t k : ValuesPerBlock(c.type) == kSuperBlockSize ? Sizes<int64_t>({256, 1536}, {256}) : Sizes<int64_t>({96, 576, 1536}, {96, 576})) {
    const int64_t n = 83;
    const Matrix w = RandomMatrix(c.type, n, k, 5);
    const std::vector<float> x = RandomFloats(70 * k, 6);
    std::vector<float> alone;
    for (int64_t m = 0; m < 70; ++m) {
      const std::vector<float> y = Product(c, one, w, x.data() + m * k, 1, k);
      alone.insert(alone.end(), y.begin(), y.end());
    }
    for (int64_t m : Sizes<int64_t>({1, 2, 3, 4, 5, 6, 7, 8, 16, 17, 33, 64, 70}, {1, 2, 3, 4, 5, 8, 17, 33})) {
      for (ThreadPool* pool : Sizes<ThreadPool*>({&one, &two, &three}, {&three})) {
        const std::vector<float> y = Product(c, *pool, w, x.data(), m, k);
        ASSERT_EQ(std::memcmp(y.data(), alone.data(), y.size() * sizeof(float)), 0)
            << c.Name() << " k " << k << " m " << m << " threads " << pool->num_threads();
      }
    }
    // A row's result depends on its own weights alone: the last rows of W by themselves.
    Matrix tail = w;
    tail.view.data = w.view.row(70);
    tail.view.rows = n - 70;
    const std::vector<float> y = Product(c, two, tail, x.data(), 5, k);
    for (int64_t m = 0; m < 5; ++m) {
      for (int64_t j = 0; j < n - 70; ++j) {
        ASSERT_EQ(y[static_cast<size_t>(m * (n - 70) + j)], alone[static_cast<size_t>(m * n + 70 + j)]) << c.Name();
      }
    }
  }
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (Isa isa : Isas()) {
    for (TensorType type : kTypes) {
      for (ActivationType precision : kPrecisions) cases.push_back({type, precision, isa});
    }
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(All, KernelLinear, testing::ValuesIn(Cases()), [](const auto& info) {
  std::string name = info.param.Name();
  for (char& ch : name) ch = ch == ' ' ? '_' : ch;
  return name;
});

// Every third job reads other activations, every second one only some of the rows.
TEST(KernelLinearJobs, SeveralProductsInOnePassAreEachAlone) {
  ThreadPool pool(2);
  const std::vector<float> xs[] = {RandomFloats(9 * 192, 3), RandomFloats(9 * 1536, 4)};
  const int64_t ks[] = {192, 1536};
  for (Isa isa : Isas()) {
    std::vector<Matrix> matrices;
    for (int i = 0; i < 20; ++i) {  // more than one pass takes
      matrices.push_back(RandomMatrix(kTypes[i % 6], 1 + 13 * i, ks[i % 3 == 0], static_cast<uint32_t>(i)));
    }
    PreparedRows rows[2];
    for (int i = 0; i < 2; ++i) rows[i].Prepare(xs[i].data(), 9, ks[i], ks[i], ActivationType::kInt8, isa, &pool);
    std::vector<std::vector<float>> ys;
    std::vector<LinearJob> jobs;
    for (size_t i = 0; i < matrices.size(); ++i) {
      const int64_t n = matrices[i].view.rows;
      ys.emplace_back(static_cast<size_t>(9 * (n + 2)), -1.0f);
      jobs.push_back({.w = matrices[i].view, .x = &rows[i % 3 == 0], .y = ys.back().data(), .y_stride = n + 2});
      if (i % 2) jobs.back().begin = 2, jobs.back().end = 7, jobs.back().y += 2 * (n + 2);
    }
    Linear(pool, jobs);
    for (size_t i = 0; i < matrices.size(); ++i) {
      const Case c{matrices[i].view.type, ActivationType::kInt8, isa};
      const std::vector<float> alone = Product(c, pool, matrices[i], xs[i % 3 == 0].data(), 9, ks[i % 3 == 0]);
      const int64_t n = matrices[i].view.rows;
      for (int64_t m = 0; m < 9; ++m) {
        const float* row = ys[i].data() + m * (n + 2);
        if (i % 2 && (m < 2 || m >= 7)) {
          ASSERT_EQ(row[0], -1.0f) << "a row was written that was not asked for";
          continue;
        }
        ASSERT_EQ(std::memcmp(row, alone.data() + m * n, static_cast<size_t>(n) * 4), 0) << c.Name();
        ASSERT_EQ(row[n], -1.0f) << "written past a row's end";
      }
    }
  }
}

// Whichever instruction set quantises, the codes are those of the reference: ties, zeros and subnormals included.
// What adapters add to a pass against the same products one after another, to the bit; over many rounds, since threads meet in it.
TEST(KernelLinearAdded, InOnePassIsWhatSeparatePassesGive) {
  constexpr int64_t kIn = 96, kRows = 45;
  std::vector<Matrix> w;  // moved in: a copy's view would be the original's
  w.push_back(RandomMatrix(TensorType::kQ4_0, 200, kIn, 1));
  w.push_back(RandomMatrix(TensorType::kQ8_0, 33, kIn, 2));
  w.push_back(RandomMatrix(TensorType::kF16, 70, kIn, 3));
  const std::vector<float> x = RandomFloats(kRows * kIn, 4);
  struct Pair {
    size_t job;
    int64_t begin, end;
    Matrix a, b;
  };
  const auto pair = [&](size_t job, int64_t begin, int64_t end, int64_t rank, TensorType type) {
    const auto seed = static_cast<uint32_t>(100 * job) + static_cast<uint32_t>(begin);
    return Pair{job, begin, end, RandomMatrix(type, rank, kIn, seed), RandomMatrix(type, w[job].view.rows, rank, seed + 50)};
  };
  std::vector<Pair> few, many;  // many: more than fit into one pass
  for (const size_t job : {0, 2}) few.push_back(pair(job, 0, 3, 64, TensorType::kQ8_0)), few.push_back(pair(job, 3, 45, 32, TensorType::kQ4_0));
  few.push_back(pair(1, 2, 40, 7, TensorType::kF16));
  few.push_back(pair(1, 40, 40, 32, TensorType::kQ8_0));  // of no rows
  for (int64_t row = 0; row < kRows; ++row) many.push_back(pair(0, row, row + 1, 32, TensorType::kQ8_0));
  for (const std::vector<Pair>* pairs : {&few, &many}) {
    for (const ActivationType precision : kPrecisions) {
      PreparedRows rows;
      rows.Prepare(x.data(), kRows, kIn, kIn, precision, BestIsa());
      std::vector<std::vector<float>> low(pairs->size());
      std::vector<PreparedRows> low_rows(pairs->size());
      const auto start = [&] {
        std::vector<std::vector<float>> y;
        for (const Matrix& m : w) y.push_back(RandomFloats(kRows * m.view.rows, 9));
        return y;
      };
      std::vector<LinearJob> jobs;
      const auto jobs_for = [&](std::vector<std::vector<float>>& y) {
        jobs.clear();
        for (size_t j = 0; j < w.size(); ++j) {
          jobs.push_back({.w = w[j].view, .x = &rows, .y = y[j].data(), .y_stride = w[j].view.rows, .accumulate = j == 1});
        }
      };
      ThreadPool one(1);
      std::vector<std::vector<float>> expected = start();
      jobs_for(expected);
      Linear(one, jobs);
      for (size_t i = 0; i < pairs->size(); ++i) {
        const Pair& p = (*pairs)[i];
        const int64_t rank = p.a.view.rows, n = p.b.view.rows;
        low[i].resize(static_cast<size_t>((p.end - p.begin) * rank));
        if (p.begin == p.end) continue;
        const LinearJob a = {.w = p.a.view, .x = &rows, .y = low[i].data(), .y_stride = rank, .begin = p.begin, .end = p.end};
        Linear(one, {&a, 1});
        low_rows[i].Prepare(low[i].data(), p.end - p.begin, rank, rank, precision, BestIsa());
        const LinearJob b = {.w = p.b.view, .x = &low_rows[i], .y = expected[p.job].data() + p.begin * n, .y_stride = n, .scale = 0.75f, .accumulate = true};
        Linear(one, {&b, 1});
      }
      for (const int threads : {1, 2, 5}) {
        ThreadPool pool(threads);
        for (int round = 0; round < (Emulated() ? 4 : 40); ++round) {
          std::vector<LowRankJob> added;
          for (size_t i = 0; i < pairs->size(); ++i) {
            const Pair& p = (*pairs)[i];
            std::fill(low[i].begin(), low[i].end(), std::nanf(""));
            added.push_back({.job = p.job, .a = p.a.view, .b = p.b.view, .scale = 0.75f, .begin = p.begin, .end = p.end, .low = low[i].data(), .low_rows = &low_rows[i]});
          }
          std::vector<std::vector<float>> y = start();
          jobs_for(y);
          Linear(pool, jobs, added);
          for (size_t j = 0; j < w.size(); ++j) {
            ASSERT_EQ(0, std::memcmp(y[j].data(), expected[j].data(), y[j].size() * sizeof(float)))
                << ActivationTypeName(precision) << ", product " << j << ", " << threads << " threads, round " << round;
          }
        }
      }
    }
  }
}

TEST(KernelPreparedRows, CodesAreBitwiseTheReference) {
  std::vector<float> x = RandomFloats(40 * 96, 8);
  for (size_t i = 0; i < x.size(); ++i) {
    switch (i / 96 % 8) {
      case 1: x[i] = static_cast<float>(static_cast<int>(i) % 255 - 127) * 0.5f; break;  // ties where the largest is 127
      case 2: x[i] *= 1e-40f; break;
      case 3: x[i] *= 1e37f; break;
      case 4: x[i] = i % 32 == 5 ? -127.0f : static_cast<float>(static_cast<int>(i) % 50) + 0.5f; break;
      case 5: x[i] = i % 2 ? -0.0f : 0.0f; break;
      default: break;
    }
  }
  PreparedRows reference;
  reference.Prepare(x.data(), 40, 96, 96, ActivationType::kInt8, Isa::kScalar);
  const RowsView& expected = reference.impl().view;
  for (Isa isa : Isas()) {
    PreparedRows rows;
    rows.Prepare(x.data(), 40, 96, 96, ActivationType::kInt8, isa);
    const RowsView& view = rows.impl().view;
    for (int64_t b = 0; b < 40 * 3; ++b) {
      ASSERT_EQ(std::memcmp(view.q + b * 32, expected.q + b * 32, 32), 0) << IsaName(isa) << " block " << b;
      ASSERT_EQ(std::memcmp(view.groups + b, expected.groups + b, sizeof(RowGroup)), 0) << IsaName(isa) << " block " << b;
    }
  }
}

// With int8 activations, and for types without float kernels of their own, the answer does not depend on the processor at all, nor on the
// plan that was found to be the fastest on it.
TEST(KernelLinearBits, AreTheSameOnEverySet) {
  ThreadPool pool(2);
  for (TensorType type : kTypes) {
    for (ActivationType precision : kPrecisions) {
      const bool own_order = HasFloatKernel(type) && !(precision == ActivationType::kInt8 && HasInt8Kernel(type));
      if (own_order) continue;
      for (int64_t m : {1, 2, 3, 4, 5, 7, 9}) {
        const Matrix w = RandomMatrix(type, 51, 512, 11);
        const std::vector<float> x = RandomFloats(m * 512, 12);
        const std::vector<float> expected = Product({type, precision, Isa::kScalar}, pool, w, x.data(), m, 512);
        for (Isa isa : Isas()) {
          const std::vector<float> y = Product({type, precision, isa}, pool, w, x.data(), m, 512);
          ASSERT_EQ(std::memcmp(y.data(), expected.data(), y.size() * sizeof(float)), 0)
              << TypeName(type) << " " << ActivationTypeName(precision) << " " << IsaName(isa) << " " << m << " rows";
        }
      }
    }
  }
}

// A phone's answer does not depend on which of Arm's instruction sets it has.
TEST(KernelLinearArm, EverySetGivesTheSameBits) {
  if (!IsaAvailable(Isa::kNeon)) GTEST_SKIP() << "this is not an Arm processor";
  ThreadPool pool(1);
  for (TensorType type : kTypes) {
    if (!HasFloatKernel(type)) continue;
    for (ActivationType precision : kPrecisions) {
      for (int64_t m : {1, 2, 7}) {
        const Matrix w = RandomMatrix(type, 37, 160, 11);
        const std::vector<float> x = RandomFloats(m * 160, 12);
        const Case neon{type, precision, Isa::kNeon};
        const std::vector<float> expected = Product(neon, pool, w, x.data(), m, 160);
        for (Isa isa : {Isa::kDotProd, Isa::kI8mm}) {
          if (!IsaAvailable(isa)) continue;
          const std::vector<float> y = Product({type, precision, isa}, pool, w, x.data(), m, 160);
          ASSERT_EQ(std::memcmp(y.data(), expected.data(), y.size() * sizeof(float)), 0)
              << TypeName(type) << " " << ActivationTypeName(precision) << " " << IsaName(isa) << " " << m << " rows";
        }
      }
    }
  }
}

// Under an emulator it is known which set must be chosen; without this check a set that is not found would test nothing.
TEST(KernelIsa, TheBestIsTheExpectedOne) {
  const char* expected = std::getenv("PITH_TEST_BEST_ISA");
  if (expected == nullptr) GTEST_SKIP() << "PITH_TEST_BEST_ISA does not say which instruction set is the best here";
  EXPECT_STREQ(IsaName(BestIsa()), expected);
}

TEST(KernelPreparedRows, ZerosAndTinyValuesGiveFiniteResults) {
  ThreadPool pool(1);
  for (Isa isa : Isas()) {
    for (ActivationType precision : kPrecisions) {
      const Matrix w = RandomMatrix(TensorType::kQ8_0, 5, 64, 9);
      std::vector<float> x(64, 0.0f);
      for (float y : Product({TensorType::kQ8_0, precision, isa}, pool, w, x.data(), 1, 64)) EXPECT_EQ(y, 0.0f);
      for (size_t i = 0; i < 32; ++i) x[i] = i % 2 ? 1e-42f : -3e-41f;
      for (float y : Product({TensorType::kQ8_0, precision, isa}, pool, w, x.data(), 1, 64)) EXPECT_NEAR(y, 0.0f, 1e-38f);
    }
  }
}

}  // namespace
}  // namespace pith
