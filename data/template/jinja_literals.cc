#include "data/template/jinja_literals.h"

#include <charconv>
#include <cstdint>

#include "base/error.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

// −1 when it is none.
int HexDigit(char c) {
  return IsDigit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

JinjaLiteral Unreadable(std::string_view number) {
  JinjaLiteral literal;
  literal.problem = Str("'", number, "' is not a number that pith reads");
  return literal;
}

JinjaLiteral Based(std::string_view source, size_t at, int base) {
  std::string digits;
  size_t end = at + 2;
  for (; end < source.size() && (HexDigit(source[end]) >= 0 || source[end] == '_'); ++end) {
    if (source[end] != '_') digits += source[end];
  }
  int64_t value = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (digits.empty() || read.ec != std::errc() || read.ptr != digits.data() + digits.size()) {
    return Unreadable(source.substr(at, end - at));
  }
  return {JinjaToken::kInt, std::to_string(value), end, ""};
}

// The character at `at` follows a backslash. The index of the escape's last character; 0 and a problem when it is broken.
size_t Escape(std::string_view source, size_t at, JinjaLiteral* literal) {
  const char c = source[at];
  constexpr std::string_view kFrom = "ntrabfv\\'\"";
  constexpr std::string_view kTo = "\n\t\r\a\b\f\v\\'\"";
  if (const size_t simple = kFrom.find(c); simple != std::string_view::npos) {
    literal->text += kTo[simple];
    return at;
  }
  if (c == '\n') return at;
  if (c >= '0' && c <= '7') {
    int code = 0;
    size_t end = at;
    for (; end < at + 3 && end < source.size() && source[end] >= '0' && source[end] <= '7'; ++end) {
      code = code * 8 + (source[end] - '0');
    }
    AppendUtf8(literal->text, code);
    return end - 1;
  }
  if (c == 'x' || c == 'u' || c == 'U') {
    const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
    uint32_t code = 0;
    for (size_t k = 1; k <= digits; ++k) {
      const int digit = at + k < source.size() ? HexDigit(source[at + k]) : -1;
      if (digit < 0) {
        literal->problem = Str("a string has a broken escape '\\", c, "'");
        return 0;
      }
      code = code * 16 + static_cast<uint32_t>(digit);
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
      literal->problem = "a string names a code point that does not exist";
      return 0;
    }
    AppendUtf8(literal->text, static_cast<int32_t>(code));
    return at + digits;
  }
  if (c == 'N') {
    literal->problem = "pith lacks '\\N{…}' in a string, a character by its name; write the character itself";
    return 0;
  }
  literal->text += '\\';
  literal->text += c;
  return at;
}

}  // namespace

JinjaLiteral ReadJinjaNumber(std::string_view source, size_t at, bool whole) {
  const auto digit_at = [&](size_t i) { return i < source.size() && IsDigit(source[i]); };
  const auto behind_digits = [&](size_t from) {
    while (digit_at(from) || (from < source.size() && source[from] == '_' && digit_at(from + 1))) ++from;
    return from;
  };
  if (source[at] == '0' && at + 2 < source.size()) {
    const char kind = source[at + 1] | 0x20;
    const int base = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;
    if (base != 0) return Based(source, at, base);
  }
  JinjaLiteral literal{JinjaToken::kInt, "", behind_digits(at), ""};
  size_t& end = literal.end;
  if (!whole && end < source.size() && source[end] == '.' && digit_at(end + 1)) {
    literal.kind = JinjaToken::kFloat;
    end = behind_digits(end + 1);
  }
  if (end < source.size() && (source[end] == 'e' || source[end] == 'E')) {
    const size_t exponent = end + 1 + (end + 1 < source.size() && (source[end + 1] == '+' || source[end + 1] == '-'));
    if (digit_at(exponent)) {
      literal.kind = JinjaToken::kFloat;
      end = behind_digits(exponent);
    }
  }
  if (end < source.size() && IsNameStart(source[end])) return Unreadable(source.substr(at, end + 1 - at));
  literal.text = source.substr(at, end - at);
  std::erase(literal.text, '_');
  return literal;
}

JinjaLiteral ReadJinjaString(std::string_view source, size_t at) {
  JinjaLiteral literal;
  const char quote = source[at];
  for (size_t i = at + 1; i < source.size(); ++i) {
    if (source[i] == quote) {
      literal.end = i + 1;
      return literal;
    }
    if (source[i] != '\\') {
      literal.text += source[i];
    } else if (++i < source.size()) {
      i = Escape(source, i, &literal);
      if (!literal.problem.empty()) return literal;
    }
  }
  literal.problem = "a string has no closing quote";
  return literal;
}

}  // namespace pith
