#include "adapters/lora_names.h"

#include <charconv>

#include "base/model/base_model.h"
#include "base/error.h"

namespace pith {
namespace {

// "PREFIX<layer>.REST" → layer and REST.
std::optional<int64_t> TakeLayer(std::string_view prefix, std::string_view* name) {
  if (name->substr(0, prefix.size()) != prefix) return {};
  const std::string_view tail = name->substr(prefix.size());
  uint32_t layer = 0;
  const auto [end, error] = std::from_chars(tail.data(), tail.data() + tail.size(), layer);
  const auto digits = static_cast<size_t>(end - tail.data());
  if (error != std::errc() || digits == tail.size() || *end != '.' || (tail[0] == '0' && digits > 1) || layer >= kMaxLayers) return {};
  *name = tail.substr(digits + 1);
  return layer;
}

}  // namespace

std::string WeightName(const LinearPlace& place) { return Str("blk.", place.layer, ".", kLinearKinds[place.kind].gguf, ".weight"); }
std::string ModuleName(const LinearPlace& place) { return Str("model.layers.", place.layer, ".", kLinearKinds[place.kind].hf); }

std::optional<LinearPlace> ParseWeightName(std::string_view name) {
  const auto layer = TakeLayer("blk.", &name);
  for (int kind = 0; layer && kind < kNumModuleKinds; ++kind) {
    if (name == Str(kLinearKinds[kind].gguf, ".weight")) return LinearPlace{*layer, kind};
  }
  return {};
}

std::string GgufFileName(const LinearPlace& place) { return Str("blk.", place.layer, ".", kLinearKinds[place.kind].gguf_file, ".weight"); }

std::optional<LinearPlace> ParseGgufFileName(const ModelConfig& config, std::string_view name) {
  const auto layer = TakeLayer("blk.", &name);
  if (!layer) return {};
  for (const int kind : ModuleKinds(config)) {
    if (name == Str(kLinearKinds[kind].gguf_file, ".weight")) return LinearPlace{*layer, kind};
  }
  return {};
}

std::optional<LinearPlace> ParseModuleName(std::string_view name) {
  const auto layer = TakeLayer("model.layers.", &name);
  for (int kind = 0; layer && kind < kNumModuleKinds; ++kind) {
    if (name == kLinearKinds[kind].hf) return LinearPlace{*layer, kind};
  }
  return {};
}

}  // namespace pith
