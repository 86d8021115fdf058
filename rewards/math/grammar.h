// Recursive descent over the tokens of an answer; private to this room. See parser.h for what it reads.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "rewards/math/expression.h"
#include "rewards/math/lexer.h"

namespace pith {

class Grammar {
 public:
  Grammar(std::vector<Token> tokens, Work* work) : tokens_(std::move(tokens)), work_(work) {}
  // The whole answer; check failed() afterwards.
  Expression Answer();
  bool failed() const { return failed_; }

 private:
  // grammar_answer.cc: lists, words, relations.
  struct Items {
    std::vector<Expression> items;
    std::string joiner;  // "or", "and" or ""
    std::vector<size_t> rows;  // how many items stand in front of each semicolon
  };
  void CutRemark();
  Items List();
  Expression Item();
  Expression Words();
  Expression Relation();
  bool AtSeparator() const;
  bool AtItemEnd() const;
  bool AtAngleVector() const;
  char RelationSign() const;  // '\0' when there is none; '~' for ≈

  // grammar_orders.cc: "(1, 2, 3) and its permutations", "all cyclic permutations of (1, 2, 3)".
  enum class Orders { kOne, kAll, kCyclic };
  Orders CutOrders();  // what the words say, which are cut
  Expression InOrders(Expression answer, Orders orders);

  // grammar_measures.cc: a member of a relation, with currency, unit, ratio, residue.
  Expression Member();
  Expression Currency(const std::string& currency, bool negative);
  Expression Compound(Expression value);  // 2 hours 30 minutes
  Expression WithUnit(Expression value);
  void PowerOfUnit(std::string* unit);

  // grammar_sets.cc: unions, brackets, braces, matrices.
  Expression SetTerm();
  Expression SetSum();
  Expression WithOver(Expression top);                // 3 \over 4, 5 \choose 2
  Expression Bracketed(const std::string& bracket);   // behind ( or [ or ]
  Expression Braces(bool plain);                      // behind \{ or {
  Expression Cases();
  Expression Matrix(const std::string& environment);

  // grammar_arithmetic.cc: sums, products, powers.
  Expression Sum();
  Expression Product();
  Expression Signed();
  Expression Power();
  Expression Exponent();
  Expression Postfix(Expression value);
  Expression WithArcMinutes(Expression degrees);
  bool StartsFactor() const;
  bool IsNumberSoFar() const;
  bool AtDegree() const;

  // grammar_primary.cc: numbers, letters, arguments.
  Expression Primary();
  Expression NumberPrimary();
  Expression Letter();    // a variable or f(…)
  Expression Prefixed();  // {}^3/_4, {}_5C_2
  Expression Argument(bool one_digit);  // {…} or the next token, as LaTeX takes arguments
  std::string Subscript();

  // grammar_functions.cc: what commands begin, and functions with their arguments.
  Expression CommandPrimary();
  Expression Function(const std::string& name);
  Expression FunctionArgument();
  Expression SumOrProduct(const std::string& name);

  const Token& Peek(size_t ahead = 0) const;
  bool AtSign(char c, size_t ahead = 0) const;
  bool AtCommand(const char* name, size_t ahead = 0) const;
  bool AtWord(const char* word, size_t ahead = 0) const;
  bool EatSign(char c);
  bool EatCommand(const char* name);
  void Expect(bool eaten);
  Expression Fail();

  // Every recursion passes through one of these.
  class Depth {
   public:
    explicit Depth(Grammar* grammar) : grammar_(grammar) {
      if (++grammar_->depth_ > 60) grammar_->failed_ = true;
    }
    ~Depth() { --grammar_->depth_; }
   private:
    Grammar* grammar_;
  };

  std::vector<Token> tokens_;
  Work* work_;
  size_t at_ = 0;
  int depth_ = 0;
  int bars_ = 0;    // open | of absolute values
  int angles_ = 0;  // open < of vectors, in which < and > are no relations
  bool ratios_ = true;  // a colon is one; not where it may part \{x : …\}
  size_t member_ = 0;  // where the present member begins, behind its sign
  bool failed_ = false;
};

}  // namespace pith
