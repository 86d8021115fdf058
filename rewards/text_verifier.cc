#include "rewards/text_verifier.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "rewards/answers/readings.h"

namespace pith {
namespace {

bool IsSpaceByte(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
// Letters and digits of ASCII, and all of what is not ASCII: a word goes on.
bool IsWordByte(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || static_cast<unsigned char>(c) >= 0x80; }
char LowerByte(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

// Runs of white space are one space, none at the ends.
std::string WithSingleSpaces(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (!IsSpaceByte(c)) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

// Without one pair of quotation marks, and without one full stop at the end, before or behind the mark.
std::string Bare(std::string_view given) {
  std::string text = WithSingleSpaces(given);
  const auto drop_stop = [&] {
    if (text.size() > 1 && text.back() == '.') text.pop_back();
  };
  drop_stop();
  for (const std::string_view open : {"\"", "'", "“", "‘", "`"}) {
    const std::string_view close = open == "“" ? "”" : open == "‘" ? "’" : open;
    if (text.size() > open.size() + close.size() && text.starts_with(open) && text.ends_with(close)) {
      text = text.substr(open.size(), text.size() - open.size() - close.size());
      drop_stop();
      break;
    }
  }
  return text;
}

// Words in lower case, a space before and behind each.
std::string PaddedWords(std::string_view text) {
  std::string out = " ";
  for (const char c : text) {
    if (IsWordByte(c)) {
      out += LowerByte(c);
    } else if (c != '\'' && out.back() != ' ') {
      out += ' ';
    }
  }
  return out.back() == ' ' ? out : out + " ";
}

}  // namespace

bool IsCopy(std::string_view response, std::string_view gold) { return Bare(response) == Bare(gold); }

bool Mentions(std::string_view response, std::string_view gold) {
  const std::string words = PaddedWords(response);
  for (size_t begin = 0; begin <= gold.size();) {
    const size_t end = std::min(gold.find('|', begin), gold.size());
    const std::string wanted = PaddedWords(gold.substr(begin, end - begin));
    if (wanted.size() > 2 && words.find(wanted) != std::string::npos) return true;
    begin = end + 1;
  }
  return false;
}

bool Spells(std::string_view response, std::string_view gold) {
  size_t at = 0;
  for (size_t i = 0; i < response.size(); ++i) {
    if (!IsWordByte(response[i])) continue;
    if (at == gold.size() || LowerByte(response[i]) != LowerByte(gold[at])) return false;
    if (i > 0 && IsWordByte(response[i - 1])) return false;  // written in one
    ++at;
  }
  return at == gold.size() && at > 0;
}

std::vector<Judgement> TextVerifier::Judge(std::span<const Attempt> attempts) {
  std::vector<Judgement> out;
  for (const Attempt& attempt : attempts) {
    const std::string_view response = FinalPart(attempt.response);
    Judgement judgement;
    judgement.extracted = WithSingleSpaces(response);
    const bool right = rule_ == TextJudgement::kCopy      ? IsCopy(response, attempt.gold)
                       : rule_ == TextJudgement::kMention ? Mentions(response, attempt.gold)
                                                          : Spells(response, attempt.gold);
    judgement.verdict = right ? Verdict::kCorrect : judgement.extracted.empty() ? Verdict::kUnparsed : Verdict::kWrong;
    judgement.score = right ? 1 : 0;
    out.push_back(std::move(judgement));
  }
  return out;
}

std::string TextVerifier::Identity() const { return Str("text ", static_cast<int>(rule_)); }

}  // namespace pith
