// The tensors of a PEFT folder, by the modules and factors that their names say.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "adapters/lora_names.h"
#include "base/safetensors.h"

namespace pith {

inline constexpr std::string_view kPeftSuffixA = ".lora_A.weight", kPeftSuffixB = ".lora_B.weight";
inline constexpr std::string_view kPeftSuffixMagnitude = ".lora_magnitude_vector";

// As PEFT writes it: "base_model.model.model.layers.0.mlp.up_proj.lora_A.weight".
std::string PeftKey(const LinearPlace& place, std::string_view suffix);

// What a file has for one module; nullptr: not there. The tensors live as long as the file.
struct PeftModule {
  struct Part {
    std::string key;
    const SafeTensor* tensor = nullptr;
  };
  Part a, b, magnitude;
};

// By layer and kind. Read are PEFT's keys; without the name of PEFT's wrapper ("base_model.model.", as for transformers); of a
// bare decoder ("layers.0.…"); and as a training program has them in memory, with the adapter's name ("lora_A.default.weight").
// UserError for any other tensor, a magnitude without `dora`, and where a factor is there twice or the adapter is not alone.
std::map<std::pair<int64_t, int>, PeftModule> PeftModules(const SafetensorsFile& file, bool dora);

}  // namespace pith
