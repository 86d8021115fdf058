#include "data/template/jinja_formats.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "data/template/jinja_literals.h"
#include "data/template/jinja_markup.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

constexpr int64_t kMaxWidth = 1000;

struct Spec {
  std::string fill = " ";
  char align = 0, sign = 0, group = 0, type = 0;
  bool filled = false, alternate = false, zero = false;
  int64_t width = 0, precision = -1;
};

int64_t ReadNumber(std::string_view spec, size_t* at) {
  int64_t number = 0;
  for (; *at < spec.size() && IsDigit(spec[*at]); ++*at) {
    number = number * 10 + (spec[*at] - '0');
    if (number > kMaxWidth) ThrowJinja("the format '", spec, "' is wider than ", kMaxWidth);
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
  if (is(at, "#")) spec.alternate = ++at > 0;
  if (is(at, "0")) spec.zero = ++at > 0;
  spec.width = ReadNumber(text, &at);
  if (is(at, ",_")) spec.group = text[at++];
  if (is(at, ".")) {
    if (!is(++at, "0123456789")) ThrowJinja("the format '", text, "' has no precision behind its point");
    spec.precision = ReadNumber(text, &at);
  }
  if (is(at, "sbcdoxXneEfFgG%")) spec.type = text[at++];
  if (at < text.size()) ThrowJinja("pith lacks the format '", text, "'");
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

std::string FirstCodePoints(const std::string& text, int64_t count) {
  size_t at = 0;
  for (; count > 0 && at < text.size(); --count) at += DecodeUtf8(text, at).size;
  return text.substr(0, at);
}

std::string Digits(uint64_t magnitude, int base, bool upper) {
  std::string digits;
  do {
    digits += (upper ? "0123456789ABCDEF" : "0123456789abcdef")[magnitude % static_cast<uint64_t>(base)];
    magnitude /= static_cast<uint64_t>(base);
  } while (magnitude > 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

uint64_t Magnitude(int64_t value) { return value < 0 ? ~static_cast<uint64_t>(value) + 1 : static_cast<uint64_t>(value); }

std::string Grouped(const std::string& digits, char separator, size_t size) {
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % size == 0) out += separator;
    out += digits[i];
  }
  return out;
}

std::string OfText(const std::string& text, std::string_view shown, const Spec& spec) {
  if ((spec.type != 0 && spec.type != 's') || spec.sign != 0 || spec.alternate || spec.group != 0 || spec.align == '=') {
    ThrowJinja("the format '", shown, "' is none of a text");
  }
  return Filled("", spec.precision >= 0 ? FirstCodePoints(text, spec.precision) : text, spec, spec.align == 0 ? '<' : spec.align);
}

std::string OfNumber(const std::string& sign, std::string prefix, const std::string& body, std::string_view shown, const Spec& spec) {
  const char align = spec.align != 0 ? spec.align : spec.zero ? '=' : '>';
  if (spec.group != 0 && align == '=' && spec.fill == "0") ThrowJinja("pith lacks the format '", shown, "'");
  const std::string head = (!sign.empty() ? sign : spec.sign == '+' ? "+" : spec.sign == ' ' ? " " : "") + prefix;
  return Filled(head, body, spec, align);
}

std::string OfInteger(int64_t value, std::string_view shown, const Spec& spec) {
  if (spec.precision >= 0) ThrowJinja("the format '", shown, "' is none of an integer: it has a precision");
  if (spec.type == 'c') {
    std::string character;
    if (spec.sign != 0 || spec.group != 0 || spec.alternate) ThrowJinja("the format '", shown, "' is none of a character");
    if (value < 0 || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) ThrowJinja("no character has the number ", value);
    AppendUtf8(character, static_cast<int32_t>(value));
    return OfNumber("", "", character, shown, spec);
  }
  if (spec.type == 's') ThrowJinja("the format '", shown, "' is none of an integer");
  const int base = spec.type == 'b' ? 2 : spec.type == 'o' ? 8 : spec.type == 'x' || spec.type == 'X' ? 16 : 10;
  if (base != 10 && spec.group == ',') ThrowJinja("the format '", shown, "' groups by commas what is not decimal");
  std::string digits = Digits(Magnitude(value), base, spec.type == 'X');
  if (spec.group != 0) digits = Grouped(digits, spec.group, base == 10 ? 3 : 4);
  const std::string prefix = spec.alternate && base != 10 ? std::string("0") + spec.type : "";
  return OfNumber(value < 0 ? "-" : "", prefix, digits, shown, spec);
}

std::string OfFloat(double value, std::string_view shown, const Spec& spec) {
  if (std::string_view("bcdoxXs").find(spec.type) != std::string_view::npos && spec.type != 0) {
    ThrowJinja("the format '", shown, "' is none of a float");
  }
  if (spec.alternate || spec.type == 'n' || (spec.type == 0 && spec.precision >= 0)) ThrowJinja("pith lacks the format '", shown, "'");
  const std::string sign = std::signbit(value) && !std::isnan(value) ? "-" : "";
  std::string body;
  if (spec.type == 0) {
    body = PythonFloat(std::abs(value));
  } else {
    char buffer[1500];
    const char kind = spec.type == '%' ? 'f' : spec.type;
    const std::string format = std::string("%.") + std::to_string(spec.precision < 0 ? 6 : spec.precision) + kind;
    std::snprintf(buffer, sizeof(buffer), format.c_str(), std::isnan(value) ? std::abs(value) : std::abs(value) * (spec.type == '%' ? 100 : 1));
    body = buffer;
    if (spec.type == '%') body += '%';
  }
  if (spec.group != 0) {
    const size_t whole = std::min(body.find_first_not_of("0123456789"), body.size());
    body = Grouped(body.substr(0, whole), spec.group, 3) + body.substr(whole);
  }
  return OfNumber(sign, "", body, shown, spec);
}

struct Flags {
  Spec spec;
  bool left = false;
};

Flags ReadFlags(std::string_view text) {
  Flags flags;
  size_t at = 0;
  for (; at < text.size() && std::string_view("-+ #0").find(text[at]) != std::string_view::npos; ++at) {
    if (text[at] == '-') flags.left = true;
    if (text[at] == '+' || (text[at] == ' ' && flags.spec.sign == 0)) flags.spec.sign = text[at];
    if (text[at] == '#') flags.spec.alternate = true;
    if (text[at] == '0') flags.spec.zero = true;
  }
  flags.spec.width = ReadNumber(text, &at);
  if (at < text.size() && text[at] == '.') flags.spec.precision = ReadNumber(text, &++at);
  if (at < text.size()) ThrowJinja("pith lacks the format '%", text, "'");
  return flags;
}

// One place of a %-format: the flags, width and precision between '%' and its kind.
std::string PercentFormatted(const JinjaValue& value, const std::string& written, char kind, JinjaRuntime& rt) {
  Flags flags = ReadFlags(written);
  Spec& spec = flags.spec;
  const bool whole = value.IsInt() || value.IsBool();
  if (kind == 's' || kind == 'r' || (kind == 'c' && value.IsString())) {
    std::string text = kind == 'r' ? JinjaRepr(value, rt.budget) : JinjaToString(value, rt.budget);
    if (kind == 'c' && CountCodePoints(text) != 1) ThrowJinja("the format '%c' wants one character, not '", text, "'");
    if (spec.precision >= 0 && kind != 'c') text = FirstCodePoints(text, spec.precision);
    return Filled("", text, spec, flags.left ? '<' : '>');
  }
  if (spec.zero && !flags.left) spec.fill = "0";
  spec.align = flags.left ? '<' : spec.zero ? '=' : '>';
  spec.zero = false;
  if (kind == 'd' || kind == 'i' || kind == 'u' || ((kind == 'x' || kind == 'X' || kind == 'o') && whole)) {
    if (!value.IsNumber() || (value.IsFloat() && !(std::abs(value.AsDouble()) < 9.2e18))) {
      ThrowJinja("pith lacks the format '%", written, kind, "' for this ", value.TypeName());
    }
    const int64_t number = value.IsFloat() ? static_cast<int64_t>(value.AsDouble()) : value.AsInt();
    const int base = kind == 'o' ? 8 : kind == 'x' || kind == 'X' ? 16 : 10;
    std::string digits = Digits(Magnitude(number), base, kind == 'X');
    if (const auto size = static_cast<int64_t>(digits.size()); spec.precision > size) digits.insert(0, static_cast<size_t>(spec.precision - size), '0');
    return OfNumber(number < 0 ? "-" : "", spec.alternate && base != 10 ? std::string("0") + kind : "", digits, written, spec);
  }
  if (std::string_view("fFeEgG").find(kind) == std::string_view::npos || !value.IsNumber()) {
    ThrowJinja("pith lacks the format '%", written, kind, "' for '", value.TypeName(), "'");
  }
  spec.type = kind;
  return OfFloat(value.AsDouble(), written, spec);
}

}  // namespace

std::string JinjaFormatted(const JinjaValue& value, std::string_view text, JinjaRuntime& rt) {
  if (text.empty()) return JinjaToString(value, rt.budget);
  if (value.IsUndefined() || !(value.IsString() || value.IsNumber())) {
    ThrowJinja("'", value.TypeName(), "' cannot be written in the format '", text, "'");
  }
  const Spec spec = ReadSpec(text);
  if (value.IsString()) return OfText(value.AsString(), text, spec);
  const bool as_float = value.IsFloat() || (spec.type != 0 && std::string_view("eEfFgG%").find(spec.type) != std::string_view::npos);
  return as_float ? OfFloat(value.AsDouble(), text, spec) : OfInteger(value.AsInt(), text, spec);
}

JinjaValue JinjaPercentFormat(const JinjaValue& text, const std::vector<JinjaValue>& given, JinjaRuntime& rt) {
  const std::string& format = text.AsString();
  const std::vector<JinjaValue> values = text.IsMarkup() ? JinjaMarkupArgs("format", {given, {}}, rt).positional : given;
  std::string out;
  size_t next = 0;
  bool by_name = false;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    if (++i >= format.size()) ThrowJinja("a format ends in '%'");
    if (format[i] == '%') {
      out += '%';
      continue;
    }
    const JinjaValue* value = nullptr;
    if (format[i] == '(') {
      const size_t end = format.find(')', i);
      if (end == std::string::npos || values.size() != 1 || !values[0].IsDict()) ThrowJinja("a format names its values, but got no dictionary");
      value = values[0].Find(JinjaValue(format.substr(i + 1, end - i - 1)), rt.budget);
      if (value == nullptr) ThrowJinja("a format names '", format.substr(i + 1, end - i - 1), "', which its dictionary lacks");
      by_name = true;
      i = end + 1;
    }
    std::string flags;
    while (i < format.size() && std::string_view("0123456789.-+ #").find(format[i]) != std::string_view::npos) flags += format[i++];
    if (value == nullptr && next < values.size()) value = &values[next++];
    if (i >= format.size() || value == nullptr) ThrowJinja("a format has more places than values");
    out += PercentFormatted(*value, flags, format[i], rt);
    rt.budget.Size(out.size());
  }
  const bool dictionary = values.size() == 1 && values[0].IsDict();  // Python does not mind that it is not used up
  if (!by_name && next < values.size() && !dictionary) ThrowJinja("a format has fewer places than values");
  return JinjaMarkupLike(text, rt.Text(std::move(out)), rt);
}

std::string JinjaBraceFormat(const std::string& format, const JinjaArgs& args, JinjaRuntime& rt) {
  std::string out;
  size_t next = 0;
  bool numbered = false;
  for (size_t i = 0; i < format.size(); ++i) {
    const char c = format[i];
    if ((c == '{' || c == '}') && i + 1 < format.size() && format[i + 1] == c) {
      out += c;
      ++i;
    } else if (c == '{') {
      const size_t end = format.find('}', i);
      if (end == std::string::npos) ThrowJinja("a format has '{' without '}'");
      const std::string field = format.substr(i + 1, end - i - 1);
      i = end;
      const size_t colon = std::min(field.find(':'), field.size());
      const std::string spec = colon < field.size() ? field.substr(colon + 1) : "";
      std::string name = field.substr(0, colon);
      const bool as_text = name.ends_with("!s"), as_repr = name.ends_with("!r");
      if (as_text || as_repr) name.resize(name.size() - 2);
      const JinjaValue* value = nullptr;
      if (name.find_first_not_of("0123456789") == std::string::npos && name.size() < 6) {
        numbered = numbered || !name.empty();
        const size_t index = name.empty() ? next++ : static_cast<size_t>(std::stoul(name));
        if (numbered && next > 0) ThrowJinja("a format has places with and without numbers");
        if (index < args.positional.size()) value = &args.positional[index];
      } else {
        for (const auto& [given, named] : args.named) {
          if (given == name) value = &named;
        }
      }
      if (value == nullptr) ThrowJinja("pith cannot fill the place '{", field, "}' of a format");
      JinjaValue written = *value;
      if (as_repr) written = JinjaValue(JinjaRepr(*value, rt.budget));
      if (as_text) written = JinjaValue(JinjaToString(*value, rt.budget));
      out += JinjaFormatted(written, spec, rt);
    } else if (c == '}') {
      ThrowJinja("a format has '}' without '{'");
    } else {
      out += c;
    }
    rt.budget.Bytes(1);
    rt.budget.Size(out.size());
  }
  return out;
}

}  // namespace pith
