#include "data/template/jinja_parser.h"

#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

#include "data/template/jinja_expressions.h"
#include "data/template/jinja_scopes.h"

namespace pith {
namespace {

constexpr int kMaxBlockDepth = 60;
constexpr size_t kMaxSource = 1 << 20;

// Statements; the expressions in them are the base class's.
class Parser : private JinjaExpressions {
 public:
  using JinjaExpressions::JinjaExpressions;

  JinjaBody Run() {
    JinjaBody body = Statements({});
    if (Now().kind != T::kEnd) Fail("unexpected end of a block");
    return body;
  }

 private:
  JinjaExprPtr Target(bool with_namespace) {
    const int line = Now().line;
    std::vector<JinjaExprPtr> items;
    bool is_tuple = false;
    const bool parenthesised = SkipOp("(");
    do {
      if (!items.empty()) is_tuple = true;
      if (IsName("in") || IsOp("=") || IsOp(")")) break;
      const std::string name = ExpectName();
      JinjaExprPtr item = Make(E::kName, name, line);
      if (with_namespace && SkipOp(".")) {
        item->kind = E::kNamespaceItem;
        item->value = JinjaValue(ExpectName());
      }
      items.push_back(std::move(item));
    } while (SkipOp(","));
    if (parenthesised) ExpectOp(")");
    if (items.empty()) Fail("expected a name to assign to, got ", Shown());
    if (!is_tuple) return std::move(items[0]);
    JinjaExprPtr node = Make(E::kTuple, "", line);
    node->items = std::move(items);
    Deepen(*node);
    return node;
  }

  // Statements up to a tag that begins with one of `ends` (left unread, its name current), or the end of the template.
  JinjaBody Statements(std::initializer_list<std::string_view> ends) {
    if (++blocks_ > kMaxBlockDepth) Fail("blocks are nested deeper than ", kMaxBlockDepth);
    JinjaBody body;
    for (;;) {
      const JinjaToken token = Now();
      if (token.kind == T::kEnd) {
        if (ends.size() > 0) Fail("expected '{% ", *(ends.end() - 1), " %}', got the end of the template");
        break;
      }
      Take();
      auto node = std::make_unique<JinjaNode>();
      node->line = token.line;
      if (token.kind == T::kText) {
        node->text = token.text;
      } else if (token.kind == T::kOutputBegin) {
        node->kind = JinjaNode::kOutput;
        node->expr = Tuple(true, false);
        if (Now().kind != T::kOutputEnd) Fail("expected '}}', got ", Shown());
        Take();
      } else {
        bool ended = false;
        for (const auto end : ends) ended = ended || IsName(end);
        if (ended) break;
        Statement(*node);
      }
      body.push_back(std::move(node));
    }
    --blocks_;
    return body;
  }
  JinjaBody Block(std::string_view end) {
    ExpectBlockEnd();
    JinjaBody body = Statements({end});
    Take();
    ExpectBlockEnd();
    return body;
  }

  void Statement(JinjaNode& node) {
    const std::string tag = ExpectName();
    if (tag == "if") return If(node);
    if (tag == "for") return For(node);
    if (tag == "set") return Set(node);
    if (tag == "macro") {
      node.kind = JinjaNode::kMacro;
      node.text = ExpectName();
      Parameters(node);
      node.body = Function("endmacro");
    } else if (tag == "call") {
      node.kind = JinjaNode::kCallBlock;
      if (IsOp("(")) Parameters(node);
      node.expr = Expression();
      if (node.expr->kind != E::kCall) Fail("'{% call %}' needs a call");
      node.body = Function("endcall");
    } else if (tag == "filter") {
      node.kind = JinjaNode::kFilterBlock;
      node.expr = Filters(OneFilter(nullptr));
      node.body = Block("endfilter");
    } else if (tag == "with") {
      node.kind = JinjaNode::kWith;
      while (Now().kind != T::kBlockEnd) {
        if (!node.parameters.empty()) ExpectOp(",");
        std::string name = ExpectName();
        ExpectOp("=");
        node.parameters.emplace_back(std::move(name), Expression());
      }
      node.body = Block("endwith");
    } else if (tag == "generation") {
      node.kind = JinjaNode::kScope;
      node.body = Block("endgeneration");
    } else if (tag == "break" || tag == "continue") {
      if (loops_ == 0) Fail("'{% ", tag, " %}' stands outside of a loop");
      node.kind = tag == "break" ? JinjaNode::kBreak : JinjaNode::kContinue;
      ExpectBlockEnd();
    } else if (tag.starts_with("end") || tag == "else" || tag == "elif") {
      Fail("'{% ", tag, " %}' stands where no block is open for it");
    } else {
      Fail("pith lacks the statement '{% ", tag, " %}'");
    }
  }

  // A body in which no outer loop can be left.
  JinjaBody Function(std::string_view end) {
    const int outer = loops_;
    loops_ = 0;
    JinjaBody body = Block(end);
    loops_ = outer;
    return body;
  }

  void Parameters(JinjaNode& node) {
    ExpectOp("(");
    while (!IsOp(")")) {
      if (!node.parameters.empty()) ExpectOp(",");
      if (IsOp(")")) break;
      std::string name = ExpectName();
      JinjaExprPtr missing;
      if (SkipOp("=")) missing = Expression();
      node.parameters.emplace_back(std::move(name), std::move(missing));
    }
    ExpectOp(")");
  }

  void If(JinjaNode& node) {
    node.kind = JinjaNode::kIf;
    for (;;) {
      JinjaExprPtr condition = Tuple(false, false);
      ExpectBlockEnd();
      node.branches.emplace_back(std::move(condition), Statements({"elif", "else", "endif"}));
      const std::string tag = Take().text;
      if (tag == "elif") continue;
      if (tag == "else") {
        node.otherwise = Block("endif");
      } else {
        ExpectBlockEnd();
      }
      return;
    }
  }

  void For(JinjaNode& node) {
    node.kind = JinjaNode::kFor;
    node.target = Target(false);
    if (!SkipName("in")) Fail("expected 'in', got ", Shown());
    node.expr = Tuple(false, false);
    if (SkipName("if")) node.condition = Expression();
    node.recursive = SkipName("recursive");
    ExpectBlockEnd();
    ++loops_;
    node.body = Statements({"else", "endfor"});
    --loops_;
    if (Take().text == "else") {
      node.otherwise = Block("endfor");
    } else {
      ExpectBlockEnd();
    }
  }

  void Set(JinjaNode& node) {
    node.target = Target(true);
    if (SkipOp("=")) {
      node.kind = JinjaNode::kSet;
      node.expr = Tuple(true, false);
      ExpectBlockEnd();
      return;
    }
    node.kind = JinjaNode::kSetBlock;
    if (IsOp("|")) node.expr = Filters(nullptr);
    node.body = Block("endset");
  }

  int blocks_ = 0, loops_ = 0;
};

}  // namespace

JinjaBody ParseJinja(std::string_view source) {
  if (source.size() > kMaxSource)
    throw JinjaError(Str("the template has ", source.size(), " bytes, more than ", kMaxSource), 1);
  JinjaBody body = Parser(source).Run();
  SettleJinjaScopes(body);
  return body;
}

}  // namespace pith
