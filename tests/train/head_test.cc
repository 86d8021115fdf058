// The output head in chunks of rows against autograd over the plain formula.

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>

#include <gtest/gtest.h>

#include "train/model/head.h"

namespace pith {
namespace {

constexpr int64_t kRows = 50, kVocab = 37, kD = 24;  // chunks of 16 rows
constexpr double kTemperature = 0.7;

struct Inputs {
  at::Tensor weight, hidden, ids, a, b;
  double soft_cap;
  explicit Inputs(double cap = 0) : soft_cap(cap) {
    at::manual_seed(8);
    weight = at::randn({kVocab, kD});
    hidden = at::randn({kRows, kD});
    ids = at::randint(kVocab, {kRows}, at::kLong);
    a = at::randn({kRows});
    b = at::randn({kRows});
  }
  // logp and entropy of softmax(hidden · weightᵀ / temperature), in double.
  std::pair<at::Tensor, at::Tensor> Plain(const at::Tensor& h) const {
    at::Tensor logits = at::mm(h, weight.to(at::kDouble).t());
    if (soft_cap > 0) logits = (logits / soft_cap).tanh() * soft_cap;
    const at::Tensor logp = at::log_softmax(logits / kTemperature, -1);
    return {logp.gather(1, ids.unsqueeze(1)).squeeze(1), -(logp.exp() * logp).sum(1)};
  }
};

using Function = std::function<at::Tensor(const at::Tensor& logp, const at::Tensor& entropy, int64_t begin, int64_t end)>;

// The gradient of hidden under `loss`, by autograd over what the head asks for, and how often it asked.
at::Tensor ByHead(const Inputs& in, const Function& loss, bool at_once, int* asked, HeadResult* result) {
  const Head head(in.weight, at::kFloat, in.soft_cap, /*chunk_bytes=*/0);
  const auto gradient = [&](const at::Tensor& l, const at::Tensor& h, int64_t begin, int64_t end) {
    ++*asked;
    const at::AutoGradMode on(true);
    const at::Tensor logp = l.clone().set_requires_grad(true), entropy = h.clone().set_requires_grad(true);
    loss(logp, entropy, begin, end).backward();
    return RowGradients{logp.grad(), entropy.grad()};
  };
  *result = head.Run(in.hidden, in.ids, kTemperature, gradient, true, at_once);
  return result->g_hidden;
}

at::Tensor ByAutograd(const Inputs& in, const Function& loss) {
  const at::Tensor h = in.hidden.to(at::kDouble).set_requires_grad(true);
  const auto [logp, entropy] = in.Plain(h);
  loss(logp, entropy, 0, kRows).backward();
  return h.grad().to(at::kFloat);
}

TEST(Head, GradientsOfLogProbabilitiesAndEntropiesRowByRow) {
 for (const double soft_cap : {0.0, 4.0}) {
  const Inputs in(soft_cap);
  const Function loss = [&](const at::Tensor& logp, const at::Tensor& entropy, int64_t begin, int64_t end) {
    return (in.a.slice(0, begin, end) * logp + in.b.slice(0, begin, end) * entropy * entropy).sum();
  };
  for (const bool at_once : {false, true}) {
    int asked = 0;
    HeadResult result;
    const at::Tensor g = ByHead(in, loss, at_once, &asked, &result);
    EXPECT_EQ(asked, at_once ? 1 : 4);
    const auto [logp, entropy] = in.Plain(in.hidden.to(at::kDouble));
    EXPECT_TRUE(at::allclose(result.logp, logp.to(at::kFloat), 1e-5, 1e-5));
    EXPECT_TRUE(at::allclose(result.entropy, entropy.to(at::kFloat), 1e-5, 1e-5));
    EXPECT_TRUE(at::allclose(g, ByAutograd(in, loss), 1e-4, 1e-5)) << (g - ByAutograd(in, loss)).abs().max();
  }
 }
}

TEST(Head, GradientsOfALossThatTiesAllRowsTogether) {
  const Inputs in(5.0);
  const Function loss = [&](const at::Tensor& logp, const at::Tensor& entropy, int64_t, int64_t) {
    return (in.a * logp).sum().exp() * 1e-3 + (logp * in.b).mean() * entropy.mean();
  };
  int asked = 0;
  HeadResult result;
  const at::Tensor g = ByHead(in, loss, true, &asked, &result), expected = ByAutograd(in, loss);
  EXPECT_EQ(asked, 1);
  EXPECT_LT((g - expected).abs().max().item<double>(), 2e-5 * expected.abs().max().item<double>());
}

}  // namespace
}  // namespace pith
