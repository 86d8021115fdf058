// The comparison behind SameAnswer, private to this room; see compare.h for the rules.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rewards/math/expression.h"
#include "rewards/math/work.h"

namespace pith {

bool IsInequality(const Expression& e);
bool IsEquation(const Expression& e);  // a chain of = alone

class Comparer {
 public:
  using Answers = std::vector<Expression>;

  // `rounded`: a rounded value is asked for.
  explicit Comparer(Work* work, bool rounded = false) : work_(work), rounded_(rounded) {}
  bool Same(const Expression& g, const Expression& p);  // g: the gold answer

 private:
  // compare.cc
  // "2 ≈ 3" says nothing: off by a unit of the last digit or more.
  bool MayRound(const Expression& exact, const Expression& rounded);
  bool Pairwise(const Answers& g, const Answers& p);
  // A matching of all members. Sameness is as good as transitive, so that the first fit will do.
  bool AnyOrder(const Answers& g, const Answers& p);
  static Answers Flatten(const Expression& e);
  Answers WithoutRepeats(const Answers& all);
  bool SameChoice(const Expression& g, const Expression& p);
  // Both values of every ±; nothing where there are too many.
  std::optional<Answers> Expanded(const Expression& e, bool independent);
  bool SamePlusMinus(const Expression& g, const Expression& p);
  bool SameResidue(const Expression& g, const Expression& p);
  // "2A" is read as a product.
  static std::string DigitsOf(const Expression& e);

  // compare_collections.cc: lists, sets, tuples, matrices.
  // "x = 1 or x = 2" and "x = 1, 2" are 1 and 2. Different names stay, with their values.
  Answers Values(const Expression& collection);
  // "y = 2, x = 1" is (1, 2). Nothing unless all members are named, and differently.
  static std::optional<Answers> ByName(const Expression& collection);
  // "p = 5, q = 2; p = 7, q = 2" is (5, 2), (7, 2).
  static std::optional<Answers> ByRepeatedNames(const Expression& collection);
  bool SameCollection(const Expression& g, const Expression& p);
  // Rows of a matrix, of a list of lists, or of one column.
  static std::vector<Answers> Rows(const Expression& e);
  bool SameMatrix(const Expression& g, const Expression& p);

  // compare_relations.cc: equations, inequalities, chains.
  bool SameRelation(const Expression& g, const Expression& p);
  bool IsIdentity(const Expression& equation);
  // "x = 5 = 7" says nothing: its constants differ.
  bool IsConsistent(const Expression& equation);
  static Expression Difference(const Expression& relation);
  bool SameEquation(const Expression& g, const Expression& p);
  static char Mirror(char sign);
  bool SameChain(const Expression& g, Expression p);
  bool SameInequality(const Expression& g, const Expression& p);

  Work* work_;
  bool rounded_;
};

}  // namespace pith
