#include "export/divergence.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/error.h"

namespace pith {
namespace {

// What softmax needs to know of a row: ln Σ exp, and its likeliest token, the first of equals.
struct RowSum {
  double log_sum;
  int64_t top;
};

RowSum SumRow(const float* logits, int64_t count) {
  const int64_t top = std::max_element(logits, logits + count) - logits;
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += std::exp(static_cast<double>(logits[i]) - logits[top]);
  return {logits[top] + std::log(sum), top};
}

using ValueOf = std::function<double(const TokenDivergence&)>;

double Mean(std::span<const TokenDivergence> tokens, const ValueOf& value) {
  double sum = 0;
  for (const TokenDivergence& token : tokens) sum += value(token);
  return sum / static_cast<double>(tokens.size());
}

// Of the two means, over the same tokens: that of the values, divided by how many they are.
double Covariance(std::span<const TokenDivergence> tokens, const ValueOf& a, const ValueOf& b) {
  if (tokens.size() < 2) return 0;
  const double mean_a = Mean(tokens, a), mean_b = Mean(tokens, b);
  const double n = static_cast<double>(tokens.size());
  return Mean(tokens, [&](const TokenDivergence& token) { return (a(token) - mean_a) * (b(token) - mean_b); }) / (n - 1);
}

Estimate MeanOf(std::span<const TokenDivergence> tokens, const ValueOf& value) {
  return {Mean(tokens, value), std::sqrt(Covariance(tokens, value, value))};
}

Estimate Exp(const Estimate& x) { return {std::exp(x.value), std::exp(x.value) * x.error}; }

// a − b. What rounding leaves of an error of nothing may be below it.
Estimate Minus(const Estimate& a, const Estimate& b, double covariance) {
  return {a.value - b.value, std::sqrt(std::max(0.0, a.error * a.error + b.error * b.error - 2 * covariance))};
}

Estimate Root(const Estimate& x) {
  const double root = std::sqrt(x.value);
  return {root, root > 0 ? x.error / (2 * root) : 0};
}

std::vector<double> Sorted(std::span<const TokenDivergence> tokens, const ValueOf& value) {
  std::vector<double> values;
  for (const TokenDivergence& token : tokens) values.push_back(value(token));
  std::sort(values.begin(), values.end());
  return values;
}

}  // namespace

TokenDivergence CompareLogits(const float* q_V, const float* base_V, int64_t vocab, int32_t next) {
  const RowSum q = SumRow(q_V, vocab), base = SumRow(base_V, vocab);
  TokenDivergence token;
  token.nll_q = q.log_sum - q_V[next];
  token.nll_base = base.log_sum - base_V[next];
  // Of ln p_base − ln p_Q the part that all tokens share is taken out of the sum: where the rows are equal, nothing is left of either.
  double sum = 0;
  for (int64_t i = 0; i < vocab; ++i) sum += std::exp(base_V[i] - base.log_sum) * (static_cast<double>(base_V[i]) - q_V[i]);
  token.kld = sum - (base.log_sum - q.log_sum);
  token.delta_p = std::exp(-token.nll_q) - std::exp(-token.nll_base);
  token.same_top = q.top == base.top;
  return token;
}

Divergence Summarise(std::span<const TokenDivergence> tokens) {
  PITH_CHECK(!tokens.empty());
  const ValueOf nll_q = [](const TokenDivergence& token) { return token.nll_q; };
  const ValueOf nll_base = [](const TokenDivergence& token) { return token.nll_base; };
  const ValueOf kld = [](const TokenDivergence& token) { return token.kld; };
  const ValueOf delta_p = [](const TokenDivergence& token) { return token.delta_p; };
  Divergence d;
  d.num_tokens = static_cast<int64_t>(tokens.size());
  const Estimate ln_q = MeanOf(tokens, nll_q), ln_base = MeanOf(tokens, nll_base);
  const double covariance = Covariance(tokens, nll_q, nll_base);
  d.ppl_q = Exp(ln_q);
  d.ppl_base = Exp(ln_base);
  d.correlation = covariance / (ln_q.error * ln_base.error);
  d.ln_ppl_ratio = Minus(ln_q, ln_base, covariance);
  d.ppl_ratio = Exp(d.ln_ppl_ratio);
  d.ppl_difference = Minus(d.ppl_q, d.ppl_base, d.ppl_q.value * d.ppl_base.value * covariance);
  d.mean_kld = MeanOf(tokens, kld);
  d.mean_delta_p = MeanOf(tokens, delta_p);
  d.rms_delta_p = Root(MeanOf(tokens, [](const TokenDivergence& token) { return token.delta_p * token.delta_p; }));
  d.same_top = MeanOf(tokens, [](const TokenDivergence& token) { return token.same_top ? 1.0 : 0.0; });
  d.kld = Sorted(tokens, kld);
  d.delta_p = Sorted(tokens, delta_p);
  return d;
}

double Percentile(std::span<const double> sorted, double share) {
  PITH_CHECK(!sorted.empty() && share >= 0 && share <= 1, sorted.size(), " values, share ", share);
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace pith
