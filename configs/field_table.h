// Field tables: each setting is declared once (member, key, unit, doc, rule), and loading, --set, the resolved dump and
// the reference page all read that one declaration.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/number_rule.h"
#include "configs/config_tree.h"

namespace pith {

// What a text must satisfy, in words and as a predicate. Of numbers: base/number_rule.h.
struct TextRule {
  std::string words;
  std::function<bool(const std::string&)> holds;
};

TextRule AnyText();
TextRule Required(const std::string& what);       // not empty
TextRule OneOf(std::vector<std::string> names);

using Problems = std::vector<ConfigProblem>;

// One setting of the struct S. Problems name the key they are told and carry no place: the loader knows where keys stand.
template <class S>
struct Field {
  std::string key, type, unit, doc, rule;
  // Checks the value's type and stores it.
  std::function<void(const ConfigNode& node, const std::string& path, S* settings, Problems* problems)> read;
  // Checks the stored value against the rule.
  std::function<void(const S& settings, const std::string& path, Problems* problems)> check;
  std::function<std::string(const S&)> print;  // as YAML on one line
  // The field has an effect only when …; given in another case it is an error. Null: always.
  std::string only_when;
  std::function<bool(const S&)> applies;

  std::vector<std::string> stages;  // that read it; empty: all that read its section
  std::string alias;                // TRL's name of the setting, which may be written instead; may be empty
  std::function<std::string(const S&, const std::string& stage)> print_in = {};  // of lists of maps: without the keys that the stage does not read; null: print()

  bool BelongsTo(const std::string& stage) const {
    return stages.empty() || std::find(stages.begin(), stages.end(), stage) != stages.end();
  }
  Field OnlyIn(std::vector<std::string> only) && {
    stages = std::move(only);
    return std::move(*this);
  }
  Field Alias(const std::string& other_key) && {
    alias = other_key;
    return std::move(*this);
  }
  Field When(const std::string& words, std::function<bool(const S&)> predicate) && {
    only_when = words;
    applies = std::move(predicate);
    return std::move(*this);
  }
};

template <class S>
using FieldTable = std::vector<Field<S>>;

// One value of YAML as a C++ value; a non-empty result says what was expected. Of numbers only the type is checked.
std::string ReadValue(const ConfigNode& node, const NumberRule& rule, bool* value);
std::string ReadValue(const ConfigNode& node, const NumberRule& rule, int* value);
std::string ReadValue(const ConfigNode& node, const NumberRule& rule, int64_t* value);
std::string ReadValue(const ConfigNode& node, const NumberRule& rule, uint64_t* value);
std::string ReadValue(const ConfigNode& node, const NumberRule& rule, double* value);
std::string ReadValue(const ConfigNode& node, const NumberRule& rule, std::optional<double>* value);  // nothing: auto
std::string ReadValue(const ConfigNode& node, const TextRule& rule, std::string* value);
std::string PrintValue(bool value);
std::string PrintValue(int64_t value);
std::string PrintValue(uint64_t value);
inline std::string PrintValue(int value) { return PrintValue(static_cast<int64_t>(value)); }
std::string PrintValue(double value);  // the shortest form that reads back to the same number
std::string PrintValue(const std::string& value);
std::string PrintValue(const std::vector<int64_t>& value);
std::string PrintValue(const std::vector<std::string>& value);
std::string PrintValue(const std::vector<std::pair<std::string, int64_t>>& value);
std::string PrintValue(const std::vector<std::pair<std::string, double>>& value);
std::string PrintValue(const std::optional<double>& value);

namespace field_table_internal {

template <class T>
constexpr const char* TypeName() {
  if constexpr (std::is_same_v<T, bool>) return "true/false";
  else if constexpr (std::is_integral_v<T>) return "integer";
  else if constexpr (std::is_floating_point_v<T>) return "number";
  else if constexpr (std::is_same_v<T, std::string>) return "text";
  else if constexpr (std::is_same_v<T, std::vector<int64_t>>) return "list of integers";
  else if constexpr (std::is_same_v<T, std::vector<std::pair<std::string, int64_t>>>) return "map to integers";
  else if constexpr (std::is_same_v<T, std::vector<std::pair<std::string, double>>>) return "map to numbers";
  else if constexpr (std::is_same_v<T, std::optional<double>>) return "number or auto";
  else return "list of texts";
}

// What a list or a map of such elements looks like.
inline const char* Example(const std::vector<int64_t>&) { return "a list such as [1, 2]"; }
inline const char* Example(const std::vector<std::string>&) { return "a list such as [first, second]"; }
inline const char* Example(const std::vector<std::pair<std::string, int64_t>>&) { return "a map such as {down_proj: 16}"; }
inline const char* Example(const std::vector<std::pair<std::string, double>>&) { return "a map such as {down_proj: 0.5}"; }

inline void Refuse(const ConfigNode& node, const std::string& expected, const std::string& path, Problems* problems) {
  problems->push_back({path, "got " + DescribeNode(node) + ", expected " + expected, {}});
}

template <class T, class Rule>
void Read(const ConfigNode& node, const Rule& rule, const std::string& path, T* value, Problems* problems) {
  const std::string expected = ReadValue(node, rule, value);
  if (!expected.empty()) Refuse(node, expected, path, problems);
}
template <class T, class Rule>
void Read(const ConfigNode& node, const Rule& rule, const std::string& path, std::vector<T>* list, Problems* problems) {
  if (node.kind != ConfigNode::Kind::kList) return Refuse(node, Example(*list), path, problems);
  for (const ConfigNode& child : node.children) {
    list->emplace_back();
    Read(child, rule, path + "[" + std::to_string(list->size() - 1) + "]", &list->back(), problems);
  }
}
template <class T, class Rule>
void Read(const ConfigNode& node, const Rule& rule, const std::string& path, std::vector<std::pair<std::string, T>>* map, Problems* problems) {
  if (node.kind != ConfigNode::Kind::kMap) return Refuse(node, Example(*map), path, problems);
  for (const ConfigNode& child : node.children) {
    map->emplace_back(child.key, T{});
    Read(child, rule, path + "." + child.key, &map->back().second, problems);
  }
}

template <class T, class Rule>
void CheckRule(const T& value, const Rule& rule, const std::string& path, Problems* problems);

template <class T, class Rule>
void CheckElement(const T& value, const Rule& rule, const std::string& path, size_t index, Problems* problems) {
  CheckRule(value, rule, path + "[" + std::to_string(index) + "]", problems);
}
template <class T, class Rule>
void CheckElement(const std::pair<std::string, T>& entry, const Rule& rule, const std::string& path, size_t, Problems* problems) {
  CheckRule(entry.second, rule, path + "." + entry.first, problems);
}

template <class T, class Rule>
void CheckRule(const T& value, const Rule& rule, const std::string& path, Problems* problems) {
  if constexpr (std::is_arithmetic_v<T>) {
    if (!rule.holds(static_cast<double>(value))) {
      problems->push_back({path, "got " + PrintValue(value) + ", expected " + NumberWords<T>(rule), {}});
    }
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!rule.holds(value)) {
      problems->push_back({path, "got " + (value.empty() ? std::string("nothing") : PrintValue(value)) + ", expected " +
                                     rule.words, {}});
    }
  } else if constexpr (std::is_same_v<T, std::optional<double>>) {
    if (value) CheckRule(*value, rule, path, problems);
  } else {
    for (size_t i = 0; i < value.size(); ++i) CheckElement(value[i], rule, path, i, problems);
  }
}

}  // namespace field_table_internal

// Declares one field. For lists and maps the rule holds for each element.
template <class S, class T, class Rule>
Field<S> MakeField(T S::*member, const std::string& key, const std::string& unit, const std::string& doc, Rule rule) {
  Field<S> field;
  field.key = key;
  field.type = field_table_internal::TypeName<T>();
  field.unit = unit;
  field.doc = doc;
  field.rule = rule.words;
  field.read = [member, rule](const ConfigNode& node, const std::string& path, S* settings, Problems* problems) {
    T value{};
    const size_t before = problems->size();
    field_table_internal::Read(node, rule, path, &value, problems);
    if (problems->size() == before) settings->*member = std::move(value);
  };
  field.check = [member, rule](const S& settings, const std::string& path, Problems* problems) {
    field_table_internal::CheckRule(settings.*member, rule, path, problems);
  };
  field.print = [member](const S& settings) { return PrintValue(settings.*member); };
  return field;
}

template <class S>
Field<S> MakeField(bool S::*member, const std::string& key, const std::string& doc) {
  return MakeField(member, key, "", doc, AnyNumber());
}

}  // namespace pith
