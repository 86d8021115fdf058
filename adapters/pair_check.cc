// What a file holds, by the marks of its pairs.
#include <algorithm>
#include <cmath>
#include <map>

#include "adapters/lora_names.h"
#include "adapters/proof_check.h"
#include "base/error.h"

namespace pith {
namespace {

// Of a pair's sketches, in their noise: the sum of squares is chi-square with sixteen degrees of freedom, and beyond this once in 10^13 pairs.
constexpr double kMaxSquares = 100;
constexpr double kMaxScaleNoise = 6;    // standard deviations of the common scale
// float32 in scale, factors and the proof itself: a share of a pair's norm.
constexpr double kMarkRounding = 1e-6;

using Stored = std::map<std::string, const StoredPair*>;

double SketchNoise(const PairMark& expected, const StoredPair& stored, size_t sketch) {
  return std::hypot(stored.sketch_noise[sketch], kMarkRounding * std::max(expected.norm, stored.mark.norm), stored.one_way * expected.sketches[sketch]);
}

// Whether `stored` holds `scale` times what `expected` marks. NaN does not.
bool Holds(const StoredPair& stored, const PairMark& expected, double scale) {
  if (expected.norm == 0 || stored.mark.norm == 0) return expected.norm == stored.mark.norm;
  double squares = 0;
  for (size_t s = 0; s < kProofSketches; ++s) {
    const double off = (stored.mark.sketches[s] - scale * expected.sketches[s]) / SketchNoise(expected, stored, s);
    squares += off * off;
  }
  return squares <= kMaxSquares;
}

struct ScaleEstimate {
  double scale = 1, noise = 0;
  double bias = 0;  // rounding has one of second order, and what it moves one way
};

// By weighted least squares over the pairs that hold `about` times what they should (all: where `about` is nothing).
ScaleEstimate CommonScale(const std::vector<PairMark>& expected, const Stored& stored, std::optional<double> about) {
  double xx = 0, xy = 0, bias = 0, norm = 0;
  for (const PairMark& mark : expected) {
    const auto found = stored.find(mark.weight);
    if (found == stored.end() || mark.norm == 0 || (about && !Holds(*found->second, mark, *about))) continue;
    bias += found->second->norm_noise * found->second->norm_noise + found->second->one_way * mark.norm * mark.norm;
    norm += mark.norm * mark.norm;
    for (size_t s = 0; s < kProofSketches; ++s) {
      const double weight = 1 / std::pow(SketchNoise(mark, *found->second, s), 2);
      xx += weight * mark.sketches[s] * mark.sketches[s];
      xy += weight * mark.sketches[s] * found->second->mark.sketches[s];
    }
  }
  if (!(xx > 0)) return {};
  return {xy / xx, 1 / std::sqrt(xx), bias / norm};
}

double OwnScale(const PairMark& mark, const StoredPair& stored) {
  double xx = 0, xy = 0;
  for (size_t s = 0; s < kProofSketches; ++s) {
    xx += mark.sketches[s] * mark.sketches[s];
    xy += mark.sketches[s] * stored.mark.sketches[s];
  }
  return xx > 0 ? xy / xx : 1;
}

double MedianScale(const std::vector<PairMark>& expected, const Stored& stored) {
  std::vector<double> scales;
  for (const PairMark& mark : expected) {
    const auto found = stored.find(mark.weight);
    if (found != stored.end() && mark.norm > 0) scales.push_back(OwnScale(mark, *found->second));
  }
  if (scales.empty()) return 1;
  std::nth_element(scales.begin(), scales.begin() + static_cast<std::ptrdiff_t>(scales.size() / 2), scales.end());
  return scales[scales.size() / 2];
}

// What is the matter with a pair that does not hold `scale` times its mark; empty: it does.
std::string Matter(const PairMark& mark, const Stored& stored, const std::vector<PairMark>& expected, double scale) {
  const auto found = stored.find(mark.weight);
  if (found == stored.end()) return mark.norm == 0 ? "" : "is missing";
  const StoredPair& pair = *found->second;
  if (Holds(pair, mark, scale)) return "";
  if (pair.mark.norm == 0) return "is zero";
  for (const PairMark& other : expected) {
    if (other.weight != mark.weight && other.norm > 0 && Holds(pair, other, scale)) return "holds what belongs to " + other.weight;
  }
  const double own = OwnScale(mark, pair);
  if (Holds(pair, mark, own)) return Str("is off by a factor of ", own / scale);
  return "holds other values";
}

}  // namespace

std::vector<ProofFinding> CheckPairs(const std::vector<PairMark>& expected, const std::vector<StoredPair>& all_stored) {
  Stored stored;
  for (const StoredPair& pair : all_stored) stored[pair.mark.weight] = &pair;
  std::vector<ProofFinding> findings;
  // Where most pairs agree on another scale, that is the fault, and pairs are held against it.
  double scale = 1;
  const double median = MedianScale(expected, stored);
  const ScaleEstimate at_one = CommonScale(expected, stored, 1.0);
  const ScaleEstimate at_median = CommonScale(expected, stored, median);
  const auto holding = [&](double at) {
    return std::count_if(expected.begin(), expected.end(), [&](const PairMark& mark) {
      const auto found = stored.find(mark.weight);
      return found != stored.end() && mark.norm > 0 && Holds(*found->second, mark, at);
    });
  };
  const ScaleEstimate& estimate = holding(at_median.scale) > holding(1.0) ? at_median : at_one;
  if (std::abs(estimate.scale - 1) > kMaxScaleNoise * estimate.noise + estimate.bias + 2 * kMarkRounding) {
    scale = estimate.scale;
    findings.push_back({"scale", Str("the adapter's scale is off by a factor of ", scale)});
  }
  std::map<std::string, std::vector<std::string>> by_matter;  // what is the matter → with whom
  for (const PairMark& mark : expected) {
    const std::string matter = Matter(mark, stored, expected, scale);
    if (!matter.empty()) by_matter[matter].push_back(mark.weight);
    stored.erase(mark.weight);
  }
  for (const auto& [weight, pair] : stored) {
    if (pair->mark.norm > 0) by_matter["is not in the proof"].push_back(weight);
  }
  size_t told = 0, left = 0;
  for (const auto& [matter, weights] : by_matter) {
    if (told++ >= 4) {
      left += weights.size();
      continue;
    }
    findings.push_back({"pairs", Str("the pair of ", weights.front(), " ", matter, weights.size() > 1 ? Str("; so do ", weights.size() - 1, " more") : "")});
  }
  if (left > 0) findings.push_back({"pairs", Str("so do ", left, " more pairs, each in its own way")});
  return findings;
}

}  // namespace pith
