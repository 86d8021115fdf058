// Row kernels of the trainer: the element-wise parts of a decoder layer, each fused into one pass over memory.
//
// Matrix products are LibTorch's (oneDNN), or with AMX those of tile_products.h; what lies between them is here, since a chain of generic tensor operations
// costs as much time as the products themselves. Every kernel works on one row in one thread, so results depend neither
// on the number of threads nor on the other rows. Compiled for three instruction sets, chosen at run time.
//
// T is the compute type of linear layers (float or Bf16); the residual stream and all sums are float.
#pragma once

#include <cstdint>

#include "runtime/kernels/float_types.h"

namespace pith {

template <class T>
struct RowKernels {
  // sum = x + delta (delta may be nullptr), rstd = 1/sqrt(mean(sum²) + eps), y = sum · rstd · w. Returns rstd.
  float (*add_rms_norm)(const float* x, const T* delta, const float* w, float eps, int64_t d, float* sum, T* y);
  // gx = g_sum + gradient of y's part; g_sum may be nullptr. g_delta (may be nullptr) receives gx as T.
  void (*rms_norm_backward)(const float* sum, const float* w, float rstd, const T* gy, const float* g_sum, int64_t d,
                            float* gx, T* g_delta);
  // y = x · rstd · w over d values, rstd = 1/sqrt(mean(x²) + eps), which is returned; and its gradient.
  float (*rms_norm)(const T* x, const float* w, float eps, int64_t d, T* y);
  void (*rms_norm_input_backward)(const T* x, const float* w, float rstd, const T* gy, int64_t d, T* gx);
  // Rotary embedding of one head in kHalves layout; cos and sin hold h/2 values. sign −1 rotates back.
  // Either output may be nullptr; out_t may be `in`.
  void (*rope)(const T* in, const float* cos, const float* sin, float sign, int64_t h, float* out_f, T* out_t);
  // p = softmax(scores[0, length) · scale), zeros in [length, total). scores is overwritten.
  void (*softmax)(float* scores, float scale, int64_t length, int64_t total, T* p);
  // dp becomes ds = p · (dp − Σ p·dp) · scale, zeros in [length, total).
  void (*softmax_backward)(const T* p, float scale, int64_t length, int64_t total, T* dp);
  // y_f = silu(gate) · up, from gate_up = [gate_f, up_f].
  void (*swiglu)(const T* gate_up, int64_t f, T* y);
  void (*swiglu_backward)(const T* gate_up, const T* gy, int64_t f, T* g_gate_up);
  // y_f = gelu(gate) · up, GELU by its tanh approximation: x · σ(2√(2/π) (x + 0.044715 x³)).
  void (*geglu)(const T* gate_up, int64_t f, T* y);
  void (*geglu_backward)(const T* gate_up, const T* gy, int64_t f, T* g_gate_up);
  // y_f = relu(up)².
  void (*relu_squared)(const T* up, int64_t f, T* y);
  void (*relu_squared_backward)(const T* up, const T* gy, int64_t f, T* g_up);
  // log Σ exp(logits · inverse_temperature) over v values; entropy (nats) of that distribution when not nullptr.
  float (*log_sum_exp)(const T* logits, float inverse_temperature, int64_t v, float* entropy);
  // With p = softmax(logits · inverse_temperature) and its entropy, logits become the gradient of g · log p_id + g_entropy · entropy:
  // inverse_temperature · (g · (onehot(id) − p) − g_entropy · p · (log p + entropy)).
  void (*log_softmax_backward)(T* logits, float log_sum_exp, float inverse_temperature, float g, float g_entropy, float entropy,
                               int64_t id, int64_t v);
  // With q = softmax(student · inverse_temperature) and p = softmax(teacher · inverse_temperature) over v values, given both log-sum-exps:
  // KL(p‖q), or with `reverse` KL(q‖p), in nats.
  float (*divergence)(const T* student, const T* teacher, float lse_student, float lse_teacher, float inverse_temperature, bool reverse,
                      int64_t v);
  // student becomes g times that divergence's gradient, which is given; zeros in [v, total).
  void (*divergence_backward)(T* student, const T* teacher, float lse_student, float lse_teacher, float inverse_temperature, bool reverse,
                              float divergence, float g, int64_t v, int64_t total);
  void (*set_zero)(T* x);
  void (*from_float)(const float* in, int64_t n, T* out);
};

// The fastest kernels that this CPU runs; PITH_ISA=NAME overrides, by the runtime's names (BestIsa()).
template <class T>
const RowKernels<T>& Kernels();
template <>
const RowKernels<float>& Kernels<float>();
template <>
const RowKernels<Bf16>& Kernels<Bf16>();

// One step of AdamW (Loshchilov and Hutter, arXiv 1711.05101) over n values; `step` counts from 1.
struct AdamWStep {
  float learning_rate, beta1, beta2, epsilon, weight_decay, grad_scale;
  int64_t step;
};
void AdamWUpdate(const AdamWStep& s, const float* grad, int64_t n, float* value, float* m, float* v);
double SumOfSquares(const float* x, int64_t n);

}  // namespace pith
