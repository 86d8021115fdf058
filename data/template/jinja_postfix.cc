// What follows a value: attributes, subscripts, calls with their arguments, filters, tests.
#include "data/template/jinja_expressions.h"

namespace pith {

JinjaExprPtr JinjaExpressions::Postfix(JinjaExprPtr node) {
  for (;;) {
    const int line = Now().line;
    if (SkipOp(".")) {
      if (Now().kind == JinjaToken::kInt) {
        node = Make(E::kItem, "", line, std::move(node), Primary());
      } else {
        node = Make(E::kAttribute, ExpectName(), line, std::move(node));
      }
    } else if (SkipOp("[")) {
      JinjaExprPtr index = Subscript();
      if (IsOp(",")) Fail("pith lacks subscripts with several indices");
      ExpectOp("]");
      node = Make(E::kItem, "", line, std::move(node), std::move(index));
    } else if (IsOp("(")) {
      node = Call(std::move(node));
    } else {
      return node;
    }
  }
}

JinjaExprPtr JinjaExpressions::Subscript() {
  const int line = Now().line;
  JinjaExprPtr parts[3];
  if (!IsOp(":")) {
    parts[0] = Expression();
    if (!IsOp(":")) return std::move(parts[0]);
  }
  for (int i = 1; i < 3 && SkipOp(":"); ++i) {
    if (!IsOp(":") && !IsOp("]") && !IsOp(",")) parts[i] = Expression();
  }
  return Make(E::kSlice, "", line, std::move(parts[0]), std::move(parts[1]), std::move(parts[2]));
}

void JinjaExpressions::Arguments(E& node) {
  ExpectOp("(");
  bool first = true;
  while (!IsOp(")")) {
    if (!first) ExpectOp(",");
    first = false;
    if (IsOp(")")) break;
    if (IsOp("*") || IsOp("**")) {
      std::string name = Take().text;
      node.named.emplace_back(std::move(name), Expression());
      continue;
    }
    if (Now().kind == JinjaToken::kName && After().Is(JinjaToken::kOperator, "=")) {
      std::string name = Take().text;
      Take();
      node.named.emplace_back(std::move(name), Expression());
    } else {
      if (!node.named.empty()) Fail("a positional argument follows a named or unpacked one");
      node.items.push_back(Expression());
    }
  }
  ExpectOp(")");
  Deepen(node);
}

JinjaExprPtr JinjaExpressions::Call(JinjaExprPtr callee) {
  JinjaExprPtr node = Make(E::kCall, "", Now().line, std::move(callee));
  Arguments(*node);
  return node;
}

std::string JinjaExpressions::DottedName() {
  std::string name = ExpectName();
  while (SkipOp(".")) name += "." + ExpectName();
  return name;
}

JinjaExprPtr JinjaExpressions::Filters(JinjaExprPtr node) {
  while (SkipOp("|")) node = OneFilter(std::move(node));
  return node;
}
JinjaExprPtr JinjaExpressions::OneFilter(JinjaExprPtr node) {
  const int line = Now().line;
  std::string name = DottedName();
  node = Make(E::kFilter, std::move(name), line, std::move(node));
  if (IsOp("(")) Arguments(*node);
  return node;
}

JinjaExprPtr JinjaExpressions::Test(JinjaExprPtr node) {
  const int line = Take().line;
  const bool negated = SkipName("not");
  JinjaExprPtr test = Make(E::kTest, DottedName(), line, std::move(node));
  if (IsOp("(")) {
    Arguments(*test);
  } else if (Now().kind == JinjaToken::kString || Now().kind == JinjaToken::kInt || Now().kind == JinjaToken::kFloat || IsOp("[") || IsOp("{") ||
             (Now().kind == JinjaToken::kName && !IsName("else") && !IsName("or") && !IsName("and"))) {
    if (IsName("is")) Fail("tests with 'is' cannot be chained");
    test->items.push_back(Postfix(Primary()));
    Deepen(*test);
  }
  return negated ? Make(E::kNot, "", line, std::move(test)) : std::move(test);
}

}  // namespace pith
