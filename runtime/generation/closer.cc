#include "runtime/generation/closer.h"

#include "base/error.h"

namespace pith {

namespace {

constexpr std::string_view kSpace = " \t\r\n";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Whether the '.' at `dot` closes the number of a list item: nothing but digits before it on its line.
bool NumbersALine(std::string_view text, size_t dot) {
  size_t i = dot;
  while (i > 0 && IsDigit(text[i - 1])) --i;
  if (i == dot) return false;
  while (i > 0 && (text[i - 1] == ' ' || text[i - 1] == '\t')) --i;
  return i == 0 || text[i - 1] == '\n';
}

}  // namespace

bool SentenceEnds(std::string_view text, std::string_view next) {
  if (text.empty()) return false;
  if (text.back() == '\n') return true;
  const size_t end = text.find_last_not_of("\"')]}*`");
  if (end == std::string_view::npos) return false;
  const char last = text[end];
  if (last != '.' && last != '!' && last != '?') return false;
  if (!next.empty() && kSpace.find(next.front()) == std::string_view::npos) return false;
  return !(last == '.' && NumbersALine(text, end));
}

BudgetCloser::BudgetCloser(const Tokenizer* tokenizer, const DecodeBudget* budget)
    : tokenizer_(tokenizer), budget_(budget) {
  if (!budget) return;
  const std::string text = tokenizer->Decode(budget->close_ids, /*with_control=*/true);
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin != std::string::npos) marker_ = text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

void BudgetCloser::Append(int32_t token) {
  ++spent_;
  if (!budget_) return;
  text_ += tokenizer_->TokenBytes(token);
  if (closed_ || marker_.empty()) return;
  const std::string_view bytes = tokenizer_->TokenBytes(token);
  const size_t reach = bytes.size() + marker_.size();
  closed_ = text_.find(marker_, text_.size() > reach ? text_.size() - reach : 0) != std::string::npos;
}

bool BudgetCloser::CloseBefore(int32_t next) const {
  if (!budget_ || closed_ || tokenizer_->IsEnd(next)) return false;
  const int64_t soft = budget_->tokens - budget_->reserve_tokens;
  if (spent_ < soft) return false;
  if (spent_ >= soft + budget_->reserve_tokens / 2) return true;
  return SentenceEnds(text_, tokenizer_->TokenBytes(next));
}

void CheckDecodeBudget(const DecodeBudget& budget, int64_t max_tokens) {
  const int64_t b = budget.tokens, r = budget.reserve_tokens;
  if (r < 1 || b < 2 * r) {
    ThrowUser("a budget of ", b, " tokens with a reserve of ", r,
              " is refused: the budget must be at least twice the reserve, and the reserve at least 1");
  }
  if (budget.close_ids.empty()) {
    ThrowUser("a budget of ", b, " tokens needs a text that closes the reasoning; give one, such as \"\\n#### \"");
  }
  const int64_t room = r - r / 2;
  if (static_cast<int64_t>(budget.close_ids.size()) >= room) {
    ThrowUser("the closing text has ", budget.close_ids.size(), " tokens, but a reserve of ", r, " tokens leaves ", room,
              " for it and the answer; give a shorter text or a larger reserve");
  }
  if (max_tokens < b) {
    ThrowUser("a limit of ", max_tokens, " tokens ends the response before its budget of ", b,
              " tokens can act; raise the limit to at least ", b);
  }
}

}  // namespace pith
