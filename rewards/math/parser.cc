#include "rewards/math/parser.h"

#include <array>

#include "rewards/math/ascii.h"
#include "rewards/math/grammar.h"
#include "rewards/math/words.h"

namespace pith {
namespace {

constexpr size_t kMaxBytes = 2000;

// Spaces, bold marks and the sentence's last stop.
std::string_view WithoutStop(std::string_view text) {
  for (bool again = true; again && !text.empty();) {
    again = false;
    text = TrimSpaces(text);
    if (text.starts_with("**") && text.find("**", 2) >= text.size() - 2) {  // "**(B)** 12" is left to the lexer
      text.remove_prefix(2);
      again = true;
    }
    if (text.ends_with("**") || (text.ends_with(".$") && text.size() > 2) || text.ends_with("\\.")) {
      const bool dollar = text.ends_with(".$");
      text.remove_suffix(2);
      if (dollar && text.starts_with("$")) text.remove_prefix(1);
      again = true;
    } else if (!text.empty() && (text.back() == '.' || text.back() == ',' || text.back() == ';') && !text.ends_with("..") &&
               !text.ends_with("\\,") && !text.ends_with("\\;")) {
      text.remove_suffix(1);
      again = true;
    }
  }
  return text;
}

}  // namespace

std::optional<Expression> ParseAnswer(std::string_view text, const LexerOptions& options, Work* work) {
  text = WithoutStop(text);
  if (text.empty() || text.size() > kMaxBytes) return std::nullopt;
  Grammar grammar(Tokenize(text, options, work), work);
  Expression answer = grammar.Answer();
  if (grammar.failed() || work->exhausted()) return std::nullopt;
  return answer;
}

std::string PlainWords(std::string_view text) {
  std::string words;
  std::string word;
  const auto flush = [&] {
    // March 3rd
    const size_t digits = word.find_first_not_of("0123456789");
    if (digits != std::string::npos && digits > 0) {
      const std::string_view ending = std::string_view(word).substr(digits);
      if (ending == "st" || ending == "nd" || ending == "rd" || ending == "th") word.resize(digits);
    }
    if (!word.empty() && word != "the" && word != "a" && word != "an") words += (words.empty() ? "" : " ") + word;
    word.clear();
  };
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '\\') {
      size_t end = at + 1;
      while (end < text.size() && IsAsciiLetter(text[end])) ++end;
      const std::string_view name = text.substr(at + 1, end - at - 1);
      const char sign = at + 1 < text.size() ? text[at + 1] : ' ';
      if (sign == '%' || sign == '$') {
        word += sign;
        at += 2;
        continue;
      }
      if (name.empty()) {
        at += 2;
        if (at - 1 < text.size() && text[at - 1] != '!') flush();
        continue;
      }
      if (!name.starts_with("text") && name != "mbox" && name != "mathrm") {
        flush();
        word = "\\" + std::string(name);
        flush();
      }
      at = end;
      continue;
    }
    if (IsAsciiSpace(c) || c == ',' || c == '~') flush();
    else if (c == '!' && !word.empty() && IsAsciiDigit(word.back())) word += c;  // 6!
    else if (c == '.' && at + 1 < text.size() && IsAsciiDigit(text[at + 1])) word += c;
    else if (std::string_view("{}$*`\".!?").find(c) == std::string_view::npos) word += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    ++at;
  }
  flush();
  return words;
}

}  // namespace pith
