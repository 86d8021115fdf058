// Where in a text its answer stands.
#include <algorithm>
#include <string>
#include <vector>

#include "rewards/answers/answer_text.h"
#include "rewards/math/ascii.h"
#include "rewards/math/number_words.h"
#include "rewards/math/words.h"

namespace pith {
namespace {

bool IsWord(char c) { return IsAsciiDigit(c) || IsAsciiLetter(c); }

struct Mark {
  size_t begin, end;      // of the whole mark
  std::string_view text;  // what it holds, trimmed
};

std::vector<Mark> FindHashes(std::string_view text) {
  std::vector<Mark> marks;
  size_t at = 0;
  while ((at = text.find('#', at)) != std::string_view::npos) {
    const size_t begin = at;
    while (at < text.size() && text[at] == '#') ++at;
    if (at - begin != 4) continue;
    const size_t end = std::min(text.find('\n', at), text.size());
    const size_t colon = at < end && text[at] == ':' ? 1 : 0;
    std::string_view content = TrimSpaces(text.substr(at + colon, end - at - colon));
    while (content.starts_with('#')) content = TrimSpaces(content.substr(1));  // written twice, or closed
    while (content.ends_with('#') && !content.ends_with("\\#")) content = TrimSpaces(content.substr(0, content.size() - 1));
    if (!content.empty()) marks.push_back({begin, end, content});
    at = end;
  }
  return marks;
}

// Closed boxes in the order of their ends; of nested ones the innermost.
std::vector<Mark> FindBoxes(std::string_view text) {
  struct Open {
    bool boxed;
    size_t mark, content;
  };
  std::vector<Mark> marks;
  std::vector<Open> open;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\\') {
      size_t length = 0;
      for (std::string_view name : {"\\boxed", "\\fbox"}) {
        if (text.substr(at, name.size()) == name) length = name.size();
      }
      if (length == 0) {
        ++at;  // an escaped brace opens nothing
        continue;
      }
      size_t brace = at + length;
      while (brace < text.size() && text[brace] == ' ') ++brace;
      if (brace < text.size() && text[brace] == '{') {
        open.push_back({true, at, brace + 1});
        at = brace;
      } else if (brace < text.size() && brace > at + length && IsWord(text[brace])) {  // \boxed 5
        size_t end = brace;
        while (end < text.size() && IsWord(text[end])) ++end;
        marks.push_back({at, end, text.substr(brace, end - brace)});
        at = end - 1;
      } else {
        at += length - 1;
      }
    } else if (c == '{') {
      open.push_back({false, at, at + 1});
    } else if (c == '}' && !open.empty()) {
      const Open frame = open.back();
      open.pop_back();
      if (!frame.boxed || (!marks.empty() && marks.back().begin >= frame.content)) continue;
      const std::string_view content = TrimSpaces(text.substr(frame.content, at - frame.content));
      if (!content.empty()) marks.push_back({frame.mark, at + 1, content});
    }
  }
  return marks;
}

// If a number begins at `at`, the index behind it; else `at`. Numbers: 12, 1,234.5, .5, 3/4, 5%.
size_t NumberEnd(std::string_view text, size_t at) {
  const auto digit = [&](size_t i) { return i < text.size() && IsAsciiDigit(text[i]); };
  size_t end = at;
  while (digit(end)) ++end;
  if (end == at && !(text[at] == '.' && digit(at + 1))) return at;
  if (end - at <= 2 && text.substr(end, 1) == ":" && digit(end + 1) && digit(end + 2) && !digit(end + 3)) return end + 3;  // 10:30
  while (end < text.size() && text[end] == ',' && digit(end + 1) && digit(end + 2) && digit(end + 3) && !digit(end + 4)) {
    end += 4;
  }
  if (end < text.size() && text[end] == '.' && digit(end + 1)) {
    ++end;
    while (digit(end)) ++end;
  }
  if (end < text.size() && text[end] == '/' && digit(end + 1)) {
    ++end;
    while (digit(end)) ++end;
  }
  if (end < text.size() && text[end] == '%') ++end;
  else if (text.substr(end, 2) == "\\%") end += 2;
  return end;
}

// \frac{a}{b} of short whole numbers at `at`; the index behind it, else `at`.
size_t FractionEnd(std::string_view text, size_t at) {
  size_t end = at;
  for (std::string_view name : {"\\frac", "\\dfrac", "\\tfrac"}) {
    if (text.substr(at, name.size()) == name) end = at + name.size();
  }
  if (end == at) return at;
  for (int part = 0; part < 2; ++part) {
    if (end >= text.size() || text[end] != '{') return at;
    const size_t begin = ++end;
    while (end < text.size() && end - begin < 40 && IsAsciiDigit(text[end])) ++end;
    if (end == begin || end >= text.size() || text[end] != '}') return at;
    ++end;
  }
  return end;
}

std::optional<std::string_view> FindNumber(std::string_view text, bool first) {
  std::optional<std::string_view> found;
  size_t previous_end = 0;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    const bool inside_word = at > 0 && (IsWord(text[at - 1]) || text[at - 1] == '_');
    if (text[at] == '\\') end = FractionEnd(text, at);
    else if ((IsAsciiDigit(text[at]) || text[at] == '.') && !(inside_word && text[at] == '.')) end = NumberEnd(text, at);
    if (end == at) {
      ++at;
      continue;
    }
    if (at > 0 && IsAsciiLetter(text[at - 1]) && end < text.size() && IsAsciiLetter(text[end])) {  // AB2C, a name
      at = end;
      continue;
    }
    // Signs and currency in front: "-5", "-$5", "$-5"; in "8 - 5" and "8-5" the 5 has no sign.
    size_t begin = at;
    for (;;) {
      if (begin > previous_end && text[begin - 1] == '$') {
        --begin;
        continue;
      }
      if (begin > previous_end + 2 && text.substr(begin - 3, 3) == "\\$ ") {
        begin -= 3;
        continue;
      }
      size_t currency = 0;
      for (std::string_view sign : {"€", "£", "¥", "₹", "Rs. ", "Rs ", "Rs.", "USD ", "EUR ", "GBP ", "\\text{€}", "\\text{£}", "\\text{¥}", "\\text{\\$}", "\\text{$}"}) {
        if (begin >= previous_end + sign.size() && text.substr(begin - sign.size(), sign.size()) == sign) currency = sign.size();
      }
      if (currency > 0) {
        begin -= currency;
        continue;
      }
      size_t sign = 0;
      if (begin >= previous_end + 1 && text[begin - 1] == '-') sign = 1;
      if (sign == 0) break;
      const size_t before = begin - sign;
      const bool minus = before > 0 && (IsWord(text[before - 1]) || text[before - 1] == ')');
      if (!minus) begin -= sign;
      break;
    }
    if (!first && (text.substr(0, begin).ends_with("not ") || text.substr(0, begin).ends_with("n't "))) {
      at = end;
      continue;
    }
    // A mixed number: "3 1/2".
    if (found && begin == at && text[at - 1] == ' ' && previous_end + 1 == at &&
        (text[at] == '\\' || text.substr(at, end - at).find('/') != std::string_view::npos) &&
        std::all_of(found->begin(), found->end(), [](char c) { return IsAsciiDigit(c) || c == '-' || c == '$'; })) {
      begin = static_cast<size_t>(found->data() - text.data());
    } else if (first && found) {
      return found;
    }
    found = text.substr(begin, end - begin);
    previous_end = end;
    at = end;
  }
  return found;
}

}  // namespace

MarkedAnswers FindMarkedAnswers(std::string_view text) {
  const std::vector<Mark> hashes = FindHashes(text), boxes = FindBoxes(text);
  MarkedAnswers result;
  size_t h = 0, b = 0;
  size_t line_end = 0;  // of the last #### line
  while (h < hashes.size() || b < boxes.size()) {
    if (b == boxes.size() || (h < hashes.size() && hashes[h].begin < boxes[b].begin)) {
      const Mark& mark = hashes[h++];
      line_end = mark.end;
      ++result.count;
      result.last = MarkedAnswer{mark.text, mark.end};
    } else {
      const Mark& mark = boxes[b++];
      if (mark.begin >= line_end) ++result.count;
      result.last = MarkedAnswer{mark.text, mark.begin < line_end ? std::max(line_end, mark.end) : mark.end};
    }
  }
  return result;
}

bool StandSideBySide(std::string_view between) {
  if (between.size() > 40) return false;
  bool joins = false;
  for (size_t at = 0; at < between.size();) {
    const std::string_view rest = between.substr(at);
    const char c = rest[0];
    if (IsAsciiSpace(c) || c == '$' || c == '{' || c == '}' || c == '&' || c == '=') {
      ++at;
    } else if (c == ',' || c == ';') {
      joins = true;
      ++at;
    } else if (rest.starts_with("\\(") || rest.starts_with("\\)") || rest.starts_with("\\,") || rest.starts_with("\\ ")) {
      at += 2;
    } else if (rest.starts_with("\\text") || rest.starts_with("\\quad")) {
      at += 5;
    } else {
      const size_t begin = at;
      while (at < between.size() && IsWord(between[at])) ++at;
      const std::string_view word = between.substr(begin, at - begin);
      if (word == "and" || word == "or") joins = true;
      else if (word.size() != 1) return false;
    }
  }
  return joins;
}

std::vector<std::string_view> FindAllBoxes(std::string_view text) {
  std::vector<std::string_view> held;
  for (const Mark& box : FindBoxes(text)) {
    if (held.size() < 32 && std::find(held.begin(), held.end(), box.text) == held.end()) held.push_back(box.text);
  }
  return held;
}

std::vector<std::string_view> FindFinalBoxes(std::string_view text) {
  const std::vector<Mark> boxes = FindBoxes(text);
  if (boxes.empty()) return {};
  size_t first = boxes.size() - 1;
  for (; first > 0 && boxes[first - 1].end <= boxes[first].begin; --first) {
    const std::string_view between = text.substr(boxes[first - 1].end, boxes[first].begin - boxes[first - 1].end);
    if (!between.empty() && !StandSideBySide(between)) break;
  }
  std::vector<std::string_view> held;
  for (size_t i = first; i < boxes.size() && held.size() < 32; ++i) {
    if (std::find(held.begin(), held.end(), boxes[i].text) == held.end()) held.push_back(boxes[i].text);
  }
  return held;
}

std::optional<std::string_view> FindLastNumber(std::string_view text) { return FindNumber(text, false); }
std::optional<std::string_view> FindFirstNumber(std::string_view text) { return FindNumber(text, true); }

std::optional<std::string_view> FindOnlyNumberWords(std::string_view text) {
  if (text.size() > kMaxAnswerBytes || text.find_first_of("0123456789") != std::string_view::npos) return std::nullopt;
  std::optional<std::string_view> found;
  size_t run_end = 0;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && IsAsciiLetter(text[end])) ++end;
    if (IsNumberWord(LowerCase(text.substr(at, end - at)))) {
      const bool goes_on = found && at == run_end + 1 && (text[run_end] == ' ' || text[run_end] == '-');
      if (found && !goes_on) return std::nullopt;  // more than one
      const size_t begin = goes_on ? static_cast<size_t>(found->data() - text.data()) : at;
      found = text.substr(begin, end - begin);
      run_end = end;
    }
    at = std::max(end, at + 1);
  }
  // "one of them", "no one": hardly a number.
  const bool one = found && found->size() == 3 && (found->front() | 0x20) == 'o';
  return one ? std::nullopt : found;
}

}  // namespace pith
