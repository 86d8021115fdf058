// Attention of every instruction set against double arithmetic; heads served together against heads alone.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "base/tensor_type.h"
#include "runtime/kernels/attention.h"
#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/linear.h"

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
#endif
  return versions;
}

std::vector<float> RandomFloats(int64_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> out(static_cast<size_t>(count));
  for (float& v : out) v = normal(random);
  return out;
}

// Keys and values of one head in pages whose order in memory is not theirs; what lies past the length is NaN.
struct Cache {
  int64_t length, head_dim, page_tokens;
  bool f16;
  std::vector<float> k, v;  // [length][head_dim], as the cache holds them
  std::vector<std::vector<uint8_t>> pages;
  std::vector<const void*> k_pages, v_pages;

  Cache(int64_t length, int64_t head_dim, int64_t page_tokens, bool f16)
      : length(length), head_dim(head_dim), page_tokens(page_tokens), f16(f16) {
    k = RandomFloats(length * head_dim, 1);
    v = RandomFloats(length * head_dim, 2);
    const int64_t count = (length + page_tokens - 1) / page_tokens;
    k_pages.resize(static_cast<size_t>(count));
    v_pages.resize(static_cast<size_t>(count));
    for (int64_t p = count; p-- > 0;) {
      k_pages[static_cast<size_t>(p)] = Page(k, p);
      v_pages[static_cast<size_t>(p)] = Page(v, p);
    }
  }
  const void* Page(std::vector<float>& values, int64_t p) {
    std::vector<float> page(static_cast<size_t>(page_tokens * head_dim), std::nanf(""));
    for (int64_t i = 0; i < page_tokens * head_dim && p * page_tokens * head_dim + i < length * head_dim; ++i) {
      float& value = values[static_cast<size_t>(p * page_tokens * head_dim + i)];
      if (f16) value = F16ToF32(F32ToF16(value));
      page[static_cast<size_t>(i)] = value;
    }
    const TensorType type = f16 ? TensorType::kF16 : TensorType::kF32;
    pages.emplace_back(page.size() * BytesPerBlock(type));
    Quantise(type, page.data(), pages.back().data(), static_cast<int64_t>(page.size()));
    return pages.back().data();
  }
  KvPages View() const { return {k_pages.data(), v_pages.data(), page_tokens, f16}; }
};

TEST(KernelAttention, IsSoftmaxOfScoresTimesValues) {
  for (const Version& version : Versions()) {
    for (bool f16 : {false, true}) {
      for (int64_t head_dim : {16, 48, 64, 128}) {
        for (int64_t length : {1, 2, 15, 16, 17, 33, 200}) {
          const Cache cache(length, head_dim, 16, f16);
          const int64_t heads = 7, stride = head_dim + 5;
          const std::vector<float> q = RandomFloats(heads * stride, 3);
          const float scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
          std::vector<float> scores(static_cast<size_t>(heads * length)), out(static_cast<size_t>(heads * stride), 9.0f);
          version.attend({q.data(), stride, heads, cache.View(), length, head_dim, scale, scores.data(), out.data(), stride});
          for (int64_t h = 0; h < heads; ++h) {
            std::vector<double> p(static_cast<size_t>(length));
            double top = -1e30, total = 0.0, reach = 0.0;
            for (int64_t s = 0; s < length; ++s) {
              double dot = 0.0, magnitude = 0.0;
              for (int64_t i = 0; i < head_dim; ++i) {
                const double product = static_cast<double>(q[static_cast<size_t>(h * stride + i)]) *
                                       static_cast<double>(cache.k[static_cast<size_t>(s * head_dim + i)]);
                dot += product;
                magnitude += std::fabs(product);
              }
              p[static_cast<size_t>(s)] = dot * static_cast<double>(scale);
              reach = std::max(reach, magnitude * static_cast<double>(scale));
              top = std::max(top, p[static_cast<size_t>(s)]);
            }
            for (double& value : p) total += value = std::exp(value - top);
            for (int64_t i = 0; i < head_dim; ++i) {
              double expected = 0.0, magnitude = 0.0;
              for (int64_t s = 0; s < length; ++s) {
                const double term = p[static_cast<size_t>(s)] / total *
                                    static_cast<double>(cache.v[static_cast<size_t>(s * head_dim + i)]);
                expected += term;
                magnitude += std::fabs(term);
              }
              // A score is off by (head_dim + 2)·eps·Σ|q||k|·scale, which e^x turns into a relative error of each weight,
              // twice (top and score); sums over tokens add length·eps each, e^x 2^-22.
              const double eps = 1.0 / (1 << 24);
              const double relative = (2 * (static_cast<double>(head_dim) + 2) * reach + 2.0 * static_cast<double>(length) + 16) * eps;
              ASSERT_NEAR(out[static_cast<size_t>(h * stride + i)], expected, 2 * relative * magnitude)
                  << IsaName(version.isa) << " head_dim " << head_dim << " length " << length << " head " << h;
            }
            for (int64_t i = head_dim; i < stride; ++i) ASSERT_EQ(out[static_cast<size_t>(h * stride + i)], 9.0f);
          }
        }
      }
    }
  }
}

TEST(KernelAttention, HeadsTogetherAreHeadsAloneBitwise) {
  for (const Version& version : Versions()) {
    for (bool f16 : {false, true}) {
      for (int64_t heads = 1; heads <= 9; ++heads) {
        const Cache cache(77, 64, 32, f16), other_pages(77, 64, 8, f16);
        const std::vector<float> q = RandomFloats(heads * 64, 3);
        std::vector<float> scores(static_cast<size_t>(heads * 77)), out(static_cast<size_t>(heads * 64)), alone = out;
        version.attend({q.data(), 64, heads, cache.View(), 77, 64, 0.125f, scores.data(), out.data(), 64});
        for (int64_t h = 0; h < heads; ++h) {
          version.attend({q.data() + h * 64, 64, 1, other_pages.View(), 77, 64, 0.125f, scores.data(), alone.data() + h * 64, 64});
        }
        ASSERT_EQ(std::memcmp(out.data(), alone.data(), out.size() * 4), 0) << IsaName(version.isa) << " " << heads;
      }
    }
  }
}

TEST(KernelAttention, OddHeadSizesGoToTheReference) {
  const Cache cache(20, 20, 8, true);
  const std::vector<float> q = RandomFloats(20, 4);
  std::vector<float> scores(20), out(20), reference(20);
  Attend(q.data(), cache.View(), 20, 20, 0.2f, scores.data(), out.data());
  AttendRef({q.data(), 20, 1, cache.View(), 20, 20, 0.2f, scores.data(), reference.data(), 20});
  EXPECT_EQ(out, reference);
}

}  // namespace
}  // namespace pith
