// info of an adapter: GGUF LoRA, or PEFT folder.
#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "adapters/lora_names.h"
#include "adapters/packed_adapter.h"
#include "adapters/peft.h"
#include "base/error.h"
#include "base/gguf_types.h"
#include "runtime/programs/info.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// What both kinds of file say, as they say it.
struct AdapterFacts {
  std::string base_sha256, base_name;
  int64_t min_rank = 0, max_rank = 0;
  double alpha = 0, min_scale = 0, max_scale = 0;
  int64_t num_pairs = 0, num_layers = 0;
  std::array<bool, kNumModuleKinds> targets{};
  std::vector<int32_t> invocation;
  std::optional<AdapterBudget> budget;
  std::optional<AdapterCard> card;

  void Count(int kind, int64_t rank, double scale) {
    min_rank = num_pairs == 0 ? rank : std::min(min_rank, rank);
    max_rank = std::max(max_rank, rank);
    min_scale = num_pairs == 0 ? scale : std::min(min_scale, scale);
    max_scale = num_pairs == 0 ? scale : std::max(max_scale, scale);
    targets[static_cast<size_t>(kind)] = true;
    ++num_pairs;
  }
};

template <class T>
std::string Range(T low, T high) {
  return low == high ? Str(low) : Str(low, " to ", high);
}

std::string Joined(const std::vector<std::string>& texts, const char* between) {
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : between) + text;
  return all;
}

void DescribeBaseOf(const AdapterFacts& facts, const InfoBase& base, InfoSheet* sheet) {
  Json json = {{"sha256", facts.base_sha256.empty() ? Json(nullptr) : Json(facts.base_sha256)},
               {"name", facts.base_name.empty() ? Json(nullptr) : Json(facts.base_name)}};
  std::string shown = facts.base_name;
  if (!facts.base_sha256.empty()) shown += Str(shown.empty() ? "" : ", ", "sha256 ", facts.base_sha256);
  if (shown.empty()) shown = "it names none";
  if (facts.base_sha256.empty() && !facts.base_name.empty()) shown += ", without a hash";
  if (base.model != nullptr) {
    const bool known = !facts.base_sha256.empty(), same = known && facts.base_sha256 == base.model->Identity();
    json["is_model"] = known ? Json(same) : Json(nullptr);
    if (known) shown += same ? "; that is --model" : "; --model is another: " + base.model->Identity();
  }
  sheet->SetJson("base", json.dump(-1, ' ', false, Json::error_handler_t::replace));
  sheet->Line("base", shown);
}

void DescribeFactors(const AdapterFacts& facts, const TypeTable& types, InfoSheet* sheet) {
  std::vector<std::string> targets;
  for (int kind = 0; kind < kNumModuleKinds; ++kind) {
    if (facts.targets[static_cast<size_t>(kind)]) targets.push_back(kLinearKinds[kind].target);
  }
  sheet->SetJson("rank", Json{facts.min_rank, facts.max_rank}.dump());
  sheet->Set("alpha", facts.alpha);
  sheet->SetJson("scale", Json{facts.min_scale, facts.max_scale}.dump());
  sheet->SetJson("targets", Json(targets).dump());
  sheet->Set("layers", facts.num_layers);
  sheet->Set("pairs", facts.num_pairs);
  sheet->Set("parameters", types.values());
  sheet->Line("rank", Str(Range(facts.min_rank, facts.max_rank), ", alpha ", facts.alpha, ", scale ", Range(facts.min_scale, facts.max_scale)));
  sheet->Line("acts on", Str(Joined(targets, " "), ", ", facts.num_layers, facts.num_layers == 1 ? " layer, " : " layers, ", facts.num_pairs, " pairs"));
  sheet->Line("parameters", ShownCount(types.values()));
  types.Write(sheet);
}

void DescribeActivation(const AdapterFacts& facts, const InfoBase& base, InfoSheet* sheet) {
  const bool always = facts.invocation.empty();
  sheet->Set("activation", always ? "always" : "invocation");
  if (always) {
    sheet->SetJson("invocation", "null");
    sheet->Line("acts", "always");
    return;
  }
  std::optional<std::string> text;
  const auto readable = [&](int32_t id) { return base.tokenizer != nullptr && id >= 0 && id < base.tokenizer->vocab_size(); };
  if (std::all_of(facts.invocation.begin(), facts.invocation.end(), readable)) text = base.tokenizer->Decode(facts.invocation, /*with_control=*/true);
  sheet->SetJson("invocation", Json{{"ids", facts.invocation}, {"text", text ? Json(*text) : Json(nullptr)}}.dump(-1, ' ', false, Json::error_handler_t::replace));
  sheet->Line("acts", Str("from its invocation on: ", text ? Quoted(*text) + " " : "", ShownIds(facts.invocation)));
}

std::string ShownNumber(const char* format, double number) {
  char text[64];
  std::snprintf(text, sizeof text, format, number);
  return text;
}

void DescribeBudget(const std::optional<AdapterBudget>& budget, InfoSheet* sheet) {
  if (!budget) {
    sheet->SetJson("budget", "null");
    return;
  }
  sheet->SetJson("budget", Json{{"tokens", budget->tokens}, {"reserve_tokens", budget->reserve_tokens}, {"close_text", budget->close_text}, {"sentence", budget->sentence},
                               {"announcement", budget->announcement}}
                               .dump(-1, ' ', false, Json::error_handler_t::replace));
  sheet->Line("budget", Str(budget->tokens, " tokens, of which ", budget->reserve_tokens, " to close with ", Quoted(budget->close_text), " and answer",
                            budget->sentence.empty() ? "" : "; told by " + Quoted(budget->sentence),
                            budget->announcement.empty() ? "" : "; announced by " + Quoted(budget->announcement)));
}

std::string DescribeSource(const CardSource& source) {
  std::string text = Str(source.name, " (", source.dataset, "), share ", ShownNumber("%.3f", source.share));
  if (source.loss) text += ShownNumber(", loss %.4f", *source.loss);
  if (source.reward) text += ShownNumber(", reward %.3f", *source.reward);
  if (source.accuracy) text += ShownNumber(", accuracy %.3f", *source.accuracy);
  if (source.mean_tokens) text += ShownNumber(", %.1f tokens", *source.mean_tokens);
  return text;
}

// `hash`: of the tensors beside the card, where they are those that it is about; else empty.
void DescribeCard(const std::optional<AdapterCard>& card, const std::string& hash, InfoSheet* sheet) {
  if (!card) {
    sheet->SetJson("card", "null");
    sheet->Line("card", "none");
    return;
  }
  sheet->SetJson("card", CardJson(*card));
  const bool fits = hash.empty() || card->adapter_sha256.empty() || hash == card->adapter_sha256;
  if (!hash.empty()) sheet->Set("card_fits", fits);
  sheet->Line("card", fits ? (card->name.empty() ? "" : card->name + ": ") + CardSentence(*card) : "of other tensors: these were changed since");
  if (!card->reward.empty()) sheet->Line("  reward", card->reward);
  if (!card->stopped.empty()) sheet->Line("  stopped", card->stopped);
  for (const CardSource& source : card->sources) sheet->Line("  source", DescribeSource(source));
  if (!card->stage.empty()) sheet->Line("  seed", std::to_string(card->seed));
  if (!card->parent_path.empty()) sheet->Line("  started from", Str(card->parent_path, ", sha256 ", card->parent_sha256));
  if (!card->adapter_sha256.empty()) sheet->Line("  adapter", "sha256 " + card->adapter_sha256);
  if (!card->data_sha256.empty()) sheet->Line("  data", "sha256 " + card->data_sha256);
  if (!card->config_sha256.empty()) sheet->Line("  settings", "sha256 " + card->config_sha256);
  for (const CardPoint& p : card->curve) {
    char numbers[128];
    std::snprintf(numbers, sizeof numbers, "accuracy %.3f (lenient %.3f) at %.1f tokens", p.accuracy, p.accuracy_lenient, p.mean_tokens);
    sheet->Line("  " + (p.step > 0 ? Str("step ", p.step) : p.from), Str(numbers, ", ", p.dataset, p.num_problems > 0 ? Str(", ", p.num_problems, " problems") : "",
                                                                       p.budget_tokens > 0 ? Str(", budget ", p.budget_tokens, p.curve.empty() ? "" : " (" + p.curve + ")") : "", p.mode == "adapter" ? "" : ", " + p.mode));
  }
}

// A folder without one is as usual: pith-export makes it.
void DescribeProof(const std::optional<AdapterProof>& proof, bool expected, InfoSheet* sheet) {
  sheet->SetJson("proof", proof ? Json{{"policy", proof->policy}, {"prompts", proof->prompts.size()}}.dump() : "null");
  if (proof || expected) sheet->Line("proof", proof ? ProofSentence(*proof) : "none: pith-run verify has nothing to go by");
}

void DescribeVerifier(const std::optional<VerifierHead>& head, InfoSheet* sheet) {
  if (!head) {
    sheet->SetJson("verifier", "null");
    return;
  }
  const VerifierFit& fit = head->fit;
  sheet->SetJson("verifier", Json{{"width", head->weights.size()}, {"reader", head->by_base ? "base" : "adapter"}, {"check_text", head->check_text}, {"check_ids", head->check_ids},
                                 {"dataset", fit.dataset}, {"type", fit.type}, {"activations", fit.activations}, {"kv_type", fit.kv_type}, {"temperature", fit.temperature},
                                 {"fit_problems", fit.fit_problems}, {"fit_chains", fit.fit_chains}, {"held_out_problems", fit.held_out_problems}, {"held_out_chains", fit.held_out_chains},
                                 {"l2", fit.l2}, {"right_share", fit.right_share}, {"auc", fit.auc}, {"calibration_error", fit.calibration_error}, {"log_loss", fit.log_loss}}
                                 .dump(-1, ' ', false, Json::error_handler_t::replace));
  sheet->Line("verifier", VerifierSentence(*head));
  sheet->Line("  asks", Str(Quoted(head->check_text), ", ", head->check_ids.size(), " tokens, read by the ", head->by_base ? "base" : "adapter"));
  sheet->Line("  policy", Str("as ", fit.type, ", activations ", fit.activations, ", KV ", fit.kv_type, ", temperature ", fit.temperature));
}

void DescribeSwitcher(const std::optional<SwitcherHead>& head, InfoSheet* sheet) {
  if (!head) {
    sheet->SetJson("switcher", "null");
    return;
  }
  const SwitcherFit& fit = head->fit;
  Json arms = Json::array(), curve = Json::array();
  const auto at = [](const std::vector<double>& values, size_t k) { return k < values.size() ? Json(values[k]) : Json(nullptr); };
  for (size_t k = 0; k < head->arms.size(); ++k) {
    const SwitchArm& arm = head->arms[k];
    arms.push_back({{"name", arm.name}, {"adapter", arm.adapter}, {"budget", arm.budget_tokens > 0 ? Json(arm.budget_tokens) : Json(nullptr)}, {"told", arm.told},
                    {"accuracy", at(fit.arm_accuracy, k)}, {"mean_tokens", at(fit.arm_tokens, k)}, {"auc", at(fit.arm_auc, k)}, {"calibration_error", at(fit.arm_calibration_error, k)}});
  }
  for (const SwitchPoint& p : head->curve) curve.push_back({{"price", p.price}, {"mean_tokens", p.tokens}, {"accuracy", p.accuracy}});
  sheet->SetJson("switcher", Json{{"width", head->arms[0].right.weights.size()}, {"price", head->price}, {"arms", arms}, {"curve", curve}, {"dataset", fit.dataset}, {"type", fit.type},
                                 {"activations", fit.activations}, {"kv_type", fit.kv_type}, {"max_tokens", fit.max_tokens}, {"fit_problems", fit.fit_problems},
                                 {"held_out_problems", fit.held_out_problems}, {"target_tokens", fit.target_tokens}, {"accuracy", fit.accuracy}, {"mean_tokens", fit.mean_tokens},
                                 {"random_accuracy", fit.random_accuracy}, {"difference_ci", {fit.difference_low, fit.difference_high}}}
                                 .dump(-1, ' ', false, Json::error_handler_t::replace));
  sheet->Line("switcher", SwitcherSentence(*head));
  for (size_t k = 0; k < head->arms.size(); ++k) {
    const SwitchArm& arm = head->arms[k];
    std::string told = arm.adapter.empty() || arm.adapter == kOwnAdapter ? "" : Str(", sha256 ", arm.adapter.substr(0, 12), "…");
    if (arm.told) told += ", told";
    if (k < fit.arm_accuracy.size() && k < fit.arm_tokens.size()) told += ShownNumber(": alone %.1f %% right", 100 * fit.arm_accuracy[k]) + ShownNumber(" at %.1f tokens", fit.arm_tokens[k]);
    if (k < fit.arm_auc.size() && k < fit.arm_calibration_error.size()) {
      told += ShownNumber("; AUC %.3f", fit.arm_auc[k]) + ShownNumber(", calibration error %.3f", fit.arm_calibration_error[k]);
    }
    sheet->Line("  arm", arm.name + told);
  }
  sheet->Line("  price", ShownNumber("%.4g of a right answer for a token", head->price) + ShownNumber(", for %.1f tokens an answer", fit.target_tokens));
}

}  // namespace

void DescribeAdapterGguf(const GgufFile& file, const InfoBase& base, InfoSheet* sheet) {
  const std::string type = file.Find<std::string>("adapter.type").value_or("");
  if (type != "lora") ThrowUser("'", file.path(), "' is an adapter of type '", type, "', and pith reads lora");
  if (base.model != nullptr) PackedAdapter::FromGguf(file.path(), base.model->config());  // whether it fits, in that call's words
  const std::string arch = file.Get<std::string>("general.architecture");
  AdapterFacts facts;
  facts.base_sha256 = file.Find<std::string>("pith.base.sha256").value_or("");
  facts.base_name = file.Find<std::string>("general.base_model.0.name").value_or("");
  facts.alpha = file.Find<double>("adapter.lora.alpha").value_or(0.0);
  for (const int64_t id : file.Find<std::vector<int64_t>>("adapter.alora.invocation_tokens").value_or(std::vector<int64_t>{})) {
    facts.invocation.push_back(static_cast<int32_t>(std::clamp<int64_t>(id, -1, INT32_MAX)));
  }
  facts.budget = ReadBudgetMetadata(file);
  if (const auto card = file.Find<std::string>(kCardKey)) facts.card = ReadCard(file.path(), *card);

  TypeTable types;
  std::map<int64_t, int64_t> layers;  // tensors by layer
  for (const GgufTensor& tensor : file.tensors()) {
    const std::string_view name = tensor.name;
    const bool is_a = name.ends_with(".lora_a");
    const auto place = ParseWeightName(name.substr(0, name.size() - std::min<size_t>(name.size(), 7)));
    if (!place || (!is_a && !name.ends_with(".lora_b"))) {
      ThrowUser("'", file.path(), "' has the tensor '", tensor.name, "', which pith does not implement; it reads lora_a and lora_b of attention and ",
                "feed-forward layers");
    }
    const TensorView view = file.Tensor(tensor.name);
    types.Add(TypeName(view.type), view.rows * view.cols, static_cast<int64_t>(view.bytes()));
    ++layers[place->layer];
    if (!is_a) continue;
    facts.Count(place->kind, view.rows, facts.alpha == 0 ? 1.0 : facts.alpha / static_cast<double>(view.rows));
  }
  if (facts.num_pairs == 0) ThrowUser("'", file.path(), "' has no tensors; expected lora_a and lora_b of at least one layer");
  facts.num_layers = static_cast<int64_t>(layers.size());

  sheet->Set("kind", "adapter");
  sheet->Set("format", "gguf");
  sheet->Set("path", file.path());
  sheet->Set("bytes", static_cast<int64_t>(file.bytes().size()));
  sheet->Set("name", file.Find<std::string>("general.name").value_or(""));
  sheet->Set("architecture", arch);
  sheet->Line("adapter", Str(file.path(), " (GGUF LoRA, architecture ", arch, "), ", ShownBytes(static_cast<int64_t>(file.bytes().size()))));
  DescribeBaseOf(facts, base, sheet);
  DescribeFactors(facts, types, sheet);
  DescribeActivation(facts, base, sheet);
  DescribeBudget(facts.budget, sheet);
  DescribeCard(facts.card, "", sheet);  // made of tensors that were converted since
  DescribeProof(ReadProofMetadata(file), /*expected=*/true, sheet);
  DescribeVerifier(ReadVerifierMetadata(file), sheet);
  DescribeSwitcher(ReadSwitcherMetadata(file), sheet);
}

void DescribePeft(const std::string& folder, const InfoBase& base, InfoSheet* sheet) {
  const LoraAdapter adapter = ReadPeft(folder);
  if (base.model != nullptr) CheckAdapterFits(adapter, base.model->config());
  AdapterFacts facts;
  facts.base_sha256 = adapter.base_sha256;
  facts.base_name = adapter.card && !adapter.card->base_name.empty() ? adapter.card->base_name : adapter.base_path;
  facts.alpha = adapter.alpha;
  facts.invocation = adapter.invocation;
  facts.budget = adapter.budget;
  facts.card = adapter.card;
  TypeTable types;
  std::map<int64_t, int64_t> layers;
  for (const auto& [name, pair] : adapter.pairs) {
    const LinearPlace place = *ParseWeightName(name);
    ++layers[place.layer];
    facts.Count(place.kind, pair.rank, adapter.scale(pair));
    for (const std::vector<float>* values : {&pair.a, &pair.b, &pair.magnitude}) {
      if (!values->empty()) types.Add("f32", static_cast<int64_t>(values->size()), static_cast<int64_t>(values->size() * sizeof(float)));
    }
  }
  facts.num_layers = static_cast<int64_t>(layers.size());
  int64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.is_regular_file()) bytes += static_cast<int64_t>(entry.file_size());
  }
  std::vector<std::string> kinds;
  if (adapter.rslora) kinds.push_back("rsLoRA");
  if (adapter.dora) kinds.push_back("DoRA");
  if (adapter.pissa()) kinds.push_back("PiSSA start");

  sheet->Set("kind", "adapter");
  sheet->Set("format", "peft");
  sheet->Set("path", folder);
  sheet->Set("bytes", bytes);
  sheet->Set("name", adapter.card ? adapter.card->name : "");
  sheet->Set("base_path", adapter.base_path);
  sheet->SetJson("variants", Json(kinds).dump());
  sheet->Line("adapter", Str(folder, " (PEFT folder", kinds.empty() ? "" : ", " + Joined(kinds, ", "), "), ", ShownBytes(bytes)));
  DescribeBaseOf(facts, base, sheet);
  DescribeFactors(facts, types, sheet);
  DescribeActivation(facts, base, sheet);
  DescribeBudget(facts.budget, sheet);
  const std::string hash = AdapterHash(adapter);
  DescribeCard(facts.card, hash, sheet);
  DescribeProof(adapter.proof && adapter.proof->adapter_sha256 == hash ? adapter.proof : std::nullopt, /*expected=*/false, sheet);
  DescribeVerifier(adapter.verifier && adapter.verifier->adapter_sha256 == hash ? adapter.verifier : std::nullopt, sheet);
  DescribeSwitcher(adapter.switcher && adapter.switcher->adapter_sha256 == hash ? adapter.switcher : std::nullopt, sheet);
}

}  // namespace pith
