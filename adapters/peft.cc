#include "adapters/peft.h"

#include <cmath>
#include <set>

#include "adapters/atomic_folder.h"
#include "adapters/lora_names.h"
#include "adapters/peft_config.h"
#include "base/error.h"
#include "base/safetensors.h"

namespace pith {
namespace {

const std::vector<std::string> kFiles = {kPeftConfigFile, kPeftTensorFile, kPithFile, "README.md"};
constexpr std::string_view kPrefix = "base_model.model.";
constexpr std::string_view kSuffixA = ".lora_A.weight", kSuffixB = ".lora_B.weight";

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

std::string KeyName(const LinearPlace& place, std::string_view suffix) { return Str(kPrefix, ModuleName(place), suffix); }

// "base_model.model.model.layers.0.mlp.up_proj.lora_A.weight" → the place and whether it is A.
std::optional<std::pair<LinearPlace, bool>> ParseKey(std::string_view key) {
  if (key.substr(0, kPrefix.size()) != kPrefix) return {};
  const bool is_a = EndsWith(key, kSuffixA);
  if (!is_a && !EndsWith(key, kSuffixB)) return {};
  key.remove_prefix(kPrefix.size());
  key.remove_suffix(kSuffixA.size());
  const auto place = ParseModuleName(key);
  if (!place) return {};
  return std::make_pair(*place, is_a);
}

std::vector<float> FiniteValues(const std::string& path, const std::string& key, const SafeTensor& tensor) {
  const TensorView view{tensor.type, tensor.shape[0], tensor.shape[1], tensor.data};
  std::vector<float> values = view.ToF32();
  for (const float value : values) {
    if (!std::isfinite(value)) ThrowUser("'", path, "': tensor '", key, "' holds a value that is not finite; train it again");
  }
  return values;
}

const SafeTensor& Factor(const SafetensorsFile& file, const std::string& key, const std::string& partner) {
  const SafeTensor* tensor = file.Find(key);
  if (tensor == nullptr) ThrowUser("'", file.path(), "' has the tensor '", partner, "' but lacks '", key, "'");
  if (tensor->shape.size() != 2 || tensor->shape[0] < 1 || tensor->shape[1] < 1) {
    ThrowUser("'", file.path(), "': tensor '", key, "' has ", tensor->shape.size(), " dimensions, expected 2, none of them 0");
  }
  return *tensor;
}

LoraPair ReadPair(const SafetensorsFile& file, const LinearPlace& place, int64_t rank) {
  const std::string key_a = KeyName(place, kSuffixA), key_b = KeyName(place, kSuffixB);
  const SafeTensor& a = Factor(file, key_a, key_b);
  const SafeTensor& b = Factor(file, key_b, key_a);
  if (a.shape[0] != rank || b.shape[1] != rank) {
    ThrowUser("'", file.path(), "': ", ModuleName(place), " has lora_A of ", a.shape[0], "×", a.shape[1], " and lora_B of ",
              b.shape[0], "×", b.shape[1], ", which do not fit rank ", rank, " of ", kPeftConfigFile);
  }
  return {rank, a.shape[1], b.shape[0], FiniteValues(file.path(), key_a, a), FiniteValues(file.path(), key_b, b)};
}

// A module that adapter_config.json promises and the tensors lack would be silently bare. As in PEFT, a target is the end
// of a module's name.
void CheckTargets(const PeftConfig& config, const std::string& path, const std::set<std::pair<int64_t, int>>& places) {
  if (!config.targets) return;
  const int64_t num_layers = places.rbegin()->first + 1;
  for (const std::string& target : *config.targets) {
    bool known = false, found = false;
    for (int64_t layer = 0; layer < num_layers; ++layer) {
      for (int kind = 0; kind < kNumLinearKinds; ++kind) {
        const LinearPlace place{layer, kind};
        const std::string module = ModuleName(place);
        if (module != target && !EndsWith(module, "." + target)) continue;
        known = true;
        if (places.count({layer, kind}) != 0) {
          found = true;
        } else if (config.all_layers) {
          ThrowUser("'", path, "' lacks the tensor '", KeyName(place, kSuffixA), "', which target_modules of ",
                    kPeftConfigFile, " asks for; save the adapter again");
        }
      }
    }
    if (!known) {
      ThrowUser(kPeftConfigFile, " beside '", path, "' names the target module '", target,
                "', on which pith's adapters cannot act; train the adapter on attention and feed-forward layers alone");
    }
    if (!found) ThrowUser("'", path, "' has no tensors for '", target, "' of target_modules in ", kPeftConfigFile);
  }
}

// Short names ("q_proj") where every layer from 0 on has the same kinds, else every module by its full name.
std::vector<std::string> TargetsOf(const std::set<std::pair<int64_t, int>>& places) {
  std::set<int> kinds;
  for (const auto& [layer, kind] : places) kinds.insert(kind);
  const auto num_layers = static_cast<size_t>(places.rbegin()->first) + 1;
  std::vector<std::string> targets;
  if (places.size() == kinds.size() * num_layers) {
    for (const int kind : kinds) targets.push_back(kLinearKinds[kind].target);
  } else {
    for (const auto& [layer, kind] : places) targets.push_back(ModuleName({layer, kind}));
  }
  return targets;
}

}  // namespace

LoraAdapter ReadPeft(const std::string& folder) {
  PeftConfig config = ReadPeftConfig(folder);
  const SafetensorsFile file(folder + "/" + kPeftTensorFile);
  std::set<std::pair<int64_t, int>> places;
  for (const auto& [key, tensor] : file.tensors()) {
    const auto parsed = ParseKey(key);
    if (!parsed) {
      ThrowUser("'", file.path(), "' has the tensor '", key,
                "', which pith does not implement; it reads lora_A and lora_B of attention and feed-forward layers");
    }
    places.insert({parsed->first.layer, parsed->first.kind});
  }
  if (places.empty()) ThrowUser("'", file.path(), "' has no tensors; expected lora_A and lora_B of at least one layer");
  LoraAdapter adapter = std::move(config.adapter);
  for (const auto& [layer, kind] : places) {
    adapter.pairs.emplace(WeightName({layer, kind}), ReadPair(file, {layer, kind}, adapter.rank));
  }
  CheckTargets(config, file.path(), places);
  return adapter;
}

void WritePeft(const LoraAdapter& adapter, const std::string& folder) {
  PITH_CHECK(!adapter.pairs.empty(), folder);
  std::vector<SafeTensorToWrite> tensors;
  std::set<std::pair<int64_t, int>> places;
  for (const auto& [name, pair] : adapter.pairs) {
    const auto place = ParseWeightName(name);
    PITH_CHECK(place.has_value(), name);
    PITH_CHECK_EQ(pair.rank, adapter.rank);
    PITH_CHECK_EQ(pair.a.size(), static_cast<size_t>(pair.rank * pair.in));
    PITH_CHECK_EQ(pair.b.size(), static_cast<size_t>(pair.out * pair.rank));
    places.insert({place->layer, place->kind});
    tensors.push_back({KeyName(*place, kSuffixA), {pair.rank, pair.in}, TensorType::kF32, pair.a.data()});
    tensors.push_back({KeyName(*place, kSuffixB), {pair.out, pair.rank}, TensorType::kF32, pair.b.data()});
  }
  AtomicFolder whole(folder, kFiles);
  WritePeftConfig(adapter, TargetsOf(places), whole.path());
  WriteSafetensors(whole.path() + "/" + kPeftTensorFile, tensors, {{"format", "pt"}});
  whole.Commit();
}

void CheckPeftPlace(const std::string& folder) { CheckReplaceable(folder, kFiles); }

}  // namespace pith
