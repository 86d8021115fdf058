// Python's format specification mini-language: [[fill]align][sign][#][0][width][grouping][.precision][type].
#include "data/template/jinja_formats.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "data/template/jinja_literals.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

using Spec = JinjaFormatSpec;

int64_t ReadNumber(std::string_view spec, size_t* at) {
  int64_t number = 0;
  for (; *at < spec.size() && IsDigit(spec[*at]); ++*at) {
    number = number * 10 + (spec[*at] - '0');
    if (number > kMaxFormatWidth) ThrowJinja("pith lacks the format '", spec, "': it is wider than ", kMaxFormatWidth);
  }
  return number;
}

Spec ReadSpec(std::string_view text) {
  Spec spec;
  size_t at = 0;
  const auto is = [&](size_t i, std::string_view of) { return i < text.size() && of.find(text[i]) != std::string_view::npos; };
  const size_t first = DecodeUtf8(text, 0).size;
  if (is(first, "<>=^")) {
    spec.fill = text.substr(0, first);
    spec.filled = true;
    spec.align = text[first];
    at = first + 1;
  } else if (is(0, "<>=^")) {
    spec.align = text[at++];
  }
  if (is(at, "+- ")) spec.sign = text[at++];
  if (is(at, "z")) ThrowJinja("pith lacks the format '", text, "': it has Python's 'z'");
  if (is(at, "#")) spec.alternate = ++at > 0;
  if (is(at, "0")) spec.zero = ++at > 0;
  spec.width = ReadNumber(text, &at);
  if (is(at, ",_")) spec.group = text[at++];
  if (is(at, ".")) {
    if (!is(++at, "0123456789")) ThrowJinja("the format '", text, "' has no precision behind its point");
    spec.precision = ReadNumber(text, &at);
  }
  if (is(at, "sbcdoxXneEfFgG%")) spec.type = text[at++];
  if (at < text.size()) ThrowJinja("'", text, "' is no format");
  if (spec.zero && !spec.filled) spec.fill = "0";
  return spec;
}

std::string Filled(const std::string& head, const std::string& body, const Spec& spec, char align) {
  const auto size = static_cast<int64_t>(CountCodePoints(head) + CountCodePoints(body));
  const int64_t missing = std::max<int64_t>(spec.width - size, 0);
  const int64_t left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  std::string before, after;
  for (int64_t i = 0; i < missing; ++i) (i < left ? before : after) += spec.fill;
  return align == '=' ? head + before + body : before + head + body + after;
}

std::string Digits(uint64_t magnitude, int base, bool upper) {
  const std::string_view letters = upper ? "0123456789ABCDEF" : "0123456789abcdef";
  std::string digits;
  do {
    digits += letters[magnitude % static_cast<uint64_t>(base)];
    magnitude /= static_cast<uint64_t>(base);
  } while (magnitude > 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::string Grouped(const std::string& digits, char separator, size_t size) {
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % size == 0) out += separator;
    out += digits[i];
  }
  return out;
}

// The number's sign, prefix (0x), whole digits, and what stands behind them, filled to the width.
std::string OfNumber(bool negative, const std::string& prefix, std::string whole, const std::string& rest, size_t group_size, const Spec& spec) {
  const char align = spec.align != 0 ? spec.align : spec.zero ? '=' : '>';
  const std::string head = (negative ? "-" : spec.sign == '+' ? "+" : spec.sign == ' ' ? " " : "") + prefix;
  if (spec.group != 0 && !whole.empty()) {
    const auto room = spec.width - static_cast<int64_t>(head.size() + rest.size());
    std::string grouped = Grouped(whole, spec.group, group_size);
    while (align == '=' && spec.fill == "0" && static_cast<int64_t>(grouped.size()) < room) {  // zeros are grouped, too
      whole.insert(0, 1, '0');
      grouped = Grouped(whole, spec.group, group_size);
    }
    whole = std::move(grouped);
  }
  return Filled(head, whole + rest, spec, align);
}

std::string Printed(const Spec& spec, char kind, int64_t precision, double value) {
  char buffer[1500];
  const std::string format = std::string(spec.alternate ? "%#." : "%.") + std::to_string(precision) + kind;
  std::snprintf(buffer, sizeof(buffer), format.c_str(), value);
  return buffer;
}

// A float with a precision and no type: as 'g', but never an integer's looks, and so one digit sooner with an exponent.
std::string General(const Spec& spec, double size) {
  if (!std::isfinite(size)) return Printed(spec, 'g', 6, size);
  const int64_t digits = std::max<int64_t>(spec.precision, 1);
  const std::string scientific = Printed(spec, 'e', digits - 1, size);
  const size_t e = scientific.find('e');
  const int64_t point = std::stoll(scientific.substr(e + 1)) + 1;
  const bool exponent = point <= -4 || point > digits - 1;
  std::string mantissa = exponent ? scientific.substr(0, e) : Printed(spec, 'f', digits - point, size);
  if (!spec.alternate && mantissa.find('.') != std::string::npos) {
    mantissa.resize(mantissa.find_last_not_of('0') + 1);
    if (mantissa.back() == '.') mantissa.pop_back();
  }
  if (exponent) return mantissa + scientific.substr(e);
  return mantissa.find('.') == std::string::npos ? mantissa + ".0" : mantissa + (mantissa.back() == '.' ? "0" : "");
}

bool IsOneOf(char type, std::string_view types) { return type != 0 && types.find(type) != std::string_view::npos; }

}  // namespace

std::string JinjaFirstCodePoints(const std::string& text, int64_t count) {
  size_t at = 0;
  for (; count > 0 && at < text.size(); --count) at += DecodeUtf8(text, at).size;
  return text.substr(0, at);
}

std::string JinjaCharacter(int64_t code_point) {
  std::string character;
  if (code_point < 0 || code_point > 0x10FFFF || (code_point >= 0xD800 && code_point < 0xE000)) ThrowJinja("no character has the number ", code_point);
  AppendUtf8(character, static_cast<int32_t>(code_point));
  return character;
}

std::string JinjaFormatText(const std::string& text, std::string_view shown, const Spec& spec) {
  if ((spec.type != 0 && spec.type != 's') || spec.sign != 0 || spec.alternate || spec.group != 0 || spec.align == '=') {
    ThrowJinja("the format '", shown, "' is none of a text");
  }
  return Filled("", spec.precision >= 0 ? JinjaFirstCodePoints(text, spec.precision) : text, spec, spec.align == 0 ? '<' : spec.align);
}

std::string JinjaFormatInteger(int64_t value, std::string_view shown, const Spec& spec) {
  if (spec.precision >= 0) ThrowJinja("the format '", shown, "' is none of an integer: it has a precision");
  if (spec.type == 'c') {
    if (spec.sign != 0 || spec.group != 0 || spec.alternate) ThrowJinja("the format '", shown, "' is none of a character");
    return Filled("", JinjaCharacter(value), spec, spec.align != 0 ? spec.align : spec.zero ? '=' : '>');
  }
  if (spec.type == 's') ThrowJinja("the format '", shown, "' is none of an integer");
  const int base = spec.type == 'b' ? 2 : spec.type == 'o' ? 8 : IsOneOf(spec.type, "xX") ? 16 : 10;
  if ((base != 10 && spec.group == ',') || (spec.type == 'n' && spec.group != 0)) ThrowJinja("the format '", shown, "' groups what has no groups");
  const uint64_t magnitude = value < 0 ? ~static_cast<uint64_t>(value) + 1 : static_cast<uint64_t>(value);
  const std::string prefix = spec.alternate && base != 10 ? std::string("0") + spec.type : "";
  return OfNumber(value < 0, prefix, Digits(magnitude, base, spec.type == 'X'), "", base == 10 ? 3 : 4, spec);
}

std::string JinjaFormatFloat(double value, std::string_view shown, const Spec& spec) {
  if (IsOneOf(spec.type, "bcdoxXs")) ThrowJinja("the format '", shown, "' is none of a float");
  if (spec.type == 'n' && spec.group != 0) ThrowJinja("the format '", shown, "' groups what has no groups");
  if (spec.alternate && spec.type == 0 && spec.precision < 0) ThrowJinja("pith lacks the format '", shown, "' of a float: '#' without a type or precision");
  const double size = std::fabs(value);
  std::string body;
  if (spec.type == 0) {
    body = spec.precision < 0 ? PythonFloat(size) : General(spec, size);
  } else {
    const char kind = spec.type == '%' ? 'f' : spec.type == 'n' ? 'g' : spec.type;
    body = Printed(spec, kind, spec.precision < 0 ? 6 : spec.precision, spec.type == '%' ? size * 100 : size);
    if (spec.type == '%') body += '%';
  }
  const size_t whole = std::min(body.find_first_not_of("0123456789"), body.size());
  return OfNumber(std::signbit(value) && !std::isnan(value), "", body.substr(0, whole), body.substr(whole), 3, spec);
}

std::string JinjaFormatted(const JinjaValue& value, std::string_view text, JinjaRuntime& rt) {
  if (text.empty()) return JinjaToString(value, rt.budget);
  if (!value.IsString() && !value.IsNumber()) {
    ThrowJinja("'", value.TypeName(), "' cannot be written in the format '", text, "'");
  }
  const Spec spec = ReadSpec(text);
  if (value.IsString()) return JinjaFormatText(value.AsString(), text, spec);
  const bool as_float = value.IsFloat() || IsOneOf(spec.type, "eEfFgG%");
  return as_float ? JinjaFormatFloat(value.AsDouble(), text, spec) : JinjaFormatInteger(value.AsInt(), text, spec);
}

}  // namespace pith
