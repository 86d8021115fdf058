// README.md of a PEFT folder: the adapter's card as Hugging Face shows it, with its front matter.
#pragma once

#include <string>
#include <string_view>

#include "adapters/lora.h"

namespace pith {

inline constexpr char kReadmeFile[] = "README.md";

// The page for `adapter`, from its settings and its card. It holds a line by which it is known again.
std::string ModelCard(const LoraAdapter& adapter);
// Whether `readme` is such a page, and as it was written: a single letter changed makes it somebody's own.
bool IsUntouchedModelCard(std::string_view readme);

}  // namespace pith
