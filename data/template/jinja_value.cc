#include "data/template/jinja_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "data/text/unicode_class.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

int CheckedDepth(int depth) {
  if (depth > JinjaBudget::kMaxValueDepth) ThrowJinja("values are nested deeper than ", JinjaBudget::kMaxValueDepth);
  return depth;
}

std::string Quote(const std::string& text) {
  const char quote = text.find('\'') != std::string::npos && text.find('"') == std::string::npos ? '"' : '\'';
  std::string out(1, quote);
  constexpr char kHex[] = "0123456789abcdef";
  const auto hex = [&](char kind, int32_t value, int digits) {
    out += '\\';
    out += kind;
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) out += kHex[value >> shift & 15];
  };
  for (size_t at = 0; at < text.size();) {
    const CodePoint code = DecodeUtf8(text, at);
    const char c = text[at];
    const auto byte = static_cast<unsigned char>(c);
    const size_t begin = at;
    at += code.size;
    if (byte >= 0x80) {  // what str.isprintable refuses: controls, formats, separators, unassigned and private characters
      constexpr const char* kHidden[] = {"C", "Z"};
      CategoryMask hidden = 0;
      for (const char* name : kHidden) hidden |= CategoriesByName(name);
      if ((CategoryOf(code.value) & hidden) == 0) {
        out.append(text, begin, code.size);
      } else if (code.value < 0x100) {
        hex('x', code.value, 2);
      } else if (code.value < 0x10000) {
        hex('u', code.value, 4);
      } else {
        hex('U', code.value, 8);
      }
    } else if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + quote;
}

int Sign(double a, double b) { return a < b ? -1 : a > b ? 1 : 0; }

}  // namespace

JinjaValue JinjaValue::Undefined(const std::string& name) {
  JinjaValue value;
  value.data_ = JinjaUndefined{std::make_shared<const std::string>(name)};
  return value;
}

JinjaValue JinjaValue::List(std::vector<JinjaValue> items, bool tuple) {
  auto list = std::make_shared<JinjaList>();
  for (const JinjaValue& item : items) list->depth = std::max(list->depth, item.Depth() + 1);
  CheckedDepth(list->depth);
  list->items = std::move(items);
  list->tuple = tuple;
  JinjaValue value;
  value.data_ = std::shared_ptr<const JinjaList>(std::move(list));
  return value;
}

JinjaValue JinjaValue::Dict(std::vector<std::pair<JinjaValue, JinjaValue>> entries) {
  auto dict = std::make_shared<JinjaDict>();
  for (const auto& [key, item] : entries) dict->depth = std::max({dict->depth, item.Depth() + 1, key.Depth() + 1});
  CheckedDepth(dict->depth);
  dict->entries = std::move(entries);
  JinjaValue value;
  value.data_ = std::shared_ptr<const JinjaDict>(std::move(dict));
  return value;
}

bool JinjaValue::IsTuple() const { return IsList() && std::get<std::shared_ptr<const JinjaList>>(data_)->tuple; }
const std::vector<JinjaValue>& JinjaValue::Items() const {
  return std::get<std::shared_ptr<const JinjaList>>(data_)->items;
}
const std::vector<std::pair<JinjaValue, JinjaValue>>& JinjaValue::Entries() const {
  return std::get<std::shared_ptr<const JinjaDict>>(data_)->entries;
}

int JinjaValue::Depth() const {
  if (IsList()) return std::get<std::shared_ptr<const JinjaList>>(data_)->depth;
  if (IsDict()) return std::get<std::shared_ptr<const JinjaDict>>(data_)->depth;
  if (IsObject()) return Object()->Depth();
  return 0;
}

bool JinjaValue::Truthy() const {
  if (IsUndefined() || IsNone()) return false;
  if (IsFloat()) return AsDouble() != 0.0;
  if (IsNumber()) return AsInt() != 0;
  if (IsString()) return !AsString().empty();
  if (IsList()) return !Items().empty();
  if (IsDict()) return !Entries().empty();
  return true;
}

std::string JinjaValue::TypeName() const {
  if (IsUndefined()) return "Undefined";
  if (IsNone()) return "NoneType";
  if (IsBool()) return "bool";
  if (IsInt()) return "int";
  if (IsFloat()) return "float";
  if (IsString()) return "str";
  if (IsTuple()) return "tuple";
  if (IsList()) return "list";
  if (IsDict()) return "dict";
  return Object()->TypeName();
}

const JinjaValue* JinjaValue::Find(const JinjaValue& key, JinjaBudget& budget) const {
  const auto& entries = Entries();
  budget.Step(static_cast<int64_t>(entries.size() / 8));
  for (const auto& [have, value] : entries) {
    if (JinjaEqual(have, key, budget)) return &value;
  }
  return nullptr;
}

bool JinjaEqual(const JinjaValue& a, const JinjaValue& b, JinjaBudget& budget) {
  budget.Step();
  if (a.IsNumber() && b.IsNumber()) {
    return a.IsFloat() || b.IsFloat() ? a.AsDouble() == b.AsDouble() : a.AsInt() == b.AsInt();
  }
  if (a.IsString() && b.IsString()) {
    budget.Step(static_cast<int64_t>(std::min(a.AsString().size(), b.AsString().size()) / 64));
    return a.AsString() == b.AsString();
  }
  if (a.IsList() && b.IsList()) {
    if (a.IsTuple() != b.IsTuple() || a.Items().size() != b.Items().size()) return false;
    for (size_t i = 0; i < a.Items().size(); ++i) {
      if (!JinjaEqual(a.Items()[i], b.Items()[i], budget)) return false;
    }
    return true;
  }
  if (a.IsDict() && b.IsDict()) {
    if (a.Entries().size() != b.Entries().size()) return false;
    for (const auto& [key, value] : a.Entries()) {
      const JinjaValue* other = b.Find(key, budget);
      if (other == nullptr || !JinjaEqual(value, *other, budget)) return false;
    }
    return true;
  }
  if (a.IsObject() && b.IsObject()) return a.Object() == b.Object();
  return (a.IsNone() && b.IsNone()) || (a.IsUndefined() && b.IsUndefined());
}

int JinjaOrder(const JinjaValue& a, const JinjaValue& b, JinjaBudget& budget) {
  budget.Step();
  if (a.IsNumber() && b.IsNumber()) {
    if (a.IsFloat() || b.IsFloat()) return Sign(a.AsDouble(), b.AsDouble());
    return a.AsInt() < b.AsInt() ? -1 : a.AsInt() > b.AsInt();
  }
  if (a.IsString() && b.IsString()) {
    budget.Step(static_cast<int64_t>(std::min(a.AsString().size(), b.AsString().size()) / 64));
    return a.AsString().compare(b.AsString());  // UTF-8 sorts as its code points do
  }
  if (a.IsList() && b.IsList() && a.IsTuple() == b.IsTuple()) {
    const size_t common = std::min(a.Items().size(), b.Items().size());
    for (size_t i = 0; i < common; ++i) {
      if (!JinjaEqual(a.Items()[i], b.Items()[i], budget)) return JinjaOrder(a.Items()[i], b.Items()[i], budget);
    }
    return Sign(static_cast<double>(a.Items().size()), static_cast<double>(b.Items().size()));
  }
  if (a.IsUndefined()) ThrowJinja("'", a.UndefinedName(), "' is undefined");
  if (b.IsUndefined()) ThrowJinja("'", b.UndefinedName(), "' is undefined");
  ThrowJinja("'", a.TypeName(), "' and '", b.TypeName(), "' cannot be ordered");
}

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
  if (value.IsObject()) ThrowJinja("a ", value.TypeName(), " cannot be written out");
  return JinjaRepr(value, budget);
}

std::vector<JinjaValue> JinjaIterate(const JinjaValue& value, JinjaBudget& budget) {
  if (value.IsUndefined()) return {};
  std::vector<JinjaValue> items;
  if (const auto generator = value.As<JinjaGenerator>()) {
    if (std::exchange(generator->used, true)) return {};
    if (!generator->error.empty()) throw JinjaError(generator->error);
    return JinjaIterate(generator->items, budget);
  }
  if (value.IsList()) {
    items = value.Items();
  } else if (value.IsDict()) {
    for (const auto& [key, item] : value.Entries()) items.push_back(key);
  } else if (value.IsString()) {
    const std::string& text = value.AsString();
    budget.Step(static_cast<int64_t>(text.size()));
    budget.Bytes(text.size() * sizeof(JinjaValue));
    for (size_t at = 0; at < text.size();) {
      const size_t size = DecodeUtf8(text, at).size;
      items.emplace_back(text.substr(at, size));
      at += size;
    }
  } else {
    ThrowJinja("'", value.TypeName(), "' cannot be iterated over");
  }
  budget.Step(static_cast<int64_t>(items.size()));
  budget.Bytes(items.size() * sizeof(JinjaValue));
  return items;
}

int64_t JinjaLength(const JinjaValue& value) {
  if (value.IsUndefined()) return 0;
  if (value.IsString()) return static_cast<int64_t>(CountCodePoints(value.AsString()));
  if (value.IsList()) return static_cast<int64_t>(value.Items().size());
  if (value.IsDict()) return static_cast<int64_t>(value.Entries().size());
  ThrowJinja("'", value.TypeName(), "' has no length");
}

}  // namespace pith
