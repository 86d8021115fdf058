#include "adapters/adapter_budget.h"

#include "base/error.h"
#include "base/gguf.h"

namespace pith {
namespace {

constexpr char kBudgetTokensKey[] = "pith.budget.tokens", kBudgetReserveKey[] = "pith.budget.reserve_tokens";
constexpr char kBudgetCloseKey[] = "pith.budget.close_text", kBudgetSentenceKey[] = "pith.budget.sentence";
constexpr char kBudgetAnnouncementKey[] = "pith.budget.announcement";

}  // namespace

void CheckAdapterBudget(const std::string& origin, const AdapterBudget& budget) {
  if (budget.tokens < 1 || budget.tokens > kMaxBudgetTokens) {
    ThrowUser("'", origin, "': the budget has ", budget.tokens, " tokens, expected 1 to ", kMaxBudgetTokens);
  }
  if (budget.reserve_tokens < 0 || budget.reserve_tokens > kMaxBudgetTokens) {
    ThrowUser("'", origin, "': the budget reserves ", budget.reserve_tokens, " tokens, expected 0 to ", kMaxBudgetTokens);
  }
  constexpr size_t kMaxText = 1 << 20;  // as long as a configuration may be
  for (const std::string* text : {&budget.close_text, &budget.sentence, &budget.announcement}) {
    if (text->size() > kMaxText) ThrowUser("'", origin, "': a text of the budget has more than ", kMaxText, " bytes");
  }
  if (!budget.sentence.empty() && !budget.announcement.empty()) {
    ThrowUser("'", origin, "': the budget has a sentence and an announcement, which both tell it to the model; keep one of them");
  }
}

void SetBudgetMetadata(const AdapterBudget& budget, GgufWriter* writer) {
  writer->Set(kBudgetTokensKey, budget.tokens);
  writer->Set(kBudgetReserveKey, budget.reserve_tokens);
  writer->Set(kBudgetCloseKey, budget.close_text);
  writer->Set(kBudgetSentenceKey, budget.sentence);
  if (!budget.announcement.empty()) writer->Set(kBudgetAnnouncementKey, budget.announcement);
}

std::optional<AdapterBudget> ReadBudgetMetadata(const GgufFile& file) {
  bool any = false;
  for (const char* key : {kBudgetTokensKey, kBudgetReserveKey, kBudgetCloseKey, kBudgetSentenceKey, kBudgetAnnouncementKey}) any |= file.Has(key);
  if (!any) return {};
  const auto text = [&](const char* key) { return file.Has(key) ? file.Get<std::string>(key) : ""; };
  const AdapterBudget budget = {file.Get<int64_t>(kBudgetTokensKey), file.Get<int64_t>(kBudgetReserveKey), file.Get<std::string>(kBudgetCloseKey),
                                text(kBudgetSentenceKey), text(kBudgetAnnouncementKey)};
  CheckAdapterBudget(file.path(), budget);
  return budget;
}

}  // namespace pith
