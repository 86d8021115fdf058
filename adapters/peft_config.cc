#include "adapters/peft_config.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "base/base_identity.h"
#include "base/error.h"
#include "base/file.h"
#include "base/iso_time.h"
#include "base/json_text.h"
#include "base/log.h"

namespace pith {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kMaxRank = 1 << 16;
constexpr size_t kMaxPatternBytes = 1 << 15;  // of all keys: each is matched with each module

// What PEFT's LoRA can do and pith cannot: these change what the adapter computes.
const std::set<std::string> kUnsupported = {"modules_to_save", "layer_replication", "trainable_token_indices", "target_parameters", "lora_bias",
                                            "use_qalora", "use_bdlora", "velora_config", "monteclora_config", "arrow_config", "kasa_config"};

// Settings that are read below, or that change nothing about what a finished adapter computes.
const std::set<std::string> kUnderstood = {
    "peft_type", "r", "lora_alpha", "rank_pattern", "alpha_pattern", "use_rslora", "use_dora", "lora_dropout", "alora_invocation_tokens", "base_model_name_or_path",
    "target_modules", "layers_to_transform", "layers_pattern", "exclude_modules", "init_lora_weights",
    // which biases were trained: the tensors tell whether there are any
    "bias",
    // of linear layers PEFT ignores it
    "fan_in_fan_out",
    // bookkeeping, and settings of how the adapter was started or how something that is off would work
    "task_type", "auto_mapping", "inference_mode", "peft_version", "revision", "runtime_config", "megatron_config", "megatron_core", "qalora_group_size",
    "loftq_config", "eva_config", "corda_config", "lora_ga_config", "ensure_weight_tying"};

// These starts leave the base unchanged; the others subtract from it, so that the file fits another base than it names.
const std::set<std::string> kHarmlessStarts = {"gaussian", "eva", "orthogonal", "mica"};

bool IsOff(const Json& value) {
  return value.is_null() || value == false || value == 0 || ((value.is_structured() || value.is_string()) && value.empty()) ||
         value == "";
}

// `by_pith`: or by a Python program.
Json ReadObject(const std::string& path, bool by_pith) {
  const std::string read = ReadFile(path, kMaxJsonBytes), text = by_pith ? read : PythonJson(read);
  const std::string problem = JsonObjectProblem(text, kMaxJsonDepth, by_pith ? RepeatedKeys::kRefused : RepeatedKeys::kLastCounts);
  if (!problem.empty()) ThrowUser("'", path, "' ", problem);
  return Json::parse(text);
}

[[noreturn]] void Unsupported(const std::string& path, const std::string& key, const Json& value) {
  ThrowUser("'", path, "' sets ", key, " to ", value.dump(-1, ' ', false, Json::error_handler_t::replace),
            ", which pith does not implement; save the adapter without it");
}

[[noreturn]] void Wrong(const std::string& path, const std::string& key, const Json& value, const char* expected) {
  ThrowUser("'", path, "': ", key, " is ", value.dump(-1, ' ', false, Json::error_handler_t::replace), ", expected ", expected);
}

double Number(const std::string& path, const Json& json, const char* key, double missing) {
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return missing;
  if (!found->is_number()) Wrong(path, key, *found, "a number");
  return found->get<double>();
}

bool Flag(const std::string& path, const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return false;
  if (!found->is_boolean()) Wrong(path, key, *found, "true or false");
  return found->get<bool>();
}

std::vector<int32_t> TokenIds(const std::string& path, const char* key, const Json& value) {
  std::vector<int32_t> ids;
  if (value.is_null()) return ids;
  if (!value.is_array()) Wrong(path, key, value, "a list of token ids");
  for (const Json& id : value) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() > std::numeric_limits<int32_t>::max()) {
      Wrong(path, key, value, "a list of token ids");
    }
    ids.push_back(id.get<int32_t>());
  }
  return ids;
}

// As in PEFT, a setting that is not known is no error: other programs note their own, and later versions have more.
void CheckSettings(const std::string& path, const Json& json) {
  std::string unknown;
  for (const auto& [key, value] : json.items()) {
    if (IsOff(value) || kUnderstood.count(key) != 0) continue;
    if (kUnsupported.count(key) != 0) Unsupported(path, key, value);
    unknown += (unknown.empty() ? "" : ", ") + key;
  }
  if (!unknown.empty()) LogWarning(Str("'", path, "' has settings that pith does not know (", unknown, "); it goes on without them"));
  const Json start = json.value("init_lora_weights", Json(true));
  if (start.is_string() && kHarmlessStarts.count(start.get<std::string>()) == 0) {
    ThrowUser("'", path, "' sets init_lora_weights to ", start.dump(-1, ' ', false, Json::error_handler_t::replace), ", a start that changed the base: A and B fit that ",
              "other base alone; save the adapter again with PEFT's save_pretrained(…, path_initial_model_for_weight_conversion=…), which writes a plain LoRA for the original one");
  }
}

// A rank as `value` has it, else nothing.
std::optional<int64_t> Rank(const Json& value) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() < 1 || value.get<uint64_t>() > kMaxRank) return {};
  return value.get<int64_t>();
}

std::optional<double> Alpha(const Json& value) {
  if (!value.is_number() || !std::isfinite(value.get<double>()) || value.get<double>() <= 0) return {};
  return value.get<double>();
}

// {"module pattern": value}, in the order of the file, which counts.
template <class T>
ModulePatterns<T> Patterns(const std::string& path, const Json& json, const char* key, std::optional<T> (*read)(const Json&),
                           const char* expected) {
  ModulePatterns<T> patterns;
  const Json all = json.value(key, Json(nullptr));
  if (IsOff(all)) return patterns;
  if (!all.is_object()) Wrong(path, key, all, "an object");
  size_t bytes = 0;
  for (const auto& [pattern, value] : all.items()) {
    bytes += pattern.size();
    if (bytes > kMaxPatternBytes) ThrowUser("'", path, "': the keys of ", key, " have more than ", kMaxPatternBytes, " letters together");
    const std::optional<T> got = read(value);
    if (!got) Wrong(path, Str(key, "['", pattern, "']"), value, expected);
    try {
      MatchesModule(pattern, "");
    } catch (const UserError& error) {
      ThrowUser("'", path, "': ", key, ": ", error.what());
    }
    patterns.emplace_back(pattern, *got);
  }
  return patterns;
}

std::vector<std::string> Names(const std::string& path, const char* key, const Json& value, const char* expected) {
  std::vector<std::string> names;
  if (!value.is_array()) Wrong(path, key, value, expected);
  for (const Json& name : value) {
    if (!name.is_string()) Wrong(path, key, value, expected);
    names.push_back(name.get<std::string>());
  }
  return names;
}

// `pattern` where it can be read, else nothing, with a warning.
std::string ReadablePattern(const std::string& path, const char* key, const std::string& pattern) {
  try {
    if (!pattern.empty()) MatchesWholeModule(pattern, "");
  } catch (const UserError& error) {
    LogWarning(Str("'", path, "': ", key, ": ", error.what(), "; the adapter is read without it: all its tensors are used"));
    return "";
  }
  return pattern;
}

PeftTargets Targets(const std::string& path, const Json& json) {
  const auto setting = [&](const char* key) { return json.value(key, Json(nullptr)); };
  PeftTargets targets;
  constexpr char kExpected[] = "a list of names or a pattern";
  if (const Json names = setting("target_modules"); names.is_string()) {
    std::string lower = names.get<std::string>();
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
    if (lower != "all-linear") targets.pattern = ReadablePattern(path, "target_modules", names.get<std::string>());
  } else if (!names.is_null()) {
    targets.names = Names(path, "target_modules", names, kExpected);
  }
  if (const Json names = setting("exclude_modules"); names.is_string()) {
    targets.excluded_pattern = ReadablePattern(path, "exclude_modules", names.get<std::string>());
  } else if (!names.is_null()) {
    targets.excluded = Names(path, "exclude_modules", names, kExpected);
  }
  Json layers = setting("layers_to_transform");
  if (layers.is_number_integer()) layers = Json::array({layers});
  if (!layers.is_null() && !layers.is_array()) Wrong(path, "layers_to_transform", layers, "a layer's number, or a list of them");
  for (const Json& layer : layers) {
    if (!layer.is_number_integer()) Wrong(path, "layers_to_transform", layers, "a layer's number, or a list of them");
    if (!targets.layers) targets.layers.emplace();
    targets.layers->push_back(layer.get<int64_t>());
  }
  Json before = setting("layers_pattern");
  if (before.is_string()) before = before == "" ? Json(nullptr) : Json::array({before});
  if (before.is_null()) return targets;
  size_t bytes = 0;
  for (const std::string& pattern : Names(path, "layers_pattern", before, kExpected)) {
    bytes += pattern.size();
    if (bytes > kMaxPatternBytes) ThrowUser("'", path, "': layers_pattern has more than ", kMaxPatternBytes, " letters");
    const std::string whole = ".*\\." + pattern + "\\.\\d+\\..*";
    if (!ReadablePattern(path, "layers_pattern", whole).empty()) targets.layers_patterns.push_back(whole);
  }
  return targets;
}

std::string BaseIdentity(const std::string& path, const Json& json) {
  const auto found = json.find("base_sha256");
  if (found == json.end()) return "";
  if (!found->is_string()) Wrong(path, "base_sha256", *found, "64 hex digits");
  return found->get<std::string>().empty() ? "" : CheckedIdentity(path, found->get<std::string>());
}

std::optional<AdapterBudget> Budget(const std::string& path, const Json& json) {
  const Json all = json.value("budget", Json(nullptr));
  if (all.is_null()) return {};
  if (!all.is_object()) Wrong(path, "budget", all, "an object");
  const auto integer = [&](const char* key) {
    const Json value = all.value(key, Json(nullptr));
    if (!value.is_number_unsigned() || value.get<uint64_t>() > kMaxBudgetTokens) Wrong(path, Str("budget.", key), value, "a count of tokens");
    return value.get<int64_t>();
  };
  const auto text = [&](const char* key, const Json& missing) {
    const Json value = all.value(key, missing);
    if (!value.is_string()) Wrong(path, Str("budget.", key), value, "text");
    return value.get<std::string>();
  };
  const AdapterBudget budget = {integer("tokens"), integer("reserve_tokens"), text("close_text", nullptr), text("sentence", ""), text("announcement", "")};
  CheckAdapterBudget(path, budget);
  return budget;
}

// pith.json, which a folder made by others lacks.
void ReadOwn(const std::string& folder, PeftConfig* config) {
  const std::string path = folder + "/" + kPithFile;
  if (!FileExists(path)) return;
  const Json json = ReadObject(path, /*by_pith=*/true);
  config->adapter.base_sha256 = BaseIdentity(path, json);
  config->adapter.budget = Budget(path, json);
  if (const Json card = json.value("card", Json(nullptr)); !card.is_null()) config->adapter.card = ReadCard(path, card.dump());
  const Json now = json.value("template_now", Json(""));
  if (!now.is_string() || !(now == "" || ParseIsoTime(now.get<std::string>()))) Wrong(path, "template_now", now, "a time like 2024-07-26T10:00:00");
  config->adapter.template_now = now.get<std::string>();
  const Json kwargs = json.value("template_kwargs", Json(nullptr));
  if (!kwargs.is_null() && !kwargs.is_object()) Wrong(path, "template_kwargs", kwargs, "an object such as {\"enable_thinking\": false}");
  if (!kwargs.is_null()) config->adapter.template_kwargs = kwargs.dump();
  const Json start = json.value("start", Json(nullptr));
  if (!start.is_null() && start != "pissa") Wrong(path, "start", start, "\"pissa\", or nothing");
  config->pissa = start == "pissa";
}

[[noreturn]] void RefuseFolder(const std::string& folder) {
  if (FileExists(folder)) {
    ThrowUser("'", folder, "' is a file; expected a PEFT folder, with ", kPeftConfigFile, " in it",
              folder.ends_with(".gguf") ? " (a GGUF is what pith-export made of one, for pith-run)" : "");
  }
  if (!IsFolder(folder)) ThrowUser("there is no folder '", folder, "'; expected a PEFT folder, with ", kPeftConfigFile, " in it");
  const std::string inside = folder + (folder.ends_with('/') ? "adapter" : "/adapter");  // as in the folder of a run
  const bool is_run = FileExists(inside + "/" + kPeftConfigFile);
  ThrowUser("'", folder, "' is not a PEFT folder: it has no ", kPeftConfigFile, is_run ? "; '" + inside + "' has: name that" : "");
}

}  // namespace

PeftConfig ReadPeftConfig(const std::string& folder) {
  const std::string path = folder + "/" + kPeftConfigFile;
  if (!FileExists(path)) RefuseFolder(folder);
  const Json json = ReadObject(path, /*by_pith=*/false);
  const Json type = json.value("peft_type", Json(nullptr));
  if (type != "LORA") Wrong(path, "peft_type", type, "\"LORA\"");
  CheckSettings(path, json);

  PeftConfig config;
  LoraAdapter& adapter = config.adapter;
  Json rank = json.value("r", Json(nullptr)), alpha = json.value("lora_alpha", Json(nullptr));
  for (Json* value : {&rank, &alpha}) {
    if (value->is_null()) *value = 8u;  // PEFT's default of both
  }
  if (!Rank(rank)) Wrong(path, "r", rank, "a rank of 1 to 65536");
  adapter.rank = *Rank(rank);
  if (!Alpha(alpha)) Wrong(path, "lora_alpha", alpha, "a positive number");
  adapter.alpha = *Alpha(alpha);
  config.rank_pattern = Patterns<int64_t>(path, json, "rank_pattern", Rank, "a rank of 1 to 65536");
  config.alpha_pattern = Patterns<double>(path, json, "alpha_pattern", Alpha, "a positive number");
  adapter.rslora = Flag(path, json, "use_rslora");
  adapter.dora = Flag(path, json, "use_dora");
  adapter.dropout = Number(path, json, "lora_dropout", 0);
  if (!(adapter.dropout >= 0 && adapter.dropout < 1)) Wrong(path, "lora_dropout", json["lora_dropout"], "a number in [0, 1)");
  adapter.invocation = TokenIds(path, "alora_invocation_tokens", json.value("alora_invocation_tokens", Json(nullptr)));
  adapter.activation = adapter.invocation.empty() ? Activation::kAlways : Activation::kInvocation;
  const Json base = json.value("base_model_name_or_path", Json(nullptr));
  if (base.is_string()) adapter.base_path = base.get<std::string>();
  ReadOwn(folder, &config);

  config.targets = Targets(path, json);
  return config;
}

}  // namespace pith
