#include "data/template/jinja_globals.h"

#include <map>
#include <string>

#include "data/template/jinja_signature.h"
#include "data/template/python_strftime.h"

namespace pith {
namespace {

using V = JinjaValue;
using B = JinjaBound;
using R = JinjaRuntime;
using Entries = std::vector<std::pair<V, V>>;

V Range(const B& a, R& rt) {
  const int64_t start = a[1] != nullptr ? JinjaToInt(*a[0], "range's start") : 0;
  const int64_t stop = JinjaToInt(a[1] != nullptr ? *a[1] : *a[0], "range's stop");
  return JinjaView::Range(start, stop, a[2] != nullptr ? JinjaToInt(*a[2], "range's step") : 1, rt.budget);
}

// What dict(…) and namespace(…) take: a dictionary or pairs, and named values.
Entries Gathered(const char* function, const JinjaArgs& args, R& rt) {
  Entries entries;
  if (args.positional.size() > 1) ThrowJinja(function, " takes one dict or list of pairs, and named values");
  if (args.positional.size() == 1) {
    const V& from = args.positional[0];
    if (from.IsUndefined()) ThrowJinja(from.UndefinedReason());
    if (from.IsDict()) {
      entries = from.Entries();
    } else {
      for (const V& pair : JinjaIterate(from, rt.budget)) {
        const std::vector<V> parts = JinjaIterate(pair, rt.budget);
        if (parts.size() != 2) ThrowJinja(function, " needs pairs, not ", parts.size(), " values");
        JinjaPut(entries, parts[0], parts[1], rt);
      }
    }
  }
  for (const auto& [name, value] : args.named) JinjaPut(entries, V(name), value, rt);
  rt.budget.Bytes(entries.size() * sizeof(entries[0]));
  return entries;
}

V Namespace(const B& a, R& rt) {
  auto space = std::make_shared<JinjaNamespace>();
  rt.budget.Bytes(sizeof(JinjaNamespace) + 64);
  for (auto& [key, value] : Gathered("namespace", *a.all, rt)) {
    if (key.IsString()) space->values.emplace_back(key.AsString(), std::move(value));  // others could not be looked up
  }
  rt.namespaces.push_back(space);
  return V(std::static_pointer_cast<JinjaObject>(space));
}

V Cycler(const B& a, R& rt) {
  if (a.all->positional.empty() || !a.all->named.empty()) ThrowJinja("cycler needs values");
  auto cycler = std::make_shared<JinjaCycler>();
  cycler->items = rt.List(a.all->positional, true);
  return V(std::static_pointer_cast<JinjaObject>(cycler));
}

V Joiner(const B& a, R& rt) {
  auto joiner = std::make_shared<JinjaJoiner>();
  rt.budget.Bytes(sizeof(JinjaJoiner));
  joiner->separators = rt.List({a[0] != nullptr ? *a[0] : V(", ")});
  return V(std::static_pointer_cast<JinjaObject>(joiner));
}

V StrftimeNow(const B& a, R& rt) {
  if (!a[0]->IsString()) ThrowJinja("strftime_now needs a format, not '", a[0]->TypeName(), "'");
  return rt.Text(PythonStrftime(a[0]->AsString(), rt.now));
}

V RaiseException(const B& a, R& rt) {
  ThrowJinja("the template refuses: ", JinjaToString(*a[0], rt.budget).substr(0, 500));
}

struct Function {
  JinjaSignature signature;
  V (*body)(const B&, R&);
};

const std::map<std::string, Function, std::less<>>& Functions() {
  static const std::map<std::string, Function, std::less<>> functions = {
      {"cycler", {"*", Cycler}},
      {"dict", {"*", [](const B& a, R& rt) { return V::Dict(Gathered("dict", *a.all, rt)); }}},
      {"joiner", {"sep=", Joiner}},
      {"lipsum", {"*", [](const B&, R&) -> V { ThrowJinja("pith lacks the function 'lipsum'"); }}},
      {"namespace", {"*", Namespace}},
      {"raise_exception", {"message", RaiseException}},
      {"range", {"start, stop=, step=, /", Range}},
      {"strftime_now", {"format", StrftimeNow}},
  };
  return functions;
}

}  // namespace

void JinjaPut(Entries& entries, const JinjaValue& key, const JinjaValue& value, JinjaRuntime& rt) {
  JinjaCheckHashable(key);
  for (auto& [have, old] : entries) {
    if (!JinjaEqual(have, key, rt.budget)) continue;
    old = value;
    return;
  }
  entries.emplace_back(key, value);
}

bool JinjaHasFunction(std::string_view name) { return Functions().count(name) != 0; }

JinjaValue JinjaCallFunction(const std::string& name, const JinjaArgs& args, JinjaRuntime& rt) {
  rt.budget.Step();
  const Function& function = Functions().find(name)->second;
  return function.body(function.signature.Bind(name, args), rt);
}

}  // namespace pith
