#include "adapters/peft.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "adapters/atomic_folder.h"
#include "adapters/lora_names.h"
#include "adapters/model_card.h"
#include "adapters/peft_config.h"
#include "base/error.h"
#include "base/file.h"
#include "base/safetensors.h"

namespace pith {
namespace {

constexpr char kStartFile[] = "pith_start.safetensors";
const std::vector<std::string> kFiles = {kPeftConfigFile, kPeftTensorFile, kPithFile, kStartFile, kReadmeFile};
constexpr std::string_view kPrefix = "base_model.model.";
constexpr std::string_view kSuffixA = ".lora_A.weight", kSuffixB = ".lora_B.weight", kSuffixM = ".lora_magnitude_vector";
constexpr std::string_view kSuffixStart = ".lora_A.start";

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

std::string KeyName(const LinearPlace& place, std::string_view suffix) { return Str(kPrefix, ModuleName(place), suffix); }

// "base_model.model.model.layers.0.mlp.up_proj.lora_A.weight" → the place, where it is one of `suffixes`.
std::optional<LinearPlace> ParseKey(std::string_view key, std::initializer_list<std::string_view> suffixes) {
  if (key.substr(0, kPrefix.size()) != kPrefix) return {};
  key.remove_prefix(kPrefix.size());
  for (const std::string_view suffix : suffixes) {
    if (EndsWith(key, suffix)) return ParseModuleName(key.substr(0, key.size() - suffix.size()));
  }
  return {};
}

std::vector<float> FiniteValues(const std::string& path, const std::string& key, const SafeTensor& tensor) {
  const TensorView view{tensor.type, tensor.shape[0], tensor.shape.size() == 1 ? 1 : tensor.shape[1], tensor.data};
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

std::vector<float> ReadMagnitude(const SafetensorsFile& file, const LinearPlace& place, int64_t out) {
  const std::string key = KeyName(place, kSuffixM);
  const SafeTensor* tensor = file.Find(key);
  if (tensor == nullptr) ThrowUser("'", file.path(), "' lacks the tensor '", key, "', which use_dora of ", kPeftConfigFile, " asks for");
  if (tensor->shape != std::vector<int64_t>{out}) {
    ThrowUser("'", file.path(), "': tensor '", key, "' is no vector of ", out, " values, as many as lora_B has rows");
  }
  return FiniteValues(file.path(), key, *tensor);
}

// PiSSA's A₀. The file says what the steps were measured from: it must be what the factors were made with.
void ReadStarts(const std::string& path, LoraAdapter* adapter) {
  if (!FileExists(path)) {
    ThrowUser(kPithFile, " says that the adapter was started by PiSSA, but '", path, "' is missing; copy the folder whole, or remove \"start\" from ",
              kPithFile, " to use it as a plain LoRA");
  }
  const SafetensorsFile file(path);
  file.RefuseForeign();
  for (auto& [name, pair] : adapter->pairs) {
    const LinearPlace place = *ParseWeightName(name);
    const std::string key = KeyName(place, kSuffixStart);
    const SafeTensor* tensor = file.Find(key);
    if (tensor == nullptr || tensor->type != TensorType::kF32 || tensor->shape != std::vector<int64_t>{pair.rank / 2, pair.in} || pair.rank % 2 != 0) {
      ThrowUser("'", path, "': tensor '", key, "' is missing, or not half of lora_A; the folder was put together from others");
    }
    pair.start_a = FiniteValues(path, key, *tensor);
    const size_t half = pair.start_a.size();
    for (size_t i = 0; i < half; ++i) {
      if (pair.a[i] != pair.start_a[i] + pair.a[half + i]) {
        ThrowUser("'", path, "' does not fit ", kPeftTensorFile, " beside it (", ModuleName(place), "), which was changed since; remove \"start\" from ",
                  kPithFile, " to use the adapter as a plain LoRA");
      }
    }
  }
}

// A module that adapter_config.json promises and the tensors lack would be silently bare. As in PEFT, a target is the end
// of a module's name.
void CheckTargets(const PeftConfig& config, const std::string& path, const std::set<std::pair<int64_t, int>>& places) {
  if (!config.targets) return;
  struct Named {
    bool found = false;
    std::optional<LinearPlace> missing;  // the first
  };
  std::unordered_map<std::string, Named> ends;  // of the names of all modules up to the highest layer
  const int64_t num_layers = places.rbegin()->first + 1;
  for (int64_t layer = 0; layer < num_layers; ++layer) {
    for (int kind = 0; kind < kNumLinearKinds; ++kind) {
      const bool has = places.count({layer, kind}) != 0;
      std::string end = ModuleName({layer, kind});
      while (true) {
        Named& named = ends[end];
        named.found |= has;
        if (!has && !named.missing) named.missing = LinearPlace{layer, kind};
        const size_t dot = end.find('.');
        if (dot == std::string::npos) break;
        end.erase(0, dot + 1);
      }
    }
  }
  for (const std::string& target : *config.targets) {
    const auto named = ends.find(target);
    if (named == ends.end()) {
      ThrowUser(kPeftConfigFile, " beside '", path, "' names the target module '", target,
                "', on which pith's adapters cannot act; train the adapter on attention and feed-forward layers alone");
    }
    if (named->second.missing && config.all_layers) {
      ThrowUser("'", path, "' lacks the tensor '", KeyName(*named->second.missing, kSuffixA), "', which target_modules of ",
                kPeftConfigFile, " asks for; save the adapter again");
    }
    if (!named->second.found) ThrowUser("'", path, "' has no tensors for '", target, "' of target_modules in ", kPeftConfigFile);
  }
}

// What differs from `common`, by short name ("q_proj") where all layers that have it agree, else by full name.
template <class T, class ValueOf>
ModulePatterns<T> PatternsOf(const std::set<std::pair<int64_t, int>>& places, T common, const ValueOf& value_of) {
  ModulePatterns<T> patterns;
  for (int kind = 0; kind < kNumLinearKinds; ++kind) {
    std::vector<std::pair<LinearPlace, T>> values;
    for (const auto& [layer, of] : places) {
      if (of == kind) values.emplace_back(LinearPlace{layer, kind}, value_of(LinearPlace{layer, kind}));
    }
    if (values.empty()) continue;
    const T first = values[0].second;
    if (std::all_of(values.begin(), values.end(), [&](const auto& v) { return v.second == first; })) {
      if (first != common) patterns.emplace_back(kLinearKinds[kind].target, first);
      continue;
    }
    for (const auto& [place, value] : values) {
      if (value != common) patterns.emplace_back(ModuleName(place), value);
    }
  }
  return patterns;
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

// What a user wrote or changed stays.
std::string Readme(const LoraAdapter& adapter, const std::string& folder) {
  const std::string path = folder + "/" + kReadmeFile;
  std::string there = FileExists(path) ? ReadFile(path) : "";
  return there.empty() || IsUntouchedModelCard(there) ? ModelCard(adapter) : there;
}

}  // namespace

LoraAdapter ReadPeft(const std::string& folder) {
  PeftConfig config = ReadPeftConfig(folder);
  const SafetensorsFile file(folder + "/" + kPeftTensorFile);
  file.RefuseForeign();
  std::set<std::pair<int64_t, int>> places;
  for (const auto& [key, tensor] : file.tensors()) {
    const auto place = config.adapter.dora ? ParseKey(key, {kSuffixA, kSuffixB, kSuffixM}) : ParseKey(key, {kSuffixA, kSuffixB});
    if (!place) {
      ThrowUser("'", file.path(), "' has the tensor '", key,
                "', which pith does not implement; it reads lora_A and lora_B of attention and feed-forward layers, and ",
                "lora_magnitude_vector where use_dora is true");
    }
    places.insert({place->layer, place->kind});
  }
  if (places.empty()) ThrowUser("'", file.path(), "' has no tensors; expected lora_A and lora_B of at least one layer");
  LoraAdapter adapter = std::move(config.adapter);
  for (const auto& [layer, kind] : places) {
    const LinearPlace place{layer, kind};
    const int64_t* rank = FindPattern(config.rank_pattern, ModuleName(place));
    const double* alpha = FindPattern(config.alpha_pattern, ModuleName(place));
    LoraPair pair = ReadPair(file, place, rank != nullptr ? *rank : adapter.rank);
    if (alpha != nullptr && *alpha != adapter.alpha) pair.alpha = *alpha;
    if (adapter.dora) pair.magnitude = ReadMagnitude(file, place, pair.out);
    adapter.pairs.emplace(WeightName(place), std::move(pair));
  }
  CheckTargets(config, file.path(), places);
  if (config.pissa) ReadStarts(folder + "/" + kStartFile, &adapter);
  return adapter;
}

void WritePeft(const LoraAdapter& adapter, const std::string& folder) {
  PITH_CHECK(!adapter.pairs.empty(), folder);
  std::vector<SafeTensorToWrite> tensors, starts;
  std::set<std::pair<int64_t, int>> places;
  for (const auto& [name, pair] : adapter.pairs) {
    const auto place = ParseWeightName(name);
    PITH_CHECK(place.has_value(), name);
    PITH_CHECK_EQ(pair.a.size(), static_cast<size_t>(pair.rank * pair.in));
    PITH_CHECK_EQ(pair.b.size(), static_cast<size_t>(pair.out * pair.rank));
    PITH_CHECK_EQ(pair.magnitude.size(), static_cast<size_t>(adapter.dora ? pair.out : 0));
    PITH_CHECK_EQ(pair.pissa(), adapter.pissa());
    places.insert({place->layer, place->kind});
    tensors.push_back({KeyName(*place, kSuffixA), {pair.rank, pair.in}, TensorType::kF32, pair.a.data()});
    tensors.push_back({KeyName(*place, kSuffixB), {pair.out, pair.rank}, TensorType::kF32, pair.b.data()});
    if (adapter.dora) tensors.push_back({KeyName(*place, kSuffixM), {pair.out}, TensorType::kF32, pair.magnitude.data()});
    if (pair.pissa()) starts.push_back({KeyName(*place, kSuffixStart), {pair.rank / 2, pair.in}, TensorType::kF32, pair.start_a.data()});
  }
  const auto pair_at = [&](const LinearPlace& place) -> const LoraPair& { return adapter.pairs.at(WeightName(place)); };
  PeftConfig config;
  config.adapter = adapter;
  if (config.adapter.card) config.adapter.card->adapter_sha256 = AdapterHash(adapter);
  const std::string readme = Readme(config.adapter, folder);
  config.adapter.pairs.clear();
  config.targets = TargetsOf(places);
  config.pissa = adapter.pissa();
  config.rank_pattern = PatternsOf<int64_t>(places, adapter.rank, [&](const LinearPlace& place) { return pair_at(place).rank; });
  config.alpha_pattern =
      PatternsOf<double>(places, adapter.alpha, [&](const LinearPlace& place) { return pair_at(place).alpha.value_or(adapter.alpha); });
  AtomicFolder whole(folder, kFiles);
  WritePeftConfig(config, whole.path());
  WriteFile(whole.path() + "/" + kReadmeFile, readme);
  WriteSafetensors(whole.path() + "/" + kPeftTensorFile, tensors, {{"format", "pt"}});
  if (!starts.empty()) WriteSafetensors(whole.path() + "/" + kStartFile, starts);
  whole.Commit();
}

void CheckPeftPlace(const std::string& folder) { CheckReplaceable(folder, kFiles); }

}  // namespace pith
