// Speculation's samples follow the model's distribution, and the statistic that says so sees rules that do not.
#include <cmath>
#include <limits>
#include <map>

#include "runtime/speculation/drafter.h"
#include "tests/runtime/scheduler_requests.h"

namespace pith::testing {
namespace {

constexpr int kDraws = 20000;
constexpr int32_t kWords[] = {40, 55, 71, 90, 111, 150};  // all that may be said

// The same tokens each time: a draft without chance, often wrong.
class FixedDraft : public Drafter {
 public:
  explicit FixedDraft(std::vector<int32_t> tokens) : tokens_(std::move(tokens)) {}
  bool costs_passes() const override { return false; }
  void Draft(std::span<DraftChain> chains) override {
    for (DraftChain& chain : chains) {
      chain.draft.assign(tokens_.begin(), tokens_.begin() + std::min<std::ptrdiff_t>(chain.most, static_cast<std::ptrdiff_t>(tokens_.size())));
      chain.evidence = 1;
    }
  }

 private:
  std::vector<int32_t> tokens_;
};

GenerateRequest ThreeTokens() {
  GenerateRequest request;
  request.prompt = RandomTokens(8, 20);
  request.invocation_start = 20;
  request.sampling = {.temperature = 1.2, .top_p = 0.97, .seed = 99};
  for (int32_t id = 0; id < 320; ++id) {
    if (std::find(std::begin(kWords), std::end(kWords), id) == std::end(kWords)) request.sampling.logit_bias.emplace_back(id, -100.0f);
  }
  request.max_tokens = 3;
  request.num_samples = kDraws;
  return request;
}

// Of the six words behind `said`, by definition.
std::vector<double> Probabilities(Engine& engine, const GenerateRequest& request, const std::vector<int32_t>& said) {
  std::vector<int32_t> tokens = request.prompt;
  tokens.insert(tokens.end(), said.begin(), said.end());
  const SequenceId sequence = engine.NewSequence();
  const std::vector<float> logits = Last(engine, RunTokens(engine, sequence, tokens));
  engine.Free(sequence);
  std::vector<std::pair<double, size_t>> order;
  double sum = 0, mass = 0, kept = 0;
  for (size_t i = 0; i < std::size(kWords); ++i) {
    order.push_back({std::exp(logits[static_cast<size_t>(kWords[i])] / request.sampling.temperature), i});
    sum += order.back().first;
  }
  std::sort(order.rbegin(), order.rend());
  std::vector<double> probabilities(std::size(kWords), 0.0);
  for (const auto& [weight, i] : order) {
    if (mass >= request.sampling.top_p * sum) break;
    mass += weight;
    probabilities[i] = weight;
    kept += weight;
  }
  for (double& p : probabilities) p /= kept;
  return probabilities;
}

using Counts = std::map<std::vector<int32_t>, int>;

// Pearson's statistic over all texts of three words, in standard deviations from its mean; cells of fewer than 8 expected draws are joined. Infinite
// where a text was drawn that cannot be.
double ChiSquare(const GenerateRequest& request, const Counts& counts) {
  const auto engine = NewEngine();
  double statistic = 0, rest_expected = 0, rest_count = 0;
  int cells = 0;
  const auto add = [&](double expected, double count) {
    statistic += (count - expected) * (count - expected) / expected;
    ++cells;
  };
  const std::vector<double> first = Probabilities(*engine, request, {});
  for (size_t a = 0; a < first.size(); ++a) {
    const std::vector<double> second = Probabilities(*engine, request, {kWords[a]});
    for (size_t b = 0; b < second.size(); ++b) {
      const std::vector<double> third = Probabilities(*engine, request, {kWords[a], kWords[b]});
      for (size_t c = 0; c < third.size(); ++c) {
        const double expected = kDraws * first[a] * second[b] * third[c];
        const auto found = counts.find({kWords[a], kWords[b], kWords[c]});
        const int count = found == counts.end() ? 0 : found->second;
        if (expected == 0) {
          if (count > 0) return std::numeric_limits<double>::infinity();  // cut by top-p
        } else if (expected >= 8) {
          add(expected, count);
        } else {
          rest_expected += expected;
          rest_count += count;
        }
      }
    }
  }
  if (rest_expected > 0) add(rest_expected, rest_count);
  return (statistic - (cells - 1)) / std::sqrt(2.0 * (cells - 1));
}

TEST(SpeculationDraws, FollowTheModelsDistribution) {
  const GenerateRequest request = ThreeTokens();
  const auto engine = NewEngine(16384);
  for (const std::vector<int32_t>& draft : {std::vector<int32_t>{kWords[0], kWords[1]}, {kWords[5], kWords[5]}, {3, 4}}) {
    GenerateStats stats;
    const auto done = Generate(*engine, Words(), {&request, 1}, {.drafter = std::make_shared<FixedDraft>(draft), .draft_always = true}, &stats);
    Counts counts;
    for (const Completion& c : done[0]) ++counts[c.tokens];
    EXPECT_GT(counts.size(), 40u);
    EXPECT_GE(stats.drafted_tokens, kDraws);
    EXPECT_EQ(stats.accepted_tokens > kDraws / 50, draft[0] != 3);
    EXPECT_LT(std::abs(ChiSquare(request, counts)), 4) << draft[0];
  }
}

// Wrong rules, on the same probabilities: a rejected draft's place is drawn from p again instead of from what is left of it, which gives the
// draft a second chance; a draft is kept more often than p; keeps are right, and the token behind them is drawn from the wrong place's p.
TEST(SpeculationDraws, TheStatisticSeesWrongRules) {
  const GenerateRequest request = ThreeTokens();
  const auto engine = NewEngine();
  const size_t draft = 1;  // in kWords
  std::map<std::vector<int32_t>, std::vector<double>> known;
  const auto probabilities = [&](const std::vector<int32_t>& said) -> const std::vector<double>& {
    auto [at, is_new] = known.try_emplace(said);
    if (is_new) at->second = Probabilities(*engine, request, said);
    return at->second;
  };
  const auto draw = [](const std::vector<double>& p, double uniform) {
    size_t i = 0;
    for (; i + 1 < p.size() && uniform >= p[i]; ++i) uniform -= p[i];
    while (p[i] == 0) --i;
    return i;
  };
  enum Rule { kRight, kAgain, kTooOften, kStale };
  const auto statistic = [&](Rule rule) {
    Counts counts;
    for (uint64_t i = 0; i < kDraws; ++i) {
      Rng rng(7, {i});
      std::vector<int32_t> said = {kWords[draw(probabilities({}), rng.Uniform())]};
      while (said.size() < 3) {
        const std::vector<double>& p = probabilities(rule == kStale && said.size() == 2 ? std::vector<int32_t>{said[0]} : said);
        const double keep = rule == kTooOften ? std::min(1.0, 1.15 * p[draft]) : p[draft];
        if (rng.Uniform() < keep) {
          said.push_back(kWords[draft]);
          continue;
        }
        std::vector<double> rest = p;
        if (rule != kAgain) {
          rest[draft] = 0;
          for (double& r : rest) r /= 1 - p[draft];
        }
        said.push_back(kWords[draw(rest, rng.Uniform())]);
      }
      ++counts[said];
    }
    return ChiSquare(request, counts);
  };
  EXPECT_LT(std::abs(statistic(kRight)), 4) << "min(1, p/q) and the residual";
  for (const Rule rule : {kAgain, kTooOften, kStale}) EXPECT_GT(statistic(rule), 8) << rule;
}

}  // namespace
}  // namespace pith::testing
