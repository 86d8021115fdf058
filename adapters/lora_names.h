// Where an adapter acts, read from and written as the names that files use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/model/model_config.h"

namespace pith {

struct LinearPlace {
  int64_t layer = 0;
  int kind = 0;  // index into kLinearKinds
  bool operator==(const LinearPlace&) const = default;
};

std::string WeightName(const LinearPlace& place);  // "blk.3.attn_q.weight"
std::string ModuleName(const LinearPlace& place);  // "model.layers.3.self_attn.q_proj"

inline constexpr int64_t kMaxLayers = 4096;  // a larger number in a file is damage, and would be looped over

// As files of GGUF call it, where an adapter for `config` acts: "blk.3.ffn_up.weight" is both of gate_up_proj's where the base fuses them.
std::string GgufFileName(const LinearPlace& place);
std::optional<LinearPlace> ParseGgufFileName(const ModelConfig& config, std::string_view name);

// Nothing when the name is not exactly of that form (leading zeros included), or names a layer from kMaxLayers on.
std::optional<LinearPlace> ParseWeightName(std::string_view name);
std::optional<LinearPlace> ParseModuleName(std::string_view name);

}  // namespace pith
