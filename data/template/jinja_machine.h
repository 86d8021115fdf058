// The machine that runs a template: where its variables live, and one method for each kind of node. Statements are in
// jinja_statements.cc, expressions in jinja_evaluate.cc.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/template/jinja_interpreter.h"

namespace pith {

struct JinjaScope {
  JinjaScope* parent = nullptr;
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

class JinjaInterpreter {
 public:
  explicit JinjaInterpreter(JinjaRuntime& rt) : rt_(rt) {}
  std::string Run(const JinjaBody& body, const JinjaVariables& variables);

 private:
  using Scope = JinjaScope;
  enum class Flow { kNext, kBreak, kContinue };

  struct Macro : JinjaObject {
    const JinjaNode* node = nullptr;
    Scope* scope = nullptr;
    const char* TypeName() const override { return "Macro"; }
    std::string Text() const override { return node->kind == JinjaNode::kMacro ? "<Macro '" + node->text + "'>" : "<Macro anonymous>"; }
    bool Callable() const override { return true; }
    std::optional<JinjaValue> Attribute(std::string_view name) const override {
      return name == "name" && node->kind == JinjaNode::kMacro ? std::optional(JinjaValue(node->text)) : std::nullopt;
    }
  };
  // A loop that may call itself: where it stands, to run it again over other items.
  struct RecursiveLoop : JinjaLoop {
    const JinjaNode* node = nullptr;
    Scope* outer = nullptr;
  };
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

  JinjaRuntime& rt_;
  // All scopes alive. Those that a macro refers to stay to the end, so that it may be called from anywhere.
  std::vector<std::unique_ptr<Scope>> scopes_;
  Scope* scope_ = nullptr;
  int depth_ = 0, line_ = 1;

  // Runs `run` in a new scope under `parent`.
  template <class Run>
  auto InScope(Scope* parent, Run run) {
    rt_.budget.Bytes(sizeof(Scope));
    scopes_.push_back(std::make_unique<Scope>());
    Scope* const outer = scope_;
    scope_ = scopes_.back().get();
    scope_->parent = parent;
    struct Leave {
      JinjaInterpreter* self;
      Scope *mine, *outer;
      ~Leave() {
        self->scope_ = outer;
        if (self->scopes_.back().get() == mine && !mine->kept) self->scopes_.pop_back();
      }
    } leave{this, scope_, outer};
    return run();
  }
  void Keep(Scope* scope);
  // Names that the block assigns later, and that no outer block has, are undefined until then, whatever the
  // template was given under that name: jinja2 settles names when it compiles.
  void Hide(const std::vector<std::string>& names);

  Flow Body(const JinjaBody& body, std::string& out);
  Flow Statement(const JinjaNode& node, std::string& out);
  void Write(std::string& out, const std::string& text);   // pays for the text
  void Append(std::string& out, const std::string& text);  // one that is paid for
  std::string Captured(const JinjaNode& node);
  JinjaValue MakeMacro(const JinjaNode& node);
  void For(const JinjaNode& node, std::string& out);
  void Loop(const JinjaNode& node, const JinjaValue& over, Scope* outer, int64_t depth0, std::string& out);
  void Assign(const JinjaExpr& target, JinjaValue value);

  JinjaValue Eval(const JinjaExpr& node);
  JinjaValue Lookup(const std::string& name);
  JinjaArgs Arguments(const JinjaExpr& node);
  // `input` replaces the innermost operand of a chain that has none ({% filter %}, {% set x | f %}).
  JinjaValue Filter(const JinjaExpr& node, const JinjaValue* input);
  JinjaValue Call(const JinjaValue& callee, const JinjaArgs& args);
  JinjaValue CallMacro(const Macro& macro, const JinjaArgs& args);
  JinjaValue CallLoop(const RecursiveLoop& loop, const JinjaArgs& args);
  JinjaValue Compare(const JinjaExpr& node);
  JinjaValue Item(const JinjaExpr& node);
  JinjaValue Dict(const JinjaExpr& node);
};

}  // namespace pith
