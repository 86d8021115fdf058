// Attention in tiles against the plain formula in float64, and the memory that it keeps.

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/where.h>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <limits>

#include "train/model/attention.h"
#include "train/model/attention_head.h"

namespace pith {
namespace {

ModelConfig Config(int64_t heads, int64_t kv_heads, double soft_cap = 0, int64_t window = 0) {
  ModelConfig c;
  c.num_layers = 1;
  c.d_model = 64;
  c.num_heads = heads;
  c.num_kv_heads = kv_heads;
  c.head_dim = 16;
  c.value_head_dim = 8;
  c.context_length = 1 << 20;
  c.attention_soft_cap = soft_cap;
  c.layers = {{.rotary = 0, .window = window}};
  c.Finish();
  return c;
}

struct Case {
  ModelConfig config;
  std::vector<std::pair<int64_t, int64_t>> lengths;  // prefix, own rows
};

// Sequences after a cached prefix each, which lies in two spans.
std::shared_ptr<AttentionPlan> MakePlan(const Case& c, at::ScalarType dtype) {
  auto plan = std::make_shared<AttentionPlan>();
  for (const auto& [prefix, length] : c.lengths) {
    PackedSequence s;
    s.row = plan->num_rows;
    s.length = length;
    if (prefix > 0) {
      auto rows = std::make_shared<KvRows>();
      rows->k.push_back(at::randn({prefix, c.config.k_dim()}));
      rows->v.push_back(at::randn({prefix, c.config.v_dim()}).to(dtype));
      s.prefix = {{rows, 0, prefix / 2}, {rows, prefix / 2, prefix - prefix / 2}};
    }
    plan->num_rows += length;
    plan->sequences.push_back(s);
  }
  plan->Finish(c.config);
  return plan;
}

at::Tensor Rotate(const at::Tensor& x, const AttentionPlan& plan, int64_t from) {  // x: tokens × H
  const int64_t half = x.size(1) / 2;
  const at::Tensor cos = plan.angles[0].cos.narrow(0, from, x.size(0)).to(at::kDouble), sin = plan.angles[0].sin.narrow(0, from, x.size(0)).to(at::kDouble);
  const at::Tensor a = x.narrow(1, 0, half), b = x.narrow(1, half, half);
  return at::cat({a * cos - b * sin, b * cos + a * sin}, 1);
}

// The formula as it stands, a query head at a time over a whole rectangle.
at::Tensor Plain(const at::Tensor& qkv, const AttentionPlan& plan) {
  const ModelConfig& c = plan.model;
  const int64_t h = c.head_dim, u = c.value_head_dim, group = c.num_heads / c.num_kv_heads;
  std::vector<at::Tensor> rows;
  for (const PackedSequence& s : plan.sequences) {
    const at::Tensor mine = qkv.narrow(0, s.row, s.length);
    std::vector<at::Tensor> heads;
    for (int64_t n = 0; n < c.num_heads; ++n) {
      const int64_t j = n / group;
      const at::Tensor q = Rotate(mine.narrow(1, n * h, h), plan, s.prefix_length);
      std::vector<at::Tensor> ks, vs;
      for (const KvSpan& span : s.prefix) {
        ks.push_back(span.rows->k[0].narrow(0, span.begin, span.length).narrow(1, j * h, h).to(at::kDouble));
        vs.push_back(span.rows->v[0].narrow(0, span.begin, span.length).narrow(1, j * u, u).to(at::kDouble));
      }
      ks.push_back(Rotate(mine.narrow(1, c.q_dim() + j * h, h), plan, s.prefix_length));
      vs.push_back(mine.narrow(1, c.q_dim() + c.k_dim() + j * u, u));
      at::Tensor scores = at::matmul(q, at::cat(ks, 0).t()) * c.attention_scale;
      if (c.attention_soft_cap > 0) scores = (scores / c.attention_soft_cap).tanh() * c.attention_soft_cap;
      const at::Tensor position = at::arange(s.length).unsqueeze(1) + s.prefix_length, key = at::arange(scores.size(1)).unsqueeze(0);
      at::Tensor seen = key <= position;
      if (c.layers[0].window > 0) seen = seen.logical_and(key > position - c.layers[0].window);
      scores = at::where(seen, scores, at::ones_like(scores) * -std::numeric_limits<double>::infinity());
      heads.push_back(at::matmul(at::softmax(scores, 1), at::cat(vs, 0)));
    }
    rows.push_back(at::cat(heads, 1));
  }
  return at::cat(rows, 0);
}

double Far(const at::Tensor& a, const at::Tensor& b) { return ((a.to(at::kDouble) - b).abs().max() / b.abs().max()).item<double>(); }

// Output's and gradient's largest distance from the formula's, as a share of the largest value.
std::pair<double, double> Distances(const Case& c, at::ScalarType dtype) {
  const auto plan = MakePlan(c, dtype);
  const at::Tensor values = at::randn({plan->num_rows, c.config.qkv_dim()}).to(dtype);
  const at::Tensor weight = at::randn({plan->num_rows, c.config.attention_dim()}).to(dtype);
  const at::Tensor ours = values.clone().set_requires_grad(true), theirs = values.to(at::kDouble).set_requires_grad(true);
  const at::Tensor out = Attention(ours, plan, 0, /*slack=*/0, nullptr), plain = Plain(theirs, *plan);
  out.backward(weight);
  plain.backward(weight.to(at::kDouble));
  return {Far(out.detach(), plain.detach()), Far(ours.grad(), theirs.grad())};
}

TEST(Attention, AndItsGradientAreThoseOfTheFormula) {
  const std::vector<Case> cases = {
      {Config(4, 2), {{0, 1}, {5, 3}, {64, 64}, {63, 130}}},
      {Config(6, 1), {{100, 17}, {0, 70}}},
      {Config(4, 4, /*soft_cap=*/2.0), {{30, 40}, {0, 65}}},
      {Config(4, 2, 0, /*window=*/24), {{70, 90}, {0, 10}}},
      {Config(8, 1, /*soft_cap=*/3.0, /*window=*/500), {{33, 700}}},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    const auto [out, gradient] = Distances(cases[i], at::kFloat);
    EXPECT_LT(out, 2e-6) << "case " << i;
    EXPECT_LT(gradient, 4e-6) << "case " << i;
    const auto [low_out, low_gradient] = Distances(cases[i], at::kBFloat16);
    EXPECT_LT(low_out, 0.015) << "case " << i;
    EXPECT_LT(low_gradient, 0.02) << "case " << i;
  }
  EXPECT_LT(TileTokens(8, 768), 700) << "the last case is of several tiles";
}

// In one sequence or among others: a row of the output, and of the gradient, is its sequence's own affair.
TEST(Attention, OfASequenceIsTheSameToTheBitInAnyBatch) {
  const Case both = {Config(4, 2), {{20, 50}, {0, 300}}};
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const auto plan = MakePlan(both, dtype);
    const at::Tensor values = at::randn({350, both.config.qkv_dim()}).to(dtype), weight = at::randn({350, both.config.attention_dim()}).to(dtype);
    const at::Tensor in = values.clone().set_requires_grad(true);
    const at::Tensor out = Attention(in, plan, 0, 0, nullptr);
    out.backward(weight);
    const auto alone = std::make_shared<AttentionPlan>();
    alone->sequences = {plan->sequences[1]};
    alone->sequences[0].row = 0;
    alone->num_rows = 300;
    alone->Finish(both.config);
    const at::Tensor own = values.narrow(0, 50, 300).clone().set_requires_grad(true);
    const at::Tensor own_out = Attention(own, alone, 0, 0, nullptr);
    own_out.backward(weight.narrow(0, 50, 300).contiguous());
    EXPECT_TRUE(at::equal(out.detach().narrow(0, 50, 300), own_out.detach()));
    EXPECT_TRUE(at::equal(in.grad().narrow(0, 50, 300), own.grad()));
  }
}

// Probabilities of all pairs of tokens would be 4 heads × 8192² × 4 bytes = 1 GiB.
TEST(Attention, OfEightThousandTokensKeepsNoSquare) {
  const Case c = {Config(4, 2), {{0, 8192}}};
  const auto plan = MakePlan(c, at::kFloat);
  const at::Tensor in = at::randn({8192, c.config.qkv_dim()}).set_requires_grad(true);
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  Attention(in, plan, 0, 0, nullptr).sum().backward();
  getrusage(RUSAGE_SELF, &after);
  EXPECT_GT(in.grad().abs().max().item<double>(), 0.0);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 64 << 10) << "KiB";
}

}  // namespace
}  // namespace pith
