#include "data/template/jinja_lexer.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "data/template/jinja_value.h"
#include "data/text/utf8.h"

namespace pith {

bool IsPythonSpace(int c) { return IsWhitespace(c) || (c >= 0x1C && c <= 0x1F); }

std::string_view StripLeft(std::string_view text) {
  size_t at = 0;
  for (CodePoint c = DecodeUtf8(text, at); c.size > 0 && c.value >= 0 && IsPythonSpace(c.value);
       c = DecodeUtf8(text, at)) {
    at += c.size;
  }
  return text.substr(at);
}

std::string_view StripRight(std::string_view text) {
  size_t end = text.size();
  while (end > 0) {
    size_t begin = end - 1;
    while (begin > 0 && end - begin < 4 && (text[begin] & 0xC0) == 0x80) --begin;
    const CodePoint c = DecodeUtf8(text.substr(0, end), begin);
    if (c.value < 0 || c.size != end - begin || !IsPythonSpace(c.value)) break;
    end = begin;
  }
  return text.substr(0, end);
}

namespace {

constexpr std::string_view kOperators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
                                           "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ","};

bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Line breaks become \n, and one at the very end is dropped.
std::string Normalised(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
      out += '\n';
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : owned_(Normalised(source)), source_(owned_) {}

  std::vector<JinjaToken> Run() {
    while (at_ < source_.size()) {
      const size_t tag = NextTag();
      if (tag == std::string_view::npos) {
        Text(source_.substr(at_));
        Move(source_.size());
      } else {
        Tag(tag);
      }
    }
    Push(JinjaToken::kEnd, "");
    return std::move(tokens_);
  }

 private:
  std::string owned_;
  std::string_view source_;
  size_t at_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::vector<JinjaToken> tokens_;

  [[noreturn]] void Fail(const std::string& text) const { throw JinjaError(text, line_); }
  void Push(JinjaToken::Kind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }
  void Text(std::string_view text) {
    if (!text.empty()) Push(JinjaToken::kText, std::string(text));
  }
  void Move(size_t to) {
    line_ += static_cast<int>(std::count(source_.begin() + at_, source_.begin() + to, '\n'));
    if (to > at_) line_starting_ = source_[to - 1] == '\n';
    at_ = to;
  }
  std::string_view Rest() const { return source_.substr(at_); }
  size_t SkipSpace(size_t from) const {
    return source_.size() - StripLeft(source_.substr(std::min(from, source_.size()))).size();
  }

  size_t NextTag() const {
    for (size_t i = source_.find('{', at_); i != std::string_view::npos; i = source_.find('{', i + 1)) {
      if (i + 1 < source_.size() && (source_[i + 1] == '{' || source_[i + 1] == '%' || source_[i + 1] == '#')) return i;
    }
    return std::string_view::npos;
  }

  // The text before a tag whose sign ('-', '+' or neither) is known, after whitespace control.
  std::string_view Before(std::string_view text, char sign, bool output) const {
    if (sign == '-') return StripRight(text);
    if (sign == '+' || output) return text;
    const size_t newline = text.rfind('\n');
    const size_t start = newline == std::string_view::npos ? 0 : newline + 1;
    if ((start > 0 || line_starting_) && StripLeft(text.substr(start)).empty()) return text.substr(0, start);
    return text;
  }

  static char SignOf(char c) { return c == '-' || c == '+' ? c : 0; }

  void Tag(size_t tag) {
    const char kind = source_[tag + 1];
    const char sign = tag + 2 < source_.size() ? SignOf(source_[tag + 2]) : 0;
    Text(Before(source_.substr(at_, tag - at_), sign, kind == '{'));
    const size_t inside = tag + 2 + (sign != 0);
    if (kind == '#') {
      Move(inside);
      return Comment();
    }
    if (kind == '%') {
      const size_t word = SkipSpace(inside);
      if (source_.substr(word, 3) == "raw") {
        const size_t end = SkipSpace(word + 3);
        if (source_.substr(end, 2) == "%}" || source_.substr(end, 3) == "-%}") {
          const bool strip = source_[end] == '-';
          Move(end + 2 + strip);
          if (strip) Move(SkipSpace(at_));
          return Raw();
        }
      }
    }
    Move(inside);
    Push(kind == '{' ? JinjaToken::kOutputBegin : JinjaToken::kBlockBegin, "");
    Inside(kind == '{');
  }

  // After the closing bracket of a block or comment: trim_blocks.
  void MovePast(size_t end, char sign) {
    Move(end);
    if (sign == '-') Move(SkipSpace(at_));
    if (sign == 0 && at_ < source_.size() && source_[at_] == '\n') Move(at_ + 1);
  }

  void Comment() {
    const size_t end = source_.find("#}", at_);
    if (end == std::string_view::npos) Fail("a comment '{#' has no end '#}'");
    MovePast(end + 2, end > at_ ? SignOf(source_[end - 1]) : 0);
  }

  void Raw() {
    for (size_t i = source_.find("{%", at_); i != std::string_view::npos; i = source_.find("{%", i + 2)) {
      const char sign = i + 2 < source_.size() ? SignOf(source_[i + 2]) : 0;
      const size_t word = SkipSpace(i + 2 + (sign != 0));
      if (source_.substr(word, 6) != "endraw") continue;
      const size_t end = SkipSpace(word + 6);
      const char closing = end < source_.size() ? SignOf(source_[end]) : 0;
      if (source_.substr(end + (closing != 0), 2) != "%}") continue;
      Text(Before(source_.substr(at_, i - at_), sign, false));
      return MovePast(end + (closing != 0) + 2, closing);
    }
    Fail("a block '{% raw %}' has no end '{% endraw %}'");
  }

  void Inside(bool output) {
    const std::string_view close = output ? "}}" : "%}";
    std::string open;  // brackets still to close
    for (;;) {
      Move(SkipSpace(at_));
      if (at_ >= source_.size()) Fail(Str("a tag '", output ? "{{" : "{%", "' has no end '", close, "'"));
      if (open.empty()) {
        const char sign = SignOf(source_[at_]);
        if (source_.substr(at_, 2) == close ||
            ((sign == '-' || (sign == '+' && !output)) && source_.substr(at_ + 1, 2) == close)) {
          const char real = source_.substr(at_, 2) == close ? 0 : sign;
          Push(output ? JinjaToken::kOutputEnd : JinjaToken::kBlockEnd, "");
          if (output) {
            Move(at_ + 2 + (real != 0));
            if (real == '-') Move(SkipSpace(at_));
          } else {
            MovePast(at_ + 2 + (real != 0), real);
          }
          return;
        }
      }
      const char c = source_[at_];
      if (IsDigit(c)) {
        Number();
      } else if (IsNameStart(c)) {
        size_t end = at_;
        while (end < source_.size() && (IsNameStart(source_[end]) || IsDigit(source_[end]))) ++end;
        Push(JinjaToken::kName, std::string(source_.substr(at_, end - at_)));
        Move(end);
      } else if (c == '\'' || c == '"') {
        String(c);
      } else {
        Operator(open);
      }
    }
  }

  void Operator(std::string& open) {
    for (const std::string_view op : kOperators) {
      if (!Rest().starts_with(op)) continue;
      if (op == "(" || op == "[" || op == "{") open += op[0] == '(' ? ')' : op[0] == '[' ? ']' : '}';
      if (op == ")" || op == "]" || op == "}") {
        if (open.empty() || open.back() != op[0]) Fail(Str("unexpected '", op, "'"));
        open.pop_back();
      }
      Push(JinjaToken::kOperator, std::string(op));
      Move(at_ + op.size());
      return;
    }
    Fail(Str("unexpected character '", source_.substr(at_, 1), "'"));
  }

  size_t Digits(size_t from) const {
    while (from < source_.size() && (IsDigit(source_[from]) || (source_[from] == '_' && from + 1 < source_.size() &&
                                                                IsDigit(source_[from + 1])))) {
      ++from;
    }
    return from;
  }

  // 0x1F, 0o17, 0b11, as a decimal token.
  bool Based() {
    if (source_[at_] != '0' || at_ + 2 >= source_.size()) return false;
    const char kind = source_[at_ + 1] | 0x20;
    const int base = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;
    if (base == 0) return false;
    std::string digits;
    size_t end = at_ + 2;
    for (; end < source_.size() && (std::isxdigit(static_cast<unsigned char>(source_[end])) != 0 || source_[end] == '_'); ++end) {
      if (source_[end] != '_') digits += source_[end];
    }
    int64_t value = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (digits.empty() || read.ec != std::errc() || read.ptr != digits.data() + digits.size()) {
      Fail(Str("'", source_.substr(at_, end - at_), "' is not a number that pith reads"));
    }
    Push(JinjaToken::kInt, std::to_string(value));
    Move(end);
    return true;
  }

  void Number() {
    if (Based()) return;
    size_t end = Digits(at_);
    bool is_float = false;
    const auto digit_at = [&](size_t i) { return i < source_.size() && IsDigit(source_[i]); };
    const bool after_dot = !tokens_.empty() && tokens_.back().Is(JinjaToken::kOperator, ".");
    if (!after_dot && end < source_.size() && source_[end] == '.' && digit_at(end + 1)) {
      is_float = true;
      end = Digits(end + 1);
    }
    if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      const size_t digits =
          end + 1 + (end + 1 < source_.size() && (source_[end + 1] == '+' || source_[end + 1] == '-'));
      if (digit_at(digits)) {
        is_float = true;
        end = Digits(digits);
      }
    }
    if (end < source_.size() && IsNameStart(source_[end]))
      Fail(Str("'", source_.substr(at_, end + 1 - at_), "' is not a number that pith reads"));
    std::string text(source_.substr(at_, end - at_));
    text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
    Push(is_float ? JinjaToken::kFloat : JinjaToken::kInt, std::move(text));
    Move(end);
  }

  void String(char quote) {
    std::string value;
    size_t i = at_ + 1;
    for (;; ++i) {
      if (i >= source_.size()) Fail("a string has no closing quote");
      if (source_[i] == quote) break;
      if (source_[i] != '\\') {
        value += source_[i];
        continue;
      }
      if (++i >= source_.size()) Fail("a string has no closing quote");
      i = Escape(i, value);
    }
    Push(JinjaToken::kString, std::move(value));
    Move(i + 1);
  }

  // The character at `i` follows a backslash. Returns the index of the escape's last character.
  size_t Escape(size_t i, std::string& value) const {
    const char c = source_[i];
    constexpr std::string_view kFrom = "ntrabfv\\'\"";
    constexpr std::string_view kTo = "\n\t\r\a\b\f\v\\'\"";
    if (const size_t simple = kFrom.find(c); simple != std::string_view::npos) {
      value += kTo[simple];
      return i;
    }
    if (c == '\n') return i;
    if (c >= '0' && c <= '7') {
      int code = 0;
      size_t end = i;
      for (; end < i + 3 && end < source_.size() && source_[end] >= '0' && source_[end] <= '7'; ++end) {
        code = code * 8 + (source_[end] - '0');
      }
      AppendUtf8(value, code);
      return end - 1;
    }
    if (c == 'x' || c == 'u' || c == 'U') {
      const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      uint32_t code = 0;
      for (size_t k = 1; k <= digits; ++k) {
        const char d = i + k < source_.size() ? source_[i + k] : 0;
        const int digit = IsDigit(d)             ? d - '0'
                          : d >= 'a' && d <= 'f' ? d - 'a' + 10
                          : d >= 'A' && d <= 'F' ? d - 'A' + 10
                                                 : -1;
        if (digit < 0) Fail(Str("a string has a broken escape '\\", c, "'"));
        code = code * 16 + static_cast<uint32_t>(digit);
      }
      if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) Fail("a string names a code point that does not exist");
      AppendUtf8(value, static_cast<int32_t>(code));
      return i + digits;
    }
    value += '\\';
    value += c;
    return i;
  }
};

}  // namespace

std::vector<JinjaToken> LexJinja(std::string_view source) { return Lexer(source).Run(); }

}  // namespace pith
