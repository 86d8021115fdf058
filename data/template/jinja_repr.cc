// Values as texts: Python's str(), repr() and ascii().
#include <charconv>
#include <cmath>

#include "data/template/jinja_value.h"
#include "data/template/python_characters.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

void AppendEscape(std::string& out, int32_t c) {
  constexpr char kHex[] = "0123456789abcdef";
  const int digits = c < 0x100 ? 2 : c < 0x10000 ? 4 : 8;
  out += {'\\', digits == 2 ? 'x' : digits == 4 ? 'u' : 'U'};
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) out += kHex[c >> shift & 15];
}

std::string Quote(const std::string& text) {
  const char quote = text.find('\'') != std::string::npos && text.find('"') == std::string::npos ? '"' : '\'';
  std::string out(1, quote);
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeUtf8(text, at);
    if (c.value == quote || c.value == '\\') {
      out += {'\\', text[at]};
    } else if (c.value == '\n') {
      out += "\\n";
    } else if (c.value == '\r') {
      out += "\\r";
    } else if (c.value == '\t') {
      out += "\\t";
    } else if (c.value < 0 || IsPythonPrintable(c.value)) {
      out.append(text, at, c.size);
    } else {
      AppendEscape(out, c.value);
    }
    at += c.size;
  }
  return out + quote;
}

std::string ViewText(const JinjaView& view, JinjaBudget& budget) {
  if (view.kind != JinjaView::kRange) return Str(view.TypeName(), "(", JinjaRepr(view.items, budget), ")");
  return view.step == 1 ? Str("range(", view.start, ", ", view.stop, ")") : Str("range(", view.start, ", ", view.stop, ", ", view.step, ")");
}

}  // namespace

std::string PythonFloat(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  const double size = std::fabs(value);
  char buffer[64];
  const bool exponent = size != 0 && (size < 1e-4 || size >= 1e16);
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value,
                                 exponent ? std::chars_format::scientific : std::chars_format::fixed);
  std::string text(buffer, end.ptr);
  if (!exponent && text.find('.') == std::string::npos) text += ".0";
  return text;
}

std::string JinjaRepr(const JinjaValue& value, JinjaBudget& budget) {
  budget.Step();
  if (value.IsString()) {
    budget.Bytes(value.AsString().size());
    return value.IsMarkup() ? "Markup(" + Quote(value.AsString()) + ")" : Quote(value.AsString());
  }
  if (value.IsUndefined()) return "Undefined";
  if (value.IsList()) {
    std::string out(1, value.IsTuple() ? '(' : '[');
    bool first = true;
    for (const JinjaValue& item : value.Items()) {
      if (!first) out += ", ";
      first = false;
      out += JinjaRepr(item, budget);
    }
    if (value.IsTuple() && value.Items().size() == 1) out += ',';
    budget.Bytes(out.size());
    return out + (value.IsTuple() ? ')' : ']');
  }
  if (value.IsDict()) {
    std::string out = "{";
    for (const auto& [key, item] : value.Entries()) {
      if (out.size() > 1) out += ", ";
      out += JinjaRepr(key, budget) + ": " + JinjaRepr(item, budget);
    }
    budget.Bytes(out.size());
    return out + "}";
  }
  return JinjaToString(value, budget);
}

std::string JinjaAscii(const JinjaValue& value, JinjaBudget& budget) {
  const std::string shown = JinjaRepr(value, budget);
  budget.Bytes(shown.size() * 10);
  std::string out;
  for (size_t at = 0; at < shown.size();) {
    const CodePoint c = DecodeUtf8(shown, at);
    if (c.value < 0x80) {
      out.append(shown, at, c.size);
    } else {
      AppendEscape(out, c.value);
    }
    at += c.size;
  }
  return out;
}

std::string JinjaToString(const JinjaValue& value, JinjaBudget& budget) {
  if (value.IsUndefined()) return "";
  if (value.IsNone()) return "None";
  if (value.IsBool()) return value.AsBool() ? "True" : "False";
  if (value.IsInt()) return std::to_string(value.AsInt());
  if (value.IsFloat()) return PythonFloat(value.AsDouble());
  if (value.IsString()) {
    budget.Bytes(value.AsString().size());
    return value.AsString();
  }
  if (const auto view = value.As<JinjaView>()) return ViewText(*view, budget);
  if (value.IsObject()) {
    const std::string text = value.Object()->Text();
    if (text.empty()) ThrowJinja("pith lacks the text of a ", value.TypeName());
    return text;
  }
  return JinjaRepr(value, budget);
}

}  // namespace pith
