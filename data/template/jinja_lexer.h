// A template's source cut into tokens, with Jinja's whitespace control (trim_blocks, lstrip_blocks, '-' and '+')
// applied.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pith {

struct JinjaToken {
  enum Kind { kText, kOutputBegin, kOutputEnd, kBlockBegin, kBlockEnd, kName, kString, kInt, kFloat, kOperator, kEnd };
  Kind kind = kEnd;
  std::string text;  // of strings: the value, escapes resolved
  int line = 0;

  bool Is(Kind k, std::string_view t) const { return kind == k && text == t; }
};

// JinjaError with the line when the source is not well formed. The last token is kEnd.
std::vector<JinjaToken> LexJinja(std::string_view source);

bool IsPythonSpace(int code_point);  // str.isspace
std::string_view StripLeft(std::string_view text);
std::string_view StripRight(std::string_view text);

}  // namespace pith
