#include "data/text/announcement.h"

#include "base/error.h"
#include "base/replace_all.h"

namespace pith {

std::vector<int32_t> AnnouncementIds(const Tokenizer& tokenizer, const std::string& announcement, int64_t budget_tokens) {
  if (budget_tokens == 0 || announcement.empty()) return {};
  const std::vector<int32_t> ids = tokenizer.Encode(ReplaceAll(announcement, "{budget}", std::to_string(budget_tokens)), SpecialTokens::kParse);
  for (const int32_t id : ids) {
    if (tokenizer.IsEnd(id)) {
      ThrowUser("the budget's announcement '", announcement, "' holds ", tokenizer.TokenBytes(id), ", which ends a response; leave it out");
    }
  }
  return ids;
}

}  // namespace pith
