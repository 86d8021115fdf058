#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/json_text.h"
#include "data/template/jinja_runtime.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

using Json = nlohmann::ordered_json;

void AppendEscape(std::string& out, uint32_t unit) {
  char buffer[16];
  std::snprintf(buffer, sizeof(buffer), "\\u%04x", unit);
  out += buffer;
}

std::string JsonString(const std::string& text, bool ensure_ascii) {
  std::string out = "\"";
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeUtf8(text, at);
    switch (c.value) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\f': out += "\\f"; break;
      case '\b': out += "\\b"; break;
      default:
        if (c.value >= 0 && c.value < 0x20) {
          AppendEscape(out, static_cast<uint32_t>(c.value));
        } else if (ensure_ascii && c.value >= 0x10000) {
          AppendEscape(out, 0xD800 + ((static_cast<uint32_t>(c.value) - 0x10000) >> 10));
          AppendEscape(out, 0xDC00 + ((static_cast<uint32_t>(c.value) - 0x10000) & 0x3FF));
        } else if (ensure_ascii && c.value >= 0x7F && c.value != 0x7F) {
          AppendEscape(out, static_cast<uint32_t>(c.value));
        } else {
          out.append(text, at, c.size);
        }
    }
    at += c.size;
  }
  return out + "\"";
}

std::string JsonFloat(double number) {
  return std::isnan(number) ? "NaN" : std::isinf(number) ? (number < 0 ? "-Infinity" : "Infinity") : PythonFloat(number);
}

struct Writer {
  bool ensure_ascii, sort_keys;
  const std::string* indent;
  const std::string &item_separator, &key_separator;
  JinjaRuntime& rt;
  std::string out;

  void Break(int level) {
    if (indent == nullptr) return;
    out += '\n';
    rt.budget.Bytes(indent->size() * static_cast<size_t>(level));
    for (int i = 0; i < level; ++i) out += *indent;
  }

  std::string Key(const JinjaValue& key) {
    if (key.IsString()) return key.AsString();
    if (key.IsBool()) return key.AsBool() ? "true" : "false";
    if (key.IsNone()) return "null";
    if (key.IsFloat()) return JsonFloat(key.AsDouble());
    if (key.IsInt()) return std::to_string(key.AsInt());
    ThrowJinja("keys of JSON cannot be '", key.TypeName(), "'");
  }

  void Write(const JinjaValue& value, int level) {
    rt.budget.Step();
    const size_t before = out.size();
    if (value.IsNone()) {
      out += "null";
    } else if (value.IsBool()) {
      out += value.AsBool() ? "true" : "false";
    } else if (value.IsInt()) {
      out += std::to_string(value.AsInt());
    } else if (value.IsFloat()) {
      out += JsonFloat(value.AsDouble());
    } else if (value.IsString()) {
      out += JsonString(value.AsString(), ensure_ascii);
    } else if (value.IsList()) {
      Sequence('[', ']', value.Items().size(), level, [&](size_t i) { Write(value.Items()[i], level + 1); });
      return;
    } else if (value.IsDict()) {
      auto entries = value.Entries();
      rt.budget.Bytes(entries.size() * sizeof(entries[0]));
      if (sort_keys) {
        std::stable_sort(entries.begin(), entries.end(),
                         [&](const auto& a, const auto& b) { return JinjaOrder(a.first, b.first, rt.budget) < 0; });
      }
      Sequence('{', '}', entries.size(), level, [&](size_t i) {
        out += JsonString(Key(entries[i].first), ensure_ascii) + key_separator;
        Write(entries[i].second, level + 1);
      });
      return;
    } else {
      ThrowJinja("'", value.TypeName(), "' cannot be written as JSON");
    }
    rt.budget.Bytes(out.size() - before);
  }

  template <class WriteOne>
  void Sequence(char open, char close, size_t count, int level, WriteOne write) {
    rt.budget.Bytes(2);
    out += open;
    for (size_t i = 0; i < count; ++i) {
      if (i > 0) out += item_separator;
      rt.budget.Bytes(item_separator.size() + 1);
      Break(level + 1);
      write(i);
    }
    if (count > 0) Break(level);
    out += close;
  }
};

JinjaValue Convert(const Json& json, int depth) {
  if (depth > JinjaBudget::kMaxValueDepth - 2)
    ThrowJinja("JSON is nested deeper than ", JinjaBudget::kMaxValueDepth - 2);
  switch (json.type()) {
    case Json::value_t::boolean: return JinjaValue(json.get<bool>());
    case Json::value_t::number_integer: return JinjaValue(json.get<int64_t>());
    case Json::value_t::number_unsigned:
      if (json.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX))
        ThrowJinja("the integer ", json.get<uint64_t>(), " is beyond 63 bits");
      return JinjaValue(json.get<int64_t>());
    case Json::value_t::number_float: return JinjaValue(json.get<double>());
    case Json::value_t::string: return JinjaValue(json.get<std::string>());
    case Json::value_t::array: {
      std::vector<JinjaValue> items;
      for (const Json& item : json) items.push_back(Convert(item, depth + 1));
      return JinjaValue::List(std::move(items));
    }
    case Json::value_t::object: {
      std::vector<std::pair<JinjaValue, JinjaValue>> entries;
      for (const auto& [key, item] : json.items()) entries.emplace_back(JinjaValue(key), Convert(item, depth + 1));
      return JinjaValue::Dict(std::move(entries));
    }
    default: return JinjaValue();
  }
}

}  // namespace

std::string JinjaToJson(const JinjaValue& value, bool ensure_ascii, const std::string* indent,
                        const std::string& item_separator, const std::string& key_separator, bool sort_keys,
                        JinjaRuntime& rt) {
  Writer writer{ensure_ascii, sort_keys, indent, item_separator, key_separator, rt, ""};
  writer.Write(value, 0);
  return std::move(writer.out);
}

JinjaValue JinjaFromJson(std::string_view json) {
  // Strings with broken UTF-8 are refused by the parser; nesting is counted before a tree is built from it.
  bool deep = false;
  try {
    const Json parsed = Json::parse(json, [&](int d, Json::parse_event_t, Json&) {
      deep = deep || d > JinjaBudget::kMaxValueDepth;
      return !deep;
    });
    if (deep) ThrowJinja("JSON is nested deeper than ", JinjaBudget::kMaxValueDepth - 2);
    return Convert(parsed, 0);
  } catch (const Json::exception& error) {
    const std::string where = JsonBreak(json);
    ThrowJinja("not valid JSON (", where.empty() ? JsonErrorText(error) : where, ")");
  }
}

}  // namespace pith
