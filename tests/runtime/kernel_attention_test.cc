// Attention of every instruction set against double arithmetic; heads served together against heads alone.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "base/tensor_type.h"
#include "runtime/kernels/attention.h"
#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/linear.h"
#include "tests/runtime/emulated.h"

namespace pith {
namespace {

struct Version {
  Isa isa;
  void (*attend)(const AttendArgs&);
};

std::vector<Version> Versions() {
  std::vector<Version> versions = {{Isa::kScalar, AttendRef}};
#if defined(__x86_64__)
  if (IsaAvailable(Isa::kAvx2)) versions.push_back({Isa::kAvx2, AttendAvx2});
  if (IsaAvailable(Isa::kAvx512)) versions.push_back({Isa::kAvx512, AttendAvx512});
#elif defined(__aarch64__)
  versions.push_back({Isa::kNeon, AttendNeon});
  if (IsaAvailable(Isa::kDotProd)) versions.push_back({Isa::kDotProd, AttendDotProd});
#endif
  return versions;
}

// All of some rows.
void AttendRows(const Version& version, AttendArgs args) {
  std::vector<float> factors(static_cast<size_t>(args.count));
  AskForWhole(&args, factors.data());
  version.attend(args);
}

// Heads of one token.
struct Heads {
  const float* q;
  int64_t q_stride, count;
  KvPages kv;
  int64_t length, skip, key_dim, value_dim;
  float scale, soft_cap;
  float *scores, *out;
  int64_t out_stride;
};

void Attend(const Version& version, const Heads& heads) {
  std::vector<AttendRow> rows;
  for (int64_t h = 0; h < heads.count; ++h) {
    rows.push_back({heads.q + h * heads.q_stride, heads.out + h * heads.out_stride, heads.scores + h * heads.length, 0, heads.length, heads.skip});
  }
  AttendRows(version, {.rows = rows.data(), .count = heads.count, .kv = heads.kv, .key_dim = heads.key_dim, .value_dim = heads.value_dim, .scale = heads.scale,
                       .soft_cap = heads.soft_cap});
}

void AttendToken(const float* q, int64_t q_stride, int64_t heads, const KvPages& kv, int64_t first, int64_t length, int64_t key_dim, int64_t value_dim,
                 const ScoreRule& rule, float* scores, float* out, int64_t out_stride, const AttendPart& part = {}) {
  const AttendQuery query{q, out, first, length};
  AttendHeads({&query, 1}, q_stride, heads, kv, key_dim, value_dim, rule, scores, out_stride, part);
}

std::vector<float> RandomFloats(int64_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> out(static_cast<size_t>(count));
  for (float& v : out) v = normal(random);
  return out;
}

// Keys and values of one head in pages whose order in memory is not theirs; what lies past the length is NaN (INT8: its scale).
struct Cache {
  int64_t length, key_dim, value_dim;
  KvType type;
  std::vector<float> k, v;  // [length][key_dim] and [length][value_dim], as the cache holds them
  std::vector<std::vector<uint8_t>> pages;
  std::vector<const void*> k_pages, v_pages;

  Cache(int64_t length, int64_t head_dim, KvType type) : Cache(length, head_dim, head_dim, type) {}
  Cache(int64_t length, int64_t key_dim, int64_t value_dim, KvType type) : length(length), key_dim(key_dim), value_dim(value_dim), type(type) {
    k = RandomFloats(length * key_dim, 1);
    v = RandomFloats(length * value_dim, 2);
    const int64_t count = (length + kKvPageTokens - 1) / kKvPageTokens;
    k_pages.resize(static_cast<size_t>(count));
    v_pages.resize(static_cast<size_t>(count));
    for (int64_t p = count; p-- > 0;) AddPage(p);
  }
  void AddPage(int64_t p) {
    std::vector<uint8_t> page[2];
    page[0].assign(static_cast<size_t>(KvPageBytes(type, key_dim)), 0xff);  // f32, f16, scales: NaN
    page[1].assign(static_cast<size_t>(KvPageBytes(type, value_dim)), 0xff);
    for (int64_t t = 0; t < kKvPageTokens && p * kKvPageTokens + t < length; ++t) {
      float *key = k.data() + (p * kKvPageTokens + t) * key_dim, *value = v.data() + (p * kKvPageTokens + t) * value_dim;
      StoreKv(type, key_dim, value_dim, t, key, value, page[0].data(), page[1].data());
      Round(key, key_dim);
      Round(value, value_dim);
    }
    for (auto& bytes : page) pages.push_back(std::move(bytes));
    k_pages[static_cast<size_t>(p)] = pages[pages.size() - 2].data();
    v_pages[static_cast<size_t>(p)] = pages.back().data();
  }
  // A token's values as the cache is to hold them.
  void Round(float* x, int64_t count) const {
    for (int64_t i = 0; i < count; ++i) {
      if (type == KvType::kF16) x[i] = F16ToF32(F32ToF16(x[i]));
      if (type != KvType::kInt8 || i % 32 != 0) continue;
      float top = 0;
      for (int64_t j = i; j < i + 32; ++j) top = std::max(top, std::fabs(x[j]));
      const float d = F16ToF32(F32ToF16(top / 127.0f));
      for (int64_t j = i; j < i + 32; ++j) x[j] = std::clamp(std::nearbyint(x[j] * (1.0f / d)), -127.0f, 127.0f) * d;
    }
  }
  KvPages View() const { return {k_pages.data(), v_pages.data(), type}; }
};

// A query as it meets the keys: rounded in groups of 32 for an INT8 cache.
double QueryValue(const float* q, int64_t i, KvType type) {
  if (type != KvType::kInt8) return q[i];
  float top = 0;
  for (int64_t j = i / 32 * 32; j < i / 32 * 32 + 32; ++j) top = std::max(top, std::fabs(q[j]));
  return static_cast<double>(std::nearbyint(q[i] * (127.0f / top))) * static_cast<double>(top / 127.0f);
}

TEST(KernelAttention, IsSoftmaxOfScoresTimesValues) {
  for (const Version& version : Versions()) {
    for (KvType type : {KvType::kF32, KvType::kF16, KvType::kInt8}) {
      for (const auto& [key_dim, value_dim] :
           {std::pair<int64_t, int64_t>{16, 16}, {48, 48}, {64, 64}, {96, 96}, {128, 128}, {32, 96}, {48, 16}, {192, 128}, {64, 160}}) {
        if (type == KvType::kInt8 && (key_dim % 32 != 0 || value_dim % 32 != 0)) continue;
        for (int64_t length : Sizes<int64_t>({1, 2, 15, 16, 17, 33, 200}, {1, 2, 15, 16, 17, 49})) {
          for (const auto& [wanted_skip, cap] : {std::pair<int64_t, float>{0, 0.0f}, {5, 0.0f}, {0, 1.5f}, {15, 0.7f}}) {
          const int64_t skip = std::min(wanted_skip, length - 1);
          const Cache cache(length, key_dim, value_dim, type);
          const int64_t heads = 7, q_stride = key_dim + 5, stride = value_dim + 3;
          const std::vector<float> q = RandomFloats(heads * q_stride, 3);
          const float scale = 1.0f / std::sqrt(static_cast<float>(key_dim));
          std::vector<float> scores(static_cast<size_t>(heads * length)), out(static_cast<size_t>(heads * stride), 9.0f);
          Attend(version, {q.data(), q_stride, heads, cache.View(), length, skip, key_dim, value_dim, scale, cap, scores.data(), out.data(), stride});
          for (int64_t h = 0; h < heads; ++h) {
            std::vector<double> p(static_cast<size_t>(length));
            double top = -1e30, total = 0.0, reach = 0.0;
            for (int64_t s = 0; s < length; ++s) {
              double dot = 0.0, magnitude = 0.0;
              for (int64_t i = 0; i < key_dim; ++i) {
                const double product = QueryValue(q.data() + h * q_stride, i, type) *
                                       static_cast<double>(cache.k[static_cast<size_t>(s * key_dim + i)]);
                dot += product;
                magnitude += std::fabs(product);
              }
              const double score = dot * static_cast<double>(scale);
              p[static_cast<size_t>(s)] = s < skip ? -1e300 : cap > 0 ? cap * std::tanh(score / cap) : score;
              reach = std::max(reach, magnitude * static_cast<double>(scale));
              top = std::max(top, p[static_cast<size_t>(s)]);
            }
            for (double& value : p) total += value = std::exp(value - top);
            for (int64_t i = 0; i < value_dim; ++i) {
              double expected = 0.0, magnitude = 0.0;
              for (int64_t s = 0; s < length; ++s) {
                const double term = p[static_cast<size_t>(s)] / total *
                                    static_cast<double>(cache.v[static_cast<size_t>(s * value_dim + i)]);
                expected += term;
                magnitude += std::fabs(term);
              }
              // A score is off by (key_dim + 2)·eps·Σ|q||k|·scale, which e^x turns into a relative error of each weight,
              // twice (top and score); sums over tokens add length·eps each, e^x 2^-22.
              const double eps = 1.0 / (1 << 24);
              const double relative = (2 * (static_cast<double>(key_dim) + 2) * reach + 8 * cap + 2.0 * static_cast<double>(length) + 16) * eps;
              ASSERT_NEAR(out[static_cast<size_t>(h * stride + i)], expected, 2 * relative * magnitude)
                  << IsaName(version.isa) << " head sizes " << key_dim << " and " << value_dim << " length " << length << " head " << h;
            }
            for (int64_t i = value_dim; i < stride; ++i) ASSERT_EQ(out[static_cast<size_t>(h * stride + i)], 9.0f);
          }
          }
        }
      }
    }
  }
}

// A window begins anywhere: pages before it are not touched (here they are null), and tokens before it in its page count for nothing.
// Threads that share a row: pages, weights and columns, in parts of any size, in any order.
TEST(KernelAttention, InPartsIsTheWholeBitwise) {
  for (KvType type : {KvType::kF32, KvType::kF16, KvType::kInt8}) {
    for (const int64_t head_dim : {32, 64, 96, 40}) {  // 40: no instruction set's
      if (type == KvType::kInt8 && head_dim % 32 != 0) continue;
      for (const auto& [first, length] : {std::pair<int64_t, int64_t>{0, 200}, {0, 1}, {21, 97}, {33, 34}}) {
        constexpr int64_t kHeads = 7;
        const Cache cache(length, head_dim, type);
        const std::vector<float> q = RandomFloats(kHeads * head_dim, 3);
        const ScoreRule rule{0.2f, first == 0 ? 0.0f : 1.5f};
        std::vector<float> scores(static_cast<size_t>(kHeads * length), 7.0f), whole(static_cast<size_t>(kHeads * head_dim)), parts(whole.size(), 9.0f);
        AttendToken(q.data(), head_dim, kHeads, cache.View(), first, length, head_dim, head_dim, rule, scores.data(), whole.data(), head_dim);
        std::vector<float> factors(kHeads);
        scores.assign(scores.size(), 5.0f);
        const auto part = [&](AttendPart::Step step, int64_t begin, int64_t end) {
          AttendToken(q.data(), head_dim, kHeads, cache.View(), first, length, head_dim, head_dim, rule, scores.data(), parts.data(), head_dim,
                      {step, begin, end, factors.data()});
        };
        const int64_t pages = (length + kKvPageTokens - 1) / kKvPageTokens - first / kKvPageTokens;
        for (int64_t page = (pages - 1) / 3 * 3; page >= 0; page -= 3) part(AttendPart::kScores, page, std::min(pages, page + 3));
        part(AttendPart::kWeights, 0, 0);
        for (int64_t at = 0; at < head_dim; at += kAttendColumns) part(AttendPart::kColumns, at, std::min(head_dim, at + kAttendColumns));
        ASSERT_EQ(std::memcmp(parts.data(), whole.data(), whole.size() * sizeof(float)), 0)
            << IsaName(BestIsa()) << " type " << static_cast<int>(type) << ", heads of " << head_dim << ", tokens " << first << " to " << length;
      }
    }
  }
}

TEST(KernelAttention, AWindowIsACacheThatBeginsThere) {
  for (KvType type : {KvType::kF32, KvType::kF16, KvType::kInt8}) {
    Cache cache(77, 32, type);
    const std::vector<float> q = RandomFloats(2 * 32, 3);
    for (const int64_t first : {int64_t{0}, int64_t{7}, int64_t{16}, int64_t{40}, int64_t{63}, int64_t{64}, int64_t{76}}) {
      Cache rest(77 - first, 32, KvType::kF32);  // the same tokens, stored from a page's beginning
      for (int64_t s = first; s < 77; ++s) {
        const int64_t at = s - first;
        StoreKv(KvType::kF32, 32, 32, at % kKvPageTokens, cache.k.data() + s * 32, cache.v.data() + s * 32,
                const_cast<void*>(rest.k_pages[static_cast<size_t>(at / kKvPageTokens)]), const_cast<void*>(rest.v_pages[static_cast<size_t>(at / kKvPageTokens)]));
      }
      std::vector<const void*> k = cache.k_pages, v = cache.v_pages;
      for (int64_t p = 0; p < first / kKvPageTokens; ++p) k[static_cast<size_t>(p)] = v[static_cast<size_t>(p)] = nullptr;
      std::vector<float> scores(2 * 77), out(2 * 32), expected(2 * 32);
      AttendToken(q.data(), 32, 2, {k.data(), v.data(), type}, first, 77, 32, 32, {0.2f, 3.0f}, scores.data(), out.data(), 32);
      Attend({Isa::kScalar, AttendRef}, {q.data(), 32, 2, rest.View(), 77 - first, 0, 32, 32, 0.2f, 3.0f, scores.data(), expected.data(), 32});
      for (size_t i = 0; i < out.size(); ++i) ASSERT_NEAR(out[i], expected[i], type == KvType::kInt8 ? 0.03 : 1e-5) << first << " " << i;
    }
  }
}

TEST(KernelAttention, HeadsTogetherAreHeadsAloneBitwise) {
  for (const Version& version : Versions()) {
    for (KvType type : {KvType::kF32, KvType::kF16, KvType::kInt8}) {
      for (int64_t heads = 1; heads <= 9; ++heads) {
        const Cache cache(77, 64, type);
        const std::vector<float> q = RandomFloats(heads * 64, 3);
        std::vector<float> scores(static_cast<size_t>(heads * 77)), out(static_cast<size_t>(heads * 64)), alone = out;
        Attend(version, {q.data(), 64, heads, cache.View(), 77, 0, 64, 64, 0.125f, 0, scores.data(), out.data(), 64});
        for (int64_t h = 0; h < heads; ++h) {
          Attend(version, {q.data() + h * 64, 64, 1, cache.View(), 77, 0, 64, 64, 0.125f, 0, scores.data(), alone.data() + h * 64, 64});
        }
        ASSERT_EQ(std::memcmp(out.data(), alone.data(), out.size() * 4), 0) << IsaName(version.isa) << " " << heads;
      }
    }
  }
}

// A block of tokens of a sequence that ends at `length`: its rows, heads of a token side by side, as a decoder has them.
struct Block {
  int64_t heads, dim;
  std::vector<float> q, out;
  std::vector<std::vector<float>> scores;
  std::vector<AttendRow> rows;

  Block(int64_t tokens, int64_t heads, int64_t dim, int64_t length, int64_t window) : heads(heads), dim(dim), q(RandomFloats(tokens * heads * dim, 3)), out(q.size(), 9.0f) {
    for (int64_t t = 0; t < tokens; ++t) {
      const int64_t end = length - tokens + 1 + t, first = window == 0 ? 0 : std::max<int64_t>(0, end - window), begin = first / kKvPageTokens;
      for (int64_t h = 0; h < heads; ++h) {
        const int64_t at = (t * heads + h) * dim;
        scores.emplace_back(static_cast<size_t>(end - begin * kKvPageTokens), 7.0f);
        rows.push_back({q.data() + at, out.data() + at, nullptr, begin, end - begin * kKvPageTokens, first - begin * kKvPageTokens});
      }
    }
    for (size_t r = 0; r < rows.size(); ++r) rows[r].scores = scores[r].data();
  }
  // The rows together, or each by itself.
  std::vector<float> Run(const Version& version, const KvPages& kv, float cap, bool together) {
    const int64_t count = static_cast<int64_t>(rows.size()), step = together ? count : 1;
    for (int64_t r = 0; r < count; r += step) {
      AttendRows(version, {.rows = rows.data() + r, .count = step, .kv = kv, .key_dim = dim, .value_dim = dim, .scale = 0.2f, .soft_cap = cap});
    }
    return out;
  }
};

// Blocks that cross pages, windows that begin in different pages, rows of different lengths, in numbers that do not fill the last group.
TEST(KernelAttention, TokensTogetherAreTokensAloneBitwise) {
  for (const Version& version : Versions()) {
    for (KvType type : {KvType::kF32, KvType::kF16, KvType::kInt8}) {
      for (const int64_t dim : Sizes<int64_t>({64, 80, 96, 128, 256}, {64, 80})) {
        if (type == KvType::kInt8 && dim % 32 != 0) continue;
        for (const auto& [tokens, heads] : {std::pair<int64_t, int64_t>{32, 1}, {5, 3}, {4, 7}, {2, 9}, {17, 1}}) {
          for (const auto& [length, window] : {std::pair<int64_t, int64_t>{tokens, 0}, {77, 0}, {80, 20}, {301, 0}, {330, 33}}) {
            const Cache cache(length, dim, type);
            for (const float cap : {0.0f, 1.5f}) {
              Block together(tokens, heads, dim, length, window), alone(tokens, heads, dim, length, window);
              const std::vector<float> a = together.Run(version, cache.View(), cap, true), b = alone.Run(version, cache.View(), cap, false);
              ASSERT_EQ(std::memcmp(a.data(), b.data(), a.size() * 4), 0)
                  << IsaName(version.isa) << " type " << static_cast<int>(type) << ", " << tokens << " tokens of " << heads << " heads of " << dim << ", length "
                  << length << ", window " << window;
            }
          }
        }
      }
    }
  }
}

// A later token's value that is not a number, or one that has left the window, does not reach those that do not see it.
TEST(KernelAttention, WhatATokenOfABlockDoesNotSeeDoesNotReachIt) {
  for (const Version& version : Versions()) {
    for (KvType type : {KvType::kF32, KvType::kF16, KvType::kInt8}) {
      constexpr int64_t kTokens = 6, kDim = 64, kLength = 50, kWindow = 32;  // the first token sees 13 to 44, the last 18 to 49: pages from 0 and from 1 on
      for (const int64_t broken : {kLength - 1, kLength - 3, int64_t{2}}) {
        Cache cache(kLength, kDim, type);
        std::vector<float> key(kDim, 0.5f), value(kDim, std::nanf(""));
        value[0] = std::numeric_limits<float>::infinity();
        const auto page = static_cast<size_t>(broken / kKvPageTokens);
        StoreKv(type, kDim, kDim, broken % kKvPageTokens, key.data(), value.data(), const_cast<void*>(cache.k_pages[page]), const_cast<void*>(cache.v_pages[page]));
        Block block(kTokens, 1, kDim, kLength, kWindow);
        const std::vector<float> out = block.Run(version, cache.View(), 0, true);
        for (int64_t t = 0; t < kTokens; ++t) {
          const AttendRow& row = block.rows[static_cast<size_t>(t)];
          const int64_t begin = row.begin * kKvPageTokens, end = begin + row.length;
          const bool finite = std::isfinite(out[static_cast<size_t>(t * kDim)]);
          const bool in_its_pages = broken >= begin && broken < end;
          if (in_its_pages && broken < begin + row.skip) continue;
          EXPECT_EQ(finite, !in_its_pages) << IsaName(version.isa) << " type " << static_cast<int>(type) << " token " << t << ", broken is " << broken;
        }
      }
    }
  }
}

// More heads and tokens than are served at once, through the call that decoders make.
TEST(KernelAttention, ManyTokensAreServedInPortions) {
  constexpr int64_t kTokens = 11, kHeads = 5, kDim = 32, kLength = 70;
  const Cache cache(kLength, kDim, KvType::kF16);
  const std::vector<float> q = RandomFloats(kTokens * kHeads * kDim, 3);
  std::vector<float> scores(kTokens * kHeads * kLength), out(q.size()), alone(q.size());
  std::vector<AttendQuery> queries;
  for (int64_t t = 0; t < kTokens; ++t) queries.push_back({q.data() + t * kHeads * kDim, out.data() + t * kHeads * kDim, t % 3 * 10, kLength - kTokens + 1 + t});
  AttendHeads(queries, kDim, kHeads, cache.View(), kDim, kDim, {0.2f}, scores.data(), kDim);
  for (int64_t t = 0; t < kTokens; ++t) {
    const AttendQuery& query = queries[static_cast<size_t>(t)];
    AttendToken(query.q, kDim, kHeads, cache.View(), query.first, query.length, kDim, kDim, {0.2f}, scores.data(), alone.data() + t * kHeads * kDim, kDim);
  }
  EXPECT_EQ(std::memcmp(out.data(), alone.data(), out.size() * 4), 0);
}

#if defined(__aarch64__)
// A phone's answer does not depend on which of Arm's instruction sets it has.
TEST(KernelAttention, EverySetOfArmGivesTheSameBits) {
  if (!IsaAvailable(Isa::kDotProd)) GTEST_SKIP() << "this processor has no SDOT";
  for (KvType type : {KvType::kF32, KvType::kF16, KvType::kInt8}) {
    const Cache cache(77, 96, type);
    const std::vector<float> q = RandomFloats(3 * 96, 3);
    std::vector<float> scores(3 * 77), out(3 * 96), other = out;
    Attend({Isa::kNeon, AttendNeon}, {q.data(), 96, 3, cache.View(), 77, 0, 96, 96, 0.1f, 0, scores.data(), out.data(), 96});
    Attend({Isa::kDotProd, AttendDotProd}, {q.data(), 96, 3, cache.View(), 77, 0, 96, 96, 0.1f, 0, scores.data(), other.data(), 96});
    ASSERT_EQ(std::memcmp(out.data(), other.data(), out.size() * 4), 0) << static_cast<int>(type);
  }
}
#endif

TEST(KernelAttention, OddHeadSizesGoToTheReference) {
  for (const auto& [key_dim, value_dim] : {std::pair<int64_t, int64_t>{20, 20}, {16, 20}, {20, 16}}) {
    const Cache cache(20, key_dim, value_dim, KvType::kF16);
    const std::vector<float> q = RandomFloats(key_dim, 4);
    std::vector<float> scores(20), out(static_cast<size_t>(value_dim)), reference = out;
    AttendToken(q.data(), key_dim, 1, cache.View(), 0, 20, key_dim, value_dim, {0.2f}, scores.data(), out.data(), value_dim);
    Attend({Isa::kScalar, AttendRef}, {q.data(), key_dim, 1, cache.View(), 20, 0, key_dim, value_dim, 0.2f, 0, scores.data(), reference.data(), value_dim});
    EXPECT_EQ(out, reference) << key_dim << " and " << value_dim;
  }
}

}  // namespace
}  // namespace pith
