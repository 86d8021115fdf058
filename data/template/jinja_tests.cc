// Tests (`x is defined`) and global functions of templates.
#include <algorithm>
#include <cmath>
#include <ctime>
#include <map>

#include "data/template/jinja_runtime.h"

namespace pith {
namespace {

using V = JinjaValue;
using A = JinjaArgs;
using R = JinjaRuntime;
using Test = bool (*)(const V&, const A&, R&);

const V& Argument(const A& args, const char* test) {
  if (args.positional.size() != 1 || !args.named.empty())
    ThrowJinja("the test '", test, "' needs one value to compare with");
  return args.positional[0];
}

int64_t Remainder(const V& value, int64_t by) {
  if (by == 0) ThrowJinja("division by zero");
  return by == -1 ? 0 : JinjaToInt(value, "a number tested for its divisor") % by;
}

template <char kFirst, char kSecond>
bool Comparison(const V& v, const A& a, R& rt) {
  constexpr char kOp[] = {kFirst, kSecond, 0};
  return JinjaCompare(kOp, v, Argument(a, kOp), rt);
}

const std::map<std::string, Test, std::less<>>& Tests() {
  static const std::map<std::string, Test, std::less<>> tests = {
      {"defined", [](const V& v, const A&, R&) { return !v.IsUndefined(); }},
      {"undefined", [](const V& v, const A&, R&) { return v.IsUndefined(); }},
      {"none", [](const V& v, const A&, R&) { return v.IsNone(); }},
      {"string", [](const V& v, const A&, R&) { return v.IsString(); }},
      {"number", [](const V& v, const A&, R&) { return v.IsNumber(); }},
      {"integer", [](const V& v, const A&, R&) { return v.IsInt(); }},
      {"float", [](const V& v, const A&, R&) { return v.IsFloat(); }},
      {"boolean", [](const V& v, const A&, R&) { return v.IsBool(); }},
      {"true", [](const V& v, const A&, R&) { return v.IsBool() && v.AsBool(); }},
      {"false", [](const V& v, const A&, R&) { return v.IsBool() && !v.AsBool(); }},
      {"mapping", [](const V& v, const A&, R&) { return v.IsDict(); }},
      {"iterable",
       [](const V& v, const A&, R&) {
         return v.IsString() || v.IsList() || v.IsDict() || v.IsUndefined() || v.As<JinjaGenerator>() != nullptr;
       }},
      {"sequence",
       [](const V& v, const A&, R&) { return v.IsString() || v.IsList() || v.IsDict() || v.IsUndefined(); }},
      {"callable",
       [](const V& v, const A&, R&) { return v.IsUndefined() || (v.IsObject() && v.Object()->Callable()); }},
      {"odd", [](const V& v, const A&, R&) { return Remainder(v, 2) != 0; }},
      {"even", [](const V& v, const A&, R&) { return Remainder(v, 2) == 0; }},
      {"divisibleby",
       [](const V& v, const A& a, R&) {
         return Remainder(v, JinjaToInt(Argument(a, "divisibleby"), "divisibleby's argument")) == 0;
       }},
      {"==", Comparison<'=', '='>},
      {"eq", Comparison<'=', '='>},
      {"equalto", Comparison<'=', '='>},
      {"!=", Comparison<'!', '='>},
      {"ne", Comparison<'!', '='>},
      {"<", Comparison<'<', 0>},
      {"lt", Comparison<'<', 0>},
      {"lessthan", Comparison<'<', 0>},
      {"<=", Comparison<'<', '='>},
      {"le", Comparison<'<', '='>},
      {">", Comparison<'>', 0>},
      {"gt", Comparison<'>', 0>},
      {"greaterthan", Comparison<'>', 0>},
      {">=", Comparison<'>', '='>},
      {"ge", Comparison<'>', '='>},
      {"in", [](const V& v, const A& a, R& rt) { return JinjaContains(Argument(a, "in"), v, rt); }},
      {"sameas",
       [](const V& v, const A& a, R& rt) {
         const V& other = Argument(a, "sameas");
         return v.TypeName() == other.TypeName() && JinjaEqual(v, other, rt.budget);
       }},
      {"upper",
       [](const V& v, const A&, R& rt) {
         const std::string s = JinjaToString(v, rt.budget);
         return JinjaUpper(s) == s && JinjaLower(s) != s;
       }},
      {"lower",
       [](const V& v, const A&, R& rt) {
         const std::string s = JinjaToString(v, rt.budget);
         return JinjaLower(s) == s && JinjaUpper(s) != s;
       }},
      {"escaped", [](const V& v, const A&, R&) { return v.IsMarkup(); }},
      {"filter", [](const V& v, const A&, R&) { return v.IsString() && JinjaHasFilter(v.AsString()); }},
      {"test", [](const V& v, const A&, R&) { return v.IsString() && JinjaHasTest(v.AsString()); }},
  };
  return tests;
}

bool TakesArgument(const std::string& name) {
  static constexpr const char* kNames[] = {"divisibleby", "==",          "eq",       "equalto", "!=", "ne",
                                           "<",           "lt",          "lessthan", "<=",      "le", ">",
                                           "gt",          "greaterthan", ">=",       "ge",      "in", "sameas"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

V Range(const A& args, R& rt) {
  constexpr int64_t kMax = 100'000;  // as Jinja's sandbox
  const auto bound = args.Bind("range", {"start", "stop", "step"});
  if (bound[0] == nullptr || args.named.size() > 0) ThrowJinja("range needs one to three integers");
  const int64_t start = bound[1] != nullptr ? JinjaToInt(*bound[0], "range's start") : 0;
  const int64_t stop = JinjaToInt(bound[1] != nullptr ? *bound[1] : *bound[0], "range's stop");
  const int64_t step = bound[2] != nullptr ? JinjaToInt(*bound[2], "range's step") : 1;
  if (step == 0) ThrowJinja("range's step cannot be zero");
  std::vector<V> items;
  for (int64_t i = start; step > 0 ? i < stop : i > stop;) {
    if (static_cast<int64_t>(items.size()) >= kMax) ThrowJinja("range gives more than ", kMax, " numbers");
    items.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return rt.List(std::move(items));
}

V StrftimeNow(const A& args, R& rt) {
  const auto bound = args.Bind("strftime_now", {"format"});
  if (bound[0] == nullptr || !bound[0]->IsString()) ThrowJinja("strftime_now needs a format");
  const std::string& format = bound[0]->AsString();
  if (format.size() > 200) ThrowJinja("strftime_now's format is longer than 200 bytes");
  for (size_t i = 0; i + 1 < format.size(); ++i) {
    if (format[i] != '%') continue;
    size_t at = i + 1;
    if (format[at] == '-' && at + 1 < format.size()) ++at;
    if (std::string_view("aAbBcdHIjmMpSuwUWVGxXyYDeFTRnthC%kl").find(format[at]) == std::string_view::npos) {
      ThrowJinja("pith lacks the date format '%", format[at], "'");
    }
    i = at;
  }
  char buffer[4096];
  const size_t size = format.empty() ? 0 : std::strftime(buffer, sizeof(buffer), format.c_str(), &rt.now);
  return rt.Text(std::string(buffer, size));
}

V Namespace(const A& args, R& rt) {
  auto space = std::make_shared<JinjaNamespace>();
  rt.budget.Bytes(sizeof(JinjaNamespace) + 64);
  if (args.positional.size() > 1 || (args.positional.size() == 1 && !args.positional[0].IsDict())) {
    ThrowJinja("namespace takes one dict, or named values");
  }
  if (args.positional.size() == 1) {
    for (const auto& [key, value] : args.positional[0].Entries()) {
      if (!key.IsString()) ThrowJinja("names in a namespace must be strings");
      space->values.emplace_back(key.AsString(), value);
    }
  }
  for (const auto& [name, value] : args.named) {
    if (V* have = space->Find(name)) {
      *have = value;
    } else {
      space->values.emplace_back(name, value);
    }
  }
  rt.namespaces.push_back(space);
  return V(std::static_pointer_cast<JinjaObject>(space));
}

V Dict(const A& args, R& rt) {
  std::vector<std::pair<V, V>> entries;
  if (args.positional.size() > 1 || (args.positional.size() == 1 && !args.positional[0].IsDict())) {
    ThrowJinja("dict takes one dict, or named values");
  }
  if (args.positional.size() == 1) entries = args.positional[0].Entries();
  for (const auto& [name, value] : args.named) {
    const auto have = std::find_if(entries.begin(), entries.end(),
                                   [&, n = V(name)](const auto& e) { return JinjaEqual(e.first, n, rt.budget); });
    if (have != entries.end()) {
      have->second = value;
    } else {
      entries.emplace_back(V(name), value);
    }
  }
  rt.budget.Bytes(entries.size() * sizeof(entries[0]));
  return V::Dict(std::move(entries));
}

using Function = V (*)(const A&, R&);
const std::map<std::string, Function, std::less<>>& Functions() {
  static const std::map<std::string, Function, std::less<>> functions = {
      {"range", Range},
      {"strftime_now", StrftimeNow},
      {"namespace", Namespace},
      {"dict", Dict},
      {"raise_exception",
       [](const A& args, R& rt) -> V {
         const auto bound = args.Bind("raise_exception", {"message"});
         ThrowJinja("the template refuses: ",
                    bound[0] != nullptr ? JinjaToString(*bound[0], rt.budget).substr(0, 500) : "(no reason given)");
       }},
  };
  return functions;
}

}  // namespace

bool JinjaHasTest(std::string_view name) { return Tests().count(name) != 0; }
bool JinjaHasFunction(std::string_view name) { return Functions().count(name) != 0; }

bool JinjaTest(const std::string& name, const JinjaValue& value, const JinjaArgs& args, JinjaRuntime& rt) {
  rt.budget.Step(value.IsString() && (name == "upper" || name == "lower") ? 1 + static_cast<int64_t>(value.AsString().size() / 32) : 1);
  const auto found = Tests().find(name);
  if (found == Tests().end()) ThrowJinja("pith lacks the test '", name, "'");
  if (args.positional.size() > 1 || !args.named.empty()) ThrowJinja("the test '", name, "' takes at most one value");
  if (!args.positional.empty() && !TakesArgument(name)) ThrowJinja("the test '", name, "' takes no value");
  return found->second(value, args, rt);
}

JinjaValue JinjaCallFunction(const std::string& name, const JinjaArgs& args, JinjaRuntime& rt) {
  rt.budget.Step();
  return Functions().find(name)->second(args, rt);
}

}  // namespace pith
