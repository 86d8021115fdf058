// Rotary positions (Su et al., arXiv 2104.09864) as data: which values of a head turn, and how fast.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace pith {

// How rotary embedding pairs the H values of a head.
enum class RopeLayout {
  kHalves,       // (i, i + H/2): Hugging Face, and most GGUF
  kInterleaved,  // (2i, 2i + 1): GGUF of families whose q and k rows llama.cpp's converter permutes
};

// How a model that was trained on short texts was stretched to longer ones. Names and formulas are those of transformers'
// modeling_rope_utils.
struct RopeScaling {
  enum class Kind {
    kNone,
    kLinear,    // positions / factor (kaiokendev, 2023)
    kDivisors,  // each frequency by a number of its own: Llama 3.1's smooth step, and whatever else a file gives as such
    kYarn,      // Peng et al., arXiv 2309.00071: between linear and none, by wavelength
    kLongRope,  // Ding et al., arXiv 2402.13753: divisors found by search, one list for short contexts and one for long ones
  };
  Kind kind = Kind::kNone;
  double factor = 1;                       // linear, YaRN
  int64_t original_context = 0;            // tokens: YaRN, longrope
  double beta_fast = 32, beta_slow = 1;    // YaRN: turns over the original context between which frequencies are mixed
  bool truncate = true;                    // YaRN: whether the ramp between them begins and ends at whole pairs
  std::vector<float> divisors;             // of each pair's frequency; longrope: those of texts within original_context
  std::vector<float> long_divisors;        // longrope: those beyond it, which pith keeps with the file but never uses
  bool operator==(const RopeScaling&) const = default;
};

struct Rotary {
  double theta = 10000;
  RopeScaling scaling;
  // Pair i of the first 2 · frequencies.size() values of a head turns by position · frequencies[i] (radians); the other values stay.
  std::vector<double> frequencies;
  double magnitude = 1;  // cos and sin are multiplied by it (YaRN's and longrope's attention factor)
  bool operator==(const Rotary&) const = default;
};

// Sets `frequencies` from theta and scaling: rotary_dim / 2 of them. `rotary_dim` is even; divisors are as many, where there are any.
void SetFrequencies(int64_t rotary_dim, Rotary* rotary);

// The divisors of Llama 3.1 and later (rope_type "llama3").
std::vector<float> Llama3Divisors(double theta, int64_t rotary_dim, double factor, double low_freq_factor, double high_freq_factor,
                                  int64_t original_context);
// YaRN's attention factor where a file gives none (eq. 22): 0.1 ln(factor) + 1.
double YarnMagnitude(double factor);

}  // namespace pith
