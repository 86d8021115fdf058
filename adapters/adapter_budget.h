// The length budget that an adapter was trained under (rewards/budget.h), kept with it so that whoever runs it knows it.
//
// In a PEFT folder: "budget" of pith.json, an object of the members below. In a GGUF: pith.budget.tokens, .reserve_tokens (u32), .close_text and
// .sentence, and .announcement where there is one. A file that lacks sentence or announcement has none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace pith {

class GgufFile;
class GgufWriter;

struct AdapterBudget {
  int64_t tokens = 0;           // B, 1 to kMaxBudgetTokens
  int64_t reserve_tokens = 0;   // R, 0 to kMaxBudgetTokens
  std::string close_text;
  // How the model is told B, with "{budget}" as it was written; not both.
  std::string sentence;         // at the end of the user's turn
  std::string announcement = {};  // at the response's beginning (data/text/announcement.h)
  bool operator==(const AdapterBudget&) const = default;
};
inline constexpr int64_t kMaxBudgetTokens = 100'000'000;

// UserError naming `origin` when a budget read from there is out of range, or tells B twice.
void CheckAdapterBudget(const std::string& origin, const AdapterBudget& budget);

void SetBudgetMetadata(const AdapterBudget& budget, GgufWriter* writer);
std::optional<AdapterBudget> ReadBudgetMetadata(const GgufFile& file);  // nothing: there is none. UserError likewise

}  // namespace pith
