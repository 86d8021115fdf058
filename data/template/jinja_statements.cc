// Statements.
#include "data/template/jinja_machine.h"

#include "data/template/jinja_scopes.h"
#include "data/template/jinja_signature.h"

namespace pith {

std::string JinjaInterpreter::Run(const JinjaBody& body, const JinjaVariables& variables) {
  scopes_.push_back(std::make_unique<Scope>());
  scope_ = scopes_.back().get();
  scope_->values = variables;
  Hide(JinjaHiddenNames(body));
  try {
    std::string out;
    Body(body, out);
    return out;
  } catch (const JinjaError& error) {
    throw JinjaError(error.what(), error.line() > 0 ? error.line() : line_);
  }
}

void JinjaInterpreter::Keep(Scope* scope) {
  for (Scope* s = scope; s != nullptr && !s->kept; s = s->parent) s->kept = true;
}

void JinjaInterpreter::Hide(const std::vector<std::string>& names) {
  for (const std::string& name : names) scope_->Set(name, JinjaValue::Undefined(name));
}

JinjaInterpreter::Flow JinjaInterpreter::Body(const JinjaBody& body, std::string& out) {
  for (const auto& node : body) {
    const Flow flow = Statement(*node, out);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

void JinjaInterpreter::Write(std::string& out, const std::string& text) {
  rt_.budget.Bytes(text.size());
  Append(out, text);
}

void JinjaInterpreter::Append(std::string& out, const std::string& text) {
  rt_.budget.Size(out.size() + text.size());
  out += text;
}

JinjaInterpreter::Flow JinjaInterpreter::Statement(const JinjaNode& node, std::string& out) {
  const Depth depth(&depth_);
  rt_.budget.Step();
  line_ = node.line;
  switch (node.kind) {
    case JinjaNode::kText: Write(out, node.text); break;
    case JinjaNode::kOutput: {
      const JinjaValue value = Eval(*node.expr);
      if (value.IsString()) {
        Write(out, value.AsString());  // spares a copy
      } else {
        Append(out, JinjaToString(value, rt_.budget));
      }
      break;
    }
    case JinjaNode::kIf:
      for (const auto& [condition, body] : node.branches) {
        if (Eval(*condition).Truthy()) return Body(body, out);
      }
      return Body(node.otherwise, out);
    case JinjaNode::kFor: For(node, out); break;
    case JinjaNode::kSet: Assign(*node.target, Eval(*node.expr)); break;
    case JinjaNode::kSetBlock: {
      JinjaValue value = rt_.Text(Captured(node));
      Assign(*node.target, node.expr != nullptr ? Filter(*node.expr, &value) : value);
      break;
    }
    case JinjaNode::kFilterBlock: {
      const JinjaValue value = rt_.Text(Captured(node));
      Write(out, JinjaToString(Filter(*node.expr, &value), rt_.budget));
      break;
    }
    case JinjaNode::kScope: Write(out, Captured(node)); break;
    case JinjaNode::kMacro: scope_->Set(node.text, MakeMacro(node)); break;
    case JinjaNode::kCallBlock: {
      JinjaArgs args = Arguments(*node.expr);
      args.named.emplace_back("caller", MakeMacro(node));
      Write(out, JinjaToString(Call(Eval(*node.expr->items[0]), args), rt_.budget));
      break;
    }
    case JinjaNode::kWith: {
      JinjaVariables values;
      for (const auto& [name, expr] : node.parameters) values.emplace_back(name, Eval(*expr));
      return InScope(scope_, [&] {
        Hide(node.undefined);
        for (auto& [name, value] : values) scope_->Set(name, std::move(value));
        return Body(node.body, out);
      });
    }
    case JinjaNode::kBreak: return Flow::kBreak;
    case JinjaNode::kContinue: return Flow::kContinue;
  }
  return Flow::kNext;
}

std::string JinjaInterpreter::Captured(const JinjaNode& node) {
  return InScope(scope_, [&] {
    std::string text;
    Hide(node.undefined);
    Body(node.body, text);
    return text;
  });
}

JinjaValue JinjaInterpreter::MakeMacro(const JinjaNode& node) {
  auto macro = std::make_shared<Macro>();
  macro->node = &node;
  macro->scope = scope_;
  Keep(scope_);
  return JinjaValue(std::static_pointer_cast<JinjaObject>(macro));
}

void JinjaInterpreter::For(const JinjaNode& node, std::string& out) { Loop(node, Eval(*node.expr), scope_, 0, out); }

void JinjaInterpreter::Loop(const JinjaNode& node, const JinjaValue& over, Scope* outer, int64_t depth0, std::string& out) {
  std::vector<JinjaValue> items = JinjaIterate(over, rt_.budget);
  if (node.condition != nullptr) {
    std::vector<JinjaValue> kept;
    for (JinjaValue& item : items) {
      const bool keep = InScope(outer, [&] {
        Assign(*node.target, item);
        return Eval(*node.condition).Truthy();
      });
      if (keep) kept.push_back(std::move(item));
    }
    items = std::move(kept);
  }
  if (items.empty()) {
    InScope(outer, [&] { return Body(node.otherwise, out); });
    return;
  }
  auto loop = std::make_shared<RecursiveLoop>();
  loop->items = rt_.List(std::move(items));
  loop->depth0 = depth0;
  if (node.recursive) {
    loop->recursive = true;
    loop->node = &node;
    loop->outer = outer;
    Keep(outer);
  }
  const auto count = static_cast<int64_t>(loop->items.Items().size());
  for (; loop->index < count; ++loop->index) {
    rt_.budget.Step();
    const Flow flow = InScope(outer, [&] {
      scope_->Set("loop", JinjaValue(std::static_pointer_cast<JinjaObject>(loop)));
      Hide(node.undefined);
      Assign(*node.target, loop->items.Items()[static_cast<size_t>(loop->index)]);
      return Body(node.body, out);
    });
    if (flow == Flow::kBreak) break;
  }
}

JinjaValue JinjaInterpreter::CallLoop(const RecursiveLoop& loop, const JinjaArgs& args) {
  const Depth depth(&depth_);
  static const JinjaSignature signature("iterable");
  const JinjaBound bound = signature.Bind("loop", args);
  std::string text;
  Loop(*loop.node, *bound[0], loop.outer, loop.depth0 + 1, text);
  return rt_.Text(std::move(text));
}

void JinjaInterpreter::Assign(const JinjaExpr& target, JinjaValue value) {
  if (target.kind == JinjaExpr::kName) {
    scope_->Set(target.text, std::move(value));
  } else if (target.kind == JinjaExpr::kNamespaceItem) {
    const auto space = Lookup(target.text).As<JinjaNamespace>();
    if (space == nullptr) ThrowJinja("'", target.text, "' is not a namespace, so its values cannot be set");
    if (target.value.AsString().starts_with("_")) ThrowJinja("names in a namespace may not begin with '_'");
    if (JinjaValue* have = space->Find(target.value.AsString())) {
      *have = std::move(value);
    } else {
      space->values.emplace_back(target.value.AsString(), std::move(value));
    }
  } else {
    const std::vector<JinjaValue> items = JinjaIterate(value, rt_.budget);
    if (items.size() != target.items.size()) {
      ThrowJinja(items.size(), " values cannot be unpacked into ", target.items.size(), " names");
    }
    for (size_t i = 0; i < items.size(); ++i) Assign(*target.items[i], items[i]);
  }
}

std::string RunJinja(const JinjaBody& body, const JinjaVariables& variables, JinjaRuntime& rt) {
  return JinjaInterpreter(rt).Run(body, variables);
}

}  // namespace pith
