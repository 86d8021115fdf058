#include "base/iq4_nl.h"

#include <cmath>

namespace pith {
namespace {

constexpr float kVanishing = 1e-15f;  // a block whose values are all smaller becomes zeros
constexpr int kTrials = 7;            // to either side

// Index of the level nearest to `value`; halfway between two: the upper one.
int Nearest(float value) {
  if (!(value > kIQ4Levels[0])) return 0;
  if (value >= kIQ4Levels[15]) return 15;
  int low = 0, high = 15;
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (value < kIQ4Levels[middle] ? high : low) = middle;
  }
  return value - kIQ4Levels[low] < kIQ4Levels[high] - value ? low : high;
}

struct Fit {
  float products = 0, squares = 0;  // Σ x²·level·x and Σ x²·level²
};

Fit FitAt(const float* x, float inverse) {
  Fit fit;
  for (int i = 0; i < kBlockSize; ++i) {
    const float level = kIQ4Levels[Nearest(inverse * x[i])], weight = x[i] * x[i];
    fit.products += weight * level * x[i];
    fit.squares += weight * level * level;
  }
  return fit;
}

}  // namespace

void QuantiseIQ4_NL(const float* x, BlockIQ4_NL* block) {
  float max_abs = 0.0f, extreme = 0.0f;
  for (int i = 0; i < kBlockSize; ++i) {
    if (std::fabs(x[i]) > max_abs) {
      max_abs = std::fabs(x[i]);
      extreme = x[i];
    }
  }
  float d = 0.0f;
  if (max_abs >= kVanishing) {
    const Fit first = FitAt(x, 1.0f / (-extreme / kIQ4Levels[0]));
    d = first.products / first.squares;
    float best = d * first.products;
    for (int trial = -kTrials; trial <= kTrials; ++trial) {
      const Fit fit = FitAt(x, static_cast<float>(trial + kIQ4Levels[0]) / extreme);
      if (!(fit.squares > 0.0f) || !(fit.products * fit.products > best * fit.squares)) continue;
      d = fit.products / fit.squares;
      best = d * fit.products;
    }
  }
  if (!std::isfinite(d)) d = 0.0f;  // squares of very large values
  block->d = F32ToF16(d);
  const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
  for (int j = 0; j < kBlockSize / 2; ++j) {
    block->q[j] = static_cast<uint8_t>(Nearest(inverse * x[j]) | Nearest(inverse * x[j + kBlockSize / 2]) << 4);
  }
}

}  // namespace pith
