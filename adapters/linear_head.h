// A linear head on a hidden state: what a verifier learns (verifier_head.h).
//
//   z = w·h + b      P = 1 / (1 + e^−z)
//
// h: the last layer's output at one position, normed as the output matrix takes it (Engine::Forward's hidden states).
#pragma once

#include <span>
#include <vector>

namespace pith {

struct LinearHead {
  std::vector<float> weights;  // w: D
  float bias = 0;              // b
  bool operator==(const LinearHead&) const = default;
};

// z, summed in double in the order of D; hidden_D has as many values as the head has weights.
double HeadLogit(const LinearHead& head, std::span<const float> hidden_D);
double Probability(double logit);  // P, in [0, 1]

}  // namespace pith
