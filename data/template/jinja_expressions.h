// Jinja's expressions, by recursive descent: one method for a rule of its grammar, loosest binding first.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "data/template/jinja_ast.h"
#include "data/template/jinja_cursor.h"

namespace pith {

// Failures are JinjaError with the line: syntax errors, what pith lacks (by name), and nesting deeper than 300.
class JinjaExpressions : public JinjaCursor {
 public:
  using E = JinjaExpr;
  using JinjaCursor::JinjaCursor;

  JinjaExprPtr Expression();
  // An expression, or several with commas between. `parenthesised`: may be empty. `with_condition`: `a if b else c` allowed.
  JinjaExprPtr Tuple(bool with_condition, bool parenthesised);
  // `| name(…) | name(…)` applied to node (null: to the body of the block whose filters these are), and one without its bar.
  JinjaExprPtr Filters(JinjaExprPtr node);
  JinjaExprPtr OneFilter(JinjaExprPtr node);

  template <class... Items>
  static JinjaExprPtr Make(E::Kind kind, std::string text, int line, Items... items) {
    auto node = std::make_unique<E>();
    node->kind = kind;
    node->text = std::move(text);
    node->line = line;
    (node->items.push_back(std::move(items)), ...);
    Deepen(*node);
    return node;
  }
  // Sets the node's depth from its children's.
  static void Deepen(E& node);

 private:
  struct Nesting;
  template <class Next>
  JinjaExprPtr Chain(std::initializer_list<std::string_view> operators, Next next);
  JinjaExprPtr Or();
  JinjaExprPtr And();
  JinjaExprPtr Not();
  JinjaExprPtr Compare();
  JinjaExprPtr Sum();
  JinjaExprPtr Concat();
  JinjaExprPtr Product();
  JinjaExprPtr Power();
  JinjaExprPtr Unary(bool with_filter);
  JinjaExprPtr Primary();
  JinjaExprPtr Listed(E::Kind kind, std::string_view close, int line);
  JinjaExprPtr Postfix(JinjaExprPtr node);
  JinjaExprPtr Subscript();
  JinjaExprPtr Call(JinjaExprPtr callee);
  JinjaExprPtr Test(JinjaExprPtr node);
  void Arguments(E& node);
  std::string DottedName();

  int depth_ = 0;
};

}  // namespace pith
