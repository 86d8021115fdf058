#include "data/template/python_numbers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "data/template/jinja_lexer.h"
#include "data/template/jinja_literals.h"
#include "data/template/jinja_value.h"
#include "data/template/python_characters.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

// In ASCII: digits of all scripts as 0 to 9, what surrounds the number taken away.
std::string Plain(std::string_view text) {
  return MapCodePoints(StripLeft(StripRight(text)), [](std::string& out, int32_t c) {
    const int digit = PythonDecimalValue(c);
    digit >= 0 ? out.push_back(static_cast<char>('0' + digit)) : AppendUtf8(out, c);
  });
}

// Underscores may stand between two digits. False when one stands elsewhere.
bool RemoveUnderscores(std::string* text, int (*digit)(char)) {
  std::string out;
  for (size_t i = 0; i < text->size(); ++i) {
    if ((*text)[i] != '_') {
      out += (*text)[i];
    } else if (i == 0 || i + 1 == text->size() || digit((*text)[i - 1]) < 0 || digit((*text)[i + 1]) < 0) {
      return false;
    }
  }
  *text = std::move(out);
  return true;
}

int Decimal(char c) { return IsDigit(c) ? c - '0' : -1; }
int AnyDigit(char c) {
  const char lower = static_cast<char>(c | 0x20);
  return IsDigit(c) ? c - '0' : lower >= 'a' && lower <= 'z' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::optional<double> PythonParseFloat(std::string_view text) {
  std::string plain = Plain(text);
  if (!RemoveUnderscores(&plain, Decimal)) return std::nullopt;
  const bool negative = plain.starts_with('-');
  if (negative || plain.starts_with('+')) plain.erase(0, 1);
  std::string lower = plain;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  double value = 0;
  if (lower == "inf" || lower == "infinity") {
    value = HUGE_VAL;
  } else if (lower == "nan") {
    value = std::nan("");
  } else {
    if (lower.empty() || (!IsDigit(lower[0]) && lower[0] != '.')) return std::nullopt;
    const auto end = std::from_chars(plain.data(), plain.data() + plain.size(), value);
    if (end.ec == std::errc::invalid_argument || end.ptr != plain.data() + plain.size()) return std::nullopt;
    if (end.ec == std::errc::result_out_of_range) value = std::strtod(plain.c_str(), nullptr);  // infinity, or 0
  }
  return negative ? -value : value;
}

std::optional<int64_t> PythonParseInt(std::string_view text, int64_t base) {
  if (base != 0 && (base < 2 || base > 36)) return std::nullopt;
  std::string plain = Plain(text);
  const bool negative = plain.starts_with('-');
  if (negative || plain.starts_with('+')) plain.erase(0, 1);
  if (plain.size() > 1 && plain[0] == '0') {
    const char kind = static_cast<char>(plain[1] | 0x20);
    const int64_t named = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 0;
    if (named != 0 && (base == 0 || base == named)) {
      base = named;
      plain.erase(0, 2);
      if (plain.starts_with('_')) plain.erase(0, 1);
    } else if (base == 0 && plain.find_first_not_of("0_") != std::string::npos) {
      return std::nullopt;  // 012
    }
  }
  if (base == 0) base = 10;
  if (!RemoveUnderscores(&plain, AnyDigit) || plain.empty()) return std::nullopt;
  for (const char c : plain) {
    if (AnyDigit(c) < 0 || AnyDigit(c) >= base) return std::nullopt;
  }
  if (negative) plain.insert(0, 1, '-');
  int64_t value = 0;
  const auto end = std::from_chars(plain.data(), plain.data() + plain.size(), value, static_cast<int>(base));
  if (end.ec == std::errc::result_out_of_range) ThrowJinja("pith lacks integers beyond 64 bits, such as ", std::string_view(plain).substr(0, 40));
  return value;
}

double PythonRound(double value, int64_t digits) {
  constexpr int64_t kMostDigits = 330;
  if (!std::isfinite(value) || digits > kMostDigits) return value;
  if (digits < -kMostDigits) return 0.0 * value;
  if (digits >= 0) {
    char buffer[800];  // the exact decimal expansion, rounded half to even
    std::snprintf(buffer, sizeof(buffer), "%.*f", static_cast<int>(digits), value);
    return std::strtod(buffer, nullptr);
  }
  char buffer[1600];  // exact, too: a double has at most 1074 digits behind its point
  std::snprintf(buffer, sizeof(buffer), "%.1074f", std::fabs(value));
  std::string whole(buffer, std::string_view(buffer).find('.'));
  const bool fraction = std::string_view(buffer).substr(whole.size() + 1).find_first_not_of('0') != std::string_view::npos;
  const auto dropped = static_cast<size_t>(-digits);
  whole.insert(0, whole.size() <= dropped ? dropped + 1 - whole.size() : 0, '0');
  const std::string rest = whole.substr(whole.size() - dropped);
  std::string kept = whole.substr(0, whole.size() - dropped);
  const bool more = rest[0] > '5' || (rest[0] == '5' && (fraction || rest.find_first_not_of('0', 1) != std::string::npos));
  const bool half = rest[0] == '5' && !more;
  if (more || (half && (kept.back() - '0') % 2 == 1)) {
    size_t i = kept.size();
    while (i > 0 && kept[i - 1] == '9') kept[--i] = '0';
    i > 0 ? static_cast<void>(++kept[i - 1]) : static_cast<void>(kept.insert(0, 1, '1'));
  }
  return std::copysign(std::strtod((kept + std::string(dropped, '0')).c_str(), nullptr), value);
}

}  // namespace pith
