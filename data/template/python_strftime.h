// A time as a text, as Python's datetime.strftime writes it in the locale C.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "data/template/jinja_value.h"

namespace pith {

// `format` with its codes filled in from `time`, which is in no time zone: %z and %Z are empty. %f is microseconds, which `time`
// has none of. Flags and widths as the C library has them (%-d, %_H, %05Y, %^a). JinjaError for a format longer than 4000 bytes.
std::string PythonStrftime(std::string_view format, std::tm time);

}  // namespace pith
