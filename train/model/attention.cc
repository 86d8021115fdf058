#include "train/model/attention.h"

#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>

#include "adapters/torch/lora_linear.h"
#include "base/error.h"
#include "train/model/attention_head.h"

namespace pith {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// body(head) for each KV head of each sequence: the longest first, each thread taking the next. Where there are fewer than threads,
// one after the other, so that the products inside have all threads.
template <class Body>
void ForHeads(const AttentionPlan& plan, int64_t layer, const Body& body) {
  const int64_t kv_heads = plan.model.num_kv_heads, n = static_cast<int64_t>(plan.sequences.size()) * kv_heads, threads = at::get_num_threads();
  std::vector<size_t> order(plan.sequences.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto work = [&](size_t i) { return plan.sequences[i].length * (2 * plan.sequences[i].prefix_length + plan.sequences[i].length); };
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return work(a) > work(b); });
  const auto one = [&](int64_t i) {
    const at::AutoDispatchBelowADInplaceOrView below_autograd;
    body(AttentionHead{plan, layer, plan.sequences[order[static_cast<size_t>(i / kv_heads)]], i % kv_heads});
  };
  if (n < threads) {
    for (int64_t i = 0; i < n; ++i) one(i);
    return;
  }
  std::atomic<int64_t> next{0};
  at::parallel_for(0, threads, 1, [&](int64_t, int64_t) {
    for (int64_t i = next++; i < n; i = next++) one(i);
  });
}

class AttentionFunction : public torch::autograd::Function<AttentionFunction> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& qkv, std::shared_ptr<const AttentionPlan> plan,
                            int64_t layer, int64_t slack) {
    const int64_t dim = plan->model.attention_dim();
    at::Tensor out = RowsWithSlack(plan->num_rows, dim, slack, qkv.scalar_type());
    ForHeads(*plan, layer, [&](const AttentionHead& head) { AttendHead(head, qkv, out, dim + slack); });
    if (ctx != nullptr) {
      ctx->save_for_backward({qkv});
      ctx->saved_data["layer"] = layer;
      ctx->saved_data["plan"] = c10::IValue::make_capsule(c10::make_intrusive<PlanHolder>(std::move(plan)));
    }
    return out;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const at::Tensor qkv = ctx->get_saved_variables()[0];
    const int64_t layer = ctx->saved_data["layer"].toInt();
    const auto holder = c10::static_intrusive_pointer_cast<PlanHolder>(ctx->saved_data["plan"].toCapsule());
    const at::Tensor g_out = grads[0].contiguous(), g_qkv = at::empty(qkv.sizes(), qkv.options());
    ForHeads(*holder->plan, layer, [&](const AttentionHead& head) { AttendHeadBackward(head, qkv, g_out, g_qkv); });
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
  const at::Tensor k = at::empty({plan.num_rows, plan.model.k_dim()}), v = at::empty({plan.num_rows, plan.model.v_dim()}, qkv.options());
  ForHeads(plan, layer, [&](const AttentionHead& head) { KeepHead(head, qkv, k, v); });
  keep->k.push_back(k);
  keep->v.push_back(v);
}

at::Tensor Attention(const at::Tensor& qkv, std::shared_ptr<const AttentionPlan> plan, int64_t layer, int64_t slack,
                     KvRows* keep) {
  PITH_CHECK(qkv.is_contiguous() && qkv.size(0) == plan->num_rows, c10::str(qkv.sizes()), " rows ", plan->num_rows);
  if (keep != nullptr) KeepKv(qkv.detach(), *plan, layer, keep);
  if (!qkv.requires_grad() || !at::GradMode::is_enabled()) return AttentionFunction::forward(nullptr, qkv, plan, layer, slack);
  return AttentionFunction::apply(qkv, std::move(plan), layer, slack);
}

}  // namespace pith
