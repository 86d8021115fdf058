#include "base/rotary.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace pith {
namespace {

double PlainFrequency(double theta, int64_t pair, int64_t rotary_dim) {
  return std::pow(theta, -2.0 * static_cast<double>(pair) / static_cast<double>(rotary_dim));
}

// Of each pair, how much of it is interpolated: 0 for those that turn often within the original context, 1 for those that turn less than once.
std::vector<double> YarnRamp(const Rotary& rotary, int64_t rotary_dim) {
  const RopeScaling& s = rotary.scaling;
  const auto pair_that_turns = [&](double turns) {
    return static_cast<double>(rotary_dim) * std::log(static_cast<double>(s.original_context) / (turns * 2 * std::numbers::pi)) /
           (2 * std::log(rotary.theta));
  };
  double low = pair_that_turns(s.beta_fast), high = pair_that_turns(s.beta_slow);
  if (s.truncate) low = std::floor(low), high = std::ceil(high);
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(rotary_dim - 1));
  if (low == high) high += 0.001;
  std::vector<double> ramp(static_cast<size_t>(rotary_dim / 2));
  for (size_t i = 0; i < ramp.size(); ++i) ramp[i] = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
  return ramp;
}

}  // namespace

void SetFrequencies(int64_t rotary_dim, Rotary* rotary) {
  const RopeScaling& s = rotary->scaling;
  PITH_CHECK(rotary_dim % 2 == 0, rotary_dim);
  const auto pairs = static_cast<size_t>(rotary_dim / 2);
  const bool divided = s.kind == RopeScaling::Kind::kDivisors || s.kind == RopeScaling::Kind::kLongRope;
  PITH_CHECK(!divided || s.divisors.size() == pairs, s.divisors.size(), " divisors for ", pairs, " pairs");
  const std::vector<double> ramp = s.kind == RopeScaling::Kind::kYarn ? YarnRamp(*rotary, rotary_dim) : std::vector<double>();
  rotary->frequencies.resize(pairs);
  for (size_t i = 0; i < pairs; ++i) {
    double& frequency = rotary->frequencies[i];
    frequency = PlainFrequency(rotary->theta, static_cast<int64_t>(i), rotary_dim);
    if (s.kind == RopeScaling::Kind::kLinear) frequency /= s.factor;
    if (s.kind == RopeScaling::Kind::kYarn) frequency = frequency / s.factor * ramp[i] + frequency * (1 - ramp[i]);
    if (divided) frequency /= static_cast<double>(s.divisors[i]);
  }
}

std::vector<float> Llama3Divisors(double theta, int64_t rotary_dim, double factor, double low_freq_factor, double high_freq_factor,
                                  int64_t original_context) {
  std::vector<float> divisors(static_cast<size_t>(rotary_dim / 2));
  const auto context = static_cast<double>(original_context);
  for (size_t i = 0; i < divisors.size(); ++i) {
    const double wavelength = 2 * std::numbers::pi / PlainFrequency(theta, static_cast<int64_t>(i), rotary_dim);
    double divisor = 1;
    if (wavelength > context / low_freq_factor) {
      divisor = factor;
    } else if (wavelength >= context / high_freq_factor) {
      const double smooth = (context / wavelength - low_freq_factor) / (high_freq_factor - low_freq_factor);
      divisor = 1 / ((1 - smooth) / factor + smooth);
    }
    divisors[i] = static_cast<float>(divisor);
  }
  return divisors;
}

double YarnMagnitude(double factor) { return factor <= 1 ? 1.0 : 0.1 * std::log(factor) + 1; }

}  // namespace pith
