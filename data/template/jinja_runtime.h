// What expressions of a template can do: operators, attributes, methods, filters, tests, functions. All raise
// JinjaError.
#pragma once

#include <algorithm>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/template/jinja_value.h"

namespace pith {

struct JinjaArgs {
  std::vector<JinjaValue> positional;
  std::vector<std::pair<std::string, JinjaValue>> named;

  JinjaArgs Without(size_t first) const;  // the positional arguments after the first `first`
};

struct JinjaNamespace : JinjaObject {
  std::vector<std::pair<std::string, JinjaValue>> values;
  const char* TypeName() const override { return "Namespace"; }
  JinjaValue* Find(std::string_view name);
};

struct JinjaLoop : JinjaObject {
  JinjaValue items;   // a list
  int64_t depth0 = 0;  // of recursive loops
  bool recursive = false;
  bool Callable() const override { return recursive; }
  int Depth() const override { return std::max(items.Depth(), last_changed.Depth()) + 1; }
  int64_t index = 0;  // from 0
  JinjaValue last_changed = JinjaValue::Undefined("changed");
  bool has_changed = false;
  const char* TypeName() const override { return "LoopContext"; }
  std::optional<int64_t> Length() const override { return static_cast<int64_t>(items.Items().size()); }
  std::string Text() const override { return Str("<LoopContext ", index + 1, "/", items.Items().size(), ">"); }
};

struct JinjaFunction : JinjaObject {  // a global function by name
  explicit JinjaFunction(std::string n) : name(std::move(n)) {}
  std::string name;
  const char* TypeName() const override { return "function"; }
  bool Callable() const override { return true; }
};

struct JinjaMethod : JinjaObject {  // self.name, not called yet
  JinjaMethod(JinjaValue s, std::string n) : self(std::move(s)), name(std::move(n)) {}
  JinjaValue self;
  std::string name;
  const char* TypeName() const override { return "builtin_function_or_method"; }
  int Depth() const override { return self.Depth() + 1; }
  bool Callable() const override { return true; }
};

struct JinjaRuntime {
  JinjaBudget budget;
  std::tm now{};
  // Namespaces are the only values that can change and so the only ones that can form cycles: they live here.
  std::vector<std::shared_ptr<JinjaNamespace>> namespaces;
  JinjaRuntime() = default;
  JinjaRuntime(const JinjaRuntime&) = delete;
  ~JinjaRuntime() {
    for (auto& space : namespaces) space->values.clear();
  }

  // A new string value, paid for.
  JinjaValue Text(std::string text) {
    budget.Bytes(text.size());
    budget.Step(static_cast<int64_t>(text.size() / 256));
    return JinjaValue(std::move(text));
  }
  JinjaValue Generator(std::vector<JinjaValue> items) {
    return JinjaValue(std::static_pointer_cast<JinjaObject>(std::make_shared<JinjaGenerator>(List(std::move(items)))));
  }
  // The items that `make` gives. What it throws is thrown when the items are read, if ever, as in Python.
  template <class Make>
  JinjaValue Lazily(Make make) {
    try {
      return Generator(make());
    } catch (const JinjaError& error) {
      auto failing = std::make_shared<JinjaGenerator>(JinjaValue::List({}));
      failing->error = error.what();
      return JinjaValue(std::static_pointer_cast<JinjaObject>(failing));
    }
  }
  JinjaValue List(std::vector<JinjaValue> items, bool tuple = false) {
    budget.Bytes(items.size() * sizeof(JinjaValue));
    budget.Step(static_cast<int64_t>(items.size()));
    return JinjaValue::List(std::move(items), tuple);
  }
};

JinjaValue JinjaBinary(std::string_view op, const JinjaValue& a, const JinjaValue& b, JinjaRuntime& rt);
bool JinjaContains(const JinjaValue& container, const JinjaValue& item, JinjaRuntime& rt);  // item in container
bool JinjaCompare(std::string_view op, const JinjaValue& a, const JinjaValue& b, JinjaRuntime& rt);
JinjaValue JinjaAttribute(const JinjaValue& object, const std::string& name, JinjaRuntime& rt);  // object.name
// The same without looking among a dictionary's keys.
JinjaValue JinjaTypeAttribute(const JinjaValue& object, const std::string& name, JinjaRuntime& rt);
JinjaValue JinjaItem(const JinjaValue& object, const JinjaValue& index, JinjaRuntime& rt);       // object[index]
JinjaValue JinjaSlice(const JinjaValue& object, const JinjaValue* start, const JinjaValue* stop, const JinjaValue* step,
                      JinjaRuntime& rt);

bool JinjaHasMethod(const JinjaValue& self, std::string_view name);
bool JinjaForbids(const JinjaValue& self, std::string_view name);          // a method that the sandbox hides, for it changes the value
bool JinjaLacksAttribute(const JinjaValue& self, std::string_view name);   // Python has it, pith has not
std::optional<JinjaValue> JinjaNumberAttribute(const JinjaValue& number, std::string_view name);  // real, imag, …
JinjaValue JinjaCallMethod(const JinjaValue& self, const std::string& name, const JinjaArgs& args, JinjaRuntime& rt);
JinjaValue JinjaFilter(const std::string& name, const JinjaValue& value, const JinjaArgs& args, JinjaRuntime& rt);
bool JinjaTest(const std::string& name, const JinjaValue& value, const JinjaArgs& args, JinjaRuntime& rt);
bool JinjaHasFilter(std::string_view name);
bool JinjaLacksFilter(std::string_view name);  // jinja2 has it, pith has not
bool JinjaHasTest(std::string_view name);
bool JinjaHasFunction(std::string_view name);
JinjaValue JinjaCallFunction(const std::string& name, const JinjaArgs& args, JinjaRuntime& rt);

// Pieces of string methods that filters share.
enum class JinjaStripSide { kBoth, kLeft, kRight };
std::string JinjaStrip(const std::string& text, const JinjaValue* characters, JinjaStripSide side);
// Where `part` is in `text`, first from `from` on, or last; npos when nowhere. Linear, unlike std::string's.
size_t JinjaFind(std::string_view text, std::string_view part, size_t from = 0);
size_t JinjaFindLast(std::string_view text, std::string_view part);
std::string JinjaReplace(const std::string& text, const std::string& from, const std::string& to, int64_t count,
                         JinjaRuntime& rt);
std::vector<std::string> JinjaSplitLines(const std::string& text, bool keep_ends);
int64_t JinjaToInt(const JinjaValue& value, std::string_view what);  // JinjaError unless an int or bool

// JSON as Python's json.dumps writes it. `indent` is nullptr for one line.
std::string JinjaToJson(const JinjaValue& value, bool ensure_ascii, const std::string* indent,
                        const std::string& item_separator, const std::string& key_separator, bool sort_keys,
                        JinjaRuntime& rt);
JinjaValue JinjaFromJson(std::string_view json);  // JinjaError when it is not JSON

}  // namespace pith
