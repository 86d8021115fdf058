// Inside, queries are grouped by KV head: a block is one (sequence b, KV head j) with G = N/K query heads.
//   q: blocks × (G·T) × H      k: blocks × S × H      v: blocks × S × U      scores, p: blocks × (G·T) × S
// T and S are the longest of the batch, rounded up so that products of few shapes occur; rows past a sequence's length are zero.
#include "train/model/attention.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/bmm.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
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
  int64_t blocks, kv_heads, group, t, s, h, u, q_dim, k_dim, v_dim, out_dim, row;  // row: columns of qkv
  explicit Dims(const AttentionPlan& plan)
      : blocks(static_cast<int64_t>(plan.sequences.size()) * plan.model.num_kv_heads), kv_heads(plan.model.num_kv_heads),
        group(plan.model.num_heads / kv_heads), t(RoundUp(plan.max_length, 8)), s(RoundUp(plan.max_total, 32)),
        h(plan.model.head_dim), u(plan.model.value_head_dim), q_dim(plan.model.q_dim()), k_dim(plan.model.k_dim()), v_dim(plan.model.v_dim()),
        out_dim(plan.model.attention_dim()), row(plan.model.qkv_dim()) {}
};

// How a layer turns heads: the first values by their positions, the rest not.
template <class T>
class Turn {
 public:
  Turn(const AttentionPlan& plan, int64_t layer) : h_(plan.model.head_dim), ones_(Data<float>(plan.ones)), zeros_(Data<float>(plan.zeros)) {
    const int rotary = plan.model.layers[static_cast<size_t>(layer)].rotary;
    if (rotary < 0) return;
    pairs_ = plan.model.rotary_dim / 2;
    cos_ = Data<float>(plan.angles[static_cast<size_t>(rotary)].cos);
    sin_ = Data<float>(plan.angles[static_cast<size_t>(rotary)].sin);
  }
  // One head; sign −1 turns back. As RowKernels::rope.
  void operator()(const T* in, int64_t position, float sign, float* out_f, T* out_t) const {
    const auto run = [&](int64_t begin, int64_t size, const float* cos, const float* sin) {
      if (size > 0) kernels_.rope(in + begin, cos, sin, sign, size, out_f == nullptr ? nullptr : out_f + begin, out_t == nullptr ? nullptr : out_t + begin);
    };
    run(0, 2 * pairs_, cos_ + position * pairs_, sin_ + position * pairs_);
    run(2 * pairs_, h_ - 2 * pairs_, ones_, zeros_);
  }

 private:
  const RowKernels<T>& kernels_ = Kernels<T>();
  int64_t h_, pairs_ = 0;
  const float *cos_ = nullptr, *sin_ = nullptr, *ones_, *zeros_;
};

// The tokens that row t of a sequence sees.
struct Seen {
  int64_t begin, end;
};
Seen SeenBy(const AttentionPlan& plan, int64_t layer, const PackedSequence& seq, int64_t t) {
  const int64_t position = seq.prefix_length + t;
  return {plan.model.layers[static_cast<size_t>(layer)].FirstSeen(position), position + 1};
}

template <class Body>
void ForBlocks(const AttentionPlan& plan, const Body& body) {
  const int64_t kv_heads = plan.model.num_kv_heads;
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
  const Turn<T> turn(plan, layer);
  const auto zero = [&](auto* p, int64_t from_row, int64_t to_row, int64_t size) {
    if (p != nullptr) std::memset(p + from_row * size, 0, sizeof(*p) * static_cast<size_t>((to_row - from_row) * size));
  };
  for (int64_t g = 0; g < d.group; ++g) {
    for (int64_t t = 0; t < seq.length; ++t) {
      const int64_t position = seq.prefix_length + t, at = (g * d.t + t) * d.h;
      turn(qkv + (seq.row + t) * d.row + (j * d.group + g) * d.h, position, 1.0f, q_f == nullptr ? nullptr : q_f + at, q == nullptr ? nullptr : q + at);
    }
    zero(q_f, g * d.t + seq.length, (g + 1) * d.t, d.h);
    zero(q, g * d.t + seq.length, (g + 1) * d.t, d.h);
  }
  int64_t s = 0;
  for (const KvSpan& span : seq.prefix) {
    const float* from_k = Data<float>(span.rows->k[layer]);
    const T* from_v = Data<T>(span.rows->v[layer]);
    for (int64_t i = span.begin; i < span.begin + span.length; ++i, ++s) {
      const float* key = from_k + i * d.k_dim + j * d.h;
      if (k_f != nullptr) std::memcpy(k_f + s * d.h, key, sizeof(float) * static_cast<size_t>(d.h));
      if (k != nullptr) kernels.from_float(key, d.h, k + s * d.h);
      std::memcpy(v + s * d.u, from_v + i * d.v_dim + j * d.u, sizeof(T) * static_cast<size_t>(d.u));
    }
  }
  for (int64_t t = 0; t < seq.length; ++t, ++s) {
    const T *keys = qkv + (seq.row + t) * d.row + d.q_dim, *values = keys + d.k_dim;
    turn(keys + j * d.h, s, 1.0f, k_f == nullptr ? nullptr : k_f + s * d.h, k == nullptr ? nullptr : k + s * d.h);
    std::memcpy(v + s * d.u, values + j * d.u, sizeof(T) * static_cast<size_t>(d.u));
  }
  zero(k_f, s, d.s, d.h);
  zero(k, s, d.s, d.h);
  zero(v, s, d.s, d.u);
}

Gathered Gather(const Dims& d, const AttentionPlan& plan, int64_t layer, const at::Tensor& qkv, bool for_backward) {
  const auto options = qkv.options();
  const bool f32 = qkv.scalar_type() == at::kFloat, low = !f32 && for_backward;
  Gathered out;
  out.q_f = at::empty({d.blocks, d.group * d.t, d.h}, options.dtype(at::kFloat));
  out.k_f = at::empty({d.blocks, d.s, d.h}, options.dtype(at::kFloat));
  out.v = at::empty({d.blocks, d.s, d.u}, options);
  if (low) {
    out.q = at::empty(out.q_f.sizes(), options);
    out.k = at::empty(out.k_f.sizes(), options);
  }
  WithComputeType(qkv.scalar_type(), [&]<class T>() {
    const T* in = Data<T>(qkv);
    float *q_f = Data<float>(out.q_f), *k_f = Data<float>(out.k_f);
    T *q = low ? Data<T>(out.q) : nullptr, *k = low ? Data<T>(out.k) : nullptr, *v = Data<T>(out.v);
    const int64_t q_block = d.group * d.t * d.h, k_block = d.s * d.h, v_block = d.s * d.u;
    ForBlocks(plan, [&](int64_t i, const PackedSequence& seq, int64_t j) {
      GatherBlock<T>(d, plan, seq, j, layer, in, q_f + i * q_block, q ? q + i * q_block : nullptr, k_f + i * k_block,
                     k ? k + i * k_block : nullptr, v + i * v_block);
    });
  });
  if (f32) {
    out.q = out.q_f;
    out.k = out.k_f;
  }
  return out;
}

// Calls body(at, row's scores, those of them that count) for each row of queries; rows past a sequence's length see nothing.
template <class Body>
void ForScoreRows(const Dims& d, const AttentionPlan& plan, int64_t layer, const Body& body) {
  ForBlocks(plan, [&](int64_t i, const PackedSequence& seq, int64_t) {
    for (int64_t r = 0; r < d.group * d.t; ++r) {
      const int64_t t = r % d.t;
      body((i * d.group * d.t + r) * d.s, t < seq.length ? SeenBy(plan, layer, seq, t) : Seen{0, 0});
    }
  });
}

// What scores are multiplied by inside the softmax: where they are capped, that has been done before.
float ScaleInSoftmax(const AttentionPlan& plan) {
  return plan.model.attention_soft_cap > 0 ? 1.0f : static_cast<float>(plan.model.attention_scale);
}

// q·k becomes cap(scale · q·k), in place; returns the derivative in `dtype`. Undefined where there is no cap.
at::Tensor CapScores(const AttentionPlan& plan, const at::Tensor& scores, at::ScalarType dtype, bool want_slope) {
  const double cap = plan.model.attention_soft_cap, scale = plan.model.attention_scale;
  if (cap <= 0) return {};
  scores.mul_(scale / cap).tanh_();
  at::Tensor slope;
  if (want_slope) slope = scores.square().neg_().add_(1).mul_(scale).to(dtype);
  scores.mul_(cap);
  return slope;
}

at::Tensor Probabilities(const Dims& d, const AttentionPlan& plan, int64_t layer, const at::Tensor& scores, at::ScalarType dtype) {
  at::Tensor p = at::empty(scores.sizes(), scores.options().dtype(dtype));
  const float scale = ScaleInSoftmax(plan);
  WithComputeType(dtype, [&]<class T>() {
    float* in = Data<float>(scores);
    T* out = Data<T>(p);
    ForScoreRows(d, plan, layer, [&](int64_t at, const Seen& seen) {
      const int64_t unseen = seen.end == 0 ? d.s : seen.begin;
      std::memset(out + at, 0, sizeof(T) * static_cast<size_t>(unseen));
      if (seen.end > 0) Kernels<T>().softmax(in + at + unseen, scale, seen.end - unseen, d.s - unseen, out + at + unseen);
    });
  });
  return p;
}

// blocks × (G·T) × head size ↔ M × (row columns), at query head columns.
template <class T, class Copy>
void ForQueryRows(const Dims& d, const AttentionPlan& plan, int64_t head_size, const Copy& copy) {
  ForBlocks(plan, [&](int64_t i, const PackedSequence& seq, int64_t j) {
    for (int64_t g = 0; g < d.group; ++g) {
      for (int64_t t = 0; t < seq.length; ++t) {
        copy(((i * d.group + g) * d.t + t) * head_size, seq.row + t, (j * d.group + g) * head_size, seq.prefix_length + t);
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
    at::Tensor p, slope;
    {
      const at::Tensor scores = at::bmm(in.q_f, in.k_f.transpose(1, 2));
      slope = CapScores(*plan, scores, qkv.scalar_type(), ctx != nullptr);
      p = Probabilities(d, *plan, layer, scores, qkv.scalar_type());
    }
    const at::Tensor o = at::bmm(p, in.v);
    at::Tensor out = RowsWithSlack(plan->num_rows, d.out_dim, slack, qkv.scalar_type());
    WithComputeType(qkv.scalar_type(), [&]<class T>() {
      const T* from = Data<T>(o);
      T* to = Data<T>(out);
      ForQueryRows<T>(d, *plan, d.u, [&](int64_t at, int64_t row, int64_t column, int64_t) {
        std::memcpy(to + row * (d.out_dim + slack) + column, from + at, sizeof(T) * static_cast<size_t>(d.u));
      });
    });
    if (ctx != nullptr) {
      ctx->save_for_backward({in.q, in.k, in.v, p, slope});
      ctx->saved_data["layer"] = layer;
      ctx->saved_data["plan"] = c10::IValue::make_capsule(c10::make_intrusive<PlanHolder>(std::move(plan)));
    }
    return out;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2], &p = saved[3], &slope = saved[4];
    const int64_t layer = ctx->saved_data["layer"].toInt();
    const auto holder = c10::static_intrusive_pointer_cast<PlanHolder>(ctx->saved_data["plan"].toCapsule());
    const AttentionPlan& plan = *holder->plan;
    const Dims d(plan);
    const at::Tensor g = grads[0].contiguous();
    at::Tensor g_o = at::empty({d.blocks, d.group * d.t, d.u}, q.options()), g_qkv = at::empty({plan.num_rows, d.row}, q.options());
    WithComputeType(q.scalar_type(), [&]<class T>() {
      const T* from = Data<T>(g);
      T* to = Data<T>(g_o);
      std::memset(to, 0, sizeof(T) * static_cast<size_t>(g_o.numel()));
      ForQueryRows<T>(d, plan, d.u, [&](int64_t at, int64_t row, int64_t column, int64_t) {
        std::memcpy(to + at, from + row * d.out_dim + column, sizeof(T) * static_cast<size_t>(d.u));
      });
    });
    const at::Tensor g_v = at::bmm(p.transpose(1, 2), g_o);
    const at::Tensor g_s = at::bmm(g_o, v.transpose(1, 2));
    WithComputeType(q.scalar_type(), [&]<class T>() {
      const float scale = ScaleInSoftmax(plan);
      const T* p_p = Data<T>(p);
      T* g_p = Data<T>(g_s);
      ForScoreRows(d, plan, layer, [&](int64_t at, const Seen& seen) {
        std::memset(g_p + at, 0, sizeof(T) * static_cast<size_t>(seen.begin));
        Kernels<T>().softmax_backward(p_p + at + seen.begin, scale, seen.end - seen.begin, d.s - seen.begin, g_p + at + seen.begin);
      });
    });
    if (slope.defined()) g_s.mul_(slope);
    const at::Tensor g_q = at::bmm(g_s, k), g_k = at::bmm(g_s.transpose(1, 2), q);
    WithComputeType(q.scalar_type(), [&]<class T>() {
      const T *gq_p = Data<T>(g_q), *gk_p = Data<T>(g_k), *gv_p = Data<T>(g_v);
      const Turn<T> turn(plan, layer);
      T* out = Data<T>(g_qkv);
      ForQueryRows<T>(d, plan, d.h, [&](int64_t at, int64_t row, int64_t column, int64_t position) {
        turn(gq_p + at, position, -1.0f, nullptr, out + row * d.row + column);
      });
      ForBlocks(plan, [&](int64_t i, const PackedSequence& seq, int64_t j) {
        for (int64_t t = 0; t < seq.length; ++t) {
          const int64_t s = seq.prefix_length + t, at = i * d.s + s;
          T *keys = out + (seq.row + t) * d.row + d.q_dim, *values = keys + d.k_dim;
          turn(gk_p + at * d.h, s, -1.0f, nullptr, keys + j * d.h);
          std::memcpy(values + j * d.u, gv_p + at * d.u, sizeof(T) * static_cast<size_t>(d.u));
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

void AttentionPlan::Finish(const ModelConfig& config) {
  model = config;
  for (PackedSequence& s : sequences) {
    s.prefix_length = 0;
    for (const KvSpan& span : s.prefix) s.prefix_length += span.length;
    max_length = std::max(max_length, s.length);
    max_total = std::max(max_total, s.prefix_length + s.length);
  }
  ones = at::ones({model.head_dim / 2});
  zeros = at::zeros({model.head_dim / 2});
  for (const Rotary& rotary : model.rotaries) {
    const auto pairs = static_cast<int64_t>(rotary.frequencies.size());
    Angles& turned = angles.emplace_back(Angles{at::empty({max_total, pairs}), at::empty({max_total, pairs})});
    float *c = turned.cos.data_ptr<float>(), *s = turned.sin.data_ptr<float>();
    for (int64_t i = 0; i < pairs; ++i) {
      const double step = rotary.frequencies[static_cast<size_t>(i)];
      for (int64_t p = 0; p < max_total; ++p) {
        c[p * pairs + i] = static_cast<float>(rotary.magnitude * std::cos(static_cast<double>(p) * step));
        s[p * pairs + i] = static_cast<float>(rotary.magnitude * std::sin(static_cast<double>(p) * step));
      }
    }
  }
}

void KeepKv(const at::Tensor& qkv, const AttentionPlan& plan, int64_t layer, KvRows* keep) {
  const Dims d(plan);
  at::Tensor k = at::empty({plan.num_rows, d.k_dim}), v = at::empty({plan.num_rows, d.v_dim}, qkv.options());
  WithComputeType(qkv.scalar_type(), [&]<class T>() {
    const T* in = Data<T>(qkv);
    float* k_p = Data<float>(k);
    T* v_p = Data<T>(v);
    const Turn<T> turn(plan, layer);
    ForBlocks(plan, [&](int64_t, const PackedSequence& seq, int64_t j) {
      for (int64_t t = 0; t < seq.length; ++t) {
        const int64_t position = seq.prefix_length + t, row = seq.row + t;
        const T *keys = in + row * d.row + d.q_dim, *values = keys + d.k_dim;
        turn(keys + j * d.h, position, 1.0f, k_p + row * d.k_dim + j * d.h, nullptr);
        std::memcpy(v_p + row * d.v_dim + j * d.u, values + j * d.u, sizeof(T) * static_cast<size_t>(d.u));
      }
    });
  });
  keep->k.push_back(k);
  keep->v.push_back(v);
}

at::Tensor Attention(const at::Tensor& qkv, std::shared_ptr<const AttentionPlan> plan, int64_t layer, int64_t slack,
                     KvRows* keep) {
  PITH_CHECK(qkv.is_contiguous() && qkv.size(0) == plan->num_rows, qkv.sizes(), " rows ", plan->num_rows);
  if (keep != nullptr) KeepKv(qkv.detach(), *plan, layer, keep);
  if (!qkv.requires_grad() || !at::GradMode::is_enabled()) return AttentionFunction::forward(nullptr, qkv, plan, layer, slack);
  return AttentionFunction::apply(qkv, std::move(plan), layer, slack);
}

}  // namespace pith
