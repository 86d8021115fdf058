#include "data/text/regex_classes.h"

#include <string>
#include <utility>

#include "data/text/utf8.h"

namespace pith {

int32_t RegexClassParser::Take() {
  const CodePoint c = DecodeUtf8(text_, at_);
  if (c.size == 0) Fail("an end too early");
  if (c.value < 0) Fail("a byte that is not UTF-8");
  at_ += c.size;
  return c.value;
}

RegexSet RegexClassParser::EscapedSet() {
  ++at_;
  RegexSet set;
  const int32_t c = Take();
  switch (c) {
    case 'S': set.negated = true; [[fallthrough]];
    case 's': set.space = true; return set;
    case 'D': set.negated = true; [[fallthrough]];
    case 'd': set.categories = CategoriesByName("Nd"); return set;
    case 'W': set.negated = true; [[fallthrough]];
    case 'w': set.word = true; return set;
    case 'H': set.negated = true; [[fallthrough]];
    case 'h': set.ranges = {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}; return set;
    case 'P': set.negated = true; [[fallthrough]];
    case 'p': Property(set); return set;
    default: set.ranges.push_back({EscapedCharacter(c), 0}); break;
  }
  set.ranges[0].last = set.ranges[0].first;
  return set;
}

int32_t RegexClassParser::EscapedCharacter(int32_t c) {
  switch (c) {
    case 'n': return '\n';
    case 't': return '\t';
    case 'r': return '\r';
    case 'f': return '\f';
    case 'v': return '\v';
    case 'a': return '\a';
    case 'e': return 0x1B;
    case '0': return 0;
    case 'x': return Skip("{") ? Hex(8, true) : Hex(2, false);
    case 'u': return Hex(4, false);
    default: break;
  }
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
    Fail("the escape '\\", std::string(1, static_cast<char>(c)), "', which pith lacks,");
  }
  return c;
}

int32_t RegexClassParser::Hex(int most, bool braced) {
  int32_t value = 0;
  for (int i = 0; i < most && !End(); ++i) {
    const char d = text_[at_];
    const int digit = d >= '0' && d <= '9' ? d - '0' : d >= 'a' && d <= 'f' ? d - 'a' + 10 : d >= 'A' && d <= 'F' ? d - 'A' + 10 : -1;
    if (digit < 0) break;
    value = value * 16 + digit;
    if (value > 0x10FFFF) Fail("a code point beyond U+10FFFF");
    ++at_;
  }
  if (braced && !Skip("}")) Fail("a '\\x{' without '}'");
  return value;
}

void RegexClassParser::Property(RegexSet& set) {
  if (!Skip("{")) Fail("a '\\p' without '{'");
  if (Skip("^")) set.negated = !set.negated;
  const size_t end = text_.find('}', at_);
  if (end == std::string_view::npos) Fail("a '\\p{' without '}'");
  std::string name(text_.substr(at_, end - at_));
  for (const char* prefix : {"Script=", "sc=", "script="}) {
    if (name.starts_with(prefix)) name.erase(0, std::string_view(prefix).size());
  }
  static constexpr std::pair<const char*, const char*> kLong[] = {
      {"Letter", "L"}, {"Mark", "M"}, {"Number", "N"}, {"Punctuation", "P"}, {"Symbol", "S"}, {"Separator", "Z"}, {"Other", "C"},
      {"Uppercase_Letter", "Lu"}, {"Lowercase_Letter", "Ll"}, {"Decimal_Number", "Nd"}, {"Digit", "Nd"}, {"Punct", "P"}};
  for (const auto& [from, to] : kLong) {
    if (name == from) name = to;
  }
  if (name == "Alphabetic" || name == "Alpha") {
    set.alphabetic = true;
  } else if (name == "White_Space" || name == "Space") {
    set.space = true;
  } else if (name == "Word") {
    set.word = true;
  } else if (name == "Alnum") {
    set.alphabetic = true;
    set.categories = CategoriesByName("Nd");
  } else if (HasScript(name)) {
    set.scripts.push_back(name);
  } else if ((set.categories = CategoriesByName(name)) == 0) {
    Fail("the property '", name, "', which pith lacks,");
  }
  at_ = end + 1;
}

bool RegexClassParser::PosixName(RegexSet& set) {
  if (!Is("[:")) return false;
  const size_t end = text_.find(":]", at_);
  if (end == std::string_view::npos) return false;
  std::string_view name = text_.substr(at_ + 2, end - at_ - 2);
  const bool negated = name.starts_with("^");
  if (negated) name.remove_prefix(1);
  RegexSet one;
  one.negated = negated;
  if (name == "alpha") {
    one.alphabetic = true;
  } else if (name == "alnum") {
    one.alphabetic = true;
    one.categories = CategoriesByName("Nd");
  } else if (name == "digit") {
    one.categories = CategoriesByName("Nd");
  } else if (name == "punct") {
    one.categories = kPunctuationMask | kSymbolMask;
  } else if (name == "space") {
    one.space = true;
  } else if (name == "upper") {
    one.categories = CategoriesByName("Lu");
  } else if (name == "lower") {
    one.categories = CategoriesByName("Ll");
  } else if (name == "word") {
    one.word = true;
  } else if (name == "xdigit") {
    one.ranges = {{'0', '9'}, {'A', 'F'}, {'a', 'f'}};
  } else {
    Fail("the class '[:", name, ":]', which pith lacks,");
  }
  set.nested.push_back(std::move(one));
  at_ = end + 2;
  return true;
}

RegexSet RegexClassParser::Class() {
  if (++depth_ > kMaxDepth) Fail("nesting deeper than ", kMaxDepth);
  ++at_;
  RegexSet set;
  set.negated = Skip("^");
  bool first = true;
  for (;; first = false) {
    if (End()) Fail("a class '[' without ']'");
    if (!first && Skip("]")) break;
    if (Skip("&&")) {  // what follows, to the end of the class, is another set to be in
      RegexSet left;
      std::swap(left, set);
      set.negated = left.negated;
      left.negated = false;
      at_ -= 1;  // Class skips one character for its bracket
      RegexSet right = Class();
      set.nested.push_back(std::move(left));
      set.and_also.push_back(std::move(right));
      break;
    }
    if (PosixName(set)) continue;
    if (Is("[")) {
      set.nested.push_back(Class());
      continue;
    }
    RegexSet one;
    if (Is("\\")) {
      one = EscapedSetInClass();
    } else {
      const int32_t c = Take();
      one.ranges.push_back({c, c});
    }
    const bool single = one.ranges.size() == 1 && !one.negated && one.ranges[0].first == one.ranges[0].last;
    if (!single) {
      set.nested.push_back(std::move(one));
      continue;
    }
    if (Is("-") && !Is("-]") && !Is("-[") && !Is("-&&")) {
      const size_t back = at_;
      ++at_;
      int32_t last = 0;
      if (Is("\\")) {
        const RegexSet end = EscapedSetInClass();
        if (end.ranges.size() != 1 || end.negated) {
          at_ = back;
          set.ranges.push_back(one.ranges[0]);
          continue;
        }
        last = end.ranges[0].first;
      } else {
        last = Take();
      }
      if (last < one.ranges[0].first) Fail("a range that runs backwards");
      one.ranges[0].last = last;
    }
    set.ranges.push_back(one.ranges[0]);
  }
  --depth_;
  set.any_case = any_case_;
  return set;
}

RegexSet RegexClassParser::EscapedSetInClass() {
  if (Is("\\b")) {
    at_ += 2;
    RegexSet set;
    set.ranges.push_back({8, 8});
    return set;
  }
  return EscapedSet();
}

}  // namespace pith
