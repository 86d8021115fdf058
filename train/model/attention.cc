// Inside, queries are grouped by KV head: a block is one (sequence b, KV head j) with G = N/K query heads.
//   q: blocks × (G·T) × H      k, v: blocks × S × H      scores, p: blocks × (G·T) × S
// T and S are the longest of the batch, rounded up so that products of few shapes occur; rows past a sequence's length are zero.
#include "train/model/attention.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "adapters/torch/lora_linear.h"
#include "train/model/ops.h"

namespace pith {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

int64_t RoundUp(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

struct Dims {
  int64_t blocks, kv_heads, group, t, s, h, n_dim, kv_dim, row;  // row: columns of qkv
  explicit Dims(const AttentionPlan& plan)
      : blocks(static_cast<int64_t>(plan.sequences.size()) * plan.num_kv_heads), kv_heads(plan.num_kv_heads),
        group(plan.num_heads / plan.num_kv_heads), t(RoundUp(plan.max_length, 8)), s(RoundUp(plan.max_total, 32)),
        h(plan.head_dim), n_dim(plan.num_heads * h), kv_dim(kv_heads * h), row(n_dim + 2 * kv_dim) {}
};

template <class Body>
void ForBlocks(const AttentionPlan& plan, const Body& body) {
  const int64_t kv_heads = plan.num_kv_heads;
  at::parallel_for(0, static_cast<int64_t>(plan.sequences.size()) * kv_heads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) body(i, plan.sequences[i / kv_heads], i % kv_heads);
  });
}

struct Gathered {
  at::Tensor q_f, k_f;  // rotated, float32: scores are computed in full precision
  at::Tensor q, k, v;   // rotated, compute type (the same tensors as above when that is float32)
};

template <class T>
void GatherBlock(const Dims& d, const AttentionPlan& plan, const PackedSequence& seq, int64_t j, int64_t layer,
                 const T* qkv, float* q_f, T* q, float* k_f, T* k, T* v) {
  const auto& kernels = Kernels<T>();
  const float *cos = Data<float>(plan.cos), *sin = Data<float>(plan.sin);
  const int64_t half = d.h / 2;
  const auto zero = [&](auto* p, int64_t from_row, int64_t to_row) {
    if (p != nullptr) std::memset(p + from_row * d.h, 0, sizeof(*p) * static_cast<size_t>((to_row - from_row) * d.h));
  };
  for (int64_t g = 0; g < d.group; ++g) {
    for (int64_t t = 0; t < seq.length; ++t) {
      const int64_t position = seq.prefix_length + t, at = (g * d.t + t) * d.h;
      kernels.rope(qkv + (seq.row + t) * d.row + (j * d.group + g) * d.h, cos + position * half, sin + position * half, 1.0f,
                   d.h, q_f == nullptr ? nullptr : q_f + at, q == nullptr ? nullptr : q + at);
    }
    zero(q_f, g * d.t + seq.length, (g + 1) * d.t);
    zero(q, g * d.t + seq.length, (g + 1) * d.t);
  }
  int64_t s = 0;
  for (const KvSpan& span : seq.prefix) {
    const float* from_k = Data<float>(span.rows->k[layer]);
    const T* from_v = Data<T>(span.rows->v[layer]);
    for (int64_t i = span.begin; i < span.begin + span.length; ++i, ++s) {
      const float* key = from_k + i * d.kv_dim + j * d.h;
      if (k_f != nullptr) std::memcpy(k_f + s * d.h, key, sizeof(float) * static_cast<size_t>(d.h));
      if (k != nullptr) kernels.from_float(key, d.h, k + s * d.h);
      std::memcpy(v + s * d.h, from_v + i * d.kv_dim + j * d.h, sizeof(T) * static_cast<size_t>(d.h));
    }
  }
  for (int64_t t = 0; t < seq.length; ++t, ++s) {
    const T* row = qkv + (seq.row + t) * d.row + d.n_dim + j * d.h;
    kernels.rope(row, cos + s * half, sin + s * half, 1.0f, d.h, k_f == nullptr ? nullptr : k_f + s * d.h,
                 k == nullptr ? nullptr : k + s * d.h);
    std::memcpy(v + s * d.h, row + d.kv_dim, sizeof(T) * static_cast<size_t>(d.h));
  }
  zero(k_f, s, d.s);
  zero(k, s, d.s);
  zero(v, s, d.s);
}

Gathered Gather(const Dims& d, const AttentionPlan& plan, int64_t layer, const at::Tensor& qkv, bool for_backward) {
  const auto options = qkv.options();
  const bool f32 = qkv.scalar_type() == at::kFloat, low = !f32 && for_backward;
  Gathered out;
  out.q_f = at::empty({d.blocks, d.group * d.t, d.h}, options.dtype(at::kFloat));
  out.k_f = at::empty({d.blocks, d.s, d.h}, options.dtype(at::kFloat));
  out.v = at::empty({d.blocks, d.s, d.h}, options);
  if (low) {
    out.q = at::empty(out.q_f.sizes(), options);
    out.k = at::empty(out.k_f.sizes(), options);
  }
  WithComputeType(qkv.scalar_type(), [&]<class T>() {
    const T* in = Data<T>(qkv);
    float *q_f = Data<float>(out.q_f), *k_f = Data<float>(out.k_f);
    T *q = low ? Data<T>(out.q) : nullptr, *k = low ? Data<T>(out.k) : nullptr, *v = Data<T>(out.v);
    const int64_t q_block = d.group * d.t * d.h, k_block = d.s * d.h;
    ForBlocks(plan, [&](int64_t i, const PackedSequence& seq, int64_t j) {
      GatherBlock<T>(d, plan, seq, j, layer, in, q_f + i * q_block, q ? q + i * q_block : nullptr, k_f + i * k_block,
                     k ? k + i * k_block : nullptr, v + i * k_block);
    });
  });
  if (f32) {
    out.q = out.q_f;
    out.k = out.k_f;
  }
  return out;
}

// Row t of query head (j, g) sees prefix_length + t + 1 tokens.
at::Tensor Probabilities(const Dims& d, const AttentionPlan& plan, const at::Tensor& scores, at::ScalarType dtype) {
  at::Tensor p = at::empty(scores.sizes(), scores.options().dtype(dtype));
  const float scale = 1.0f / std::sqrt(static_cast<float>(d.h));
  WithComputeType(dtype, [&]<class T>() {
    float* in = Data<float>(scores);
    T* out = Data<T>(p);
    ForBlocks(plan, [&](int64_t i, const PackedSequence& seq, int64_t) {
      for (int64_t r = 0; r < d.group * d.t; ++r) {
        const int64_t t = r % d.t, at = (i * d.group * d.t + r) * d.s;
        if (t < seq.length) {
          Kernels<T>().softmax(in + at, scale, seq.prefix_length + t + 1, d.s, out + at);
        } else {
          std::memset(out + at, 0, sizeof(T) * static_cast<size_t>(d.s));
        }
      }
    });
  });
  return p;
}

// blocks × (G·T) × H ↔ M × (row columns), at query head columns.
template <class T, class Copy>
void ForQueryRows(const Dims& d, const AttentionPlan& plan, const Copy& copy) {
  ForBlocks(plan, [&](int64_t i, const PackedSequence& seq, int64_t j) {
    for (int64_t g = 0; g < d.group; ++g) {
      for (int64_t t = 0; t < seq.length; ++t) {
        copy(((i * d.group + g) * d.t + t) * d.h, seq.row + t, (j * d.group + g) * d.h, seq.prefix_length + t);
      }
    }
  });
}

class AttentionFunction : public torch::autograd::Function<AttentionFunction> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& qkv, std::shared_ptr<const AttentionPlan> plan,
                            int64_t layer, int64_t slack) {
    const Dims d(*plan);
    Gathered in = Gather(d, *plan, layer, qkv, ctx != nullptr);
    at::Tensor p;
    {
      const at::Tensor scores = at::bmm(in.q_f, in.k_f.transpose(1, 2));
      p = Probabilities(d, *plan, scores, qkv.scalar_type());
    }
    const at::Tensor o = at::bmm(p, in.v);
    at::Tensor out = RowsWithSlack(plan->num_rows, d.n_dim, slack, qkv.scalar_type());
    WithComputeType(qkv.scalar_type(), [&]<class T>() {
      const T* from = Data<T>(o);
      T* to = Data<T>(out);
      ForQueryRows<T>(d, *plan, [&](int64_t at, int64_t row, int64_t column, int64_t) {
        std::memcpy(to + row * (d.n_dim + slack) + column, from + at, sizeof(T) * static_cast<size_t>(d.h));
      });
    });
    if (ctx != nullptr) {
      ctx->save_for_backward({in.q, in.k, in.v, p});
      ctx->saved_data["plan"] = c10::IValue::make_capsule(c10::make_intrusive<PlanHolder>(std::move(plan)));
    }
    return out;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2], &p = saved[3];
    const auto holder = c10::static_intrusive_pointer_cast<PlanHolder>(ctx->saved_data["plan"].toCapsule());
    const AttentionPlan& plan = *holder->plan;
    const Dims d(plan);
    const at::Tensor g = grads[0].contiguous();
    at::Tensor g_o = at::empty(q.sizes(), q.options()), g_qkv = at::empty({plan.num_rows, d.row}, q.options());
    WithComputeType(q.scalar_type(), [&]<class T>() {
      const T* from = Data<T>(g);
      T* to = Data<T>(g_o);
      std::memset(to, 0, sizeof(T) * static_cast<size_t>(g_o.numel()));
      ForQueryRows<T>(d, plan, [&](int64_t at, int64_t row, int64_t column, int64_t) {
        std::memcpy(to + at, from + row * d.n_dim + column, sizeof(T) * static_cast<size_t>(d.h));
      });
    });
    const at::Tensor g_v = at::bmm(p.transpose(1, 2), g_o);
    const at::Tensor g_s = at::bmm(g_o, v.transpose(1, 2));
    WithComputeType(q.scalar_type(), [&]<class T>() {
      const float scale = 1.0f / std::sqrt(static_cast<float>(d.h));
      const T* p_p = Data<T>(p);
      T* g_p = Data<T>(g_s);
      ForBlocks(plan, [&](int64_t i, const PackedSequence& seq, int64_t) {
        for (int64_t r = 0; r < d.group * d.t; ++r) {
          const int64_t t = r % d.t, at = (i * d.group * d.t + r) * d.s;
          Kernels<T>().softmax_backward(p_p + at, scale, t < seq.length ? seq.prefix_length + t + 1 : 0, d.s, g_p + at);
        }
      });
    });
    const at::Tensor g_q = at::bmm(g_s, k), g_k = at::bmm(g_s.transpose(1, 2), q);
    WithComputeType(q.scalar_type(), [&]<class T>() {
      const T *gq_p = Data<T>(g_q), *gk_p = Data<T>(g_k), *gv_p = Data<T>(g_v);
      const float *cos = Data<float>(plan.cos), *sin = Data<float>(plan.sin);
      T* out = Data<T>(g_qkv);
      const int64_t half = d.h / 2;
      ForQueryRows<T>(d, plan, [&](int64_t at, int64_t row, int64_t column, int64_t position) {
        Kernels<T>().rope(gq_p + at, cos + position * half, sin + position * half, -1.0f, d.h, nullptr,
                          out + row * d.row + column);
      });
      ForBlocks(plan, [&](int64_t i, const PackedSequence& seq, int64_t j) {
        for (int64_t t = 0; t < seq.length; ++t) {
          const int64_t s = seq.prefix_length + t, at = (i * d.s + s) * d.h;
          T* row = out + (seq.row + t) * d.row + d.n_dim + j * d.h;
          Kernels<T>().rope(gk_p + at, cos + s * half, sin + s * half, -1.0f, d.h, nullptr, row);
          std::memcpy(row + d.kv_dim, gv_p + at, sizeof(T) * static_cast<size_t>(d.h));
        }
      });
    });
    return {g_qkv, {}, {}, {}};
  }

 private:
  struct PlanHolder : torch::CustomClassHolder {
    explicit PlanHolder(std::shared_ptr<const AttentionPlan> p) : plan(std::move(p)) {}
    std::shared_ptr<const AttentionPlan> plan;
  };
};

}  // namespace

void AttentionPlan::Finish(int64_t heads, int64_t kv_heads, int64_t h, double rope_theta) {
  num_heads = heads;
  num_kv_heads = kv_heads;
  head_dim = h;
  for (PackedSequence& s : sequences) {
    s.prefix_length = 0;
    for (const KvSpan& span : s.prefix) s.prefix_length += span.length;
    max_length = std::max(max_length, s.length);
    max_total = std::max(max_total, s.prefix_length + s.length);
  }
  const int64_t half = h / 2;
  cos = at::empty({max_total, half});
  sin = at::empty({max_total, half});
  float *c = cos.data_ptr<float>(), *s = sin.data_ptr<float>();
  for (int64_t i = 0; i < half; ++i) {
    const double step = std::pow(rope_theta, -2.0 * static_cast<double>(i) / static_cast<double>(h));
    for (int64_t p = 0; p < max_total; ++p) {
      c[p * half + i] = static_cast<float>(std::cos(static_cast<double>(p) * step));
      s[p * half + i] = static_cast<float>(std::sin(static_cast<double>(p) * step));
    }
  }
}

void KeepKv(const at::Tensor& qkv, const AttentionPlan& plan, KvRows* keep) {
  const Dims d(plan);
  at::Tensor k = at::empty({plan.num_rows, d.kv_dim}), v = at::empty({plan.num_rows, d.kv_dim}, qkv.options());
  WithComputeType(qkv.scalar_type(), [&]<class T>() {
    const T* in = Data<T>(qkv);
    float* k_p = Data<float>(k);
    T* v_p = Data<T>(v);
    const float *cos = Data<float>(plan.cos), *sin = Data<float>(plan.sin);
    ForBlocks(plan, [&](int64_t, const PackedSequence& seq, int64_t j) {
      for (int64_t t = 0; t < seq.length; ++t) {
        const int64_t position = seq.prefix_length + t, row = seq.row + t;
        const T* from = in + row * d.row + d.n_dim + j * d.h;
        Kernels<T>().rope(from, cos + position * d.h / 2, sin + position * d.h / 2, 1.0f, d.h, k_p + row * d.kv_dim + j * d.h,
                          nullptr);
        std::memcpy(v_p + row * d.kv_dim + j * d.h, from + d.kv_dim, sizeof(T) * static_cast<size_t>(d.h));
      }
    });
  });
  keep->k.push_back(k);
  keep->v.push_back(v);
}

at::Tensor Attention(const at::Tensor& qkv, std::shared_ptr<const AttentionPlan> plan, int64_t layer, int64_t slack,
                     KvRows* keep) {
  PITH_CHECK(qkv.is_contiguous() && qkv.size(0) == plan->num_rows, qkv.sizes(), " rows ", plan->num_rows);
  if (keep != nullptr) KeepKv(qkv.detach(), *plan, keep);
  if (!qkv.requires_grad() || !at::GradMode::is_enabled()) return AttentionFunction::forward(nullptr, qkv, plan, layer, slack);
  return AttentionFunction::apply(qkv, std::move(plan), layer, slack);
}

}  // namespace pith
