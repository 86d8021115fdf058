// Lists of maps: settings whose elements have a field table of their own, {kind: format, weight: 0.5}. An element may also be
// the bare value of the table's first key. And single groups of such keys.
#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "configs/field_table.h"

namespace pith {

template <class E>
struct ElementRules {
  FieldTable<E> fields;
  // An element before its keys are read, by the value of its first key ("" where that is left out): others' defaults may
  // depend on it.
  std::function<E(const std::string& first)> start;
  std::string example;  // "a term such as {kind: budget}"
};

template <class E>
E ReadElement(const ElementRules<E>& rules, const ConfigNode& node, const std::string& path, Problems* problems) {
  const Field<E>& first = rules.fields.front();
  if (node.kind == ConfigNode::Kind::kScalar) {
    const E bare = rules.start(node.text);
    first.check(bare, path, problems);
    return bare;
  }
  E element = rules.start("");
  if (node.kind != ConfigNode::Kind::kMap || node.children.empty()) {
    const bool empty = node.kind == ConfigNode::Kind::kMap;
    problems->push_back({path, (empty ? "is empty" : "got " + DescribeNode(node)) + ", expected " + rules.example, {}});
    return element;
  }
  for (const ConfigNode& child : node.children) {
    if (child.key == first.key && child.kind == ConfigNode::Kind::kScalar) element = rules.start(child.text);
  }
  std::vector<std::string> given, known;
  for (const Field<E>& field : rules.fields) known.push_back(field.key);
  const size_t before = problems->size();
  for (const ConfigNode& child : node.children) {
    const std::string child_path = path + "." + child.key;
    const auto field = std::find_if(rules.fields.begin(), rules.fields.end(), [&](const auto& f) { return f.key == child.key; });
    if (field == rules.fields.end()) {
      const std::string near = NearestName(child.key, known);
      problems->push_back({child_path, "unknown key" + (near.empty() ? "" : "; did you mean " + near + "?"), {}});
      continue;
    }
    given.push_back(child.key);
    field->read(child, child_path, &element, problems);
  }
  if (problems->size() == before) first.check(element, path + "." + first.key, problems);
  if (problems->size() > before) return element;
  for (const Field<E>& field : rules.fields) {
    const bool set = std::find(given.begin(), given.end(), field.key) != given.end();
    if (set && field.applies && !field.applies(element)) {
      problems->push_back({path + "." + field.key,
                           "has no effect unless " + field.only_when + "; this one is " + first.print(element), {}});
    }
  }
  return element;
}

// `shown`: which fields of an element are printed; null: all.
template <class S, class E>
Field<S> MakeListField(std::vector<E> S::*member, const std::string& key, const std::string& type, const std::string& doc,
                       const ElementRules<E>& rules, std::function<bool(const Field<E>&)> shown = nullptr) {
  Field<S> list;
  list.key = key;
  list.type = type;
  list.doc = doc;
  list.read = [member, rules](const ConfigNode& node, const std::string& path, S* settings, Problems* problems) {
    if (node.kind != ConfigNode::Kind::kList) {
      problems->push_back({path, "got " + DescribeNode(node) + ", expected a list of elements, each " + rules.example, {}});
      return;
    }
    (settings->*member).clear();
    for (size_t i = 0; i < node.children.size(); ++i) {
      (settings->*member).push_back(ReadElement(rules, node.children[i], path + "[" + std::to_string(i) + "]", problems));
    }
  };
  list.check = [member, rules](const S& settings, const std::string& path, Problems* problems) {
    for (size_t i = 0; i < (settings.*member).size(); ++i) {
      const E& element = (settings.*member)[i];
      for (const Field<E>& field : rules.fields) {
        if (field.applies && !field.applies(element)) continue;
        field.check(element, path + "[" + std::to_string(i) + "]." + field.key, problems);
      }
    }
  };
  const auto print = [member, rules, shown](const S& settings, const std::string& stage) {
    std::string text = "[";
    for (const E& element : settings.*member) {
      std::string inside;
      for (const Field<E>& field : rules.fields) {
        if ((field.applies && !field.applies(element)) || (shown && !shown(field)) || (!stage.empty() && !field.BelongsTo(stage))) continue;
        inside += (inside.empty() ? "" : ", ") + field.key + ": " + field.print(element);
      }
      text += (text.size() > 1 ? ", {" : "{") + inside + "}";
    }
    return text + "]";
  };
  list.print = [print](const S& settings) { return print(settings, ""); };
  list.print_in = print;
  return list;
}

// A group of keys inside a section, {command: [python3, judge.py], workers: 4}, with a table of its own. `shown` prints a group
// that says something; null: all of them.
template <class S, class E>
Field<S> MakeGroupField(E S::*member, const std::string& key, const std::string& doc, const FieldTable<E>& fields, const std::string& example,
                        std::function<bool(const E&)> shown) {
  Field<S> group;
  group.key = key;
  group.type = "group of keys";
  group.doc = doc;
  group.read = [member, fields, example](const ConfigNode& node, const std::string& path, S* settings, Problems* problems) {
    if (node.kind != ConfigNode::Kind::kMap) {
      problems->push_back({path, "got " + DescribeNode(node) + ", expected keys such as " + example, {}});
      return;
    }
    const size_t before = problems->size();
    E& element = settings->*member;
    std::vector<std::string> known;
    for (const Field<E>& field : fields) known.push_back(field.key);
    for (const ConfigNode& child : node.children) {
      const std::string child_path = path + "." + child.key;
      const auto field = std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return f.key == child.key; });
      if (field == fields.end()) {
        const std::string near = NearestName(child.key, known);
        problems->push_back({child_path, "unknown key" + (near.empty() ? "" : "; did you mean " + near + "?"), {}});
      } else {
        field->read(child, child_path, &element, problems);
      }
    }
    if (problems->size() > before) return;
    for (const ConfigNode& child : node.children) {
      const auto field = std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return f.key == child.key; });
      if (field->applies && !field->applies(element)) problems->push_back({path + "." + child.key, "has no effect unless " + field->only_when, {}});
    }
  };
  group.check = [member, fields](const S& settings, const std::string& path, Problems* problems) {
    for (const Field<E>& field : fields) {
      if (!field.applies || field.applies(settings.*member)) field.check(settings.*member, path + "." + field.key, problems);
    }
  };
  group.print = [member, fields, shown](const S& settings) {
    const E& element = settings.*member;
    std::string inside;
    for (const Field<E>& field : fields) {
      if ((shown && !shown(element)) || (field.applies && !field.applies(element))) continue;
      inside += (inside.empty() ? "" : ", ") + field.key + ": " + field.print(element);
    }
    return "{" + inside + "}";
  };
  return group;
}

}  // namespace pith
