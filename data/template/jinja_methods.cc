// Methods of strings, dictionaries, lists and loops: those of Python that a sandboxed template may call.
#include <algorithm>

#include "data/template/jinja_markup.h"
#include "data/template/jinja_runtime.h"
#include "data/template/jinja_text_methods.h"

namespace pith {
namespace {

JinjaValue DictMethod(const JinjaValue& self, std::string_view name, const JinjaArgs& args, JinjaRuntime& rt) {
  if (name == "get") {
    const auto bound = args.Bind("get", {"key", "default"});
    if (bound[0] == nullptr) ThrowJinja("get needs a key");
    if (const JinjaValue* found = self.Find(*bound[0], rt.budget)) return *found;
    return bound[1] != nullptr ? *bound[1] : JinjaValue();
  }
  args.Bind(name, {});
  if (name == "copy") return self;
  std::vector<JinjaValue> items;
  for (const auto& [key, value] : self.Entries()) {
    items.push_back(name == "keys" ? key : name == "values" ? value : rt.List({key, value}, true));
  }
  return rt.List(std::move(items));
}

constexpr const char* kDictMethods[] = {"get", "items", "keys", "values", "copy"};
constexpr const char* kChangingMethods[] = {"append", "extend",     "insert",  "remove", "pop",    "clear",
                                            "update", "setdefault", "popitem", "sort",   "reverse"};

template <size_t N>
bool IsOneOf(std::string_view name, const char* const (&names)[N]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace

bool JinjaHasMethod(const JinjaValue& self, std::string_view name) {
  if (self.IsString()) return JinjaMethodsOfText().count(name) != 0;
  if (self.IsDict()) {
    return IsOneOf(name, kDictMethods) || name == "pop" || name == "clear" || name == "update" ||
           name == "setdefault" || name == "popitem";
  }
  if (self.IsList()) {
    return name == "index" || name == "count" ||
           (!self.IsTuple() && (name == "copy" || (IsOneOf(name, kChangingMethods) && name != "update" &&
                                                   name != "setdefault" && name != "popitem")));
  }
  return self.As<JinjaLoop>() != nullptr && (name == "cycle" || name == "changed");
}

JinjaValue JinjaCallMethod(const JinjaValue& self, const std::string& name, const JinjaArgs& args, JinjaRuntime& rt) {
  rt.budget.Step(self.IsString() ? 1 + static_cast<int64_t>(self.AsString().size() / 32) : 1);
  if (self.IsString()) {
    const auto& method = JinjaMethodsOfText().find(name)->second;
    if (!self.IsMarkup()) return method(self.AsString(), args, rt);
    return JinjaMarkupLike(self, method(self.AsString(), JinjaMarkupArgs(name, args, rt), rt), rt);
  }
  if ((self.IsDict() || self.IsList()) && IsOneOf(name, kChangingMethods)) {
    ThrowJinja("a template may not change a ", self.TypeName(), ", so '", name, "' is not allowed");
  }
  if (self.IsDict()) return DictMethod(self, name, args, rt);
  if (self.IsList()) {
    if (name == "copy") return self;
    const auto bound = args.Bind(name, {"value"});
    if (bound[0] == nullptr) ThrowJinja(name, " needs a value");
    int64_t count = 0;
    for (size_t i = 0; i < self.Items().size(); ++i) {
      if (!JinjaEqual(self.Items()[i], *bound[0], rt.budget)) continue;
      if (name == "index") return JinjaValue(static_cast<int64_t>(i));
      ++count;
    }
    if (name == "index") ThrowJinja("index: the list has no such item");
    return JinjaValue(count);
  }
  const auto loop = self.As<JinjaLoop>();
  if (name == "cycle") {
    if (args.positional.empty()) ThrowJinja("loop.cycle needs values");
    return args.positional[static_cast<size_t>(loop->index) % args.positional.size()];
  }
  const JinjaValue now = rt.List(args.positional, true);
  if (loop->has_changed && JinjaEqual(loop->last_changed, now, rt.budget)) return JinjaValue(false);
  loop->has_changed = true;
  loop->last_changed = now;
  return JinjaValue(true);
}

std::vector<const JinjaValue*> JinjaArgs::Bind(std::string_view function,
                                               std::initializer_list<const char*> parameters) const {
  if (positional.size() > parameters.size()) {
    ThrowJinja("'", function, "' takes at most ", parameters.size(), " arguments, not ", positional.size());
  }
  std::vector<const JinjaValue*> bound;
  for (size_t i = 0; i < parameters.size(); ++i) bound.push_back(i < positional.size() ? &positional[i] : nullptr);
  for (const auto& [name, value] : named) {
    size_t at = 0;
    for (const char* parameter : parameters) {
      if (name == parameter) break;
      ++at;
    }
    if (at == parameters.size() || bound[at] != nullptr)
      ThrowJinja("'", function, "' has no use for the argument '", name, "'");
    bound[at] = &value;
  }
  return bound;
}

JinjaArgs JinjaArgs::Without(size_t first) const {
  JinjaArgs rest;
  rest.positional.assign(positional.begin() + static_cast<std::ptrdiff_t>(std::min(first, positional.size())),
                         positional.end());
  rest.named = named;
  return rest;
}

}  // namespace pith
