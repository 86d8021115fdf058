#include "configs/field_table.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace pith {
namespace {

using Kind = ConfigNode::Kind;

std::string Shown(double value) { return PrintValue(value); }

template <class T>
bool ParseNumber(const ConfigNode& node, T* value) {
  if (node.kind != Kind::kScalar || node.quoted || node.text.empty()) return false;
  const char* begin = node.text.data();
  const char* end = begin + node.text.size();
  if (*begin == '+' && end - begin > 1 && begin[1] != '-') ++begin;
  const auto [stop, error] = std::from_chars(begin, end, *value);
  return error == std::errc() && stop == end;
}

template <class T>
std::string ReadInteger(const ConfigNode& node, T* value) {
  if (ParseNumber(node, value)) return "";
  return Str("an integer from ", std::numeric_limits<T>::min(), " to ", std::numeric_limits<T>::max());
}

template <class T>
std::string ReadList(const ConfigNode& node, const char* example, std::vector<T>* value) {
  if (node.kind != Kind::kList) return Str("a list such as ", example);
  for (const ConfigNode& child : node.children) {
    T element{};
    const std::string expected = ReadValue(child, &element);
    if (!expected.empty()) return Str("a list such as ", example, " (its element ", DescribeNode(child), " is not)");
    value->push_back(std::move(element));
  }
  return "";
}

template <class T>
std::string ReadMap(const ConfigNode& node, const char* example, std::vector<std::pair<std::string, T>>* value) {
  if (node.kind != Kind::kMap) return Str("a map such as ", example);
  for (const ConfigNode& child : node.children) {
    T element{};
    if (!ReadValue(child, &element).empty()) return Str("a map such as ", example, " (its ", child.key, " is ", DescribeNode(child), ")");
    value->emplace_back(child.key, element);
  }
  return "";
}

template <class T>
std::string PrintMap(const std::vector<std::pair<std::string, T>>& value) {
  std::string text = "{";
  for (const auto& [key, element] : value) text += (text.size() > 1 ? ", " : "") + PrintValue(key) + ": " + PrintValue(element);
  return text + "}";
}

template <class T>
std::string PrintList(const std::vector<T>& value) {
  std::string text = "[";
  for (const T& element : value) text += (text.size() > 1 ? ", " : "") + PrintValue(element);
  return text + "]";
}

// Whether YAML reads `text` back as this very text without quotes, wherever it stands.
bool IsPlain(const std::string& text) {
  if (text.empty() || text.back() == ':') return false;
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (!letter(text[0])) return false;
  for (char c : text) {
    if (!letter(c) && !(c >= '0' && c <= '9') && c != '.' && c != '/' && c != '-') return false;
  }
  for (const char* word : {"true", "false", "null", "yes", "no", "on", "off", "inf", "nan"}) {
    bool same = text.size() == std::char_traits<char>::length(word);
    for (size_t i = 0; same && i < text.size(); ++i) same = (text[i] | 0x20) == word[i];
    if (same) return false;
  }
  return true;
}

}  // namespace

NumberRule AnyNumber() {
  return {"", [](double) { return true; }};
}
NumberRule AtLeast(double low) {
  return {"at least " + Shown(low), [=](double x) { return x >= low; }};
}
NumberRule Above(double low) {
  return {"more than " + Shown(low), [=](double x) { return x > low; }};
}
NumberRule Between(double low, double high) {
  return {Str("from ", Shown(low), " to ", Shown(high)), [=](double x) { return x >= low && x <= high; }};
}
NumberRule FromBelow(double low, double high) {
  return {Str("at least ", Shown(low), " and less than ", Shown(high)), [=](double x) { return x >= low && x < high; }};
}
NumberRule AboveUpTo(double low, double high) {
  return {Str("more than ", Shown(low), " and at most ", Shown(high)), [=](double x) { return x > low && x <= high; }};
}
TextRule AnyText() {
  return {"", [](const std::string&) { return true; }};
}
TextRule Required(const std::string& what) {
  return {what, [](const std::string& text) { return !text.empty(); }};
}
TextRule OneOf(std::vector<std::string> names) {
  std::string words;
  for (size_t i = 0; i < names.size(); ++i) {
    words += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + names[i];
  }
  return {words, [names = std::move(names)](const std::string& text) {
            for (const std::string& name : names) {
              if (name == text) return true;
            }
            return false;
          }};
}

std::string ReadValue(const ConfigNode& node, bool* value) {
  if (node.kind != Kind::kScalar || node.quoted || (node.text != "true" && node.text != "false")) return "true or false";
  *value = node.text == "true";
  return "";
}

std::string ReadValue(const ConfigNode& node, int* value) { return ReadInteger(node, value); }
std::string ReadValue(const ConfigNode& node, int64_t* value) { return ReadInteger(node, value); }
std::string ReadValue(const ConfigNode& node, uint64_t* value) { return ReadInteger(node, value); }

std::string ReadValue(const ConfigNode& node, double* value) {
  return ParseNumber(node, value) && std::isfinite(*value) ? "" : "a number";
}

std::string ReadValue(const ConfigNode& node, std::string* value) {
  if (node.kind == Kind::kNull) return "text (\"\" for none)";
  if (node.kind != Kind::kScalar) return "text";
  if (node.text.find('\0') != std::string::npos) return "text without zero bytes";
  *value = node.text;
  return "";
}

std::string ReadValue(const ConfigNode& node, std::vector<int64_t>* value) { return ReadList(node, "[1, 2]", value); }
std::string ReadValue(const ConfigNode& node, std::vector<std::string>* value) {
  return ReadList(node, "[first, second]", value);
}

std::string ReadValue(const ConfigNode& node, std::vector<std::pair<std::string, int64_t>>* value) {
  return ReadMap(node, "{down_proj: 16}", value);
}
std::string ReadValue(const ConfigNode& node, std::vector<std::pair<std::string, double>>* value) {
  return ReadMap(node, "{down_proj: 0.5}", value);
}

std::string ReadValue(const ConfigNode& node, std::optional<double>* value) {
  if (node.kind == Kind::kScalar && node.text == "auto") {
    value->reset();
    return "";
  }
  double number = 0;
  if (!ReadValue(node, &number).empty()) return "a number or auto";
  *value = number;
  return "";
}

std::string PrintValue(bool value) { return value ? "true" : "false"; }
std::string PrintValue(int64_t value) { return std::to_string(value); }
std::string PrintValue(uint64_t value) { return std::to_string(value); }

std::string PrintValue(double value) {
  char buffer[64];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  PITH_CHECK(error == std::errc(), value);
  return std::string(buffer, end);
}

std::string PrintValue(const std::string& value) {
  if (IsPlain(value)) return value;
  std::string text = "\"";
  for (char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (c == '\n') {
      text += "\\n";
    } else if (c == '\t') {
      text += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      const char* digits = "0123456789abcdef";
      text += "\\x";
      text += digits[byte >> 4];
      text += digits[byte & 15];
    } else {
      text += c;
    }
  }
  return text + "\"";
}

std::string PrintValue(const std::vector<int64_t>& value) { return PrintList(value); }
std::string PrintValue(const std::vector<std::string>& value) { return PrintList(value); }
std::string PrintValue(const std::vector<std::pair<std::string, int64_t>>& value) { return PrintMap(value); }
std::string PrintValue(const std::vector<std::pair<std::string, double>>& value) { return PrintMap(value); }
std::string PrintValue(const std::optional<double>& value) { return value ? PrintValue(*value) : "auto"; }

}  // namespace pith
