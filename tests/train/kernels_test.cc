// Every row kernel of every instruction set, in float and bfloat16, against double precision at odd sizes.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "base/rng.h"
#include "train/model/kernel_set.h"

namespace pith {
namespace {

using Doubles = std::vector<double>;

double Value(float x) { return x; }
double Value(Bf16 x) { return std::bit_cast<float>(static_cast<uint32_t>(x.bits) << 16); }

template <class T>
T Make(double x) {
  if constexpr (std::is_same_v<T, float>) return static_cast<float>(x);
  else return Bf16{static_cast<uint16_t>(std::bit_cast<uint32_t>(static_cast<float>(x)) >> 16)};  // cut, not rounded: exact as read back
}

template <class T>
std::vector<T> Random(Rng& rng, int64_t n, double spread) {
  std::vector<T> out;
  for (int64_t i = 0; i < n; ++i) out.push_back(Make<T>(rng.Normal() * spread));
  return out;
}

template <class T>
Doubles Values(const std::vector<T>& x) {
  Doubles out;
  for (T v : x) out.push_back(Value(v));
  return out;
}

// Sums of up to 200 terms in float; a result stored as bfloat16 is off by half of 2^-8 more.
template <class T>
void ExpectNear(const std::vector<T>& got, const Doubles& expected, const char* what) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  const double relative = std::is_same_v<T, Bf16> ? 1.0 / 256 : 4e-6;
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(Value(got[i]), expected[i], relative * std::abs(expected[i]) + 4e-6) << what << " at " << i << " of " << got.size();
  }
}

struct Set {
  const char* name;
  const KernelSet* kernels;
};
std::vector<Set> Sets() {
  std::vector<Set> sets = {{"base", &BaseKernels()}};
  if (Avx2Kernels() != nullptr) sets.push_back({"avx2", Avx2Kernels()});
  if (Avx512Kernels() != nullptr) sets.push_back({"avx512", Avx512Kernels()});
  return sets;
}

template <class T>
const RowKernels<T>& Of(const KernelSet& set) {
  if constexpr (std::is_same_v<T, float>) return set.f32;
  else return set.bf16;
}

template <class T>
class RowKernel : public ::testing::Test {
 protected:
  // body(kernels, n, rng) for every instruction set and odd sizes.
  template <class Body>
  void Each(const Body& body) {
    for (const Set& set : Sets()) {
      for (int64_t n : {1, 2, 15, 16, 17, 63, 200}) {
        SCOPED_TRACE(std::string(set.name) + ", " + std::to_string(n));
        Rng rng(5, {static_cast<uint64_t>(n)});
        body(Of<T>(*set.kernels), n, rng);
        if (this->HasFatalFailure()) return;
      }
    }
  }
};
using Types = ::testing::Types<float, Bf16>;
TYPED_TEST_SUITE(RowKernel, Types);

TYPED_TEST(RowKernel, AddRmsNorm) {
  using T = TypeParam;
  this->Each([](const RowKernels<T>& k, int64_t n, Rng& rng) {
    for (const bool with_delta : {true, false}) {
      const auto x = Random<float>(rng, n, 3), w = Random<float>(rng, n, 1);
      const auto delta = Random<T>(rng, n, 1);
      std::vector<float> sum(n);
      std::vector<T> y(n);
      const double rstd = k.add_rms_norm(x.data(), with_delta ? delta.data() : nullptr, w.data(), 1e-5f, n, sum.data(), y.data());
      Doubles s(n), out(n);
      double squares = 0;
      for (int64_t i = 0; i < n; ++i) s[i] = x[i] + (with_delta ? Value(delta[i]) : 0), squares += s[i] * s[i];
      const double r = 1 / std::sqrt(squares / n + 1e-5);
      for (int64_t i = 0; i < n; ++i) out[i] = s[i] * r * w[i];
      ASSERT_NEAR(rstd / r, 1, 1e-6);
      ExpectNear(sum, s, "sum");
      ExpectNear(y, out, "y");
    }
  });
}

TYPED_TEST(RowKernel, RmsNormBackward) {
  using T = TypeParam;
  this->Each([](const RowKernels<T>& k, int64_t n, Rng& rng) {
    for (const bool whole : {true, false}) {
      const auto s = Random<float>(rng, n, 2), w = Random<float>(rng, n, 1), g_sum = Random<float>(rng, n, 1);
      const auto gy = Random<T>(rng, n, 1);
      double squares = 0, dot = 0;
      for (int64_t i = 0; i < n; ++i) squares += Value(s[i]) * s[i], dot += Value(s[i]) * w[i] * Value(gy[i]);
      const double r = 1 / std::sqrt(squares / n + 1e-5);
      std::vector<float> gx(n);
      std::vector<T> g_delta(n, Make<T>(7));
      k.rms_norm_backward(s.data(), w.data(), static_cast<float>(r), gy.data(), whole ? g_sum.data() : nullptr, n, gx.data(),
                          whole ? g_delta.data() : nullptr);
      Doubles out(n);  // derivative of w_i s_i (mean s² + ε)^(−1/2)
      for (int64_t i = 0; i < n; ++i) out[i] = r * w[i] * Value(gy[i]) - r * r * r * s[i] * dot / n + (whole ? g_sum[i] : 0);
      ExpectNear(gx, out, "gx");
      ExpectNear(g_delta, whole ? out : Doubles(n, 7), "g_delta");
    }
  });
}

TYPED_TEST(RowKernel, Rope) {
  using T = TypeParam;
  this->Each([](const RowKernels<T>& k, int64_t half, Rng& rng) {
    const auto in = Random<T>(rng, 2 * half, 1);
    std::vector<float> cos(half), sin(half);
    for (int64_t i = 0; i < half; ++i) cos[i] = std::cos(0.3f * i), sin[i] = std::sin(0.3f * i);
    for (const float sign : {1.0f, -1.0f}) {
      Doubles out(2 * half);
      for (int64_t i = 0; i < half; ++i) {
        const double a = Value(in[i]), b = Value(in[half + i]), s = sign * sin[i];
        out[i] = a * cos[i] - b * s;
        out[half + i] = b * cos[i] + a * s;
      }
      std::vector<float> f(2 * half);
      std::vector<T> in_place = in;
      k.rope(in_place.data(), cos.data(), sin.data(), sign, 2 * half, f.data(), in_place.data());
      ExpectNear(f, out, "float");
      ExpectNear(in_place, out, "in place");
      std::vector<T> apart(2 * half);
      k.rope(in.data(), cos.data(), sin.data(), sign, 2 * half, nullptr, apart.data());
      ExpectNear(apart, out, "apart");
    }
  });
}

TYPED_TEST(RowKernel, SoftmaxAndItsBackward) {
  using T = TypeParam;
  this->Each([](const RowKernels<T>& k, int64_t n, Rng& rng) {
    const int64_t total = n + 5;
    std::vector<float> scores = Random<float>(rng, total, 6);
    Doubles p(total, 0);
    double z = 0;
    for (int64_t i = 0; i < n; ++i) z += p[i] = std::exp(0.5 * scores[i]);
    for (int64_t i = 0; i < n; ++i) p[i] /= z;
    std::vector<T> out(total, Make<T>(7));
    k.softmax(scores.data(), 0.5f, n, total, out.data());
    ExpectNear(out, p, "softmax");
    const Doubles rounded = Values(out);
    std::vector<T> dp = Random<T>(rng, total, 1);
    Doubles ds(total, 0);
    double dot = 0;
    for (int64_t i = 0; i < n; ++i) dot += rounded[i] * Value(dp[i]);
    for (int64_t i = 0; i < n; ++i) ds[i] = rounded[i] * (Value(dp[i]) - dot) * 0.5;
    k.softmax_backward(out.data(), 0.5f, n, total, dp.data());
    ExpectNear(dp, ds, "backward");
  });
}

TYPED_TEST(RowKernel, SwiGluAndItsBackward) {
  using T = TypeParam;
  this->Each([](const RowKernels<T>& k, int64_t f, Rng& rng) {
    const auto gate_up = Random<T>(rng, 2 * f, 3), gy = Random<T>(rng, f, 1);
    std::vector<T> y(f), g(2 * f);
    k.swiglu(gate_up.data(), f, y.data());
    k.swiglu_backward(gate_up.data(), gy.data(), f, g.data());
    Doubles out(f), grad(2 * f);
    for (int64_t i = 0; i < f; ++i) {
      const double gate = Value(gate_up[i]), up = Value(gate_up[f + i]), d = Value(gy[i]), s = 1 / (1 + std::exp(-gate));
      out[i] = gate * s * up;
      grad[i] = d * up * (s + gate * s * (1 - s));
      grad[f + i] = d * gate * s;
    }
    ExpectNear(y, out, "swiglu");
    ExpectNear(g, grad, "backward");
  });
}

TYPED_TEST(RowKernel, ReluSquaredAndItsBackward) {
  using T = TypeParam;
  this->Each([](const RowKernels<T>& k, int64_t f, Rng& rng) {
    const auto up = Random<T>(rng, f, 2), gy = Random<T>(rng, f, 1);
    std::vector<T> y(f), g(f);
    k.relu_squared(up.data(), f, y.data());
    k.relu_squared_backward(up.data(), gy.data(), f, g.data());
    Doubles out(f), grad(f);
    for (int64_t i = 0; i < f; ++i) {
      const double positive = std::max(0.0, static_cast<double>(Value(up[i])));
      out[i] = positive * positive;
      grad[i] = Value(gy[i]) * 2 * positive;
    }
    ExpectNear(y, out, "relu_squared");
    ExpectNear(g, grad, "backward");
  });
}

TYPED_TEST(RowKernel, GeGluAndItsBackward) {
  using T = TypeParam;
  this->Each([](const RowKernels<T>& k, int64_t f, Rng& rng) {
    const auto gate_up = Random<T>(rng, 2 * f, 2), gy = Random<T>(rng, f, 1);
    std::vector<T> y(f), g(2 * f);
    k.geglu(gate_up.data(), f, y.data());
    k.geglu_backward(gate_up.data(), gy.data(), f, g.data());
    Doubles out(f), grad(2 * f);
    const auto gelu = [](double x) { return x / 2 * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x))); };
    for (int64_t i = 0; i < f; ++i) {
      const double gate = Value(gate_up[i]), up = Value(gate_up[f + i]), d = Value(gy[i]), h = 1e-5;
      out[i] = gelu(gate) * up;
      grad[i] = d * up * (gelu(gate + h) - gelu(gate - h)) / (2 * h);
      grad[f + i] = d * gelu(gate);
    }
    ExpectNear(y, out, "geglu");
    ExpectNear(g, grad, "backward");
  });
}

TYPED_TEST(RowKernel, RmsNormOfItsOwnTypeAndItsBackward) {
  using T = TypeParam;
  this->Each([](const RowKernels<T>& k, int64_t n, Rng& rng) {
    const auto x = Random<T>(rng, n, 2), gy = Random<T>(rng, n, 1);
    const auto w = Random<float>(rng, n, 1);
    std::vector<T> y(n), gx(n);
    const double rstd = k.rms_norm(x.data(), w.data(), 1e-5f, n, y.data());
    k.rms_norm_input_backward(x.data(), w.data(), static_cast<float>(rstd), gy.data(), n, gx.data());
    double squares = 0, dot = 0;
    for (int64_t i = 0; i < n; ++i) squares += Value(x[i]) * Value(x[i]), dot += Value(x[i]) * w[i] * Value(gy[i]);
    const double r = 1 / std::sqrt(squares / n + 1e-5);
    Doubles out(n), grad(n);
    for (int64_t i = 0; i < n; ++i) {
      out[i] = Value(x[i]) * r * w[i];
      grad[i] = r * w[i] * Value(gy[i]) - r * r * r * Value(x[i]) * dot / n;
    }
    ASSERT_NEAR(rstd / r, 1, 1e-6);
    ExpectNear(y, out, "y");
    ExpectNear(gx, grad, "gx");
  });
}

TYPED_TEST(RowKernel, LogSumExpEntropyAndLogSoftmaxBackward) {
  using T = TypeParam;
  this->Each([](const RowKernels<T>& k, int64_t v, Rng& rng) {
    std::vector<T> logits = Random<T>(rng, v, 3);
    if (v > 20) logits[9] = Make<T>(-1e4);  // far below: neither 0 · −∞ nor an underflow
    const double temperature = 0.5;
    double z = 0, weighted = 0;
    for (T l : logits) z += std::exp(Value(l) / temperature);
    for (T l : logits) weighted += std::exp(Value(l) / temperature) / z * Value(l) / temperature;
    float entropy = 0;
    const float lse = k.log_sum_exp(logits.data(), 2.0f, v, &entropy);
    ASSERT_NEAR(lse, std::log(z), 4e-6 * (1 + std::abs(std::log(z))));
    ASSERT_EQ(k.log_sum_exp(logits.data(), 2.0f, v, nullptr), lse);
    ASSERT_NEAR(entropy, std::log(z) - weighted, 3e-5);
    const double h = std::log(z) - weighted;
    const std::vector<T> original = logits;
    for (const double g_entropy : {0.0, -0.75}) {
      logits = original;
      Doubles out;
      for (int64_t i = 0; i < v; ++i) {
        const double log_p = Value(original[i]) / temperature - std::log(z), p = std::exp(log_p);
        out.push_back((3.0 * ((i == v / 2) - p) - g_entropy * p * (log_p + h)) / temperature);
      }
      k.log_softmax_backward(logits.data(), lse, 2.0f, 3.0f, static_cast<float>(g_entropy), static_cast<float>(h), v / 2, v);
      for (int64_t i = 0; i < v; ++i) {
        const double relative = std::is_same_v<T, Bf16> ? 1.0 / 256 : 4e-6;
        ASSERT_NEAR(Value(logits[i]), out[i], relative * std::abs(out[i]) + 4e-5) << i << " with " << g_entropy;
      }
    }
  });
}

TYPED_TEST(RowKernel, DivergenceAndItsGradient) {
  using T = TypeParam;
  this->Each([](const RowKernels<T>& k, int64_t v, Rng& rng) {
    const std::vector<T> student = Random<T>(rng, v + 5, 2);  // five places of padding behind
    std::vector<T> teacher = Random<T>(rng, v + 5, 2);
    if (v > 20) teacher[9] = Make<T>(-1e4);
    const double temperature = 0.5;
    const auto log_p = [&](const std::vector<T>& logits) {
      double z = 0;
      Doubles out;
      for (int64_t i = 0; i < v; ++i) z += std::exp(Value(logits[i]) / temperature);
      for (int64_t i = 0; i < v; ++i) out.push_back(Value(logits[i]) / temperature - std::log(z));
      return out;
    };
    const Doubles q = log_p(student);
    Doubles p = log_p(teacher);
    for (double& x : p) x = std::max(x, -100.0);  // where the kernel stops counting
    const float lse_q = k.log_sum_exp(student.data(), 2.0f, v, nullptr), lse_p = k.log_sum_exp(teacher.data(), 2.0f, v, nullptr);
    for (const bool reverse : {false, true}) {
      double divergence = 0;
      for (int64_t i = 0; i < v; ++i) divergence += reverse ? std::exp(q[i]) * (q[i] - p[i]) : std::exp(p[i]) * (p[i] - q[i]);
      const float got = k.divergence(student.data(), teacher.data(), lse_q, lse_p, 2.0f, reverse, v);
      ASSERT_NEAR(got, divergence, 2e-5 * (1 + divergence)) << reverse;
      Doubles out;
      for (int64_t i = 0; i < v; ++i) out.push_back(3.0 / temperature * (reverse ? std::exp(q[i]) * (q[i] - p[i] - divergence) : std::exp(q[i]) - std::exp(p[i])));
      out.resize(static_cast<size_t>(v + 5), 0.0);
      std::vector<T> gradient = student;
      k.divergence_backward(gradient.data(), teacher.data(), lse_q, lse_p, 2.0f, reverse, got, 3.0f, v, v + 5);
      for (int64_t i = 0; i < v + 5; ++i) {
        const double relative = std::is_same_v<T, Bf16> ? 1.0 / 256 : 1e-5;
        ASSERT_NEAR(Value(gradient[i]), out[i], relative * std::abs(out[i]) + 1e-4) << i << " of " << v << (reverse ? " reverse" : " forward");
      }
    }
  });
}

TYPED_TEST(RowKernel, SetZeroTouchesOneAndFromFloatRounds) {
  using T = TypeParam;
  this->Each([](const RowKernels<T>& k, int64_t n, Rng& rng) {
    const auto in = Random<float>(rng, n, 1);
    std::vector<T> out(n + 1, Make<T>(7));
    k.from_float(in.data(), n, out.data());
    ASSERT_EQ(Value(out[n]), 7) << "written beyond the end";
    out.pop_back();
    ExpectNear(out, Values(in), "from_float");
    const Doubles before = Values(out);
    k.set_zero(&out[n / 2]);
    for (int64_t i = 0; i < n; ++i) ASSERT_EQ(Value(out[i]), i == n / 2 ? 0 : before[i]);
  });
}

TEST(Kernels, RoundToTheNearestBfloat16TiesToEven) {
  for (const Set& set : Sets()) {
    Bf16 b[3];
    const float values[3] = {1.00390625f, 1.01171875f, 1.004f};
    set.kernels->bf16.from_float(values, 3, b);
    EXPECT_EQ(b[0].bits, 0x3f80) << set.name;
    EXPECT_EQ(b[1].bits, 0x3f82) << set.name;
    EXPECT_EQ(b[2].bits, 0x3f81) << set.name;
  }
}

TEST(Kernels, AdamWAndSumOfSquares) {
  for (const Set& set : Sets()) {
    for (int64_t n : {1, 15, 16, 17, 5000}) {
      SCOPED_TRACE(std::string(set.name) + ", " + std::to_string(n));
      Rng rng(7, {static_cast<uint64_t>(n)});
      const auto grad = Random<float>(rng, n, 1);
      auto value = Random<float>(rng, n, 1), m = Random<float>(rng, n, 0.1), v = Random<float>(rng, n, 0.1);
      for (float& x : v) x = x * x;
      const AdamWStep s = {0.1f, 0.9f, 0.99f, 1e-8f, 0.02f, 0.5f, 3};
      Doubles new_value, new_m, new_v;
      double squares = 0;
      for (int64_t i = 0; i < n; ++i) {
        const double g = grad[i] * 0.5, mi = m[i] * 0.9 + g * 0.1, vi = v[i] * 0.99 + g * g * 0.01;
        new_m.push_back(mi);
        new_v.push_back(vi);
        new_value.push_back(value[i] * (1 - 0.1 * 0.02) -
                            0.1 * (mi / (1 - std::pow(0.9, 3))) / (std::sqrt(vi / (1 - std::pow(0.99, 3))) + 1e-8));
        squares += Value(grad[i]) * grad[i];
      }
      EXPECT_NEAR(set.kernels->squares(grad.data(), n) / squares, 1, 1e-6);
      set.kernels->adamw(s, grad.data(), n, value.data(), m.data(), v.data());
      ExpectNear(m, new_m, "m");
      ExpectNear(v, new_v, "v");
      ExpectNear(value, new_value, "value");
    }
  }
}

}  // namespace
}  // namespace pith
