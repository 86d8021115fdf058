#include "train/model/head.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <vector>

#include "train/model/ops.h"

namespace pith {
namespace {

constexpr int64_t kExtra = 16;  // columns; 16 keeps rows aligned

}  // namespace

Head::Head(const at::Tensor& weight, at::ScalarType dtype, double soft_cap, int64_t chunk_bytes, int64_t num_ids, const Products& products)
    : d_(weight.size(1)), chunk_bytes_(chunk_bytes), num_ids_(num_ids > 0 ? num_ids : weight.size(0)), soft_cap_(soft_cap), products_(&products) {
  PITH_CHECK(num_ids_ <= weight.size(0), num_ids, " ids of ", weight.size(0), " rows");
  weight_ = at::zeros({weight.size(0), d_ + kExtra}, at::TensorOptions(dtype));
  weight_.narrow(1, 0, d_).copy_(weight);
  weight_.narrow(1, d_, 3).fill_(1.0);
}

at::Tensor Head::Embed(const at::Tensor& ids) const {
  return weight_.narrow(1, 0, d_).index_select(0, ids).to(at::kFloat);
}

at::Tensor Head::Logits(const at::Tensor& hidden) const {
  const at::Tensor logits = at::mm(hidden.to(at::kFloat), weight_.narrow(1, 0, d_).to(at::kFloat).t());
  return soft_cap_ > 0 ? logits.div(soft_cap_).tanh_().mul_(soft_cap_) : logits;
}

int64_t Head::rows_per_chunk() const {
  return std::max<int64_t>(16, chunk_bytes_ / (weight_.size(0) * static_cast<int64_t>(weight_.element_size())));
}

at::Tensor Head::ToHidden(const at::Tensor& g_logits, const at::Tensor& slope) const {
  if (slope.defined()) g_logits.mul_(slope);
  return products_->Sum({{g_logits, weight_.narrow(1, 0, d_)}});
}

// Logits that are shifted by the chosen ones become capped logits that are shifted by the capped chosen ones.
void Head::Cap(const at::Tensor& logits, const at::Tensor& chosen, at::Tensor* slope) const {
  const at::Tensor column = chosen.unsqueeze(1);
  const at::Tensor bent = logits.to(at::kFloat, /*non_blocking=*/false, /*copy=*/true).add_(column).div_(soft_cap_).tanh_();
  if (slope != nullptr) *slope = bent.square().neg_().add_(1).to(logits.scalar_type());
  logits.copy_(bent.sub_(column.div(soft_cap_).tanh_()).mul_(soft_cap_));
}

at::Tensor Head::ShiftedLogits(const at::Tensor& hidden, const at::Tensor& ids, at::Tensor* slope) const {
  const int64_t rows = hidden.size(0), vocab = weight_.size(0);
  const at::Tensor chosen = (hidden.to(at::kFloat) * Embed(ids)).sum(1);
  at::Tensor shift = chosen.neg();
  at::Tensor shifted = at::zeros({rows, d_ + kExtra}, hidden.options());
  shifted.narrow(1, 0, d_).copy_(hidden);
  for (int part = 0; part < 3; ++part) {  // what one bfloat16 cannot hold goes to the next column
    at::Tensor column = shifted.select(1, d_ + part);
    column.copy_(shift);
    shift.sub_(column.to(at::kFloat));
  }
  const at::Tensor logits = products_->Sum({{shifted, weight_, true}});
  if (soft_cap_ > 0) Cap(logits, chosen, slope);
  const int64_t* id = ids.data_ptr<int64_t>();
  WithComputeType(weight_.scalar_type(), [&]<class T>() {
    // The chosen token's own shifted logit is zero in exact arithmetic; what rounding left of it is dropped.
    for (int64_t i = 0; i < rows; ++i) Kernels<T>().set_zero(Data<T>(logits) + i * vocab + id[i]);
  });
  return logits;
}

HeadResult Head::Run(const at::Tensor& hidden, const at::Tensor& ids, double temperature, const RowGradientFunction& gradient,
                     bool want_entropy, bool at_once) const {
  at::NoGradGuard no_grad;
  const int64_t rows = hidden.size(0), vocab = weight_.size(0);
  const auto dtype = weight_.scalar_type();
  const int64_t chunk = rows_per_chunk();
  const float inverse_temperature = static_cast<float>(1.0 / temperature);
  HeadResult result;
  result.logp = at::empty({rows});
  if (want_entropy) result.entropy = at::empty({rows});
  if (gradient) result.g_hidden = at::empty({rows, d_}, hidden.options());
  std::vector<float> lse(static_cast<size_t>(rows));
  const int64_t* id = ids.data_ptr<int64_t>();
  float* entropy_p = want_entropy ? result.entropy.data_ptr<float>() : nullptr;

  at::Tensor slope;  // of the chunk at hand
  const auto make_logits = [&](int64_t begin, int64_t n) {
    return ShiftedLogits(hidden.narrow(0, begin, n), ids.narrow(0, begin, n), gradient ? &slope : nullptr);
  };
  const auto forward = [&](const at::Tensor& logits, int64_t begin, int64_t n) {
    float* logp_p = result.logp.data_ptr<float>();
    WithComputeType(dtype, [&]<class T>() {
      const T* l = Data<T>(logits);
      at::parallel_for(0, n, 1, [&](int64_t from, int64_t to) {
        for (int64_t i = from, row = begin + from; i < to; ++i, ++row) {
          lse[row] = Kernels<T>().log_sum_exp(l + i * vocab, inverse_temperature, num_ids_, entropy_p ? entropy_p + row : nullptr);
          logp_p[row] = -lse[row];
        }
      });
    });
  };
  // Overwrites the logits. `given` is for rows [begin, begin + n).
  const auto backward = [&](const at::Tensor& logits, int64_t begin, int64_t n, const RowGradients& given) {
    const at::Tensor g = given.logp.to(at::kFloat).contiguous();
    PITH_CHECK(g.dim() == 1 && g.size(0) == n, c10::str(g.sizes()));
    at::Tensor g_entropy;
    if (given.entropy.defined()) {
      g_entropy = given.entropy.to(at::kFloat).contiguous();
      PITH_CHECK(want_entropy && g_entropy.dim() == 1 && g_entropy.size(0) == n, c10::str(g_entropy.sizes()));
    }
    const float* g_p = g.data_ptr<float>();
    const float* g_entropy_p = g_entropy.defined() ? g_entropy.data_ptr<float>() : nullptr;
    WithComputeType(dtype, [&]<class T>() {
      T* l = Data<T>(logits);
      at::parallel_for(0, n, 1, [&](int64_t from, int64_t to) {
        for (int64_t i = from, row = begin + from; i < to; ++i, ++row) {
          Kernels<T>().log_softmax_backward(l + i * vocab, lse[row], inverse_temperature, g_p[i], g_entropy_p ? g_entropy_p[i] : 0.0f,
                                            entropy_p ? entropy_p[row] : 0.0f, id[row], num_ids_);
        }
      });
    });
    at::Tensor out = result.g_hidden.narrow(0, begin, n);
    if (slope.defined()) logits.mul_(slope);
    const bool all = num_ids_ == vocab;  // else what lies beyond still is a logit
    const ProductTerm term = {all ? logits : logits.narrow(1, 0, num_ids_), weight_.narrow(0, 0, num_ids_).narrow(1, 0, d_)};
    products_->SumInto(out, {&term, 1}, {});
  };
  const auto entropies = [&](int64_t begin, int64_t n) { return want_entropy ? result.entropy.narrow(0, begin, n) : at::Tensor(); };
  const auto part = [](const at::Tensor& t, int64_t begin, int64_t n) { return t.defined() ? t.narrow(0, begin, n) : t; };

  const bool two_passes = gradient && at_once && rows > chunk;
  for (int64_t begin = 0; begin < rows; begin += chunk) {
    const int64_t n = std::min(chunk, rows - begin);
    const at::Tensor logits = make_logits(begin, n);
    forward(logits, begin, n);
    if (gradient && !two_passes) {
      backward(logits, begin, n, gradient(result.logp.narrow(0, begin, n), entropies(begin, n), begin, begin + n));
    }
  }
  if (two_passes) {
    const RowGradients all = gradient(result.logp, result.entropy, 0, rows);
    for (int64_t begin = 0; begin < rows; begin += chunk) {
      const int64_t n = std::min(chunk, rows - begin);
      backward(make_logits(begin, n), begin, n, {part(all.logp, begin, n), part(all.entropy, begin, n)});
    }
  }
  return result;
}

}  // namespace pith
