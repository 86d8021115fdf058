#include "export/activation_difference.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "data/template/prompt.h"
#include "export/reference_logits.h"

namespace pith {
namespace {

constexpr char kQuestion[] = "Ann has 12 pens and gives 5 of them away. How many pens are left?";

std::vector<double> LogSoftmax(const float* logits, size_t count) {
  const double largest = *std::max_element(logits, logits + count);
  double total = 0;
  for (size_t i = 0; i < count; ++i) total += std::exp(logits[i] - largest);
  std::vector<double> out(count);
  for (size_t i = 0; i < count; ++i) out[i] = logits[i] - largest - std::log(total);
  return out;
}

}  // namespace

ActivationDifference MeasureActivationDifference(const BaseModel& base, const LoraAdapter& adapter,
                                                 std::span<const int32_t> ids, int64_t invocation_begin) {
  const auto vocab = static_cast<size_t>(base.config().vocab_size);
  const std::vector<float> apart = ReferenceLogits(base, &adapter, invocation_begin, ids);
  const std::vector<float> always = ReferenceLogits(base, &adapter, 0, ids);
  ActivationDifference result;
  const size_t begin = static_cast<size_t>(invocation_begin) * vocab;
  for (size_t i = begin; i < apart.size(); ++i) {
    const double difference = std::abs(static_cast<double>(apart[i]) - always[i]);
    result.mean_abs += difference / static_cast<double>(apart.size() - begin);
    result.max_abs = std::max(result.max_abs, difference);
  }
  const float* last_apart = &apart[apart.size() - vocab];
  const float* last_always = &always[always.size() - vocab];
  const std::vector<double> log_p = LogSoftmax(last_apart, vocab), log_q = LogSoftmax(last_always, vocab);
  for (size_t i = 0; i < vocab; ++i) result.kl += std::exp(log_p[i]) * (log_p[i] - log_q[i]);
  result.same_token = std::max_element(last_apart, last_apart + vocab) - last_apart ==
                      std::max_element(last_always, last_always + vocab) - last_always;
  return result;
}

std::string DescribeActivationDifference(const BaseModel& base, const LoraAdapter& adapter) {
  std::vector<int32_t> ids = Prompter::Load(base.path(), adapter.template_now, adapter.template_kwargs)->Build(kQuestion).ids;
  auto begin = FindInvocation(ids, adapter.invocation);
  if (!begin) {  // an invocation of one's own: put where the response would begin
    begin = static_cast<int64_t>(ids.size());
    ids.insert(ids.end(), adapter.invocation.begin(), adapter.invocation.end());
  }
  const ActivationDifference d = MeasureActivationDifference(base, adapter, ids, *begin);
  return Str("fused, the adapter acts on the prompt too: on a test prompt of ", ids.size(), " tokens the logits from the ",
             "invocation on differ by ", d.mean_abs, " on average and ", d.max_abs, " at most, the first answer token's KL is ",
             d.kl, " nats, and the likeliest token ", d.same_token ? "stays the same" : "changes");
}

}  // namespace pith
