// Logits of one sequence in float32, for parity with other programs.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "train/model/model.h"

namespace pith {

// A row of V values per position. With an adapter, tokens before `adapter_begin` are computed by the base; nothing: the
// adapter stays off.
std::vector<std::vector<float>> SequenceLogits(const Model& model, std::span<const int32_t> ids,
                                               std::optional<int64_t> adapter_begin);

// `pith-train logits`: {"logits": [[…], …]}. UserError for ids outside the vocabulary and, unless any_base, for an adapter
// that was trained on another base. Warns where the adapter's invocation
// is not found, and leaves the adapter off.
std::string LogitsJson(const std::string& model_path, const std::string& peft_folder, const std::vector<int32_t>& ids,
                       bool any_base);

}  // namespace pith
