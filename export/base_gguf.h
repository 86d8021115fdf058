// A base, plain or with an adapter fused in, as a GGUF that llama.cpp and pith's runtime map.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "adapters/lora.h"
#include "base/model/base_model.h"

namespace pith {

// What matrices of a base can be written in.
inline constexpr TensorType kBaseTypes[] = {TensorType::kF32,  TensorType::kF16,  TensorType::kBF16, TensorType::kQ8_0,  TensorType::kQ4_0, TensorType::kQ4_1,
                                            TensorType::kQ5_0, TensorType::kQ5_1, TensorType::kQ4_K, TensorType::kQ6_K, TensorType::kIQ4_NL};
std::string NamesOf(std::span<const TensorType> types, const char* between);

struct BaseTypes {
  TensorType type = TensorType::kQ4_0;    // of every matrix but the head
  std::optional<TensorType> head_type;    // of token_embd and output; unset: q6_k beside q4_k, q8_0 where `type` has 4 bits otherwise, else `type`
};

// `type` where its blocks divide a row of `cols` values, else what llama.cpp takes in its place: q5_0 for q4_k, q8_0 for q6_k; f16 where nothing else fits.
TensorType FittingType(TensorType type, int64_t cols);

// Norms and biases become F32. Matrices that do not fit their type take FittingType(), with one warning that counts them. Tokenizer, template and
// other metadata come from the base; general.file_type, pith.base.sha256 and pith.base.tree_sha256 tell what is written. `adapter` may be null.
// Memory: the tensors as written, beside the mapped base.
void WriteBaseGguf(const BaseModel& base, const LoraAdapter* adapter, const BaseTypes& types, const std::string& out);

}  // namespace pith
