// Walking the tree: statements, then expressions. Longer than usual: one case per kind of node.
#include "data/template/jinja_interpreter.h"

#include "data/template/jinja_scopes.h"

#include <algorithm>
#include <memory>

namespace pith {
namespace {

struct Scope {
  Scope* parent = nullptr;
  JinjaVariables values;
  bool kept = false;  // a macro refers to it

  JinjaValue* Find(const std::string& name) {
    for (auto& [have, value] : values) {
      if (have == name) return &value;
    }
    return nullptr;
  }
  void Set(const std::string& name, JinjaValue value) {
    if (JinjaValue* have = Find(name)) {
      *have = std::move(value);
    } else {
      values.emplace_back(name, std::move(value));
    }
  }
};

struct Macro : JinjaObject {
  const JinjaNode* node = nullptr;
  Scope* scope = nullptr;
  const char* TypeName() const override { return "Macro"; }
  bool Callable() const override { return true; }
};

class Interpreter {
 public:
  explicit Interpreter(JinjaRuntime& rt) : rt_(rt) {}

  std::string Run(const JinjaBody& body, const JinjaVariables& variables) {
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

 private:
  enum class Flow { kNext, kBreak, kContinue };

  JinjaRuntime& rt_;
  // All scopes alive. Those that a macro refers to stay to the end, so that it may be called from anywhere.
  std::vector<std::unique_ptr<Scope>> scopes_;
  Scope* scope_ = nullptr;
  int depth_ = 0, line_ = 1;

  struct Depth {
    explicit Depth(int* d) : depth(d) {
      if (++*depth > JinjaBudget::kMaxDepth) {
        --*depth;
        ThrowJinja("the template calls itself or nests deeper than ", JinjaBudget::kMaxDepth);
      }
    }
    ~Depth() { --*depth; }
    int* depth;
  };

  // Runs `body` in a new scope under `parent`.
  template <class Run>
  auto InScope(Scope* parent, Run run) {
    rt_.budget.Bytes(sizeof(Scope));
    scopes_.push_back(std::make_unique<Scope>());
    Scope* const outer = scope_;
    scope_ = scopes_.back().get();
    scope_->parent = parent;
    struct Leave {
      Interpreter* self;
      Scope *mine, *outer;
      ~Leave() {
        self->scope_ = outer;
        if (self->scopes_.back().get() == mine && !mine->kept) self->scopes_.pop_back();
      }
    } leave{this, scope_, outer};
    return run();
  }

  // ---- statements
  Flow Body(const JinjaBody& body, std::string& out) {
    for (const auto& node : body) {
      const Flow flow = Statement(*node, out);
      if (flow != Flow::kNext) return flow;
    }
    return Flow::kNext;
  }

  void Write(std::string& out, const std::string& text) {
    rt_.budget.Bytes(text.size());
    out += text;
  }

  Flow Statement(const JinjaNode& node, std::string& out) {
    const Depth depth(&depth_);
    rt_.budget.Step();
    line_ = node.line;
    switch (node.kind) {
      case JinjaNode::kText: Write(out, node.text); break;
      case JinjaNode::kOutput: {
        const JinjaValue value = Eval(*node.expr);
        out += JinjaToString(value, rt_.budget);
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

  std::string Captured(const JinjaNode& node) {
    return InScope(scope_, [&] {
      std::string text;
      Hide(node.undefined);
      Body(node.body, text);
      return text;
    });
  }

  JinjaValue MakeMacro(const JinjaNode& node) {
    auto macro = std::make_shared<Macro>();
    macro->node = &node;
    macro->scope = scope_;
    Keep(scope_);
    return JinjaValue(std::static_pointer_cast<JinjaObject>(macro));
  }

  // A loop that may call itself: where it stands, to run it again over other items.
  struct RecursiveLoop : JinjaLoop {
    const JinjaNode* node = nullptr;
    Scope* outer = nullptr;
  };

  void For(const JinjaNode& node, std::string& out) { Loop(node, Eval(*node.expr), scope_, 0, out); }

  void Loop(const JinjaNode& node, const JinjaValue& over, Scope* outer, int64_t depth0, std::string& out) {
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

  JinjaValue CallLoop(const RecursiveLoop& loop, const JinjaArgs& args) {
    const Depth depth(&depth_);
    const auto bound = args.Bind("loop", {"iterable"});
    if (bound[0] == nullptr) ThrowJinja("loop(…) needs what to loop over");
    std::string text;
    Loop(*loop.node, *bound[0], loop.outer, loop.depth0 + 1, text);
    return rt_.Text(std::move(text));
  }

  // Names that the block assigns later, and that no outer block has, are undefined until then, whatever the
  // template was given under that name: jinja2 settles names when it compiles.
  void Hide(const std::vector<std::string>& names) {
    for (const std::string& name : names) scope_->Set(name, JinjaValue::Undefined(name));
  }

  void Keep(Scope* scope) {
    for (Scope* s = scope; s != nullptr && !s->kept; s = s->parent) s->kept = true;
  }

  void Assign(const JinjaExpr& target, JinjaValue value) {
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

  // ---- expressions
  JinjaValue Lookup(const std::string& name) {
    for (Scope* scope = scope_; scope != nullptr; scope = scope->parent) {
      rt_.budget.Step();
      if (const JinjaValue* found = scope->Find(name)) return *found;
    }
    if (JinjaHasFunction(name))
      return JinjaValue(std::static_pointer_cast<JinjaObject>(std::make_shared<JinjaFunction>(name)));
    return JinjaValue::Undefined(name);
  }

  JinjaArgs Arguments(const JinjaExpr& node) {
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

  // `input` replaces the innermost operand of a chain that has none ({% filter %}, {% set x | f %}).
  JinjaValue Filter(const JinjaExpr& node, const JinjaValue* input) {
    const Depth depth(&depth_);
    const JinjaExpr* inner = node.items[0].get();
    const JinjaValue value = inner == nullptr ? *input : input != nullptr ? Filter(*inner, input) : Eval(*inner);
    const JinjaArgs args = Arguments(node);
    line_ = node.line;
    return JinjaFilter(node.text, value, args, rt_);
  }

  JinjaValue Call(const JinjaValue& callee, const JinjaArgs& args) {
    if (const auto method = callee.As<JinjaMethod>()) return JinjaCallMethod(method->self, method->name, args, rt_);
    if (const auto function = callee.As<JinjaFunction>()) return JinjaCallFunction(function->name, args, rt_);
    if (const auto macro = callee.As<Macro>()) return CallMacro(*macro, args);
    if (const auto loop = callee.As<RecursiveLoop>(); loop != nullptr && loop->recursive) return CallLoop(*loop, args);
    if (callee.IsUndefined()) ThrowJinja("'", callee.UndefinedName(), "' is undefined, and so cannot be called");
    ThrowJinja("'", callee.TypeName(), "' cannot be called");
  }

  JinjaValue CallMacro(const Macro& macro, const JinjaArgs& args) {
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

  JinjaValue Compare(const JinjaExpr& node) {
    JinjaValue left = Eval(*node.items[0]);
    for (size_t i = 0; i < node.operators.size(); ++i) {
      JinjaValue right = Eval(*node.items[i + 1]);
      if (!JinjaCompare(node.operators[i], left, right, rt_)) return JinjaValue(false);
      left = std::move(right);
    }
    return JinjaValue(true);
  }

  JinjaValue Item(const JinjaExpr& node) {
    const JinjaValue object = Eval(*node.items[0]);
    const JinjaExpr& index = *node.items[1];
    if (index.kind != JinjaExpr::kSlice) return JinjaItem(object, Eval(index), rt_);
    JinjaValue bounds[3];
    for (size_t i = 0; i < 3; ++i) {
      if (index.items[i] != nullptr) bounds[i] = Eval(*index.items[i]);
    }
    return JinjaSlice(object, &bounds[0], &bounds[1], &bounds[2], rt_);
  }

  JinjaValue Dict(const JinjaExpr& node) {
    std::vector<std::pair<JinjaValue, JinjaValue>> entries;
    for (size_t i = 0; i < node.items.size(); i += 2) {
      JinjaValue key = Eval(*node.items[i]);
      if (key.IsDict() || (key.IsList() && !key.IsTuple()) || key.IsUndefined())
        ThrowJinja("'", key.TypeName(), "' cannot be a key");
      JinjaValue value = Eval(*node.items[i + 1]);
      JinjaValue* have = nullptr;
      for (auto& entry : entries) {
        if (JinjaEqual(entry.first, key, rt_.budget)) have = &entry.second;
      }
      if (have != nullptr) {
        *have = std::move(value);
      } else {
        entries.emplace_back(std::move(key), std::move(value));
      }
    }
    rt_.budget.Bytes(entries.size() * sizeof(entries[0]));
    return JinjaValue::Dict(std::move(entries));
  }

  JinjaValue Eval(const JinjaExpr& node) {
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
                                        : JinjaValue::Undefined("the missing 'else' of a condition");
      case JinjaExpr::kSlice:
      case JinjaExpr::kNamespaceItem: break;
    }
    PITH_CHECK(false, "expression kind ", node.kind);
  }

  static JinjaValue Number(JinjaValue value) {
    if (value.IsNumber()) return value;
    if (value.IsUndefined()) ThrowJinja("'", value.UndefinedName(), "' is undefined");
    ThrowJinja("'", value.TypeName(), "' has no sign");
  }
};

// `soft`: a condition stands before it, and jinja2 looks for the name only when it comes to that.
void CheckNames(const JinjaExpr* node, bool soft) {
  if (node == nullptr) return;
  soft = soft || node->kind == JinjaExpr::kCondition;
  if (!soft && node->kind == JinjaExpr::kFilter && !JinjaHasFilter(node->text)) {
    throw JinjaError(Str("pith lacks the filter '", node->text, "'"), node->line);
  }
  if (!soft && node->kind == JinjaExpr::kTest && !JinjaHasTest(node->text)) {
    throw JinjaError(Str("pith lacks the test '", node->text, "'"), node->line);
  }
  for (const auto& item : node->items) CheckNames(item.get(), soft);
  for (const auto& [name, item] : node->named) CheckNames(item.get(), soft);
}

void CheckBody(const JinjaBody& body, bool soft) {
  for (const auto& node : body) {
    CheckNames(node->expr.get(), soft);
    CheckNames(node->target.get(), soft);
    CheckNames(node->condition.get(), false);
    for (const auto& [condition, branch] : node->branches) {
      CheckNames(condition.get(), true);
      CheckBody(branch, true);
    }
    for (const auto& [name, expr] : node->parameters) CheckNames(expr.get(), false);
    CheckBody(node->body, false);
    CheckBody(node->otherwise, node->kind == JinjaNode::kIf);
  }
}

}  // namespace

std::string RunJinja(const JinjaBody& body, const JinjaVariables& variables, JinjaRuntime& rt) {
  return Interpreter(rt).Run(body, variables);
}

void CheckJinjaNames(const JinjaBody& body) { CheckBody(body, false); }

}  // namespace pith
