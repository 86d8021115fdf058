#include "adapters/peft.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "adapters/atomic_folder.h"
#include "adapters/lora_names.h"
#include "adapters/model_card.h"
#include "adapters/peft_config.h"
#include "adapters/peft_targets.h"
#include "adapters/peft_tensors.h"
#include "base/error.h"
#include "base/file.h"
#include "base/safetensors.h"

namespace pith {
namespace {

constexpr char kStartFile[] = "pith_start.safetensors";
const std::vector<std::string> kFiles = {kPeftConfigFile, kPeftTensorFile, kPithFile, kStartFile, kProofFile, kVerifierFile, kSwitcherFile, kReadmeFile};
constexpr std::string_view kSuffixStart = ".lora_A.start";

std::vector<float> FiniteValues(const std::string& path, const std::string& key, const SafeTensor& tensor) {
  const TensorView view{tensor.type, tensor.shape[0], tensor.shape.size() == 1 ? 1 : tensor.shape[1], tensor.data};
  std::vector<float> values = view.ToF32();
  for (const float value : values) {
    if (!std::isfinite(value)) ThrowUser("'", path, "': tensor '", key, "' holds a value that is not finite; train it again");
  }
  return values;
}

// The factor in `part`, else a sentence that says what `partner` lacks.
const SafeTensor& Factor(const SafetensorsFile& file, const PeftModule::Part& part, const std::string& key, const PeftModule::Part& partner) {
  if (part.tensor == nullptr) ThrowUser("'", file.path(), "' has the tensor '", partner.key, "' but lacks '", key, "'");
  const std::vector<int64_t>& shape = part.tensor->shape;
  if (shape.size() != 2 || shape[0] < 1 || shape[1] < 1) {
    ThrowUser("'", file.path(), "': tensor '", part.key, "' has ", shape.size(), " dimensions, expected 2, none of them 0");
  }
  return *part.tensor;
}

LoraPair ReadPair(const SafetensorsFile& file, const LinearPlace& place, const PeftModule& module, int64_t rank) {
  const PeftModule::Part& known = module.a.tensor != nullptr ? module.a : module.b.tensor != nullptr ? module.b : module.magnitude;
  const SafeTensor& a = Factor(file, module.a, PeftKey(place, kPeftSuffixA), known);
  const SafeTensor& b = Factor(file, module.b, PeftKey(place, kPeftSuffixB), known);
  if (a.shape[0] != rank || b.shape[1] != rank) {
    ThrowUser("'", file.path(), "': ", ModuleName(place), " has lora_A of ", a.shape[0], "×", a.shape[1], " and lora_B of ",
              b.shape[0], "×", b.shape[1], ", which do not fit rank ", rank, " of ", kPeftConfigFile);
  }
  return {rank, a.shape[1], b.shape[0], FiniteValues(file.path(), module.a.key, a), FiniteValues(file.path(), module.b.key, b)};
}

std::vector<float> ReadMagnitude(const SafetensorsFile& file, const LinearPlace& place, const PeftModule::Part& magnitude, int64_t out) {
  if (magnitude.tensor == nullptr) {
    ThrowUser("'", file.path(), "' lacks the tensor '", PeftKey(place, kPeftSuffixMagnitude), "', which use_dora of ", kPeftConfigFile, " asks for");
  }
  if (magnitude.tensor->shape != std::vector<int64_t>{out}) {
    ThrowUser("'", file.path(), "': tensor '", magnitude.key, "' is no vector of ", out, " values, as many as lora_B has rows");
  }
  return FiniteValues(file.path(), magnitude.key, *magnitude.tensor);
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
    const std::string key = PeftKey(place, kSuffixStart);
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

// The file of tensors, or a sentence that says how to get one.
SafetensorsFile OpenTensors(const std::string& folder) {
  const std::string path = folder + "/" + kPeftTensorFile, pickle = folder + "/adapter_model.bin";
  if (!FileExists(path) && FileExists(pickle)) {
    ThrowUser("'", pickle, "' is a Python pickle, which is a program and not read; load the adapter with PEFT and save_pretrained() it again, which ",
              "writes ", kPeftTensorFile);
  }
  SafetensorsFile file(path);
  file.RefuseForeign();
  return file;
}

// What differs from `common`, by short name ("q_proj") where all layers that have it agree, else by full name.
template <class T, class ValueOf>
ModulePatterns<T> PatternsOf(const std::set<std::pair<int64_t, int>>& places, T common, const ValueOf& value_of) {
  ModulePatterns<T> patterns;
  for (int kind = 0; kind < kNumModuleKinds; ++kind) {
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
  const SafetensorsFile file = OpenTensors(folder);
  const auto modules = PeftModules(file, config.adapter.dora);
  if (modules.empty()) ThrowUser("'", file.path(), "' has no tensors; expected lora_A and lora_B of at least one layer");
  LoraAdapter adapter = std::move(config.adapter);
  std::set<std::pair<int64_t, int>> places;
  for (const auto& [at, module] : modules) places.insert(at);
  KeepTargets(config.targets, file.path(), &places);
  for (const auto& at : places) {
    const PeftModule& module = modules.at(at);
    const LinearPlace place{at.first, at.second};
    const int64_t* rank = FindPattern(config.rank_pattern, ModuleName(place));
    const double* alpha = FindPattern(config.alpha_pattern, ModuleName(place));
    LoraPair pair = ReadPair(file, place, module, rank != nullptr ? *rank : adapter.rank);
    if (alpha != nullptr && *alpha != adapter.alpha) pair.alpha = *alpha;
    if (adapter.dora) pair.magnitude = ReadMagnitude(file, place, module.magnitude, pair.out);
    adapter.pairs.emplace(WeightName(place), std::move(pair));
  }
  if (config.pissa) ReadStarts(folder + "/" + kStartFile, &adapter);
  if (const std::string path = folder + "/" + kProofFile; FileExists(path)) adapter.proof = ReadProofJson(path, ReadFile(path));
  if (const std::string path = folder + "/" + kVerifierFile; FileExists(path)) adapter.verifier = ReadVerifierJson(path, ReadFile(path));
  if (const std::string path = folder + "/" + kSwitcherFile; FileExists(path)) adapter.switcher = ReadSwitcherJson(path, ReadFile(path));
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
    tensors.push_back({PeftKey(*place, kPeftSuffixA), {pair.rank, pair.in}, TensorType::kF32, pair.a.data()});
    tensors.push_back({PeftKey(*place, kPeftSuffixB), {pair.out, pair.rank}, TensorType::kF32, pair.b.data()});
    if (adapter.dora) tensors.push_back({PeftKey(*place, kPeftSuffixMagnitude), {pair.out}, TensorType::kF32, pair.magnitude.data()});
    if (pair.pissa()) starts.push_back({PeftKey(*place, kSuffixStart), {pair.rank / 2, pair.in}, TensorType::kF32, pair.start_a.data()});
  }
  const auto pair_at = [&](const LinearPlace& place) -> const LoraPair& { return adapter.pairs.at(WeightName(place)); };
  const std::string hash = AdapterHash(adapter);
  PeftConfig config;
  config.adapter = adapter;
  if (config.adapter.card) config.adapter.card->adapter_sha256 = hash;
  const std::string readme = Readme(config.adapter, folder);
  config.adapter.pairs.clear();
  config.targets.names = TargetsOf(places);
  config.pissa = adapter.pissa();
  config.rank_pattern = PatternsOf<int64_t>(places, adapter.rank, [&](const LinearPlace& place) { return pair_at(place).rank; });
  config.alpha_pattern =
      PatternsOf<double>(places, adapter.alpha, [&](const LinearPlace& place) { return pair_at(place).alpha.value_or(adapter.alpha); });
  AtomicFolder whole(folder, kFiles);
  WritePeftConfig(config, whole.path());
  WriteFile(whole.path() + "/" + kReadmeFile, readme);
  WriteSafetensors(whole.path() + "/" + kPeftTensorFile, tensors, {{"format", "pt"}});
  if (adapter.proof && adapter.proof->adapter_sha256 == hash) WriteFile(whole.path() + "/" + kProofFile, ProofJson(*adapter.proof));
  if (adapter.verifier && adapter.verifier->adapter_sha256 == hash) WriteFile(whole.path() + "/" + kVerifierFile, VerifierJson(*adapter.verifier));
  if (adapter.switcher && adapter.switcher->adapter_sha256 == hash) WriteFile(whole.path() + "/" + kSwitcherFile, SwitcherJson(*adapter.switcher));
  if (!starts.empty()) WriteSafetensors(whole.path() + "/" + kStartFile, starts);
  whole.Commit();
}

void CheckPeftPlace(const std::string& folder) { CheckReplaceable(folder, kFiles); }

}  // namespace pith
