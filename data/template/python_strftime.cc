#include "data/template/python_strftime.h"

namespace pith {

std::string PythonStrftime(std::string_view format, std::tm time) {
  constexpr size_t kMaxFormat = 4000;
  if (format.size() > kMaxFormat) ThrowJinja("pith lacks date formats longer than ", kMaxFormat, " bytes");
  if (format.find('\0') != std::string_view::npos) ThrowJinja("a date format holds the character 0");
  // These three are Python's, not the C library's.
  std::string codes;
  for (size_t i = 0; i < format.size(); ++i) {
    const char next = format[i] == '%' && i + 1 < format.size() ? format[i + 1] : 0;
    if (next == 'f') codes += "000000";
    if (next != 'f' && next != 'z' && next != 'Z') codes += format[i];
    if (next == '%') codes += '%';
    if (next == 'f' || next == 'z' || next == 'Z' || next == '%') ++i;
  }
  if (codes.empty()) return "";
  time.tm_isdst = -1;
  time.tm_gmtoff = 0;
  time.tm_zone = "";
  std::string text;
  for (size_t size = 1024;; size *= 2) {
    text.resize(size);
    const size_t used = std::strftime(text.data(), size, codes.c_str(), &time);
    text.resize(used);
    if (used > 0 || size >= 256 * codes.size()) return text;  // a text may be empty: %p in some places
  }
}

}  // namespace pith
