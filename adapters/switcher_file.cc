// The switcher as JSON of a PEFT folder, and as metadata of a GGUF.
#include <algorithm>
#include <cmath>
#include <set>

#include "adapters/flat_record.h"
#include "adapters/switcher_head.h"
#include "base/base_identity.h"
#include "base/error.h"
#include "base/gguf.h"

namespace pith {
namespace {

constexpr int64_t kSwitcherVersion = 1;
constexpr char kSwitcherPrefix[] = "pith.switcher.";
constexpr size_t kMostArms = 64;

using Doubles = std::vector<double>;

// Both forms hold the same flat members; what belongs to arms is a list with an entry for each, and weights are arm by arm.
struct FlatSwitcher {
  int64_t version = kSwitcherVersion;
  std::vector<std::string> arms, adapters;
  std::vector<int64_t> budgets, told;
  Doubles weights, biases, token_weights, token_biases, least_tokens, most_tokens, curve_prices, curve_tokens, curve_accuracy, proof_logits, proof_tokens;
  double price = 0;
  std::string adapter_sha256;
  SwitcherFit fit;

  // `visit(key, &member)` for all of them, in the order of files.
  template <class Visit>
  void ForEach(const Visit& visit) {
    visit("version", &version);
    visit("arms", &arms);
    visit("arm_adapters", &adapters);
    visit("arm_budgets", &budgets);
    visit("arm_told", &told);
    visit("weights", &weights);
    visit("biases", &biases);
    visit("token_weights", &token_weights);
    visit("token_biases", &token_biases);
    visit("least_tokens", &least_tokens);
    visit("most_tokens", &most_tokens);
    visit("price", &price);
    visit("curve_prices", &curve_prices);
    visit("curve_tokens", &curve_tokens);
    visit("curve_accuracy", &curve_accuracy);
    visit("adapter_sha256", &adapter_sha256);
    visit("dataset", &fit.dataset);
    visit("type", &fit.type);
    visit("activations", &fit.activations);
    visit("kv_type", &fit.kv_type);
    visit("max_tokens", &fit.max_tokens);
    visit("fit_problems", &fit.fit_problems);
    visit("held_out_problems", &fit.held_out_problems);
    visit("target_tokens", &fit.target_tokens);
    visit("accuracy", &fit.accuracy);
    visit("mean_tokens", &fit.mean_tokens);
    visit("random_accuracy", &fit.random_accuracy);
    visit("difference_low", &fit.difference_low);
    visit("difference_high", &fit.difference_high);
    visit("arm_accuracy", &fit.arm_accuracy);
    visit("arm_tokens", &fit.arm_tokens);
    visit("arm_auc", &fit.arm_auc);
    visit("arm_calibration_error", &fit.arm_calibration_error);
    visit("proof_logits", &proof_logits);
    visit("proof_tokens", &proof_tokens);
  }
};

FlatSwitcher FlattenSwitcher(const SwitcherHead& head) {
  FlatSwitcher flat;
  for (const SwitchArm& arm : head.arms) {
    flat.arms.push_back(arm.name);
    flat.adapters.push_back(arm.adapter);
    flat.budgets.push_back(arm.budget_tokens);
    flat.told.push_back(arm.told ? 1 : 0);
    flat.weights.insert(flat.weights.end(), arm.right.weights.begin(), arm.right.weights.end());
    flat.biases.push_back(arm.right.bias);
    flat.token_weights.insert(flat.token_weights.end(), arm.tokens.weights.begin(), arm.tokens.weights.end());
    flat.token_biases.push_back(arm.tokens.bias);
    flat.least_tokens.push_back(arm.least_tokens);
    flat.most_tokens.push_back(arm.most_tokens);
  }
  flat.price = head.price;
  for (const SwitchPoint& p : head.curve) {
    flat.curve_prices.push_back(p.price);
    flat.curve_tokens.push_back(p.tokens);
    flat.curve_accuracy.push_back(p.accuracy);
  }
  flat.adapter_sha256 = head.adapter_sha256;
  flat.fit = head.fit;
  flat.proof_logits.assign(head.proof_logits.begin(), head.proof_logits.end());
  flat.proof_tokens.assign(head.proof_tokens.begin(), head.proof_tokens.end());
  return flat;
}

[[noreturn]] void DamagedSwitcher(const std::string& origin, const std::string& what) {
  ThrowUser("'", origin, "': the adapter's switcher ", what, "; fit it again with stage: switcher");
}

// Of arms: as many entries as there are arms, of each the same number.
void CheckSwitcherSizes(const std::string& origin, const FlatSwitcher& flat) {
  const size_t n = flat.arms.size();
  if (n < 2 || n > kMostArms) DamagedSwitcher(origin, Str("has ", n, " arms, expected 2 to ", kMostArms));
  const auto check = [&](const char* key, size_t got) {
    if (got != n) DamagedSwitcher(origin, Str("has ", got, " entries in ", key, ", expected one for each of its ", n, " arms"));
  };
  check("arm_adapters", flat.adapters.size());
  check("arm_budgets", flat.budgets.size());
  check("arm_told", flat.told.size());
  check("biases", flat.biases.size());
  check("token_biases", flat.token_biases.size());
  check("least_tokens", flat.least_tokens.size());
  check("most_tokens", flat.most_tokens.size());
  if (flat.weights.empty() || flat.weights.size() % n != 0) DamagedSwitcher(origin, Str("has ", flat.weights.size(), " weights, expected as many for each of its ", n, " arms"));
  if (flat.token_weights.size() != flat.weights.size()) {
    DamagedSwitcher(origin, Str("has ", flat.token_weights.size(), " entries in token_weights, expected as many as weights, ", flat.weights.size()));
  }
  if (flat.curve_tokens.size() != flat.curve_prices.size() || flat.curve_accuracy.size() != flat.curve_prices.size()) {
    DamagedSwitcher(origin, Str("has a curve of ", flat.curve_prices.size(), " prices, ", flat.curve_tokens.size(), " lengths and ", flat.curve_accuracy.size(), " accuracies"));
  }
  if (flat.proof_tokens.size() != flat.proof_logits.size()) DamagedSwitcher(origin, "has other numbers of proof_logits and proof_tokens");
}

void CheckSwitcherNumbers(const std::string& origin, const FlatSwitcher& flat) {
  const auto finite = [](double x) { return std::isfinite(x) && std::isfinite(static_cast<float>(x)); };
  for (const Doubles* list : {&flat.weights, &flat.biases, &flat.token_weights, &flat.token_biases, &flat.least_tokens, &flat.most_tokens, &flat.curve_prices, &flat.curve_tokens,
                              &flat.curve_accuracy, &flat.proof_logits, &flat.proof_tokens}) {
    if (!std::all_of(list->begin(), list->end(), finite)) DamagedSwitcher(origin, "holds a number that is not finite");
  }
  if (!finite(flat.price) || flat.price < 0) DamagedSwitcher(origin, Str("has the price ", flat.price, ", expected 0 or more"));
  if (!std::is_sorted(flat.curve_prices.begin(), flat.curve_prices.end()) || (!flat.curve_prices.empty() && flat.curve_prices[0] < 0)) {
    DamagedSwitcher(origin, "has a curve whose prices do not rise from 0 or more");
  }
}

void CheckSwitcherArms(const std::string& origin, const FlatSwitcher& flat) {
  if (std::set<std::string>(flat.arms.begin(), flat.arms.end()).size() != flat.arms.size()) DamagedSwitcher(origin, "has two arms of one name");
  for (size_t k = 0; k < flat.arms.size(); ++k) {
    const std::string arm = "has the arm '" + flat.arms[k] + "' ", &adapter = flat.adapters[k];
    if (flat.arms[k].empty()) DamagedSwitcher(origin, "has an arm without a name");
    if (!adapter.empty() && adapter != kOwnAdapter && !IsIdentity(adapter)) DamagedSwitcher(origin, arm + "of the adapter '" + adapter + "', expected none, self or 64 hex digits");
    if (flat.budgets[k] < 0) DamagedSwitcher(origin, Str(arm, "under a budget of ", flat.budgets[k]));
    if (flat.told[k] != 0 && (flat.told[k] != 1 || flat.budgets[k] == 0 || adapter.empty())) DamagedSwitcher(origin, arm + "that is told a budget, which it has none of, or nobody who has learned of it");
    if (flat.least_tokens[k] < 0 || flat.most_tokens[k] < flat.least_tokens[k]) {
      DamagedSwitcher(origin, Str(arm, "with ", flat.least_tokens[k], " to ", flat.most_tokens[k], " tokens an answer"));
    }
  }
}

std::vector<float> Floats(const Doubles& values, size_t begin, size_t count) {
  return {values.begin() + static_cast<std::ptrdiff_t>(begin), values.begin() + static_cast<std::ptrdiff_t>(begin + count)};
}

SwitcherHead UnflattenSwitcher(const std::string& origin, const FlatSwitcher& flat) {
  CheckSwitcherSizes(origin, flat);
  CheckSwitcherNumbers(origin, flat);
  CheckSwitcherArms(origin, flat);
  if (!flat.adapter_sha256.empty() && !IsIdentity(flat.adapter_sha256)) DamagedSwitcher(origin, "names its adapter otherwise than by 64 hex digits");
  for (const int64_t count : {flat.fit.fit_problems, flat.fit.held_out_problems, flat.fit.max_tokens}) {
    if (count < 0) DamagedSwitcher(origin, Str("was fitted on ", count, " problems or tokens"));
  }
  SwitcherHead head;
  const size_t width = flat.weights.size() / flat.arms.size();
  for (size_t k = 0; k < flat.arms.size(); ++k) {
    SwitchArm& arm = head.arms.emplace_back();
    arm.name = flat.arms[k];
    arm.adapter = flat.adapters[k];
    arm.budget_tokens = flat.budgets[k];
    arm.told = flat.told[k] != 0;
    arm.right = {Floats(flat.weights, k * width, width), static_cast<float>(flat.biases[k])};
    arm.tokens = {Floats(flat.token_weights, k * width, width), static_cast<float>(flat.token_biases[k])};
    arm.least_tokens = static_cast<float>(flat.least_tokens[k]);
    arm.most_tokens = static_cast<float>(flat.most_tokens[k]);
  }
  head.price = static_cast<float>(flat.price);
  for (size_t i = 0; i < flat.curve_prices.size(); ++i) {
    head.curve.push_back({static_cast<float>(flat.curve_prices[i]), static_cast<float>(flat.curve_tokens[i]), static_cast<float>(flat.curve_accuracy[i])});
  }
  head.adapter_sha256 = flat.adapter_sha256;
  head.fit = flat.fit;
  head.proof_logits = Floats(flat.proof_logits, 0, flat.proof_logits.size());
  head.proof_tokens = Floats(flat.proof_tokens, 0, flat.proof_tokens.size());
  return head;
}

}  // namespace

std::string SwitcherJson(const SwitcherHead& head) { return RecordJson(FlattenSwitcher(head)); }

SwitcherHead ReadSwitcherJson(const std::string& origin, const std::string& text) {
  return UnflattenSwitcher(origin, ReadRecordJson<FlatSwitcher>(text, [&](const std::string& what) { DamagedSwitcher(origin, what); }));
}

void SetSwitcherMetadata(const SwitcherHead& head, GgufWriter* writer) { SetRecordMetadata(kSwitcherPrefix, FlattenSwitcher(head), writer); }

std::optional<SwitcherHead> ReadSwitcherMetadata(const GgufFile& file) {
  const auto record = ReadRecordMetadata<FlatSwitcher>(kSwitcherPrefix, file, [&](const std::string& what) { DamagedSwitcher(file.path(), what); });
  if (!record) return {};
  return UnflattenSwitcher(file.path(), *record);
}

}  // namespace pith
