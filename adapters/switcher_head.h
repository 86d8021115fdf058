// A switcher: linear heads that tell, before a prompt is answered, how likely each way to answer it (an arm) is right and how long its answer will be.
//
//   choice = argmax over arms k of  P_k − λ·t_k      P_k = 1 / (1 + e^−(w_k·h + b_k)),  t_k = u_k·h + c_k
//
// h: the mean of the base's hidden states over the tokens of the user's turn, gathered while the prompt is encoded. λ, the price, is what a token must bring. An
// arm is the base, or an adapter with or without a budget. A PEFT folder keeps the heads in pith_switcher.json, a GGUF as metadata under pith.switcher.* (numbers
// as F32), which PEFT and llama.cpp pass over. Files without one load as before. docs/switcher.md has the fields.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adapters/linear_head.h"
#include "base/model/model_config.h"

namespace pith {

class GgufFile;
class GgufWriter;

inline constexpr char kOwnAdapter[] = "self";  // SwitchArm::adapter: the one that carries the switcher

struct SwitchArm {
  std::string name;               // "base", "adapter", "adapter, budget 64"; all different
  std::string adapter;            // who answers: empty, the base; kOwnAdapter; else another adapter, by what its card has as adapter_sha256
  int64_t budget_tokens = 0;      // B that the answer is decoded under; 0: none
  bool told = false;              // B is announced behind the invocation, as the adapter has learned it
  LinearHead right;               // logit of how likely the answer is right
  LinearHead tokens;              // how many tokens the answer has
  float least_tokens = 0, most_tokens = 0;  // of the answers that it was fitted on: no other length is expected
  bool operator==(const SwitchArm&) const = default;
};

// What it was fitted on, and what it reached on problems that were held out.
struct SwitcherFit {
  std::string dataset;                     // name; of several, separated by commas
  std::string type, activations, kv_type;  // that the adapter was stored and run in: "q8_0", "int8", "f16"
  int64_t max_tokens = 0;                  // that answers were cut at
  int64_t fit_problems = 0, held_out_problems = 0;
  double target_tokens = 0;                // mean tokens of an answer that the price was solved for
  double accuracy = 0, mean_tokens = 0;    // of the choice at that price
  double random_accuracy = 0;              // of arms drawn by lot at the same mean tokens: the best mixture that there is
  double difference_low = 0, difference_high = 0;  // 95 % of accuracy − random_accuracy
  std::vector<double> arm_accuracy, arm_tokens, arm_auc, arm_calibration_error;  // of each arm alone, and how well P_k tells
  bool operator==(const SwitcherFit&) const = default;
};

// Mean tokens that a price leads to, on problems that the heads had not seen when they chose for them (cross-validation over those that were fitted on).
struct SwitchPoint {
  float price = 0, tokens = 0, accuracy = 0;
  bool operator==(const SwitchPoint&) const = default;
};

struct SwitcherHead {
  std::vector<SwitchArm> arms;      // at least two
  float price = 0;                  // λ, per token; at least 0
  std::vector<SwitchPoint> curve;   // by rising prices; may be empty
  std::string adapter_sha256;       // AdapterHash() of the factors that it was fitted with
  SwitcherFit fit;
  // Of the proof's prompts (proof.h), pooled over all that stands before the invocation: each arm's logit and length, arm by arm within a prompt, computed by the
  // exporter's engine in float32. Empty in a PEFT folder, and where the file was exported for another base.
  std::vector<float> proof_logits, proof_tokens;
  bool operator==(const SwitcherHead&) const = default;
};

struct SwitchChoice {
  size_t arm = 0;
  std::vector<double> right, tokens;  // of each arm: P_k, t_k
};

// The arm with the largest right − price · tokens; of equal ones the one with fewer tokens, then the first. Both lists are as long, and not empty.
size_t BestArm(std::span<const double> right, std::span<const double> tokens, double price);
// t_k, kept within the lengths that the arm was fitted on.
double ExpectedTokens(const SwitchArm& arm, std::span<const float> pooled_D);
SwitchChoice ChooseArm(const SwitcherHead& head, double price, std::span<const float> pooled_D);

// The lowest price of the curve at which no more than `tokens` are spent on average. UserError naming `origin` where none is so low, or there is no curve.
float PriceFor(const SwitcherHead& head, double tokens, const std::string& origin);

inline constexpr char kSwitcherFile[] = "pith_switcher.json";
std::string SwitcherJson(const SwitcherHead& head);  // an object on a few lines
// UserError naming `origin` and what is wrong where the text is no such head.
SwitcherHead ReadSwitcherJson(const std::string& origin, const std::string& text);
void SetSwitcherMetadata(const SwitcherHead& head, GgufWriter* writer);
std::optional<SwitcherHead> ReadSwitcherMetadata(const GgufFile& file);  // nothing: there is none. UserError likewise
// UserError naming `origin` where the heads have another width than the base.
void CheckSwitcherFits(const std::string& origin, const SwitcherHead& head, const ModelConfig& base);
// "fitted on 600 problems (synthetic, everyday); on 200 others: 78.0 % right at 31.0 tokens, by lot at that cost 70.1 %": one line for people.
std::string SwitcherSentence(const SwitcherHead& head);

}  // namespace pith
