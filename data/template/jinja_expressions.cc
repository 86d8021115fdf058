#include "data/template/jinja_expressions.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <vector>

namespace pith {
namespace {

constexpr int kMaxExpressionDepth = 300;

JinjaExprPtr Constant(JinjaValue value, int line) {
  JinjaExprPtr node = JinjaExpressions::Make(JinjaExpr::kConst, "", line);
  node->value = std::move(value);
  return node;
}

}  // namespace

struct JinjaExpressions::Nesting {
  explicit Nesting(JinjaExpressions* p) : parser(p) {
    if (++parser->depth_ > kMaxExpressionDepth) parser->Fail("an expression is nested deeper than ", kMaxExpressionDepth);
  }
  ~Nesting() { --parser->depth_; }
  JinjaExpressions* parser;
};

void JinjaExpressions::Deepen(E& node) {
  for (const auto& item : node.items) {
    if (item) node.depth = std::max(node.depth, item->depth + 1);
  }
  for (const auto& [name, item] : node.named) node.depth = std::max(node.depth, item->depth + 1);
  if (node.depth > kMaxExpressionDepth) {
    throw JinjaError(Str("an expression is nested deeper than ", kMaxExpressionDepth), node.line);
  }
}

JinjaExprPtr JinjaExpressions::Expression() {
  const Nesting nesting(this);
  const int line = Now().line;
  JinjaExprPtr node = Or();
  while (SkipName("if")) {
    JinjaExprPtr condition = Or();
    JinjaExprPtr otherwise;
    if (SkipName("else")) otherwise = Expression();
    node = Make(E::kCondition, "", line, std::move(condition), std::move(node), std::move(otherwise));
  }
  return node;
}

JinjaExprPtr JinjaExpressions::Or() {
  JinjaExprPtr node = And();
  while (IsName("or")) {
    const int line = Take().line;
    JinjaExprPtr right = And();
    node = Make(E::kOr, "", line, std::move(node), std::move(right));
  }
  return node;
}

JinjaExprPtr JinjaExpressions::And() {
  JinjaExprPtr node = Not();
  while (IsName("and")) {
    const int line = Take().line;
    JinjaExprPtr right = Not();
    node = Make(E::kAnd, "", line, std::move(node), std::move(right));
  }
  return node;
}

JinjaExprPtr JinjaExpressions::Not() {
  if (!IsName("not")) return Compare();
  const Nesting nesting(this);
  const int line = Take().line;
  return Make(E::kNot, "", line, Not());
}

JinjaExprPtr JinjaExpressions::Compare() {
  const int line = Now().line;
  JinjaExprPtr first = Sum();
  std::vector<JinjaExprPtr> items;
  std::vector<std::string> operators;
  for (;;) {
    if (IsOp("==") || IsOp("!=") || IsOp("<") || IsOp("<=") || IsOp(">") || IsOp(">=")) {
      operators.push_back(Take().text);
    } else if (SkipName("in")) {
      operators.push_back("in");
    } else if (IsName("not") && After().Is(T::kName, "in")) {
      Take();
      Take();
      operators.push_back("not in");
    } else {
      break;
    }
    items.push_back(Sum());
  }
  if (operators.empty()) return first;
  JinjaExprPtr node = Make(E::kCompare, "", line, std::move(first));
  for (auto& item : items) node->items.push_back(std::move(item));
  node->operators = std::move(operators);
  Deepen(*node);
  return node;
}

template <class Next>
JinjaExprPtr JinjaExpressions::Chain(std::initializer_list<std::string_view> operators, Next next) {
  JinjaExprPtr node = next();
  for (;;) {
    bool found = false;
    for (const auto op : operators) found = found || IsOp(op);
    if (!found) return node;
    const JinjaToken op = Take();
    JinjaExprPtr right = next();
    node = Make(E::kBinary, op.text, op.line, std::move(node), std::move(right));
  }
}
JinjaExprPtr JinjaExpressions::Sum() {
  return Chain({"+", "-"}, [this] { return Concat(); });
}
JinjaExprPtr JinjaExpressions::Product() {
  return Chain({"*", "/", "//", "%"}, [this] { return Power(); });
}
JinjaExprPtr JinjaExpressions::Power() {
  return Chain({"**"}, [this] { return Unary(true); });
}

JinjaExprPtr JinjaExpressions::Concat() {
  JinjaExprPtr first = Product();
  if (!IsOp("~")) return first;
  JinjaExprPtr node = Make(E::kConcat, "", Now().line, std::move(first));
  while (SkipOp("~")) node->items.push_back(Product());
  Deepen(*node);
  return node;
}

JinjaExprPtr JinjaExpressions::Unary(bool with_filter) {
  const Nesting nesting(this);
  const int line = Now().line;
  JinjaExprPtr node;
  if (SkipOp("-")) {
    node = Make(E::kNegative, "", line, Unary(false));
  } else if (SkipOp("+")) {
    node = Make(E::kPositive, "", line, Unary(false));
  } else {
    node = Primary();
  }
  node = Postfix(std::move(node));
  while (with_filter) {
    if (IsOp("|")) {
      node = Filters(std::move(node));
    } else if (IsName("is")) {
      node = Test(std::move(node));
    } else if (IsOp("(")) {
      node = Call(std::move(node));
    } else {
      break;
    }
  }
  return node;
}

JinjaExprPtr JinjaExpressions::Primary() {
  const JinjaToken token = Now();
  switch (token.kind) {
    case T::kName:
      Take();
      if (token.text == "true" || token.text == "True") return Constant(JinjaValue(true), token.line);
      if (token.text == "false" || token.text == "False") return Constant(JinjaValue(false), token.line);
      if (token.text == "none" || token.text == "None") return Constant(JinjaValue(), token.line);
      return Make(E::kName, token.text, token.line);
    case T::kString: {
      std::string value;
      while (Now().kind == T::kString) value += Take().text;
      return Constant(JinjaValue(std::move(value)), token.line);
    }
    case T::kInt: {
      Take();
      int64_t value = 0;
      const auto end = std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
      if (end.ec != std::errc()) throw JinjaError(Str("the number ", token.text, " is beyond 64 bits"), token.line);
      return Constant(JinjaValue(value), token.line);
    }
    case T::kFloat: {
      Take();
      double value = 0;
      const auto read = std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
      if (read.ec == std::errc::result_out_of_range) value = std::strtod(token.text.c_str(), nullptr);  // infinity, or 0
      return Constant(JinjaValue(value), token.line);
    }
    default: break;
  }
  if (SkipOp("(")) {
    JinjaExprPtr node = Tuple(true, true);
    ExpectOp(")");
    return node;
  }
  if (SkipOp("[")) return Listed(E::kList, "]", token.line);
  if (SkipOp("{")) return Listed(E::kDict, "}", token.line);
  Fail("expected an expression, got ", Shown());
}

// The items of a list, or the keys and values of a dict, up to the closing bracket.
JinjaExprPtr JinjaExpressions::Listed(E::Kind kind, std::string_view close, int line) {
  JinjaExprPtr node = Make(kind, "", line);
  while (!IsOp(close)) {
    if (!node->items.empty()) ExpectOp(",");
    if (IsOp(close)) break;
    node->items.push_back(Expression());
    if (kind != E::kDict) continue;
    ExpectOp(":");
    node->items.push_back(Expression());
  }
  ExpectOp(close);
  Deepen(*node);
  return node;
}

JinjaExprPtr JinjaExpressions::Tuple(bool with_condition, bool parenthesised) {
  const int line = Now().line;
  std::vector<JinjaExprPtr> items;
  bool is_tuple = false;
  for (;;) {
    if (!items.empty() && !SkipOp(",")) break;
    if (!items.empty()) is_tuple = true;
    if (IsOp(")") || Now().kind == T::kBlockEnd || Now().kind == T::kOutputEnd) break;
    items.push_back(with_condition ? Expression() : Or());
  }
  if (!is_tuple && !items.empty()) return std::move(items[0]);
  if (items.empty() && !parenthesised) Fail("expected an expression, got ", Shown());
  JinjaExprPtr node = Make(E::kTuple, "", line);
  node->items = std::move(items);
  Deepen(*node);
  return node;
}

}  // namespace pith
