#include "adapters/peft_tensors.h"

#include <optional>

#include "base/error.h"

namespace pith {
namespace {

constexpr std::string_view kWrapper = "base_model.model.", kDecoder = "model.", kLora = ".lora_", kWeight = ".weight";

bool TakePrefix(std::string_view prefix, std::string_view* text) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

struct Key {
  LinearPlace place;
  PeftModule::Part PeftModule::*part;
  std::string_view adapter;  // its name; empty in PEFT's own files
};

std::optional<Key> ParseKey(std::string_view key) {
  TakePrefix(kWrapper, &key);
  const size_t lora = key.rfind(kLora);
  if (lora == std::string_view::npos) return {};
  const std::string_view module = key.substr(0, lora);
  const auto place = module.starts_with(kDecoder) ? ParseModuleName(module) : ParseModuleName(Str(kDecoder, module));
  if (!place) return {};
  std::string_view rest = key.substr(lora + kLora.size());
  Key found{*place, &PeftModule::a, {}};
  bool needs_weight = true;
  if (TakePrefix("B", &rest)) {
    found.part = &PeftModule::b;
  } else if (TakePrefix("magnitude_vector", &rest)) {
    found.part = &PeftModule::magnitude;
    needs_weight = false;
  } else if (!TakePrefix("A", &rest)) {
    return {};
  }
  if (rest.ends_with(kWeight)) {
    rest.remove_suffix(kWeight.size());
  } else if (needs_weight) {
    return {};
  }
  if (TakePrefix(".", &rest)) {
    if (rest.empty() || rest.find('.') != std::string_view::npos) return {};
    found.adapter = rest;
  } else if (!rest.empty()) {
    return {};
  }
  return found;
}

}  // namespace

std::string PeftKey(const LinearPlace& place, std::string_view suffix) { return Str(kWrapper, ModuleName(place), suffix); }

std::map<std::pair<int64_t, int>, PeftModule> PeftModules(const SafetensorsFile& file, bool dora) {
  std::map<std::pair<int64_t, int>, PeftModule> modules;
  std::optional<std::string_view> adapter;
  for (const auto& [name, tensor] : file.tensors()) {
    const auto key = ParseKey(name);
    if (!key || (key->part == &PeftModule::magnitude && !dora)) {
      ThrowUser("'", file.path(), "' has the tensor '", name,
                "', which pith does not implement; it reads lora_A and lora_B of attention and feed-forward layers, and ",
                "lora_magnitude_vector where use_dora is true");
    }
    if (adapter && *adapter != key->adapter) {
      ThrowUser("'", file.path(), "' holds more than one adapter ('", *adapter, "' and '", key->adapter, "'); save the one wanted by itself");
    }
    adapter = key->adapter;
    PeftModule::Part& part = modules[{key->place.layer, key->place.kind}].*key->part;
    if (part.tensor != nullptr) ThrowUser("'", file.path(), "' has both '", part.key, "' and '", name, "'; save the adapter again");
    part = {name, &tensor};
  }
  return modules;
}

}  // namespace pith
