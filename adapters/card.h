// An adapter's card: how it was made, from what, and how it did. A PEFT folder keeps it in pith.json under "card", a GGUF as
// JSON text under pith.card; docs/adapters.md has the fields. It holds no times and no machine's name: the same run writes
// the same bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pith {

struct LoraAdapter;
class GgufWriter;

// A point of accuracy against length.
struct CardPoint {
  std::string from;                // "training": evaluated in mid-run; "evaluation": by pith-run eval
  std::string mode = "adapter";    // or "base", evaluated beside it
  int64_t step = 0;                // of training after which; 0: evaluated afterwards
  std::string dataset;
  int64_t budget_tokens = 0;       // 0: none
  int64_t num_problems = 0;        // 0: unknown
  int64_t chains = 1;
  double accuracy = 0, accuracy_lenient = 0;  // by the strict and by the lenient reading
  double mean_tokens = 0;
  std::string curve = {};          // "cut": closed under a budget that it knew nothing of; "announced": it was told; empty: without a budget, or not known
  bool operator==(const CardPoint&) const = default;
};

// A source of a mix that was trained on. What was measured of it near the end of training, where it was: SFT knows a loss, RL the others.
struct CardSource {
  std::string name, dataset;
  double share = 0;                // expected, of all draws
  std::optional<double> loss;      // mean per token
  std::optional<double> reward, accuracy, mean_tokens;
  bool operator==(const CardSource&) const = default;
};

// Empty texts and zeros: unknown, or there is none.
struct AdapterCard {
  std::string name;                // the run's
  std::string stage, loss, reward; // "rl", "dapo", "correct × budget"
  int64_t steps = 0;               // of the optimiser's loop, until these tensors
  int64_t rank = 0;                // as configured
  int64_t budget_tokens = 0;       // B that it was rewarded under
  double learning_rate = 0;
  std::vector<std::string> datasets;  // names, files without their folders
  std::string stopped;             // why training ended before its last step, a sentence; empty: it did not
  std::vector<CardSource> sources; // of a mix; empty: no mix
  uint64_t seed = 0;
  std::string base_name, base_sha256;
  std::string parent_path, parent_sha256;  // the adapter that training started from
  std::string adapter_sha256;      // AdapterHash() of what the card is about
  std::string data_sha256;         // of the problems trained on
  std::string config_sha256;       // of the resolved configuration, but for where the run lies and what it logs
  std::vector<CardPoint> curve;
  bool operator==(const AdapterCard&) const = default;
};

// SHA-256 over the pairs' names and float32 values, in the order of names.
std::string AdapterHash(const LoraAdapter& adapter);

std::string CardJson(const AdapterCard& card);  // an object on one line, without what is unknown
// UserError naming `origin` and the field where the JSON is not such an object. Unknown fields are left out.
AdapterCard ReadCard(const std::string& origin, const std::string& json);

// One sentence for people: "LoRA adapter of rank 32 for SmolLM2 135M Instruct, trained by rl (dapo) on gsm8k, 200 steps".
std::string CardSentence(const AdapterCard& card);

inline constexpr char kCardKey[] = "pith.card";
// pith.card, and of the keys that Hugging Face and llama.cpp show those that the card knows: general.description,
// general.base_model.* and general.dataset.*.
void SetCardMetadata(const AdapterCard& card, GgufWriter* writer);

}  // namespace pith
