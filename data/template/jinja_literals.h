// Numbers and strings as a template's source writes them.
#pragma once

#include <string>
#include <string_view>

#include "data/template/jinja_lexer.h"

namespace pith {

inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }
inline bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80); }

struct JinjaLiteral {
  JinjaToken::Kind kind = JinjaToken::kString;
  std::string text;     // of numbers: decimal, without underscores; of strings: the value, escapes resolved
  size_t end = 0;       // index behind it
  std::string problem;  // why it cannot be read; empty when it was
};

// The number whose first digit is source[at]: 12, 1_000, 1.5e-3, 0x1F, 0o17, 0b11. `whole`: a point behind it is none of its own.
JinjaLiteral ReadJinjaNumber(std::string_view source, size_t at, bool whole);
// The string whose opening quote is source[at].
JinjaLiteral ReadJinjaString(std::string_view source, size_t at);

}  // namespace pith
