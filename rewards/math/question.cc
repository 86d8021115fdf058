#include "rewards/math/question.h"

#include "rewards/math/ascii.h"
#include "rewards/math/words.h"

namespace pith {
namespace {

// Of a text, in lower case and without commands.
void AddWords(std::string_view text, std::set<std::string, std::less<>>* words) {
  std::string word;
  for (size_t at = 0; at <= text.size(); ++at) {
    const char c = at < text.size() ? text[at] : ' ';
    if (IsAsciiLetter(c) || static_cast<unsigned char>(c) >= 0x80) {
      word += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    } else if (!word.empty()) {
      const bool command = at > word.size() && text[at - word.size() - 1] == '\\';
      if (!command) words->insert(Singular(word));
      word.clear();
    }
  }
}

}  // namespace

std::string Singular(std::string_view word) {
  if (word.size() > 3 && word.ends_with("ies")) return std::string(word.substr(0, word.size() - 3)) + "y";
  if (word.size() > 2 && word.ends_with("s")) word.remove_suffix(1);
  return std::string(word);
}

bool Question::Has(std::string_view word) const {
  if (!words_) {
    words_.emplace();
    for (std::string_view text : {question_, gold_}) AddWords(text, &*words_);
  }
  return words_->count(Singular(word)) != 0;
}

bool Question::OffersChoices() const {
  const auto has = [&](std::string_view mark) { return question_.find(mark) != std::string_view::npos; };
  return (has("(A)") && has("(B)")) || (has("A)") && has("B)")) || (has("\nA.") && has("\nB.")) || (has("A:") && has("B:"));
}

bool Question::AsksForRounding() const {
  return Has("nearest") || Has("round") || Has("rounded") || Has("approximate") || Has("approximately") || Has("decimal") || Has("estimate");
}

std::string Question::AskedThing() const {
  const std::string lower = LowerCase(question_);
  const std::string_view text = lower;
  for (std::string_view phrase : {"how many ", "number of "}) {
    const size_t at = text.rfind(phrase);
    if (at == std::string_view::npos) continue;
    const size_t begin = at + phrase.size();
    size_t end = begin;
    while (end < text.size() && IsAsciiLetter(text[end])) ++end;
    return Singular(text.substr(begin, end - begin));
  }
  return "";
}

}  // namespace pith
