// adapter_config.json as PEFT has it, and pith.json.
#include <cmath>
#include <nlohmann/json.hpp>

#include "adapters/peft_config.h"
#include "base/file.h"

namespace pith {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

void WritePeftConfig(const PeftConfig& config, const std::string& folder) {
  const LoraAdapter& adapter = config.adapter;
  const auto number = [](double value) {  // PEFT's own alphas are integers
    const bool whole = value == std::floor(value) && std::abs(value) < 1e15;
    return whole ? Json(static_cast<int64_t>(value)) : Json(value);
  };
  Json json, ranks = Json::object(), alphas = Json::object();
  for (const auto& [module, rank] : config.rank_pattern) ranks[module] = rank;
  for (const auto& [module, alpha] : config.alpha_pattern) alphas[module] = number(alpha);
  json["peft_type"] = "LORA";
  json["task_type"] = "CAUSAL_LM";
  json["base_model_name_or_path"] = adapter.base_path.empty() ? Json(nullptr) : Json(adapter.base_path);
  json["inference_mode"] = true;
  json["r"] = adapter.rank;
  json["lora_alpha"] = number(adapter.alpha);
  json["rank_pattern"] = ranks;
  json["alpha_pattern"] = alphas;
  json["use_rslora"] = adapter.rslora;
  json["lora_dropout"] = adapter.dropout;
  json["target_modules"] = config.targets.names.value();
  json["alora_invocation_tokens"] =
      adapter.activation == Activation::kInvocation ? Json(adapter.invocation) : Json(nullptr);
  json["bias"] = "none";
  json["fan_in_fan_out"] = false;
  json["init_lora_weights"] = true;
  json["modules_to_save"] = nullptr;
  json["use_dora"] = adapter.dora;
  WriteFile(folder + "/" + kPeftConfigFile, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");

  Json own;
  own["base_sha256"] = adapter.base_sha256;
  if (config.pissa) own["start"] = "pissa";
  if (!adapter.template_now.empty()) own["template_now"] = adapter.template_now;
  if (!adapter.template_kwargs.empty()) own["template_kwargs"] = Json::parse(adapter.template_kwargs);
  if (const auto& budget = adapter.budget) {
    own["budget"] = {{"tokens", budget->tokens},
                     {"reserve_tokens", budget->reserve_tokens},
                     {"close_text", budget->close_text},
                     {"sentence", budget->sentence}};
    if (!budget->announcement.empty()) own["budget"]["announcement"] = budget->announcement;
  }
  if (adapter.card) own["card"] = Json::parse(CardJson(*adapter.card));
  WriteFile(folder + "/" + kPithFile, own.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace pith
