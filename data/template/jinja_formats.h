// Python's two ways to write values into a text: '%-5s' % x and '{:>5}'.format(x). Private to this folder.
#pragma once

#include <string>
#include <string_view>

#include "data/template/jinja_runtime.h"

namespace pith {

// One place of a format: how wide, how precise, of which kind.
struct JinjaFormatSpec {
  std::string fill = " ";
  char align = 0, sign = 0, group = 0, type = 0;  // 0: not given
  bool filled = false, alternate = false, zero = false;
  int64_t width = 0, precision = -1;
};

inline constexpr int64_t kMaxFormatWidth = 1000;

// Pieces of both ways. `shown` is the format as it was written, for messages.
std::string JinjaFormatText(const std::string& text, std::string_view shown, const JinjaFormatSpec& spec);
std::string JinjaFormatInteger(int64_t value, std::string_view shown, const JinjaFormatSpec& spec);
std::string JinjaFormatFloat(double value, std::string_view shown, const JinjaFormatSpec& spec);
std::string JinjaFirstCodePoints(const std::string& text, int64_t count);
std::string JinjaCharacter(int64_t code_point);

// format(value, spec), Python's "format specification mini-language".
std::string JinjaFormatted(const JinjaValue& value, std::string_view spec, JinjaRuntime& rt);

// format % values, of a string: a tuple holds several values, a dictionary named ones.
JinjaValue JinjaPercentFormat(const JinjaValue& format, const JinjaValue& values, JinjaRuntime& rt);

// str.format over `args`, or str.format_map over `mapping` where that is given. What is put into markup is escaped.
std::string JinjaBraceFormat(const JinjaValue& format, const JinjaArgs& args, const JinjaValue* mapping, JinjaRuntime& rt);

}  // namespace pith
