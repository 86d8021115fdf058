// Expressions.
#include <algorithm>
#include <utility>

#include "data/template/jinja_globals.h"
#include "data/template/jinja_machine.h"
#include "data/template/jinja_scopes.h"

namespace pith {
namespace {

JinjaValue Number(JinjaValue value) {
  if (value.IsNumber()) return value;
  if (value.IsUndefined()) ThrowJinja(value.UndefinedReason());
  ThrowJinja("'", value.TypeName(), "' has no sign");
}

}  // namespace

JinjaValue JinjaInterpreter::Lookup(const std::string& name) {
  for (Scope* scope = scope_; scope != nullptr; scope = scope->parent) {
    rt_.budget.Step();
    if (const JinjaValue* found = scope->Find(name)) return *found;
  }
  if (JinjaHasFunction(name))
    return JinjaValue(std::static_pointer_cast<JinjaObject>(std::make_shared<JinjaFunction>(name)));
  return JinjaValue::Undefined(name);
}

JinjaArgs JinjaInterpreter::Arguments(const JinjaExpr& node) {
  JinjaArgs args;
  for (size_t i = 1; i < node.items.size(); ++i) args.positional.push_back(Eval(*node.items[i]));
  for (const auto& [name, expr] : node.named) {
    const JinjaValue value = Eval(*expr);
    if (name == "*") {
      for (JinjaValue& item : JinjaIterate(value, rt_.budget)) args.positional.push_back(std::move(item));
    } else if (name == "**") {
      if (!value.IsDict()) ThrowJinja("'**' needs a dict, not '", value.TypeName(), "'");
      for (const auto& [key, item] : value.Entries()) {
        if (!key.IsString()) ThrowJinja("'**' needs a dict whose keys are strings");
        args.named.emplace_back(key.AsString(), item);
      }
    } else {
      args.named.emplace_back(name, value);
    }
  }
  return args;
}

JinjaValue JinjaInterpreter::Filter(const JinjaExpr& node, const JinjaValue* input) {
  const Depth depth(&depth_);
  const JinjaExpr* inner = node.items[0].get();
  const JinjaValue value = inner == nullptr ? *input : input != nullptr ? Filter(*inner, input) : Eval(*inner);
  const JinjaArgs args = Arguments(node);
  line_ = node.line;
  return JinjaFilter(node.text, value, args, rt_);
}

JinjaValue JinjaInterpreter::Call(const JinjaValue& callee, const JinjaArgs& args) {
  if (const auto method = callee.As<JinjaMethod>()) return JinjaCallMethod(method->self, method->name, args, rt_);
  if (const auto function = callee.As<JinjaFunction>()) return JinjaCallFunction(function->name, args, rt_);
  if (const auto macro = callee.As<Macro>()) return CallMacro(*macro, args);
  if (const auto loop = callee.As<RecursiveLoop>(); loop != nullptr && loop->recursive) return CallLoop(*loop, args);
  if (const auto joiner = callee.As<JinjaJoiner>()) {
    if (!args.positional.empty() || !args.named.empty()) ThrowJinja("a joiner takes no arguments");
    return std::exchange(joiner->used, true) ? joiner->separator() : JinjaValue("");
  }
  if (callee.IsUndefined()) ThrowJinja(callee.UndefinedReason(), ", and so cannot be called");
  ThrowJinja("'", callee.TypeName(), "' cannot be called");
}

JinjaValue JinjaInterpreter::CallMacro(const Macro& macro, const JinjaArgs& args) {
  const auto& parameters = macro.node->parameters;
  return InScope(macro.scope, [&] {
    const size_t given = std::min(args.positional.size(), parameters.size());
    std::vector<JinjaValue> more(args.positional.begin() + static_cast<std::ptrdiff_t>(given), args.positional.end());
    if (!more.empty() && !JinjaMentions(macro.node->body, "varargs")) {
      ThrowJinja("macro '", macro.node->text, "' takes at most ", parameters.size(), " arguments, not ",
                 args.positional.size());
    }
    for (size_t i = 0; i < given; ++i) scope_->Set(parameters[i].first, args.positional[i]);
    std::vector<std::pair<JinjaValue, JinjaValue>> others;
    for (const auto& [name, value] : args.named) {
      bool known = name == "caller" && JinjaMentions(macro.node->body, "caller");
      for (const auto& parameter : parameters) known = known || parameter.first == name;
      if (!known && name != "caller" && JinjaMentions(macro.node->body, "kwargs")) {
        others.emplace_back(JinjaValue(name), value);
        continue;
      }
      if (!known || scope_->Find(name) != nullptr)
        ThrowJinja("macro '", macro.node->text, "' has no use for the argument '", name, "'");
      scope_->Set(name, value);
    }
    if (!macro.node->plain) {
      scope_->Set("varargs", rt_.List(std::move(more), true));
      scope_->Set("kwargs", JinjaValue::Dict(std::move(others)));
      if (scope_->Find("caller") == nullptr) scope_->Set("caller", JinjaValue::Undefined("caller"));
    }
    Hide(macro.node->undefined);
    for (const auto& [name, missing] : parameters) {
      if (scope_->Find(name) == nullptr)
        scope_->Set(name, missing != nullptr ? Eval(*missing) : JinjaValue::Undefined(name));
    }
    std::string text;
    Body(macro.node->body, text);
    return JinjaValue(std::move(text));
  });
}

JinjaValue JinjaInterpreter::Compare(const JinjaExpr& node) {
  JinjaValue left = Eval(*node.items[0]);
  for (size_t i = 0; i < node.operators.size(); ++i) {
    JinjaValue right = Eval(*node.items[i + 1]);
    if (!JinjaCompare(node.operators[i], left, right, rt_)) return JinjaValue(false);
    left = std::move(right);
  }
  return JinjaValue(true);
}

JinjaValue JinjaInterpreter::Item(const JinjaExpr& node) {
  const JinjaValue object = Eval(*node.items[0]);
  const JinjaExpr& index = *node.items[1];
  if (index.kind != JinjaExpr::kSlice) return JinjaItem(object, Eval(index), rt_);
  JinjaValue bounds[3];
  for (size_t i = 0; i < 3; ++i) {
    if (index.items[i] != nullptr) bounds[i] = Eval(*index.items[i]);
  }
  return JinjaSlice(object, &bounds[0], &bounds[1], &bounds[2], rt_);
}

JinjaValue JinjaInterpreter::Dict(const JinjaExpr& node) {
  std::vector<std::pair<JinjaValue, JinjaValue>> entries;
  for (size_t i = 0; i < node.items.size(); i += 2) {
    const JinjaValue key = Eval(*node.items[i]);
    JinjaPut(entries, key, Eval(*node.items[i + 1]), rt_);
  }
  rt_.budget.Bytes(entries.size() * sizeof(entries[0]));
  return JinjaValue::Dict(std::move(entries));
}

JinjaValue JinjaInterpreter::Eval(const JinjaExpr& node) {
  const Depth depth(&depth_);
  rt_.budget.Step();
  line_ = node.line;
  switch (node.kind) {
    case JinjaExpr::kConst: return node.value;
    case JinjaExpr::kName: return Lookup(node.text);
    case JinjaExpr::kList:
    case JinjaExpr::kTuple: {
      std::vector<JinjaValue> items;
      for (const auto& item : node.items) items.push_back(Eval(*item));
      return rt_.List(std::move(items), node.kind == JinjaExpr::kTuple);
    }
    case JinjaExpr::kDict: return Dict(node);
    case JinjaExpr::kAttribute: return JinjaAttribute(Eval(*node.items[0]), node.text, rt_);
    case JinjaExpr::kItem: return Item(node);
    case JinjaExpr::kCall: {
      const JinjaValue callee = Eval(*node.items[0]);
      const JinjaArgs args = Arguments(node);
      line_ = node.line;
      return Call(callee, args);
    }
    case JinjaExpr::kFilter: return Filter(node, nullptr);
    case JinjaExpr::kTest: {
      const JinjaValue value = Eval(*node.items[0]);
      return JinjaValue(JinjaTest(node.text, value, Arguments(node), rt_));
    }
    case JinjaExpr::kNot: return JinjaValue(!Eval(*node.items[0]).Truthy());
    case JinjaExpr::kNegative: return JinjaBinary("*", JinjaValue(int64_t{-1}), Number(Eval(*node.items[0])), rt_);
    case JinjaExpr::kPositive: return JinjaBinary("*", JinjaValue(int64_t{1}), Number(Eval(*node.items[0])), rt_);
    case JinjaExpr::kAnd: {
      JinjaValue left = Eval(*node.items[0]);
      return left.Truthy() ? Eval(*node.items[1]) : left;
    }
    case JinjaExpr::kOr: {
      JinjaValue left = Eval(*node.items[0]);
      return left.Truthy() ? left : Eval(*node.items[1]);
    }
    case JinjaExpr::kBinary: {
      const JinjaValue left = Eval(*node.items[0]);
      const JinjaValue right = Eval(*node.items[1]);
      line_ = node.line;
      return JinjaBinary(node.text, left, right, rt_);
    }
    case JinjaExpr::kConcat: {
      std::string text;
      for (const auto& item : node.items) text += JinjaToString(Eval(*item), rt_.budget);
      return rt_.Text(std::move(text));
    }
    case JinjaExpr::kCompare: return Compare(node);
    case JinjaExpr::kCondition:
      if (Eval(*node.items[0]).Truthy()) return Eval(*node.items[1]);
      return node.items[2] != nullptr ? Eval(*node.items[2])
                                      : JinjaValue::Undefined("a condition is false and has no 'else'", JinjaUndefined::kSentence);
    case JinjaExpr::kSlice:
    case JinjaExpr::kNamespaceItem: break;
  }
  PITH_CHECK(false, "expression kind ", node.kind);
}

}  // namespace pith
