#include "data/template/jinja_lexer.h"

#include <algorithm>
#include <utility>

#include "data/template/jinja_literals.h"
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
        // a.0 is an item of a, even in a.0.1
        Take(ReadJinjaNumber(source_, at_, !tokens_.empty() && tokens_.back().Is(JinjaToken::kOperator, ".")));
      } else if (IsNameStart(c)) {
        size_t end = at_;
        while (end < source_.size() && (IsNameStart(source_[end]) || IsDigit(source_[end]))) ++end;
        Push(JinjaToken::kName, std::string(source_.substr(at_, end - at_)));
        Move(end);
      } else if (c == '\'' || c == '"') {
        Take(ReadJinjaString(source_, at_));
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

  void Take(JinjaLiteral literal) {
    if (!literal.problem.empty()) Fail(literal.problem);
    Push(literal.kind, std::move(literal.text));
    Move(literal.end);
  }
};

}  // namespace

std::vector<JinjaToken> LexJinja(std::string_view source) { return Lexer(source).Run(); }

}  // namespace pith
