#include "train/loss.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace pith {
namespace {

double Mean(const double* x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += x[i];
  return sum / static_cast<double>(n);
}

double Deviation(const double* x, int64_t n) {
  if (n < 2) return 0;
  const double mean = Mean(x, n);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += (x[i] - mean) * (x[i] - mean);
  return std::sqrt(sum / static_cast<double>(n - 1));
}

}  // namespace

std::vector<double> Advantages(const std::vector<double>& rewards, int64_t group_size, const std::string& scale) {
  const auto n = static_cast<int64_t>(rewards.size());
  PITH_CHECK(group_size > 0 && n % group_size == 0, n, " rewards in groups of ", group_size);
  PITH_CHECK(scale == "group" || scale == "batch" || scale == "none", scale);
  std::vector<double> out(rewards.size(), 0.0);
  const double batch = Deviation(rewards.data(), n);
  for (int64_t begin = 0; begin < n; begin += group_size) {
    const double* group = rewards.data() + begin;
    if (std::all_of(group, group + group_size, [&](double r) { return r == group[0]; })) continue;
    const double mean = Mean(group, group_size);
    const double divisor = scale == "none" ? 1.0 : (scale == "batch" ? batch : Deviation(group, group_size)) + 1e-4;
    for (int64_t i = 0; i < group_size; ++i) out[begin + i] = (group[i] - mean) / divisor;
  }
  return out;
}

at::Tensor K3(const at::Tensor& logp, const at::Tensor& ref_logp) {
  const at::Tensor d = ref_logp - logp;
  return d.exp() - d - 1.0;
}

at::Tensor GrpoTokenLoss(const GrpoTerms& terms, const GrpoTokens& t) {
  const at::Tensor ratio = (t.logp - t.old_logp).exp();
  const at::Tensor clipped = ratio.clamp(1.0 - terms.clip_epsilon_low, 1.0 + terms.clip_epsilon_high);
  at::Tensor loss = -at::min(ratio * t.advantage, clipped * t.advantage);
  if (terms.importance_cap > 0) loss = loss * (t.old_logp - t.sampler_logp).exp().clamp_max(terms.importance_cap);
  if (terms.kl_beta != 0) loss = loss + terms.kl_beta * K3(t.logp, t.ref_logp);
  return loss;
}

at::Tensor ClippedLow(const GrpoTerms& terms, const GrpoTokens& t) {
  return (((t.logp - t.old_logp).exp() < 1.0 - terms.clip_epsilon_low) & (t.advantage < 0)).to(at::kFloat);
}

at::Tensor ClippedHigh(const GrpoTerms& terms, const GrpoTokens& t) {
  return (((t.logp - t.old_logp).exp() > 1.0 + terms.clip_epsilon_high) & (t.advantage > 0)).to(at::kFloat);
}

SamplingGap MeasureGap(const std::vector<float>& sampler_logp, const std::vector<float>& trainer_logp) {
  PITH_CHECK_EQ(sampler_logp.size(), trainer_logp.size());
  SamplingGap gap;
  if (sampler_logp.empty()) return gap;
  std::vector<double> difference(sampler_logp.size());
  for (size_t i = 0; i < difference.size(); ++i) {
    const double d = static_cast<double>(trainer_logp[i]) - sampler_logp[i];
    difference[i] = std::abs(d);
    gap.mean += difference[i];
    gap.kl += std::exp(d) - d - 1.0;
  }
  const auto n = static_cast<double>(difference.size());
  gap.mean /= n;
  gap.kl /= n;
  std::sort(difference.begin(), difference.end());
  gap.p99 = difference[std::min(difference.size() - 1, static_cast<size_t>(0.99 * n))];
  gap.max = difference.back();
  return gap;
}

}  // namespace pith
