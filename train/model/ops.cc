#include "train/model/ops.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <numeric>

#include "adapters/torch/lora_linear.h"

namespace pith {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
constexpr int64_t kRowsPerTask = 16;

// Outputs (sum, y, rstd); sum is x itself where delta is undefined.
struct NormResult {
  at::Tensor sum, y, rstd;
};
NormResult ComputeNorm(const at::Tensor& x, const at::Tensor& delta, const at::Tensor& weight, double eps, int64_t slack,
                       at::ScalarType dtype) {
  const int64_t m = x.size(0), d = x.size(1);
  PITH_CHECK(x.is_contiguous() && (!delta.defined() || delta.is_contiguous()), c10::str(x.strides()));
  NormResult r = {at::empty_like(x), RowsWithSlack(m, d, slack, dtype), at::empty({m})};
  WithComputeType(dtype, [&]<class T>() {
    const float *x_p = Data<float>(x), *w_p = Data<float>(weight);
    const T* delta_p = Data<T>(delta);
    float *sum_p = Data<float>(r.sum), *rstd_p = Data<float>(r.rstd);
    T* y_p = Data<T>(r.y);
    at::parallel_for(0, m, kRowsPerTask, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        rstd_p[i] = Kernels<T>().add_rms_norm(x_p + i * d, delta_p == nullptr ? nullptr : delta_p + i * d, w_p,
                                              static_cast<float>(eps), d, sum_p + i * d, y_p + i * (d + slack));
      }
    });
  });
  return r;
}

class AddRmsNormFunction : public torch::autograd::Function<AddRmsNormFunction> {
 public:
  static variable_list forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& delta,
                               const at::Tensor& weight, double eps, int64_t slack, int64_t dtype) {
    NormResult r = ComputeNorm(x, delta, weight, eps, slack, static_cast<at::ScalarType>(dtype));
    // A detached alias: saving the output itself would make the node own its own output.
    ctx->save_for_backward({r.sum.detach(), weight, r.rstd});
    return {r.sum, r.y};
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &sum = saved[0], &weight = saved[1], &rstd = saved[2];
    PITH_CHECK(grads[1].defined(), "the normalised rows were not used");
    const int64_t m = sum.size(0), d = sum.size(1);
    const at::Tensor g_sum = grads[0].defined() ? grads[0].contiguous() : at::Tensor(), gy = grads[1].contiguous();
    at::Tensor gx = at::empty_like(sum), g_delta = at::empty_like(gy);
    WithComputeType(gy.scalar_type(), [&]<class T>() {
      const float *sum_p = Data<float>(sum), *w_p = Data<float>(weight), *rstd_p = Data<float>(rstd);
      const float* g_sum_p = Data<float>(g_sum);
      const T* gy_p = Data<T>(gy);
      float* gx_p = Data<float>(gx);
      T* g_delta_p = Data<T>(g_delta);
      at::parallel_for(0, m, kRowsPerTask, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          Kernels<T>().rms_norm_backward(sum_p + i * d, w_p, rstd_p[i], gy_p + i * d,
                                         g_sum_p == nullptr ? nullptr : g_sum_p + i * d, d, gx_p + i * d, g_delta_p + i * d);
        }
      });
    });
    return {gx, g_delta, {}, {}, {}, {}};
  }
};

template <class T>
struct FeedForwardKernels {
  decltype(RowKernels<T>::swiglu) forward;
  decltype(RowKernels<T>::swiglu_backward) backward;
};
template <class T>
FeedForwardKernels<T> KernelsOf(FeedForward feed_forward) {
  const RowKernels<T>& k = Kernels<T>();
  switch (feed_forward) {
    case FeedForward::kSwiGlu: return {k.swiglu, k.swiglu_backward};
    case FeedForward::kGeGlu: return {k.geglu, k.geglu_backward};
    case FeedForward::kReluSquared: return {k.relu_squared, k.relu_squared_backward};
  }
  PITH_CHECK(false, static_cast<int>(feed_forward));
  return {};
}
int64_t ColumnsPerOutput(FeedForward feed_forward) { return HasGate(feed_forward) ? 2 : 1; }

class ActivateFunction : public torch::autograd::Function<ActivateFunction> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& gate_up, FeedForward feed_forward, int64_t slack) {
    const int64_t m = gate_up.size(0), columns = gate_up.size(1), f = columns / ColumnsPerOutput(feed_forward);
    PITH_CHECK(gate_up.is_contiguous(), c10::str(gate_up.strides()));
    at::Tensor y = RowsWithSlack(m, f, slack, gate_up.scalar_type());
    WithComputeType(gate_up.scalar_type(), [&]<class T>() {
      const T* in = Data<T>(gate_up);
      T* out = Data<T>(y);
      at::parallel_for(0, m, kRowsPerTask, [&](int64_t begin, int64_t end) {
        const auto forward = KernelsOf<T>(feed_forward).forward;
        for (int64_t i = begin; i < end; ++i) forward(in + i * columns, f, out + i * (f + slack));
      });
    });
    ctx->save_for_backward({gate_up});
    ctx->saved_data["feed_forward"] = static_cast<int64_t>(feed_forward);
    return y;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const at::Tensor gate_up = ctx->get_saved_variables()[0], gy = grads[0].contiguous();
    const auto feed_forward = static_cast<FeedForward>(ctx->saved_data["feed_forward"].toInt());
    const int64_t m = gate_up.size(0), columns = gate_up.size(1), f = columns / ColumnsPerOutput(feed_forward);
    at::Tensor g = at::empty_like(gate_up);
    WithComputeType(gate_up.scalar_type(), [&]<class T>() {
      const T *in = Data<T>(gate_up), *gy_p = Data<T>(gy);
      T* out = Data<T>(g);
      at::parallel_for(0, m, kRowsPerTask, [&](int64_t begin, int64_t end) {
        const auto backward = KernelsOf<T>(feed_forward).backward;
        for (int64_t i = begin; i < end; ++i) backward(in + i * columns, gy_p + i * f, f, out + i * columns);
      });
    });
    return {g, {}, {}};
  }
};

// Calls body(at, run, weight) for the runs of a row: where each begins, its number among all that are normed, and whose weight it takes.
template <class Body>
void ForRuns(const std::vector<int64_t>& counts, int64_t length, const Body& body) {
  int64_t run = 0;
  for (size_t kind = 0; kind < counts.size(); ++kind) {
    for (int64_t i = 0; i < counts[kind]; ++i, ++run) body(run * length, run, kind);
  }
}

class NormRunsFunction : public torch::autograd::Function<NormRunsFunction> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const std::vector<at::Tensor>& weights, const std::vector<int64_t>& counts,
                            double eps) {
    PITH_CHECK(x.is_contiguous() && weights.size() == counts.size(), c10::str(x.strides()));
    const int64_t m = x.size(0), columns = x.size(1), length = weights[0].size(0);
    const int64_t runs = std::accumulate(counts.begin(), counts.end(), int64_t{0});
    at::Tensor y = at::empty_like(x), rstd = at::empty({m, runs});
    WithComputeType(x.scalar_type(), [&]<class T>() {
      const T* in = Data<T>(x);
      T* out = Data<T>(y);
      float* rstd_p = Data<float>(rstd);
      at::parallel_for(0, m, kRowsPerTask, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          ForRuns(counts, length, [&](int64_t at, int64_t run, size_t kind) {
            rstd_p[i * runs + run] = Kernels<T>().rms_norm(in + i * columns + at, Data<float>(weights[kind]), static_cast<float>(eps), length,
                                                           out + i * columns + at);
          });
          std::copy(in + i * columns + runs * length, in + (i + 1) * columns, out + i * columns + runs * length);
        }
      });
    });
    variable_list saved = {x, rstd};
    saved.insert(saved.end(), weights.begin(), weights.end());
    ctx->save_for_backward(saved);
    ctx->saved_data["counts"] = counts;
    return y;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &x = saved[0], &rstd = saved[1], gy = grads[0].contiguous();
    const std::vector<int64_t> counts = ctx->saved_data["counts"].toIntVector();
    const int64_t m = x.size(0), columns = x.size(1), length = saved[2].size(0), runs = rstd.size(1);
    at::Tensor gx = at::empty_like(x);
    WithComputeType(x.scalar_type(), [&]<class T>() {
      const T *in = Data<T>(x), *gy_p = Data<T>(gy);
      const float* rstd_p = Data<float>(rstd);
      T* out = Data<T>(gx);
      at::parallel_for(0, m, kRowsPerTask, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          ForRuns(counts, length, [&](int64_t at, int64_t run, size_t kind) {
            const int64_t place = i * columns + at;
            Kernels<T>().rms_norm_input_backward(in + place, Data<float>(saved[2 + kind]), rstd_p[i * runs + run], gy_p + place, length, out + place);
          });
          std::copy(gy_p + i * columns + runs * length, gy_p + (i + 1) * columns, out + i * columns + runs * length);
        }
      });
    });
    return {gx, {}, {}, {}};
  }
};

}  // namespace

std::pair<at::Tensor, at::Tensor> AddRmsNorm(const at::Tensor& x, const at::Tensor& delta, const at::Tensor& weight,
                                             double eps, int64_t slack, at::ScalarType dtype) {
  if (!delta.defined()) {
    PITH_CHECK(!x.requires_grad(), "a norm without delta has no gradient");
    return {x, ComputeNorm(x, delta, weight, eps, slack, dtype).y};
  }
  variable_list out = AddRmsNormFunction::apply(x, delta, weight, eps, slack, static_cast<int64_t>(dtype));
  return {out[0], out[1]};
}

at::Tensor Activate(const at::Tensor& gate_up, FeedForward feed_forward, int64_t slack) {
  return ActivateFunction::apply(gate_up, feed_forward, slack);
}

at::Tensor NormRuns(const at::Tensor& x, const std::vector<at::Tensor>& weights, const std::vector<int64_t>& counts, double eps) {
  return NormRunsFunction::apply(x, weights, counts, eps);
}

}  // namespace pith
