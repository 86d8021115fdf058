#include "train/advice/rate_check.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/error.h"

namespace pith {
namespace {

constexpr double kTooFastSft = 8, kTooFastRl = 4;   // times the suitable rate
constexpr double kTooFastSmallBatch = 2;            // in RL below …
constexpr int64_t kSmallBatch = 96;                 // … so many completions per step
constexpr int64_t kLargeBatch = 256;                // examples per step of SFT

std::string Short(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2g", value);
  return text;
}

}  // namespace

double SuitableLearningRate(const RateFacts& facts) {
  PITH_CHECK(facts.d_model > 0 && facts.scaled_rank > 0, facts.d_model, " ", facts.scaled_rank);
  double rate = 5e-4 * std::sqrt(2000.0 / static_cast<double>(facts.d_model)) * 32.0 / facts.scaled_rank;
  if (facts.stage == "rl") rate /= 10;
  if (facts.stage == "distill") rate /= 2;
  if (facts.pissa) rate /= 10;
  return std::strtod(Short(rate).c_str(), nullptr);
}

std::vector<std::string> RateWarnings(const RateFacts& facts) {
  std::vector<std::string> warnings;
  const double suitable = SuitableLearningRate(facts), times = facts.learning_rate / suitable;
  const bool rl = facts.stage == "rl";
  const std::string given = Str("optimizer.learning_rate ", Short(facts.learning_rate), " is ", Short(times), " times what suits this stage, ",
                                "model and adapter (", Short(suitable), ", with the adapter's scale times rank ", Short(facts.scaled_rank), ")");
  if (times > (rl ? kTooFastRl : kTooFastSft)) {
    warnings.push_back(given + (rl ? "; in RL such rates shorten answers within a few steps and then forget how to find them: lower it"
                                   : "; such rates tend to diverge or to forget the base: lower it, or lower adapter.alpha"));
  } else if (rl && times > kTooFastSmallBatch && facts.batch_size < kSmallBatch) {
    warnings.push_back(Str(given, " and a step has ", facts.batch_size, " completions, whose advantages are that noisy: lower the rate, or raise ",
                           "rl.prompts_per_step"));
  }
  if (!rl && facts.batch_size >= kLargeBatch) {
    warnings.push_back(Str("a step has ", facts.batch_size, " examples; LoRA loses more by large batches than full fine-tuning does, and a higher rank ",
                           "does not help: lower the batch size to 128 or less"));
  }
  return warnings;
}

std::string CapacityWarning(int64_t trained_values, int64_t trained_tokens) {
  if (trained_tokens <= trained_values) return "";
  return Str("the adapter has ", trained_values, " trained values for ", trained_tokens, " tokens of responses; LoRA learns as well as full ",
             "fine-tuning only while it has about as many: raise adapter.rank, or name more adapter.targets");
}

}  // namespace pith
