// Python's two ways to write values into a text: '%-5s' % x and '{:>5}'.format(x). Private to this folder.
#pragma once

#include <string>
#include <string_view>

#include "data/template/jinja_runtime.h"

namespace pith {

// format(value, spec), Python's "format specification mini-language": of texts, integers and floats; other values, zeros before
// grouped digits and floats with a precision and no type are refused by name.
std::string JinjaFormatted(const JinjaValue& value, std::string_view spec, JinjaRuntime& rt);

// str.format with {}, {0} and {name}, each with !s, !r and a specification; no attributes, items or nested fields.
std::string JinjaBraceFormat(const std::string& format, const JinjaArgs& args, JinjaRuntime& rt);

}  // namespace pith
