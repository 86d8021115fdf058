#include "runtime/generation/closer.h"

#include <algorithm>
#include <limits>

#include "base/rng.h"
#include "runtime/generation/sentence.h"

namespace pith {

namespace {

constexpr uint64_t kCloseStream = 0x636c6f7365;  // apart from the draws of tokens

// The closing text without the white space around it.
std::string MarkerOf(const Tokenizer& tokenizer, const DecodeBudget* budget) {
  if (!budget) return "";
  constexpr std::string_view kSpace = " \t\r\n";
  const std::string text = tokenizer.Decode(budget->close_ids, /*with_control=*/true);
  const size_t begin = text.find_first_not_of(kSpace);
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

// Whether a token holds the first bytes of a character, and not the others.
bool BeginsCharacter(std::string_view bytes) {
  for (size_t size = 1; size <= 3 && size <= bytes.size(); ++size) {
    const auto lead = static_cast<uint8_t>(bytes[bytes.size() - size]);
    if (lead >= 0xC0) return size < (lead >= 0xF0 ? 4u : lead >= 0xE0 ? 3u : 2u);
    if (lead < 0x80) return false;
  }
  return false;
}

}  // namespace

const char* ForcedByName(ForcedBy by) {
  switch (by) {
    case ForcedBy::kNone: return "none";
    case ForcedBy::kBudget: return "budget";
    case ForcedBy::kTime: return "time";
    case ForcedBy::kLoop: return "loop";
    case ForcedBy::kRequest: return "request";
  }
  return "unknown";
}

Closer::Closer(const Tokenizer* tokenizer, const DecodeBudget* budget, Thoughts prompt, uint64_t seed, uint64_t sample, ThinkingPool* pool)
    : tokenizer_(tokenizer), budget_(budget), seed_(seed), sample_(sample), pool_(pool), progress_(tokenizer, prompt, MarkerOf(*tokenizer, budget)) {}

void Closer::Announced(int64_t tokens) {
  progress_.Announced(tokens);
  if (pool_ != nullptr) pool_->left -= tokens;
}

ResponsePart Closer::Append(int32_t token, bool forced) {
  const ResponsePart part = progress_.Append(token);
  if (!budget_) return forced ? ResponsePart::kForced : part;
  loop_.Append(token);
  if (pool_ != nullptr && reasoned_ < 0) --pool_->left;
  if (!forced && !forced_) {
    const bool tag = progress_.thoughts_closed() && progress_.thinking_tokens() == progress_.tokens();
    if (tag && reasoned_ >= 0) SetReasoned(false);  // what looked like an answer was thought
    SetReasoned(!progress_.reasoning());
  }
  return forced ? ResponsePart::kForced : part;
}

// What looked like an answer may turn out to be a heading, and thoughts may be opened again.
void Closer::SetReasoned(bool over) {
  if (over == (reasoned_ >= 0)) return;
  if (pool_ != nullptr) {
    pool_->open += over ? -1 : 1;
    if (!over) pool_->left -= progress_.tokens() - reasoned_;
  }
  reasoned_ = over ? progress_.tokens() : -1;
}

void Closer::Closed() {
  SetReasoned(true);
  forced_ = true;
}

int64_t Closer::Left() const {
  if (pool_ != nullptr) return pool_->left / std::max<int64_t>(pool_->open, 1);
  return budget_->think_limit() - progress_.tokens();
}

bool Closer::Draw(double chance) const {
  return Rng(seed_, {sample_, static_cast<uint64_t>(progress_.tokens()), kCloseStream}).Uniform() < chance;
}

ForcedBy Closer::CloseBefore(int32_t next, double elapsed_ms, double pace_ms) const {
  if (!budget_ || forced_ || !progress_.reasoning()) return ForcedBy::kNone;
  const std::string_view bytes = tokenizer_->TokenBytes(next);
  if (tokenizer_->IsEnd(next) || (progress_.thoughts_open() && bytes == kThinkClose)) return ForcedBy::kNone;  // it closes by itself
  if (asked_) return ForcedBy::kRequest;
  if (loop_.looping()) return ForcedBy::kLoop;
  if (budget_->time_ms > 0) {
    if (elapsed_ms + pace_ms * static_cast<double>(budget_->answer_reserve()) >= budget_->time_ms) return ForcedBy::kTime;
  }
  if (budget_->tokens == 0) return ForcedBy::kNone;
  const int64_t left = Left() - static_cast<int64_t>(closing_text().size()), window = budget_->close_window();  // until it must begin
  // What looked like an answer at T and was none: too late, since the answer would lose of its reserve.
  if (left < 0 && pool_ == nullptr && !progress_.thoughts_open()) return ForcedBy::kNone;
  if (left <= 0 || (left < 4 && BeginsCharacter(bytes))) return ForcedBy::kBudget;  // no character is torn apart
  if (left > window || !SentenceEnds(progress_.text(), bytes)) return ForcedBy::kNone;
  return Draw(static_cast<double>(window - left + 1) / static_cast<double>(window + 1)) ? ForcedBy::kBudget : ForcedBy::kNone;
}

bool Closer::MayNotThink() const {
  if (!budget_ || progress_.thoughts_open()) return false;
  return forced_ || (budget_->tokens > 0 && reasoned_ < 0 && Left() <= budget_->close_size() + budget_->close_window()) ||
         (budget_->tokens > 0 && reasoned_ >= 0 && progress_.tokens() >= budget_->closes_from());
}

const std::vector<int32_t>& Closer::closing_text() const {
  return progress_.thoughts_open() && !budget_->think_close_ids.empty() ? budget_->think_close_ids : budget_->close_ids;
}

int64_t Closer::Limit(int64_t max_tokens) const {
  if (!budget_ || budget_->tokens == 0) return max_tokens;
  if (pool_ != nullptr && reasoned_ < 0) return max_tokens;  // the pool sees to it
  const bool answer_apart = budget_->split() || pool_ != nullptr;
  if (answer_apart && reasoned_ >= 0) return std::min(max_tokens, reasoned_ + budget_->answer_reserve());
  return std::min(max_tokens, budget_->tokens);
}

int64_t Closer::thinking_tokens() const {
  const int64_t tagged = progress_.thinking_tokens();
  if (tagged > 0 || !budget_ || !budget_->split()) return tagged;
  return reasoned_ >= 0 ? reasoned_ : progress_.tokens();
}

void Closer::Finish() {
  if (pool_ == nullptr) return;
  if (reasoned_ < 0) --pool_->open;
  const int64_t answered = reasoned_ < 0 ? 0 : progress_.tokens() - reasoned_;
  pool_->left += std::max<int64_t>(budget_->answer_reserve() - answered, 0);
  pool_ = nullptr;
}

int64_t TokensBeforeBudget(const Tokenizer& tokenizer, const DecodeBudget& budget, Thoughts prompt, uint64_t seed, uint64_t sample,
                           std::span<const int32_t> response) {
  Closer closer(&tokenizer, &budget, prompt, seed, sample, nullptr);
  const auto size = static_cast<int64_t>(response.size());
  const auto open = tokenizer.FindToken(kThinkOpen), close = tokenizer.FindToken(kThinkClose);
  for (int64_t i = 0; i < size; ++i) {
    const int32_t token = response[static_cast<size_t>(i)];
    if (closer.MayNotThink() && (token == open || token == close)) return i;  // it would not have been drawn
    if (i >= closer.Limit(size) || closer.CloseBefore(token, 0, 0) != ForcedBy::kNone) return i;
    closer.Append(token, false);
  }
  return size;
}

}  // namespace pith
