// Values of chat templates: Python's, as far as Jinja shows them. Strings are UTF-8; their lengths and indices count
// code points. Lists and dictionaries never change once made, so copies share.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"

namespace pith {

// What goes wrong inside a template; ChatTemplate turns it into a UserError with the line.
class JinjaError : public std::runtime_error {
 public:
  JinjaError(const std::string& text, int line = 0) : std::runtime_error(text), line_(line) {}
  int line() const { return line_; }  // 0: where the interpreter stands

 private:
  int line_;
};

template <class... Args>
[[noreturn]] void ThrowJinja(const Args&... args) {
  throw JinjaError(Str(args...));
}

// Bounds on what one rendering may cost, whatever the template says. Every operation pays before it works.
class JinjaBudget {
 public:
  void Step(int64_t steps = 1) {
    steps_ -= steps;
    if (steps_ < 0) ThrowJinja("the template does not come to an end within ", kMaxSteps, " steps");
  }
  void Bytes(size_t bytes) {  // of text or values made
    Size(bytes);
    bytes_ -= static_cast<int64_t>(bytes);
    if (bytes_ < 0) ThrowJinja("the template makes more than ", kMaxBytes, " bytes of text");
  }
  void Size(size_t bytes) const {  // of one text or list
    if (bytes > kMaxTextBytes) ThrowJinja("the template makes one text of ", bytes, " bytes, more than ", kMaxTextBytes);
  }
  static constexpr int64_t kMaxSteps = 20'000'000;
  static constexpr int64_t kMaxBytes = 256 << 20;     // of all texts that a rendering makes
  static constexpr size_t kMaxTextBytes = 32 << 20;   // of one of them, such as what is rendered
  static constexpr int kMaxDepth = 800;       // nested evaluations
  static constexpr int kMaxValueDepth = 100;  // lists in lists

 private:
  int64_t steps_ = kMaxSteps, bytes_ = kMaxBytes;
};

class JinjaValue;
struct JinjaList;
struct JinjaDict;

// Things with identity: namespaces, loops, functions.
struct JinjaObject {
  virtual ~JinjaObject() = default;
  virtual const char* TypeName() const = 0;
  virtual bool Callable() const { return false; }
  virtual std::optional<JinjaValue> Attribute(std::string_view name) const;  // beside its methods; none
  virtual std::optional<int64_t> Length() const { return std::nullopt; }
  virtual std::string Text() const { return ""; }  // as Python writes it; empty where that is an address
  virtual int Depth() const { return 0; }  // of the values it holds; deep chains are refused as nested lists are
};

struct JinjaUndefined {
  enum Kind {
    kName,       // a variable
    kAttribute,  // of a value whose type is `owner`
    kForbidden,  // an attribute that the sandbox keeps from templates
    kSentence,   // `name` says why there is nothing
  };
  Kind kind = kName;
  const char* owner = "";
  std::shared_ptr<const std::string> name;  // what was looked for, for messages
};

class JinjaValue {
 public:
  JinjaValue() = default;  // None
  explicit JinjaValue(bool value) : data_(value) {}
  explicit JinjaValue(int64_t value) : data_(value) {}
  explicit JinjaValue(double value) : data_(value) {}
  explicit JinjaValue(std::string text) : data_(std::make_shared<const std::string>(std::move(text))) {}
  explicit JinjaValue(const char* text) : JinjaValue(std::string(text)) {}
  explicit JinjaValue(std::shared_ptr<JinjaObject> object) : data_(std::move(object)) {}
  static JinjaValue Undefined(const std::string& name, JinjaUndefined::Kind kind = JinjaUndefined::kName, const char* owner = "");
  static JinjaValue Markup(JinjaValue text) {  // of a string; see jinja_markup.h
    text.markup_ = text.IsString();
    return text;
  }
  static JinjaValue List(std::vector<JinjaValue> items, bool tuple = false);  // JinjaError when nested too deeply
  static JinjaValue Group(JinjaValue grouper, JinjaValue list);
  static JinjaValue Dict(std::vector<std::pair<JinjaValue, JinjaValue>> entries);

  bool IsUndefined() const { return Is<JinjaUndefined>(); }
  bool IsNone() const { return Is<std::monostate>(); }
  bool IsBool() const { return Is<bool>(); }
  bool IsInt() const { return Is<int64_t>(); }
  bool IsFloat() const { return Is<double>(); }
  bool IsNumber() const { return IsBool() || IsInt() || IsFloat(); }
  bool IsString() const { return Is<std::shared_ptr<const std::string>>(); }
  bool IsMarkup() const { return markup_; }  // and a string
  bool IsList() const { return Is<std::shared_ptr<const JinjaList>>(); }  // tuples included
  bool IsTuple() const;
  bool IsGroup() const;  // the pair (grouper, list) that groupby gives: a tuple whose places have names
  bool IsSame(const JinjaValue& other) const;  // Python's `is`; equal numbers and texts of one type count as one
  bool IsDict() const { return Is<std::shared_ptr<const JinjaDict>>(); }
  bool IsObject() const { return Is<std::shared_ptr<JinjaObject>>(); }

  bool AsBool() const { return std::get<bool>(data_); }
  int64_t AsInt() const { return IsBool() ? AsBool() : std::get<int64_t>(data_); }  // bool or int
  double AsDouble() const { return IsFloat() ? std::get<double>(data_) : static_cast<double>(AsInt()); }
  const std::string& AsString() const { return *std::get<std::shared_ptr<const std::string>>(data_); }
  const std::vector<JinjaValue>& Items() const;                           // of a list
  const std::vector<std::pair<JinjaValue, JinjaValue>>& Entries() const;  // of a dictionary, in order
  template <class T>
  std::shared_ptr<T> As() const {  // object of that class, or nullptr
    return IsObject() ? std::dynamic_pointer_cast<T>(std::get<std::shared_ptr<JinjaObject>>(data_)) : nullptr;
  }
  const std::shared_ptr<JinjaObject>& Object() const { return std::get<std::shared_ptr<JinjaObject>>(data_); }
  std::string UndefinedReason() const;  // "'x' is undefined", "a str has no 'x'", …

  bool Truthy() const;
  const char* TypeName() const;  // Python's: "str", "int", "NoneType", …
  int Depth() const;
  // Entry of a dictionary; nullptr when absent.
  const JinjaValue* Find(const JinjaValue& key, JinjaBudget& budget) const;

 private:
  template <class T>
  bool Is() const {
    return std::holds_alternative<T>(data_);
  }
  std::variant<std::monostate, JinjaUndefined, bool, int64_t, double, std::shared_ptr<const std::string>,
               std::shared_ptr<const JinjaList>, std::shared_ptr<const JinjaDict>, std::shared_ptr<JinjaObject>>
      data_;
  bool markup_ = false;
};

struct JinjaList {
  std::vector<JinjaValue> items;
  bool tuple = false;
  bool group = false;
  int depth = 1;
};

// What Python's lazy filters give (map, select, …): true whatever it holds, without a length, and read once.
struct JinjaGenerator : JinjaObject {
  explicit JinjaGenerator(JinjaValue list) : items(std::move(list)) {}
  JinjaValue items;
  std::string error;  // what goes wrong once it is read; empty: nothing
  size_t next = 0;    // items before it have been read
  const char* TypeName() const override { return "generator"; }
  int Depth() const override { return items.Depth(); }
  const JinjaValue* Next();  // nullptr when all are read
};

// What range() and a dictionary's keys(), values() and items() give in Python: like a list, but shown as what it is, and only a
// range has items by number.
struct JinjaView : JinjaObject {
  enum Kind { kRange, kKeys, kValues, kItems };
  Kind kind = kRange;
  JinjaValue items;  // a list
  int64_t start = 0, stop = 0, step = 1;  // of a range
  const char* TypeName() const override;
  int Depth() const override { return items.Depth() + 1; }
  std::optional<int64_t> Length() const override { return static_cast<int64_t>(items.Items().size()); }
  bool IsSet() const { return kind == kKeys || kind == kItems; }
  static JinjaValue Of(Kind kind, JinjaValue list);
  // JinjaError for more than 100,000 numbers, as jinja2's sandbox has it.
  static JinjaValue Range(int64_t start, int64_t stop, int64_t step, JinjaBudget& budget);
};

struct JinjaDict {
  std::vector<std::pair<JinjaValue, JinjaValue>> entries;
  int depth = 1;
};

bool JinjaEqual(const JinjaValue& a, const JinjaValue& b, JinjaBudget& budget);  // ==
int JinjaOrder(const JinjaValue& a, const JinjaValue& b, JinjaBudget& budget);   // <0, 0, >0; JinjaError if unordered
std::string JinjaToString(const JinjaValue& value, JinjaBudget& budget);         // str(value); undefined: ""
std::string JinjaRepr(const JinjaValue& value, JinjaBudget& budget);             // repr(value)
std::string JinjaAscii(const JinjaValue& value, JinjaBudget& budget);            // ascii(value)
std::string PythonFloat(double value);                                           // repr of a float
// The elements that iteration yields: of lists, characters of strings, keys of dictionaries, nothing of undefined.
std::vector<JinjaValue> JinjaIterate(const JinjaValue& value, JinjaBudget& budget);
int64_t JinjaLength(const JinjaValue& value);
bool JinjaIsIterable(const JinjaValue& value);
// JinjaError unless the value may be a key of a dictionary: no list and no dictionary, and none inside a tuple.
void JinjaCheckHashable(const JinjaValue& value);

}  // namespace pith
