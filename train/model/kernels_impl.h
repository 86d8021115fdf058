// The kernels' one source, over the vectors of the float_vectors_*.h that was included before. Included by kernels_{base,avx2,avx512}.cc, which are
// compiled for different instruction sets: no inline function of another header may be called.
#pragma once

#include "runtime/kernels/float_softmax.h"

namespace pith {
namespace {

// As those of floats in the layer.
inline Floats LoadFirst(const Bf16* at, int64_t left, float filler = 0.0f) {
  if (__builtin_expect(left >= kLanes, 1)) return Load(at);
  Bf16 values[kLanes] = {};
  __builtin_memcpy(values, at, sizeof(Bf16) * static_cast<size_t>(left));
  Floats v = Load(values);
  for (int64_t i = left; i < kLanes; ++i) v[i] = filler;
  return v;
}
inline void StoreFirst(Bf16* at, int64_t left, Floats v) {
  if (__builtin_expect(left >= kLanes, 1)) return Store(at, v);
  Bf16 values[kLanes];
  Store(values, v);
  __builtin_memcpy(at, values, sizeof(Bf16) * static_cast<size_t>(left));
}

template <class T>
float AddRmsNorm(const float* x, const T* delta, const float* w, float eps, int64_t d, float* sum, T* y) {
  Floats squares{};
  for (int64_t i = 0; i < d; i += kLanes) {
    Floats v = LoadFirst(x + i, d - i);
    if (delta != nullptr) v += LoadFirst(delta + i, d - i);
    StoreFirst(sum + i, d - i, v);
    squares += v * v;
  }
  const float rstd = 1.0f / __builtin_sqrtf(Sum(squares) / static_cast<float>(d) + eps);
  for (int64_t i = 0; i < d; i += kLanes) StoreFirst(y + i, d - i, LoadFirst(sum + i, d - i) * rstd * LoadFirst(w + i, d - i));
  return rstd;
}

// y_i = s_i r w_i with r = (mean s² + ε)^−1/2:  g_i = r (w_i gy_i − s_i r² mean(s w gy))
template <class T>
void RmsNormBackward(const float* sum, const float* w, float rstd, const T* gy, const float* g_sum, int64_t d, float* gx,
                     T* g_delta) {
  Floats dot{};
  for (int64_t i = 0; i < d; i += kLanes) dot += LoadFirst(sum + i, d - i) * LoadFirst(w + i, d - i) * LoadFirst(gy + i, d - i);
  const float c = Sum(dot) / static_cast<float>(d) * rstd * rstd;
  for (int64_t i = 0; i < d; i += kLanes) {
    Floats g = (LoadFirst(w + i, d - i) * LoadFirst(gy + i, d - i) - LoadFirst(sum + i, d - i) * c) * rstd;
    if (g_sum != nullptr) g += LoadFirst(g_sum + i, d - i);
    StoreFirst(gx + i, d - i, g);
    if (g_delta != nullptr) StoreFirst(g_delta + i, d - i, g);
  }
}

template <class T>
float RmsNorm(const T* x, const float* w, float eps, int64_t d, T* y) {
  Floats squares{};
  for (int64_t i = 0; i < d; i += kLanes) {
    const Floats v = LoadFirst(x + i, d - i);
    squares += v * v;
  }
  const float rstd = 1.0f / __builtin_sqrtf(Sum(squares) / static_cast<float>(d) + eps);
  for (int64_t i = 0; i < d; i += kLanes) StoreFirst(y + i, d - i, LoadFirst(x + i, d - i) * rstd * LoadFirst(w + i, d - i));
  return rstd;
}

// As RmsNormBackward.
template <class T>
void RmsNormInputBackward(const T* x, const float* w, float rstd, const T* gy, int64_t d, T* gx) {
  Floats dot{};
  for (int64_t i = 0; i < d; i += kLanes) dot += LoadFirst(x + i, d - i) * LoadFirst(w + i, d - i) * LoadFirst(gy + i, d - i);
  const float c = Sum(dot) / static_cast<float>(d) * rstd * rstd;
  for (int64_t i = 0; i < d; i += kLanes) {
    StoreFirst(gx + i, d - i, (LoadFirst(w + i, d - i) * LoadFirst(gy + i, d - i) - LoadFirst(x + i, d - i) * c) * rstd);
  }
}

template <class T>
void Rope(const T* in, const float* cos, const float* sin, float sign, int64_t h, float* out_f, T* out_t) {
  const int64_t half = h / 2;
  for (int64_t i = 0; i < half; i += kLanes) {
    const int64_t n = half - i;
    const Floats a = LoadFirst(in + i, n), b = LoadFirst(in + half + i, n), c = LoadFirst(cos + i, n), s = LoadFirst(sin + i, n) * sign;
    const Floats low = a * c - b * s, high = b * c + a * s;
    if (out_f != nullptr) {
      StoreFirst(out_f + i, n, low);
      StoreFirst(out_f + half + i, n, high);
    }
    if (out_t != nullptr) {
      StoreFirst(out_t + i, n, low);
      StoreFirst(out_t + half + i, n, high);
    }
  }
}

template <class T>
void ZeroFill(T* p, int64_t from, int64_t to) {
  for (int64_t i = from; i < to; i += kLanes) StoreFirst(p + i, to - i, Floats{});
}

template <class T>
void SoftmaxOf(float* scores, float scale, int64_t length, int64_t total, T* p) {
  const float inverse = 1.0f / Softmax(scores, length, scale);
  for (int64_t i = 0; i < length; i += kLanes) StoreFirst(p + i, length - i, LoadFirst(scores + i, length - i) * inverse);
  ZeroFill(p, length, total);
}

template <class T>
void SoftmaxBackward(const T* p, float scale, int64_t length, int64_t total, T* dp) {
  Floats dot{};
  for (int64_t i = 0; i < length; i += kLanes) dot += LoadFirst(p + i, length - i) * LoadFirst(dp + i, length - i);
  const float mean = Sum(dot);
  for (int64_t i = 0; i < length; i += kLanes) {
    StoreFirst(dp + i, length - i, LoadFirst(p + i, length - i) * (LoadFirst(dp + i, length - i) - mean) * scale);
  }
  ZeroFill(dp, length, total);
}

template <class T>
void SwiGlu(const T* gate_up, int64_t f, T* y) {
  for (int64_t i = 0; i < f; i += kLanes) {
    const Floats g = LoadFirst(gate_up + i, f - i), u = LoadFirst(gate_up + f + i, f - i);
    StoreFirst(y + i, f - i, g / (1.0f + Exp(-g)) * u);
  }
}

template <class T>
void SwiGluBackward(const T* gate_up, const T* gy, int64_t f, T* out) {
  for (int64_t i = 0; i < f; i += kLanes) {
    const Floats g = LoadFirst(gate_up + i, f - i), u = LoadFirst(gate_up + f + i, f - i), d = LoadFirst(gy + i, f - i);
    const Floats s = 1.0f / (1.0f + Exp(-g));
    StoreFirst(out + i, f - i, d * u * s * (1.0f + g * (1.0f - s)));
    StoreFirst(out + f + i, f - i, d * g * s);
  }
}

constexpr float kGeluLinear = 1.5957691216057308f, kGeluCubic = 0.07135481282806486f;  // 2√(2/π), and times 0.044715

template <class T>
void GeGlu(const T* gate_up, int64_t f, T* y) {
  for (int64_t i = 0; i < f; i += kLanes) {
    const Floats g = LoadFirst(gate_up + i, f - i), u = LoadFirst(gate_up + f + i, f - i);
    StoreFirst(y + i, f - i, g / (1.0f + Exp(-g * (kGeluLinear + kGeluCubic * g * g))) * u);
  }
}

// gelu(x) = x s, s = σ(t(x)):  gelu′ = s + x s (1 − s) t′
template <class T>
void GeGluBackward(const T* gate_up, const T* gy, int64_t f, T* out) {
  for (int64_t i = 0; i < f; i += kLanes) {
    const Floats g = LoadFirst(gate_up + i, f - i), u = LoadFirst(gate_up + f + i, f - i), d = LoadFirst(gy + i, f - i);
    const Floats s = 1.0f / (1.0f + Exp(-g * (kGeluLinear + kGeluCubic * g * g)));
    StoreFirst(out + i, f - i, d * u * s * (1.0f + g * (1.0f - s) * (kGeluLinear + 3.0f * kGeluCubic * g * g)));
    StoreFirst(out + f + i, f - i, d * g * s);
  }
}

template <class T>
void ReluSquared(const T* up, int64_t f, T* y) {
  for (int64_t i = 0; i < f; i += kLanes) {
    const Floats u = LoadFirst(up + i, f - i), positive = u < 0.0f ? Floats{} : u;
    StoreFirst(y + i, f - i, positive * positive);
  }
}

template <class T>
void ReluSquaredBackward(const T* up, const T* gy, int64_t f, T* out) {
  for (int64_t i = 0; i < f; i += kLanes) {
    const Floats u = LoadFirst(up + i, f - i), positive = u < 0.0f ? Floats{} : u;
    StoreFirst(out + i, f - i, LoadFirst(gy + i, f - i) * 2.0f * positive);
  }
}

constexpr float kLeastLog = -100.0f;  // keeps 0 · (−∞) out of entropies and divergences

template <class T>
float LogSumExp(const T* logits, float inverse_temperature, int64_t v, float* entropy) {
  Floats top = Broadcast(-3.0e38f);
  for (int64_t i = 0; i < v; i += kLanes) {
    const Floats l = LoadFirst(logits + i, v - i, -3.0e38f);
    top = l > top ? l : top;
  }
  const float max = Largest(top);
  Floats sum{}, weighted{};
  for (int64_t i = 0; i < v; i += kLanes) {
    const Floats l = (LoadFirst(logits + i, v - i, -3.0e38f) - max) * inverse_temperature, e = Exp(l);
    sum += e;
    weighted += e * Max(Broadcast(kLeastLog), l);
  }
  const float s = Sum(sum), log_s = __builtin_logf(s);
  if (entropy != nullptr) *entropy = log_s - Sum(weighted) / s;
  return max * inverse_temperature + log_s;
}

template <class T>
void LogSoftmaxBackward(T* logits, float log_sum_exp, float inverse_temperature, float g, float g_entropy, float entropy, int64_t id,
                        int64_t v) {
  float chosen;
  {
    Floats one = LoadFirst(logits + id, 1);
    const float log_p = one[0] * inverse_temperature - log_sum_exp, p = Exp(Broadcast(log_p))[0];
    chosen = g * inverse_temperature * (1.0f - p);
    if (g_entropy != 0.0f) chosen -= g_entropy * inverse_temperature * p * (log_p + entropy);
  }
  const float factor = -g * inverse_temperature;
  if (g_entropy == 0.0f) {
    for (int64_t i = 0; i < v; i += kLanes) {
      StoreFirst(logits + i, v - i, Exp(LoadFirst(logits + i, v - i) * inverse_temperature - log_sum_exp) * factor);
    }
  } else {
    const float factor_entropy = -g_entropy * inverse_temperature;
    for (int64_t i = 0; i < v; i += kLanes) {
      Floats log_p = LoadFirst(logits + i, v - i) * inverse_temperature - log_sum_exp;
      log_p = Max(Broadcast(kLeastLog), log_p);
      StoreFirst(logits + i, v - i, Exp(log_p) * (factor + factor_entropy * (log_p + entropy)));
    }
  }
  StoreFirst(logits + id, 1, Broadcast(chosen));
}

// log softmax at one place; kept from −∞, so that 0 · (−∞) does not arise.
[[gnu::always_inline]] inline Floats LogP(Floats logit, float inverse_temperature, float log_sum_exp) {
  const Floats l = logit * inverse_temperature - log_sum_exp;
  return Max(Broadcast(kLeastLog), l);
}

template <class T>
float Divergence(const T* student, const T* teacher, float lse_student, float lse_teacher, float inverse_temperature, bool reverse,
                 int64_t v) {
  Floats sum{};
  for (int64_t i = 0; i < v; i += kLanes) {
    const Floats log_q = LogP(LoadFirst(student + i, v - i, -3.0e38f), inverse_temperature, lse_student);
    const Floats log_p = LogP(LoadFirst(teacher + i, v - i, -3.0e38f), inverse_temperature, lse_teacher);
    sum += reverse ? Exp(log_q) * (log_q - log_p) : Exp(log_p) * (log_p - log_q);
  }
  return Sum(sum);
}

// ∂KL(p‖q)/∂z_j = (q_j − p_j)/τ;  ∂KL(q‖p)/∂z_j = q_j (log q_j − log p_j − KL)/τ.
template <class T>
void DivergenceBackward(T* student, const T* teacher, float lse_student, float lse_teacher, float inverse_temperature, bool reverse,
                        float divergence, float g, int64_t v, int64_t total) {
  const float factor = g * inverse_temperature;
  for (int64_t i = 0; i < v; i += kLanes) {
    const Floats log_q = LogP(LoadFirst(student + i, v - i), inverse_temperature, lse_student);
    const Floats log_p = LogP(LoadFirst(teacher + i, v - i), inverse_temperature, lse_teacher);
    const Floats q = Exp(log_q);
    StoreFirst(student + i, v - i, (reverse ? q * (log_q - log_p - divergence) : q - Exp(log_p)) * factor);
  }
  ZeroFill(student, v, total);
}

template <class T>
void SetZero(T* x) {
  __builtin_memset(x, 0, sizeof *x);
}

template <class T>
void FromFloat(const float* in, int64_t n, T* out) {
  for (int64_t i = 0; i < n; i += kLanes) StoreFirst(out + i, n - i, LoadFirst(in + i, n - i));
}

void AdamW(const AdamWStep& s, const float* grad, int64_t n, float* value, float* m, float* v) {
  const float correct1 = static_cast<float>(1.0 / (1.0 - __builtin_pow(static_cast<double>(s.beta1), static_cast<double>(s.step))));
  const float correct2 = static_cast<float>(1.0 / (1.0 - __builtin_pow(static_cast<double>(s.beta2), static_cast<double>(s.step))));
  const float decay = 1.0f - s.learning_rate * s.weight_decay;
  for (int64_t i = 0; i < n; i += kLanes) {
    const int64_t c = n - i;
    const Floats g = LoadFirst(grad + i, c) * s.grad_scale;
    const Floats mi = LoadFirst(m + i, c) * s.beta1 + g * (1.0f - s.beta1);
    const Floats vi = LoadFirst(v + i, c) * s.beta2 + g * g * (1.0f - s.beta2);
    Floats root = vi * correct2;
    for (int64_t j = 0; j < kLanes; ++j) root[j] = __builtin_sqrtf(root[j]);
    StoreFirst(m + i, c, mi);
    StoreFirst(v + i, c, vi);
    StoreFirst(value + i, c, LoadFirst(value + i, c) * decay - s.learning_rate * (mi * correct1) / (root + s.epsilon));
  }
}

double Squares(const float* x, int64_t n) {
  constexpr int64_t kRun = 4096;  // float within a run, double across runs
  double total = 0;
  for (int64_t begin = 0; begin < n; begin += kRun) {
    const int64_t end = begin + kRun < n ? begin + kRun : n;
    Floats sum{};
    for (int64_t i = begin; i < end; i += kLanes) {
      const Floats v = LoadFirst(x + i, end - i);
      sum += v * v;
    }
    total += Sum(sum);
  }
  return total;
}

template <class T>
constexpr RowKernels<T> Table() {
  return {AddRmsNorm<T>, RmsNormBackward<T>, RmsNorm<T>, RmsNormInputBackward<T>, Rope<T>, SoftmaxOf<T>, SoftmaxBackward<T>, SwiGlu<T>,
          SwiGluBackward<T>, GeGlu<T>, GeGluBackward<T>, ReluSquared<T>, ReluSquaredBackward<T>, LogSumExp<T>, LogSoftmaxBackward<T>, Divergence<T>,
          DivergenceBackward<T>, SetZero<T>, FromFloat<T>};
}
const KernelSet kSet = {Table<float>(), Table<Bf16>(), AdamW, Squares};

}  // namespace
}  // namespace pith
