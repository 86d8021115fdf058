#include "runtime/evaluation/comparison.h"

#include <algorithm>

#include "base/error.h"

namespace pith {
namespace {

struct ProblemScore {
  double right = 0, tokens = 0;  // means over its chains
  int judged = 0;                // chains
};

std::vector<ProblemScore> Scores(const EvalRow& row) {
  PITH_CHECK_EQ(static_cast<int64_t>(row.answers.size()), row.n * row.chains);
  std::vector<ProblemScore> scores(static_cast<size_t>(row.n));
  for (const EvalAnswer& answer : row.answers) {
    ProblemScore& score = scores[static_cast<size_t>(answer.problem)];
    score.tokens += static_cast<double>(answer.tokens) / row.chains;
    if (answer.verdict == Verdict::kError) continue;
    ++score.judged;
    score.right += answer.correct;
  }
  for (ProblemScore& score : scores) {
    if (score.judged > 0) score.right /= score.judged;
  }
  return scores;
}

}  // namespace

RowComparison CompareRows(const EvalRow& first, const EvalRow& second) {
  PITH_CHECK_EQ(first.n, second.n);
  PITH_CHECK_EQ(first.chains, second.chains);
  const std::vector<ProblemScore> a = Scores(first), b = Scores(second);
  std::vector<double> right_a, right_b, tokens_a, tokens_b;
  PairedCounts counts;
  for (size_t p = 0; p < a.size(); ++p) {
    if (a[p].judged == 0 || b[p].judged == 0) continue;
    right_a.push_back(a[p].right);
    right_b.push_back(b[p].right);
    tokens_a.push_back(a[p].tokens);
    tokens_b.push_back(b[p].tokens);
    const bool in_a = a[p].right > 0, in_b = b[p].right > 0;
    ++(in_a ? in_b ? counts.both : counts.only_first : in_b ? counts.only_second : counts.neither);
  }
  RowComparison c;
  c.first = first.mode;
  c.second = second.mode;
  c.dataset = first.dataset;
  c.budget = first.budget;
  c.curve_first = first.curve;
  c.curve_second = second.curve;
  c.chains = first.chains;
  c.n = static_cast<int64_t>(right_a.size());
  c.accuracy_first = Mean(right_a);
  c.accuracy_second = Mean(right_b);
  const PairedDifference accuracy = ComparePairs(right_a, right_b), tokens = ComparePairs(tokens_a, tokens_b);
  c.accuracy_difference = accuracy.mean;
  c.accuracy_interval = first.chains == 1 ? NewcombeInterval(counts) : accuracy.interval;
  if (first.chains == 1) {
    c.only_first = counts.only_first;
    c.only_second = counts.only_second;
    c.mcnemar_p = McNemarExact(counts.only_first, counts.only_second);
  }
  c.tokens_first = Mean(tokens_a);
  c.tokens_second = Mean(tokens_b);
  c.tokens_difference = tokens.mean;
  c.tokens_interval = tokens.interval;
  c.tokens_ratio = c.tokens_first > 0 ? c.tokens_second / c.tokens_first : 0;
  return c;
}

std::vector<RowComparison> CompareModes(const std::vector<EvalRow>& rows) {
  std::vector<RowComparison> pairs;
  const auto has = [&](const std::string& mode, int64_t budget, Curve curve) {
    return std::any_of(rows.begin(), rows.end(), [&](const EvalRow& row) { return row.mode == mode && row.budget == budget && row.curve == curve; });
  };
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t j = i + 1; j < rows.size(); ++j) {
      const EvalRow &first = rows[i], &second = rows[j];
      if (first.mode == second.mode || first.budget != second.budget) continue;
      // One that could be told with one that could not be: the only pair that there is.
      if (first.curve != second.curve && (has(first.mode, first.budget, second.curve) || has(second.mode, first.budget, first.curve))) continue;
      pairs.push_back(CompareRows(first, second));
    }
  }
  return pairs;
}

}  // namespace pith
