#include "configs/field_table.h"

#include <charconv>

#include "base/error.h"

namespace pith {
namespace {

using Kind = ConfigNode::Kind;

template <class T>
bool ReadNumber(const ConfigNode& node, T* value) {
  if (node.kind != Kind::kScalar || node.quoted) return false;
  const std::optional<T> number = NumberFromText<T>(node.text);
  if (number) *value = *number;
  return number.has_value();
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

std::string ReadValue(const ConfigNode& node, const NumberRule&, bool* value) {
  if (node.kind != Kind::kScalar || node.quoted || (node.text != "true" && node.text != "false")) return "true or false";
  *value = node.text == "true";
  return "";
}

std::string ReadValue(const ConfigNode& node, const NumberRule& rule, int* value) {
  return ReadNumber(node, value) ? "" : NumberWords<int>(rule);
}
std::string ReadValue(const ConfigNode& node, const NumberRule& rule, int64_t* value) {
  return ReadNumber(node, value) ? "" : NumberWords<int64_t>(rule);
}
std::string ReadValue(const ConfigNode& node, const NumberRule& rule, uint64_t* value) {
  return ReadNumber(node, value) ? "" : NumberWords<uint64_t>(rule);
}
std::string ReadValue(const ConfigNode& node, const NumberRule& rule, double* value) {
  return ReadNumber(node, value) ? "" : NumberWords<double>(rule);
}

std::string ReadValue(const ConfigNode& node, const NumberRule& rule, std::optional<double>* value) {
  if (node.kind == Kind::kScalar && node.text == "auto") {
    value->reset();
    return "";
  }
  double number = 0;
  if (!ReadNumber(node, &number)) return NumberWords<double>(rule) + ", or auto";
  *value = number;
  return "";
}

std::string ReadValue(const ConfigNode& node, const TextRule&, std::string* value) {
  if (node.kind == Kind::kNull) return "text (\"\" for none)";
  if (node.kind != Kind::kScalar) return "text";
  if (node.text.find('\0') != std::string::npos) return "text without zero bytes";
  *value = node.text;
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
