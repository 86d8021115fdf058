#include "runtime/generation/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "runtime/kernels/clones.h"

namespace pith {

namespace {

constexpr int kLanes = 16;        // sums run in so many lanes, whatever the width of vectors
constexpr int64_t kBlock = 1024;  // tokens summed in float before their sum goes to double

// e^x for x <= 0 to about 1e-7 relative; 0 below −87; NaN for NaN. 2^n · p(r), r in [−ln 2/2, ln 2/2], p: Taylor to r^7.
// Selected by masks: a choice between floats would keep compilers from vectorising.
inline float ExpNonPositive(float x) {
  const uint32_t tiny = -static_cast<uint32_t>(x < -87.0f);
  const float clamped = std::bit_cast<float>((std::bit_cast<uint32_t>(x) & ~tiny) | (std::bit_cast<uint32_t>(-87.0f) & tiny));
  const float shifted = clamped * 1.44269504f + 12582912.0f;  // 1.5 · 2^23: the sum's low bits are the nearest integer
  const float n = shifted - 12582912.0f;
  const float r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.0f / 5040;
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const int32_t exponent = std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(12582912.0f);
  const float scale = std::bit_cast<float>((exponent + 127) << 23);
  return std::bit_cast<float>(std::bit_cast<uint32_t>(p * scale) & ~tiny);
}

PITH_CLONES float Max(const float* x, int64_t n) {
  float lanes[kLanes];
  for (float& lane : lanes) lane = -std::numeric_limits<float>::infinity();
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
  }
  float max = lanes[0];
  for (float lane : lanes) max = lane > max ? lane : max;
  for (; i < n; ++i) max = x[i] > max ? x[i] : max;
  return max;
}

// weights[i] = e^((x[i] − max) · inverse), and their sum.
PITH_CLONES float BlockWeights(const float* x, int64_t n, float max, float inverse, float* weights) {
  float lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) {
      weights[i + j] = ExpNonPositive((x[i + j] - max) * inverse);
      lanes[j] += weights[i + j];
    }
  }
  float sum = 0;
  for (float lane : lanes) sum += lane;
  for (; i < n; ++i) sum += weights[i] = ExpNonPositive((x[i] - max) * inverse);
  return sum;
}

struct Softmax {
  std::vector<float> weights;      // e^((logit − max) / T)
  std::vector<double> block_sums;  // of kBlock tokens each
  double sum = 0;
  float max = 0;
};

// The weights of a row, in buffers that each thread keeps.
Softmax& Weigh(const float* logits, int64_t vocab, double temperature) {
  thread_local Softmax s;
  if (static_cast<int64_t>(s.weights.size()) < vocab) s.weights.resize(static_cast<size_t>(vocab));
  s.block_sums.clear();
  s.sum = 0;
  s.max = Max(logits, vocab);
  const float inverse = static_cast<float>(1.0 / temperature);
  for (int64_t begin = 0; begin < vocab; begin += kBlock) {
    const int64_t n = std::min(kBlock, vocab - begin);
    s.block_sums.push_back(BlockWeights(logits + begin, n, s.max, inverse, s.weights.data() + begin));
    s.sum += s.block_sums.back();
  }
  if (!std::isfinite(s.max) || !std::isfinite(s.sum)) {
    ThrowUser("the model's logits are not finite: the largest is ", s.max,
              "; the base or the adapter holds broken values, so use another one");
  }
  return s;
}

struct Candidate {
  float logit;
  int32_t id;
  bool operator<(const Candidate& other) const {
    return logit != other.logit ? logit > other.logit : id < other.id;
  }
};

double Mass(const Softmax& s, const Candidate* begin, const Candidate* end) {
  double mass = 0;
  for (; begin != end; ++begin) mass += s.weights[begin->id];
  return mass;
}

// Tokens in order of id, among them the most probable ones that top-k and top-p may keep.
void Gather(const float* logits, int64_t vocab, const SamplingParams& params, const Softmax& s,
            std::vector<Candidate>& candidates) {
  const int64_t top_k = std::min(params.top_k, vocab);
  // What min-p cuts need not be gathered, unless top-p is a share of a whole that it belongs to.
  const bool min_p_first = top_k == 0 || params.top_p >= 1.0;
  const float min_weight = min_p_first ? static_cast<float>(params.min_p * 0.999) : 0.0f;
  // Ever more tokens have ever smaller weights, so the first threshold that leaves enough leaves few.
  for (float threshold = 1.0f / 64;; threshold /= 64) {
    if (threshold < 1e-30f) threshold = 0;
    const float floor = std::max(threshold, min_weight);
    candidates.clear();
    double mass = 0;
    for (int64_t i = 0; i < vocab; ++i) {
      if (s.weights[i] < floor) continue;
      candidates.push_back({logits[i], static_cast<int32_t>(i)});
      mass += s.weights[i];
    }
    // With top-k on, top-p counts among what top-k kept: enough for top-k is enough for both.
    const bool enough = top_k > 0 ? static_cast<int64_t>(candidates.size()) >= top_k
                                  : params.top_p < 1.0 && mass > params.top_p * s.sum * (1 + 1e-6);
    if (enough || floor > threshold || threshold == 0) return;
  }
}

// Moves the best candidates to the front, as many as first reach the mass `wanted` (at least one), and returns their
// number. Halves the range in question instead of sorting it.
size_t SelectMass(std::vector<Candidate>& candidates, const Softmax& s, double wanted) {
  size_t low = 0, high = candidates.size();
  while (high - low > 1) {
    const size_t middle = low + (high - low) / 2;
    std::nth_element(candidates.begin() + low, candidates.begin() + middle, candidates.begin() + high);
    const double mass = Mass(s, candidates.data() + low, candidates.data() + middle);
    if (mass >= wanted) {
      high = middle;
    } else {
      wanted -= mass;
      low = middle;
    }
  }
  return low + 1;
}

int32_t DrawCut(const float* logits, int64_t vocab, const SamplingParams& params, const Softmax& s, double uniform) {
  thread_local std::vector<Candidate> candidates, best;
  Gather(logits, vocab, params, s, candidates);
  best = candidates;
  double total = s.sum;  // of what top-k leaves: the whole that top-p is a share of
  if (params.top_k > 0) {
    const size_t k = static_cast<size_t>(std::min<int64_t>(params.top_k, static_cast<int64_t>(best.size())));
    std::nth_element(best.begin(), best.begin() + (k - 1), best.end());
    best.resize(k);
    total = Mass(s, best.data(), best.data() + k);
  }
  if (params.top_p < 1.0) best.resize(SelectMass(best, s, params.top_p * total));
  const Candidate last = *std::max_element(best.begin(), best.end());
  // In order of id, so that a draw does not hang on how the selection moved things about.
  std::erase_if(candidates, [&](const Candidate& c) { return last < c || s.weights[c.id] < params.min_p; });
  double left = uniform * Mass(s, candidates.data(), candidates.data() + candidates.size());
  for (const Candidate& c : candidates) {
    left -= s.weights[c.id];
    if (left < 0) return c.id;
  }
  return candidates.back().id;
}

int32_t DrawAny(int64_t vocab, const Softmax& s, double uniform) {
  double left = uniform * s.sum;
  size_t block = 0;
  while (block + 1 < s.block_sums.size() && left >= s.block_sums[block]) left -= s.block_sums[block++];
  int64_t last = -1;  // the last token that can be drawn, for a rest that rounding left over
  for (int64_t i = static_cast<int64_t>(block) * kBlock; i < vocab; ++i) {
    if (s.weights[i] == 0) continue;
    last = i;
    left -= s.weights[i];
    if (left < 0) break;
  }
  if (last >= 0) return static_cast<int32_t>(last);
  for (last = static_cast<int64_t>(block) * kBlock - 1; s.weights[last] == 0;) --last;
  return static_cast<int32_t>(last);
}

// Whether the logit of a token other than `best`, which has the weight 1, is within the margin. Only a row, and of it only a block, that has weight to spare
// for such a token is looked through: hardly any, so greedy decoding pays nothing for it. `slack`: sums in float round.
bool NearTie(const float* logits, int64_t vocab, const Softmax& s, int32_t best) {
  static const double least = std::exp(-kNearTieMargin), slack = 1 - 1e-4;
  if (s.sum < (1 + least) * slack) return false;
  const auto within = [&](float logit) { return static_cast<double>(s.max) - logit <= kNearTieMargin; };
  for (size_t block = 0; block < s.block_sums.size(); ++block) {
    const int64_t begin = static_cast<int64_t>(block) * kBlock, end = std::min(begin + kBlock, vocab);
    const bool holds_best = begin <= best && best < end;
    if (s.block_sums[block] < ((holds_best ? 1 : 0) + least) * slack) continue;
    if (!holds_best) {
      if (within(Max(logits + begin, end - begin))) return true;
      continue;
    }
    for (int64_t i = begin; i < end; ++i) {
      if (i != best && within(logits[i])) return true;
    }
  }
  return false;
}

// What logits are divided by. Colder than this a float cannot tell the quotients apart, and the draw is greedy in all but name.
double Divisor(double temperature) { return temperature == 0 ? 1.0 : std::max(temperature, 1e-6); }

float LogProbability(const float* logits, const Softmax& s, double divisor, int32_t id) {
  return static_cast<float>((static_cast<double>(logits[id]) - s.max) / divisor - std::log(s.sum));
}

}  // namespace

void CheckSampling(const SamplingParams& params) {
  if (!(params.temperature >= 0) || params.temperature > 100) {
    ThrowUser("temperature ", params.temperature, " is not in [0, 100]; 0 is greedy, 1 the model's own distribution");
  }
  if (params.top_k < 0) ThrowUser("top_k ", params.top_k, " is negative; give 0 (off) or a number of tokens");
  if (!(params.top_p > 0 && params.top_p <= 1)) ThrowUser("top_p ", params.top_p, " is not in (0, 1]; 1 is off");
  if (!(params.min_p >= 0 && params.min_p < 1)) ThrowUser("min_p ", params.min_p, " is not in [0, 1); 0 is off");
  if (!(params.repetition_penalty > 0 && params.repetition_penalty <= 10)) {
    ThrowUser("repetition_penalty ", params.repetition_penalty, " is not in (0, 10]; 1 is off");
  }
  if (!(params.presence_penalty >= -2 && params.presence_penalty <= 2)) ThrowUser("presence_penalty ", params.presence_penalty, " is not in [-2, 2]; 0 is off");
  if (!(params.frequency_penalty >= -2 && params.frequency_penalty <= 2)) ThrowUser("frequency_penalty ", params.frequency_penalty, " is not in [-2, 2]; 0 is off");
  for (const auto& [id, bias] : params.logit_bias) {
    if (id < 0) ThrowUser("logit_bias names the token ", id, "; expected an id of the vocabulary");
    if (!(bias >= -100 && bias <= 100)) ThrowUser("logit_bias of token ", id, " is ", bias, ", expected a number in [-100, 100]");
  }
  std::vector<std::pair<int32_t, float>> biases = params.logit_bias;
  std::sort(biases.begin(), biases.end());
  const auto twice = std::adjacent_find(biases.begin(), biases.end(), [](const auto& a, const auto& b) { return a.first == b.first; });
  if (twice != biases.end()) ThrowUser("logit_bias names the token ", twice->first, " twice; give its bias once");
}

float LogProbability(const float* logits, int64_t vocab, double temperature, int32_t id) {
  const double divisor = Divisor(temperature);
  return LogProbability(logits, Weigh(logits, vocab, divisor), divisor, id);
}

SampledToken Sample(const float* logits, int64_t vocab, const SamplingParams& params, uint64_t sample,
                    uint64_t position) {
  PITH_CHECK(vocab > 0, vocab);
  const bool greedy = params.temperature == 0;
  const double temperature = Divisor(params.temperature);
  const Softmax& s = Weigh(logits, vocab, temperature);
  int32_t id;
  if (greedy) {
    id = static_cast<int32_t>(std::find(logits, logits + vocab, s.max) - logits);
  } else {
    const double uniform = Rng(params.seed, {sample, position}).Uniform();
    const bool cut = (params.top_k > 0 && params.top_k < vocab) || params.top_p < 1.0 || params.min_p > 0;
    id = cut ? DrawCut(logits, vocab, params, s, uniform) : DrawAny(vocab, s, uniform);
  }
  return {id, LogProbability(logits, s, temperature, id), greedy && NearTie(logits, vocab, s, id)};
}

}  // namespace pith
