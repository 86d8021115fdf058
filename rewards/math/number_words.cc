#include "rewards/math/number_words.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "rewards/math/words.h"

namespace pith {
namespace {

constexpr std::array<std::string_view, 20> kSmall = {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
                                                     "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen",
                                                     "seventeen", "eighteen", "nineteen"};
constexpr std::array<std::string_view, 8> kTens = {"twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"};
constexpr std::array<std::pair<std::string_view, int>, 13> kParts = {{{"half", 2}, {"halve", 2}, {"third", 3}, {"fourth", 4}, {"quarter", 4},
    {"fifth", 5}, {"sixth", 6}, {"seventh", 7}, {"eighth", 8}, {"ninth", 9}, {"tenth", 10}, {"twelfth", 12}, {"hundredth", 100}}};

class Reader {
 public:
  explicit Reader(const std::vector<Token>& tokens) : tokens_(tokens) {}

  // Below 1000, at `at`, which moves behind it.
  std::optional<int64_t> BelowThousand(size_t* at) const {
    std::optional<int64_t> value = BelowHundred(at);
    if (!value) return value;
    if (*value < 10 && *value > 0 && Word(*at) == "hundred") {
      *value *= 100;
      ++*at;
      size_t next = Word(*at) == "and" ? *at + 1 : *at;
      if (const auto rest = BelowHundred(&next)) {
        *value += *rest;
        *at = next;
      }
    }
    return value;
  }

  std::optional<int64_t> Whole(size_t* at) const {
    std::optional<int64_t> group = BelowThousand(at);
    if (!group) return group;
    int64_t value = 0;
    for (const auto& [name, scale] : {std::pair<std::string_view, int64_t>("million", 1000000), {"thousand", 1000}}) {
      if (Word(*at) != name) continue;
      value += *group * scale;
      group = 0;
      size_t next = *at + 1;
      *at = next;
      if (Word(next) == "and") ++next;
      const auto rest = BelowThousand(&next);
      if (!rest) break;
      group = rest;
      *at = next;
    }
    return value + *group;
  }

  // "and a half", "and three quarters" behind a whole number as its fraction; "point five" as ".5", to be joined.
  std::vector<Token> Rest(size_t* at) const {
    size_t next = *at + 1;
    if (Word(*at) == "and") {
      int64_t times = 1;
      if (Article(next)) ++next;
      else if (const auto number = BelowHundred(&next)) times = *number;
      else return {};
      const int parts = Part(&next);
      if (parts == 0 || times >= parts) return {};
      *at = next;
      return {{Token::kCommand, "frac", 0, false, false}, Sign("{"), Digits(times), Sign("}"), Sign("{"), Digits(parts), Sign("}")};
    }
    if (Word(*at) != "point") return {};
    std::string decimals;
    while (decimals.size() < 12) {
      size_t behind = next;
      const auto digit = BelowHundred(&behind);
      if (!digit || *digit > 9) break;
      decimals += static_cast<char>('0' + *digit);
      next = behind;
    }
    if (decimals.empty()) return {};
    *at = next;
    return {{Token::kNumber, "." + decimals, 0, false, false}};
  }

  // "a half", "a dozen": 1/2, 12.
  std::vector<Token> WithArticle(size_t* at) const {
    if (*at == 0 && tokens_.size() == 1 && Word(0) == "half") {
      *at = 1;
      return {Digits(1), Sign("/"), Digits(2)};
    }
    if (!Article(*at)) return {};
    size_t next = *at + 1;
    if (Word(next) == "dozen") {
      *at = next + 1;
      return {Digits(12)};
    }
    const int parts = IsHyphen(next) ? 0 : Part(&next);
    if (parts == 0) return {};
    *at = next;
    return {Digits(1), Sign("/"), Digits(parts)};
  }

  // The "minus" or "negative" in front of a number.
  bool IsMinus(size_t at) const {
    if (Word(at) != "minus" && Word(at) != "negative") return false;
    size_t next = at + 1;
    if (next >= tokens_.size()) return false;
    const Token& token = tokens_[next];
    return token.kind == Token::kNumber || token.Is(Token::kCommand, "frac") || token.Is(Token::kCommand, "sqrt") || Whole(&next);
  }

  static Token Sign(const char* sign) { return {Token::kSign, sign, 0, false, false}; }
  static Token Digits(int64_t number) { return {Token::kNumber, std::to_string(number), 0, false, false}; }

  // "thirds" behind a number; 0: none.
  int Part(size_t* at) const {
    size_t next = *at;
    if (IsHyphen(next)) ++next;
    std::string word = Word(next);
    if (word.size() > 4 && word.back() == 's') word.pop_back();
    for (const auto& [name, parts] : kParts) {
      if (word != name) continue;
      *at = next + 1;
      return parts;
    }
    return 0;
  }

 private:
  std::string Word(size_t at) const {
    return at < tokens_.size() && tokens_[at].kind == Token::kWord && tokens_[at].text.size() <= 10 ? LowerCase(tokens_[at].text) : "";
  }
  bool Article(size_t at) const {
    return at < tokens_.size() && (tokens_[at].kind == Token::kWord || tokens_[at].kind == Token::kLetter) && tokens_[at].text == "a";
  }
  bool IsHyphen(size_t at) const { return at < tokens_.size() && tokens_[at].Is(Token::kSign, "-"); }

  std::optional<int64_t> BelowHundred(size_t* at) const {
    const std::string word = Word(*at);
    if (word.empty()) return std::nullopt;
    for (size_t i = 0; i < kSmall.size(); ++i) {
      if (word != kSmall[i]) continue;
      ++*at;
      return static_cast<int64_t>(i);
    }
    for (size_t i = 0; i < kTens.size(); ++i) {
      if (word != kTens[i]) continue;
      ++*at;
      const std::string unit = Word(IsHyphen(*at) ? *at + 1 : *at);
      for (size_t u = 1; u < 10; ++u) {
        if (unit != kSmall[u]) continue;
        *at += IsHyphen(*at) ? 2 : 1;
        return static_cast<int64_t>(20 + 10 * i + u);
      }
      return static_cast<int64_t>(20 + 10 * i);
    }
    return std::nullopt;
  }

  const std::vector<Token>& tokens_;
};

}  // namespace

bool IsNumberWord(std::string_view word) {
  return ScaleWord(word) != 0 || std::find(kSmall.begin(), kSmall.end(), word) != kSmall.end() ||
         std::find(kTens.begin(), kTens.end(), word) != kTens.end();
}

void JoinNumberWords(std::vector<Token>* tokens) {
  const Reader reader(*tokens);
  std::vector<Token> joined;
  joined.reserve(tokens->size());
  const auto append = [&](const std::vector<Token>& tokens) { joined.insert(joined.end(), tokens.begin(), tokens.end()); };
  for (size_t at = 0; at < tokens->size();) {
    size_t end = at;
    if (reader.IsMinus(at)) {
      const bool space = (*tokens)[at++].space;
      joined.push_back(Reader::Sign("-"));
      joined.back().space = space;
      continue;
    }
    if (const std::vector<Token> some = reader.WithArticle(&end); !some.empty()) {
      append(some);
      at = end;
      continue;
    }
    const auto number = reader.Whole(&end);
    if (!number) {
      joined.push_back((*tokens)[at++]);
      // 9 tenths; but 3 quarters are coins.
      if (joined.back().kind == Token::kNumber && at < tokens->size() && (*tokens)[at].kind == Token::kWord && (*tokens)[at].text.ends_with('s') &&
          !(*tokens)[at].text.starts_with('q')) {
        if (const int parts = reader.Part(&at)) {
          joined.push_back({Token::kSign, "/", 0, false, false});
          joined.push_back({Token::kNumber, std::to_string(parts), 0, false, false});
        }
      }
      continue;
    }
    const bool space = (*tokens)[at].space;
    const int parts = reader.Part(&end);
    joined.push_back({Token::kNumber, std::to_string(*number), 0, space, false});
    if (parts > 0) {
      joined.push_back({Token::kSign, "/", 0, false, false});
      joined.push_back({Token::kNumber, std::to_string(parts), 0, false, false});
    } else {
      const std::vector<Token> rest = reader.Rest(&end);
      if (rest.size() == 1) joined.back().text += rest[0].text;
      else append(rest);
    }
    at = end;
  }
  *tokens = std::move(joined);
}

}  // namespace pith
