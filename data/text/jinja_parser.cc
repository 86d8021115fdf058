// Recursive descent over Jinja's grammar, expressions first, then statements. Longer than usual because every rule calls
// the others: split in two, each half would need the other's insides.
#include "data/text/jinja_parser.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "data/text/jinja_lexer.h"

namespace pith {
namespace {

constexpr int kMaxExpressionDepth = 300;
constexpr int kMaxBlockDepth = 60;
constexpr size_t kMaxSource = 1 << 20;

using T = JinjaToken;
using E = JinjaExpr;

class Parser {
 public:
  explicit Parser(std::string_view source) : tokens_(LexJinja(source)) {}

  JinjaBody Run() {
    JinjaBody body = Statements({});
    if (Now().kind != T::kEnd) Fail("unexpected end of a block");
    return body;
  }

 private:
  std::vector<JinjaToken> tokens_;
  size_t at_ = 0;
  int depth_ = 0, blocks_ = 0, loops_ = 0;

  // ---- tokens
  const JinjaToken& Now() const { return tokens_[at_]; }
  const JinjaToken& After() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  JinjaToken Take() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool IsOp(std::string_view op) const { return Now().Is(T::kOperator, op); }
  bool IsName(std::string_view name) const { return Now().Is(T::kName, name); }
  bool SkipOp(std::string_view op) { return IsOp(op) && (Take(), true); }
  bool SkipName(std::string_view name) { return IsName(name) && (Take(), true); }

  template <class... Args>
  [[noreturn]] void Fail(const Args&... args) const {
    throw JinjaError(Str(args...), Now().line);
  }

  std::string Shown() const {
    switch (Now().kind) {
      case T::kEnd: return "the end of the template";
      case T::kBlockEnd: return "the end of the tag '%}'";
      case T::kOutputEnd: return "the end of the tag '}}'";
      default: return "'" + Now().text.substr(0, 40) + "'";
    }
  }
  void ExpectOp(std::string_view op) {
    if (!SkipOp(op)) Fail("expected '", op, "', got ", Shown());
  }
  std::string ExpectName() {
    if (Now().kind != T::kName) Fail("expected a name, got ", Shown());
    return Take().text;
  }
  void ExpectBlockEnd() {
    if (Now().kind != T::kBlockEnd) Fail("expected '%}', got ", Shown());
    Take();
  }

  // ---- expressions
  static void Deepen(E& node) {
    for (const auto& item : node.items) {
      if (item) node.depth = std::max(node.depth, item->depth + 1);
    }
    for (const auto& [name, item] : node.named) node.depth = std::max(node.depth, item->depth + 1);
    if (node.depth > kMaxExpressionDepth)
      throw JinjaError(Str("an expression is nested deeper than ", kMaxExpressionDepth), node.line);
  }
  template <class... Items>
  JinjaExprPtr Make(E::Kind kind, std::string text, int line, Items... items) const {
    auto node = std::make_unique<E>();
    node->kind = kind;
    node->text = std::move(text);
    node->line = line;
    (node->items.push_back(std::move(items)), ...);
    Deepen(*node);
    return node;
  }
  JinjaExprPtr Constant(JinjaValue value, int line) const {
    JinjaExprPtr node = Make(E::kConst, "", line);
    node->value = std::move(value);
    return node;
  }

  struct Nesting {
    explicit Nesting(Parser* p) : parser(p) {
      if (++parser->depth_ > kMaxExpressionDepth)
        parser->Fail("an expression is nested deeper than ", kMaxExpressionDepth);
    }
    ~Nesting() { --parser->depth_; }
    Parser* parser;
  };

  JinjaExprPtr Expression() {
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

  JinjaExprPtr Or() {
    JinjaExprPtr node = And();
    while (IsName("or")) {
      const int line = Take().line;
      JinjaExprPtr right = And();
      node = Make(E::kOr, "", line, std::move(node), std::move(right));
    }
    return node;
  }

  JinjaExprPtr And() {
    JinjaExprPtr node = Not();
    while (IsName("and")) {
      const int line = Take().line;
      JinjaExprPtr right = Not();
      node = Make(E::kAnd, "", line, std::move(node), std::move(right));
    }
    return node;
  }

  JinjaExprPtr Not() {
    if (!IsName("not")) return Compare();
    const Nesting nesting(this);
    const int line = Take().line;
    return Make(E::kNot, "", line, Not());
  }

  JinjaExprPtr Compare() {
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
  JinjaExprPtr Chain(std::initializer_list<std::string_view> operators, Next next) {
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
  JinjaExprPtr Sum() {
    return Chain({"+", "-"}, [this] { return Concat(); });
  }
  JinjaExprPtr Product() {
    return Chain({"*", "/", "//", "%"}, [this] { return Power(); });
  }
  JinjaExprPtr Power() {
    return Chain({"**"}, [this] { return Unary(true); });
  }

  JinjaExprPtr Concat() {
    JinjaExprPtr first = Product();
    if (!IsOp("~")) return first;
    JinjaExprPtr node = Make(E::kConcat, "", Now().line, std::move(first));
    while (SkipOp("~")) node->items.push_back(Product());
    Deepen(*node);
    return node;
  }

  JinjaExprPtr Unary(bool with_filter) {
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

  JinjaExprPtr Primary() {
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
        std::from_chars(token.text.data(), token.text.data() + token.text.size(), value);
        return Constant(JinjaValue(value), token.line);
      }
      default: break;
    }
    if (SkipOp("(")) {
      JinjaExprPtr node = Tuple(true, true);
      ExpectOp(")");
      return node;
    }
    if (SkipOp("[")) {
      JinjaExprPtr node = Make(E::kList, "", token.line);
      while (!IsOp("]")) {
        if (!node->items.empty()) ExpectOp(",");
        if (IsOp("]")) break;
        node->items.push_back(Expression());
      }
      ExpectOp("]");
      Deepen(*node);
      return node;
    }
    if (SkipOp("{")) {
      JinjaExprPtr node = Make(E::kDict, "", token.line);
      while (!IsOp("}")) {
        if (!node->items.empty()) ExpectOp(",");
        if (IsOp("}")) break;
        node->items.push_back(Expression());
        ExpectOp(":");
        node->items.push_back(Expression());
      }
      ExpectOp("}");
      Deepen(*node);
      return node;
    }
    Fail("expected an expression, got ", Shown());
  }

  // An expression, or several with commas between. `parenthesised`: may be empty.
  JinjaExprPtr Tuple(bool with_condition, bool parenthesised) {
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

  JinjaExprPtr Postfix(JinjaExprPtr node) {
    for (;;) {
      const int line = Now().line;
      if (SkipOp(".")) {
        if (Now().kind == T::kInt) {
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

  JinjaExprPtr Subscript() {
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

  void Arguments(E& node) {
    ExpectOp("(");
    bool first = true;
    while (!IsOp(")")) {
      if (!first) ExpectOp(",");
      first = false;
      if (IsOp(")")) break;
      if (IsOp("*") || IsOp("**")) Fail("pith lacks '", Now().text, "' in the arguments of a call");
      if (Now().kind == T::kName && After().Is(T::kOperator, "=")) {
        std::string name = Take().text;
        Take();
        node.named.emplace_back(std::move(name), Expression());
      } else {
        if (!node.named.empty()) Fail("a positional argument follows a named one");
        node.items.push_back(Expression());
      }
    }
    ExpectOp(")");
    Deepen(node);
  }

  JinjaExprPtr Call(JinjaExprPtr callee) {
    JinjaExprPtr node = Make(E::kCall, "", Now().line, std::move(callee));
    Arguments(*node);
    return node;
  }

  std::string DottedName() {
    std::string name = ExpectName();
    while (SkipOp(".")) name += "." + ExpectName();
    return name;
  }

  JinjaExprPtr Filters(JinjaExprPtr node) {
    while (SkipOp("|")) node = OneFilter(std::move(node));
    return node;
  }
  JinjaExprPtr OneFilter(JinjaExprPtr node) {
    const int line = Now().line;
    std::string name = DottedName();
    node = Make(E::kFilter, std::move(name), line, std::move(node));
    if (IsOp("(")) Arguments(*node);
    return node;
  }

  JinjaExprPtr Test(JinjaExprPtr node) {
    const int line = Take().line;
    const bool negated = SkipName("not");
    JinjaExprPtr test = Make(E::kTest, DottedName(), line, std::move(node));
    if (IsOp("(")) {
      Arguments(*test);
    } else if (Now().kind == T::kString || Now().kind == T::kInt || Now().kind == T::kFloat || IsOp("[") || IsOp("{") ||
               (Now().kind == T::kName && !IsName("else") && !IsName("or") && !IsName("and"))) {
      if (IsName("is")) Fail("tests with 'is' cannot be chained");
      test->items.push_back(Postfix(Primary()));
      Deepen(*test);
    }
    return negated ? Make(E::kNot, "", line, std::move(test)) : std::move(test);
  }

  // ---- statements
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
    if (IsName("recursive")) Fail("pith lacks 'recursive' loops");
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
};

}  // namespace

JinjaBody ParseJinja(std::string_view source) {
  if (source.size() > kMaxSource)
    throw JinjaError(Str("the template has ", source.size(), " bytes, more than ", kMaxSource), 1);
  return Parser(source).Run();
}

}  // namespace pith
