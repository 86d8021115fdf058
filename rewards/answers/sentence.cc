// What sentences say: the words they come to, and what they do to a number.
#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "rewards/answers/answer_text.h"
#include "rewards/answers/find_mathematics.h"
#include "rewards/answers/readings.h"
#include "rewards/math/ascii.h"
#include "rewards/math/number_words.h"
#include "rewards/math/words.h"

namespace pith {
namespace {

constexpr size_t kMaxPhraseBytes = 60;
constexpr size_t kMaxPhraseWords = 8;

struct Word {
  std::string lower;
  size_t begin, end;
};

// Runs of letters, with an apostrophe inside ("n't").
std::vector<Word> Words(std::string_view text) {
  std::vector<Word> words;
  for (size_t at = 0; at < text.size();) {
    const auto is_letter = [&](size_t i) { return i < text.size() && (IsAsciiLetter(text[i]) || static_cast<unsigned char>(text[i]) >= 0x80); };
    if (!is_letter(at)) {
      ++at;
      continue;
    }
    size_t end = at;
    while (is_letter(end) || (end < text.size() && text[end] == '\'' && is_letter(end + 1))) ++end;
    const bool command = at > 0 && text[at - 1] == '\\';
    if (!command) words.push_back({LowerCase(text.substr(at, end - at)), at, end});
    at = end;
  }
  return words;
}

// What takes back, doubts, or sets beside another.
constexpr auto kDenials = std::to_array<std::string_view>({
    "not", "never", "wrong", "incorrect", "false", "isn't", "wasn't", "aren't", "doesn't", "don't", "can't", "cannot", "won't", "didn't", "or", "nor", "either",
    "neither", "maybe", "perhaps", "possibly", "probably", "instead", "rather", "versus", "vs", "but", "whereas", "unless", "alternatively", "otherwise", "incorrectly", "mistake",
    "mistaken", "impossible", "excluded", "rejected", "ruled"});
// What changes the number before it.
constexpr auto kChanges = std::to_array<std::string_view>({
    "negative", "below", "minus", "half", "halves", "third", "thirds", "quarter", "quarters", "fourths", "fifths", "sixths", "sevenths", "eighths", "ninths", "tenths",
    "hundredths", "thousandths", "millionths", "billionths", "squared", "cubed", "times", "plus", "factorial", "dozen", "dozens", "hundred", "thousand", "million", "billion",
    "trillion", "percentage"});
constexpr auto kChangesBehind = std::to_array<std::string_view>({"negative", "minus", "half", "twice", "thrice", "double", "triple", "third", "quarter"});

// Words that a sentence's subject begins with when it describes and does not name: "The function is even."
constexpr auto kDescribes = std::to_array<std::string_view>({
    "the", "this", "that", "it", "so", "thus", "therefore", "hence", "then", "which", "what", "he", "she", "they", "we", "i", "a", "an", "there", "these", "those", "its", "their",
    "our", "his", "her", "my", "final", "answer", "and", "since", "because", "as", "after", "in", "on", "for", "by", "from", "solution", "result", "function", "graph", "correct"});
constexpr auto kIs = std::to_array<std::string_view>({"is", "are", "was", "were", "be", "equals", "becomes"});
constexpr auto kDoes = std::to_array<std::string_view>({"has", "had", "have", "wins", "won", "will", "runs", "ran", "gets", "got"});

}  // namespace

std::string_view LastSentence(std::string_view line) {
  for (std::string_view stop : {". ", "; ", "! ", "? "}) {
    size_t at = line.rfind(stop);
    // "No. 5", "St. Ives", "1. x": a stop of few letters ends no sentence.
    if (at != std::string_view::npos && at > 2 && at + 2 < line.size()) line = line.substr(at + 2);
  }
  return TrimSpaces(line);
}

std::string_view WithoutReason(std::string_view sentence) {
  size_t cut = sentence.size();
  for (std::string_view reason : {" because ", " since ", ", as ", " because} ", " since} "}) cut = std::min(cut, sentence.find(reason));
  sentence = TrimSpaces(sentence.substr(0, cut));
  if (sentence.ends_with(',')) sentence.remove_suffix(1);
  return sentence;
}

std::string_view LastStatement(std::string_view response) {
  constexpr auto kGoodBye = std::to_array<std::string_view>({"i hope", "hope this", "hope that", "let me know", "feel free", "if you have", "thank", "good luck", "is there anything",
                                                              "do you", "would you", "happy to", "please let", "have a "});
  std::string_view rest = TrimSpaces(response), line = rest;
  while (true) {
    line = LastLine(rest);
    const std::string lower = LowerCase(line.substr(0, 24));
    const bool says = std::any_of(line.begin(), line.end(), [](char c) { return IsAsciiLetter(c) || IsAsciiDigit(c) || static_cast<unsigned char>(c) >= 0x80; });
    const bool good_bye = std::any_of(kGoodBye.begin(), kGoodBye.end(), [&](std::string_view phrase) { return lower.starts_with(phrase); });
    const bool fence = line.starts_with("```");
    // A formula of several lines.
    for (const auto& [open, close] : {std::pair<std::string_view, std::string_view>("\\begin{", "\\end{"), {"\\[", "\\]"}, {"$$", "$$"}}) {
      const size_t ends = line.find(close);
      if (ends == std::string_view::npos || line.substr(0, ends).find(open) != std::string_view::npos) continue;
      const size_t end = static_cast<size_t>(line.data() - rest.data()) + ends;
      const size_t begin = end == 0 ? std::string_view::npos : rest.rfind(open, end - 1);
      if (begin != std::string_view::npos) return rest.substr(begin);
    }
    if ((says && !good_bye && !fence) || line.data() == rest.data()) return line;
    rest = TrimSpaces(rest.substr(0, static_cast<size_t>(line.data() - rest.data())));
    if (rest.empty()) return line;
  }
}

bool IsSpoiled(std::string_view text, size_t begin, size_t end) {
  // Its sentence.
  size_t first = 0, last = text.size();
  for (size_t at = 0; at + 1 < text.size(); ++at) {
    const bool stop = text[at] == '\n' || ((text[at] == '.' || text[at] == ';' || text[at] == '?') && (text[at + 1] == ' ' || text[at + 1] == '\n'));
    if (stop && at + 1 <= begin) first = at + 1;
    if (stop && at >= end) {
      last = at;
      break;
    }
  }
  const std::string_view sentence = text.substr(first, last - first);
  const size_t from = begin - first, to = end - first;
  const std::vector<Word> words = Words(sentence);
  const Word* before = nullptr;
  const Word* behind = nullptr;
  for (const Word& word : words) {
    if (word.end <= from) before = &word;
    if (word.begin >= to && behind == nullptr) behind = &word;
    if (word.begin < to) continue;
    // "5, not 6" and "5 and not 6" say 5.
    const size_t comma = sentence.find_last_not_of(' ', word.begin - 1);
    if (word.lower == "not" && comma != std::string_view::npos && comma >= to && sentence[comma] == ',') break;
    if (IsOneOf(word.lower, kDenials)) return true;
    const bool alone = &word == behind || &word == &words.back();  // "5 six"; not "5 at the end of the six years"
    if (alone && IsNumberWord(word.lower) && word.lower != "one" && word.lower != "a" && word.lower != "second") return true;
  }
  const auto only_space = [&](size_t a, size_t b) { return sentence.substr(a, b - a).find_first_not_of(" *$-") == std::string_view::npos; };
  if (behind != nullptr && IsOneOf(behind->lower, kChanges) && only_space(to, behind->begin)) return true;
  if (before == nullptr) return false;
  // "not 5", "either 5", "negative 5", "half of 10"
  const bool touches = only_space(before->end, from);
  if (touches && ((IsOneOf(before->lower, kDenials) && before->lower != "but") || IsOneOf(before->lower, kChangesBehind))) return true;
  if (touches && before->lower == "of" && before != words.data() && IsOneOf((before - 1)->lower, kChangesBehind)) return true;
  // "I do not think the answer is 5", "it is false that x = 5": a denial that nothing parts from the number.
  for (const Word& word : words) {
    if (word.end > from) break;
    const bool denial = word.lower == "not" || word.lower == "never" || word.lower == "cannot" || word.lower == "doubt" || word.lower == "false" || word.lower == "wrong" || word.lower.ends_with("n't");
    if (denial && sentence.substr(word.end, from - word.end).find_first_of(",;:=") == std::string_view::npos &&
        sentence.substr(word.end, from - word.end).find(" but ") == std::string_view::npos) {
      return true;
    }
  }
  for (const Word& word : words) {
    if (word.end > from) break;
    if (word.lower == "either" || word.lower == "neither" || word.lower == "maybe" || word.lower == "perhaps") return true;
  }
  return false;
}

namespace {

constexpr auto kMonths = std::to_array<std::string_view>({"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"});

// A number of at most four digits and its "st", "nd", …, right before or behind a month.
std::string_view DigitsAt(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && IsAsciiDigit(text[end])) ++end;
  return text.substr(at, end - at);
}

}  // namespace

std::optional<std::string_view> FindDate(std::string_view text) {
  const std::vector<Word> words = Words(text);
  std::optional<std::string_view> found;
  for (const Word& month : words) {
    if (!IsOneOf(month.lower, kMonths) || text[month.begin] < 'A' || text[month.begin] > 'Z') continue;
    size_t begin = month.begin, end = month.end;
    // March 10, March 10th
    const size_t behind = text.find_first_not_of(' ', month.end);
    std::string_view day = behind == std::string_view::npos ? std::string_view() : DigitsAt(text, behind);
    if (!day.empty() && day.size() <= 2) {
      end = behind + day.size();
      for (std::string_view ordinal : {"st", "nd", "rd", "th"}) end += text.substr(end).starts_with(ordinal) ? 2 : 0;
    } else {  // 10 March, 10th of March
      size_t last = text.find_last_not_of(' ', month.begin == 0 ? 0 : month.begin - 1);
      if (last == std::string_view::npos || month.begin == 0) continue;
      if (text.substr(0, last + 1).ends_with(" of")) last = text.find_last_not_of(' ', last - 2);
      for (std::string_view ordinal : {"st", "nd", "rd", "th"}) last -= text.substr(0, last + 1).ends_with(ordinal) ? 2 : 0;
      size_t first = last + 1;
      while (first > 0 && IsAsciiDigit(text[first - 1])) --first;
      if (first > last || last - first > 1) continue;
      begin = first;
    }
    const size_t year = text.find_first_not_of(" ,", end);
    if (year != std::string_view::npos && DigitsAt(text, year).size() == 4) end = year + 4;
    if (found) return std::nullopt;  // two dates
    found = text.substr(begin, end - begin);
  }
  return found;
}

std::string PlainDate(std::string_view text) {
  const auto date = FindDate(text);
  if (!date || date->size() != TrimSpaces(text).size()) return "";
  std::string plain, year;
  for (const Word& word : Words(*date)) {
    if (IsOneOf(word.lower, kMonths)) plain = word.lower;
  }
  for (size_t at = 0; at < date->size(); ++at) {
    const std::string_view digits = DigitsAt(*date, at);
    if (digits.empty()) continue;
    const size_t zeros = std::min(digits.find_first_not_of('0'), digits.size());
    (digits.size() == 4 ? year : plain) += " " + std::string(digits.substr(zeros));
    at += digits.size();
  }
  return plain + year;
}

std::optional<std::string_view> FindBoldWords(std::string_view line) {
  const size_t close = line.rfind("**");
  const size_t open = close == std::string_view::npos || close < 3 ? std::string_view::npos : line.rfind("**", close - 2);
  if (open == std::string_view::npos || std::count(line.begin(), line.end(), '*') % 4 != 0) return std::nullopt;
  std::string_view held = TrimSpaces(line.substr(open + 2, close - open - 2));
  while (!held.empty() && std::string_view(".!,").find(held.back()) != std::string_view::npos) held.remove_suffix(1);
  const bool words = !held.empty() && held.size() <= kMaxPhraseBytes && held.find_first_of("0123456789\\$=^:") == std::string_view::npos;
  const std::string label = LowerCase(held);
  for (std::string_view part : {"answer", "solution", "step", "result", "conclusion", "note"}) {
    if (label.find(part) != std::string::npos) return std::nullopt;
  }
  // "not **east**", "**east** or **west**"
  const std::string before = " " + LowerCase(line.substr(0, open));
  for (std::string_view denial : {" not ", "n't ", " or ", " neither ", " either ", "**"}) {
    if (before.find(denial) != std::string::npos) return std::nullopt;
  }
  const std::string behind = LowerCase(line.substr(close + 2));
  if (behind.starts_with(":") || behind.find(" or ") != std::string::npos || behind.find("wrong") != std::string::npos) return std::nullopt;
  return words ? std::optional(held) : std::nullopt;
}

std::optional<std::string_view> WordsOf(std::string_view sentence) {
  sentence = LastSentence(TrimSpaces(sentence));
  while (!sentence.empty() && std::string_view(".!,:;* ").find(sentence.back()) != std::string_view::npos) sentence.remove_suffix(1);
  while (!sentence.empty() && std::string_view("*#- ").find(sentence.front()) != std::string_view::npos) sentence.remove_prefix(1);
  const std::vector<Word> words = Words(sentence);
  if (words.empty()) return std::nullopt;
  const auto from = [&](size_t at) { return TrimSpaces(sentence.substr(at)); };
  // "Yes, since …", "No, it is not."
  if ((words[0].lower == "yes" || words[0].lower == "no") && (words.size() == 1 || std::string_view(",.;:").find(sentence[words[0].end]) != std::string_view::npos)) {
    const bool other = std::any_of(words.begin() + 1, words.end(), [&](const Word& w) { return w.lower == "yes" || w.lower == "no" || w.lower == "or" || w.lower == "wait" || w.lower == "but"; });
    return other ? std::nullopt : std::optional(sentence.substr(words[0].begin, words[0].end - words[0].begin));
  }
  for (std::string_view nothing : {"no solution", "no solutions", "no real solution", "no real solutions", "empty set"}) {
    if (sentence.size() >= nothing.size() && LowerCase(sentence).ends_with(nothing) && words.size() <= 12) return sentence.substr(sentence.size() - nothing.size());
  }
  const auto alternative = [](const Word& w) { return w.lower == "or" || w.lower == "nor" || w.lower == "either" || w.lower == "maybe" || w.lower == "perhaps" || w.lower == "but" || w.lower == "versus" || w.lower == "vs" || w.lower == "than" || w.lower == "instead"; };
  const auto denial = [](const Word& w) { return w.lower == "not" || w.lower == "never" || w.lower == "cannot" || w.lower == "without" || w.lower == "none" || w.lower == "nobody" || w.lower == "nothing" || w.lower == "wrong" || w.lower == "incorrect" || w.lower.ends_with("n't"); };
  if (std::any_of(words.begin(), words.end(), alternative)) return std::nullopt;
  const bool denied = std::any_of(words.begin(), words.end(), denial);
  // "Evelyn has the greatest speed.": a name, then what it does.
  const bool names = sentence[words[0].begin] >= 'A' && sentence[words[0].begin] <= 'Z' && !IsOneOf(words[0].lower, kDescribes);
  for (size_t i = 1; i < words.size() && i < 3 && names && !denied; ++i) {
    if (IsOneOf(words[i].lower, kIs) || IsOneOf(words[i].lower, kDoes)) return TrimSpaces(sentence.substr(words[0].begin, words[i].begin - words[0].begin));
  }
  // "The function is even.": what stands behind the last verb.
  for (size_t i = words.size(); i-- > 0;) {
    if (!IsOneOf(words[i].lower, kIs) || i + 1 == words.size()) continue;
    if (denied && !std::any_of(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end(), denial)) return std::nullopt;
    std::string_view rest = from(words[i].end);
    for (std::string_view lead : {"facing ", "called ", "named ", "pointing ", "therefore ", "thus ", "then ", "always "}) {
      if (rest.starts_with(lead)) rest.remove_prefix(lead.size());
    }
    if (words.size() - i - 1 > kMaxPhraseWords || rest.size() > kMaxPhraseBytes) return std::nullopt;
    // "Hence 7 is the answer", "10 are left", "8 were sold" say nothing of their own.
    constexpr auto kEmpty = std::to_array<std::string_view>({"answer", "left", "remaining", "result", "correct", "right", "required", "needed", "total", "final", "solution", "it", "sold", "enough"});
    const size_t head = words[i + 1].lower == "the" || words[i + 1].lower == "our" ? i + 2 : i + 1;
    if (head >= words.size() || IsOneOf(words[head].lower, kEmpty)) return std::nullopt;
    return denied || words[i + 1].lower == "no" ? std::nullopt : std::optional(rest);
  }
  const size_t colon = sentence.rfind(": ");
  if (colon != std::string_view::npos && !denied) return from(colon + 2);
  if (words.size() > 4 || sentence.size() > kMaxPhraseBytes) return std::nullopt;  // a sentence that says something else
  if (words[0].lower == "no" && words.size() > 1) return std::nullopt;  // "No idea."
  const bool says_not = words[0].lower == "not" || words[0].lower == "cannot" || words[0].lower == "does" || words[0].lower == "can't" || words[0].lower == "doesn't";
  return denied && !(says_not && words.size() <= 4) ? std::nullopt : std::optional(sentence);
}

}  // namespace pith
