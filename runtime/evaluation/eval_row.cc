#include "runtime/evaluation/eval_row.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/number_text.h"
#include "base/process_memory.h"
#include "rewards/answers/answer.h"
#include "runtime/evaluation/attempt.h"
#include "runtime/evaluation/score_stats.h"
#include "runtime/evaluation/stats.h"

namespace pith {
namespace {

// The extracted answer that most chains give, or that most of their scores speak for (the earliest wins a tie); whether it is right. What two judges of
// other kinds took for the answer is the same where it is the same text.
bool VoteIsRight(const std::vector<const EvalAnswer*>& chains, bool mathematics, bool weighted) {
  const EvalAnswer* best = nullptr;
  double best_votes = 0;
  for (const EvalAnswer* chain : chains) {
    if (chain->extracted.empty()) continue;
    double votes = 0;
    for (const EvalAnswer* other : chains) {
      if (other->extracted.empty()) continue;
      const bool same = mathematics ? AnswersEqual(chain->extracted, other->extracted) : chain->extracted == other->extracted;
      if (same) votes += weighted ? other->score.value_or(0) : 1;
    }
    if (best == nullptr || votes > best_votes) best = chain, best_votes = votes;
  }
  return best != nullptr && best->correct_lenient;
}

EvalAnswer AnswerOf(size_t problem, size_t chain, const Completion& completion, const Judgements& judged, const Tokenizer& tokenizer) {
  EvalAnswer answer;
  answer.problem = static_cast<int64_t>(problem);
  answer.chain = static_cast<int>(chain);
  answer.text = ResponseText(tokenizer, completion);
  answer.tokens = static_cast<int64_t>(completion.tokens.size());
  answer.forced = completion.forced_begin >= 0;
  answer.truncated = completion.finish == Finish::kLength;
  answer.correct = judged.strict.right();
  answer.correct_lenient = judged.lenient.right();
  answer.extracted = judged.lenient.extracted;
  answer.verdict = judged.strict.verdict;
  answer.reason = judged.strict.reason;
  answer.judged_lenient = !judged.lenient.failed();
  answer.near_ties = static_cast<int64_t>(completion.near_ties.size());
  answer.ttft_ms = completion.ttft_ms;
  answer.score = completion.score;
  return answer;
}

// The figures of a row, from its answers.
void SumUp(const std::vector<Problem>& problems, EvalRow* row) {
  const auto chains = static_cast<size_t>(row->chains);
  PITH_CHECK_EQ(row->answers.size() % chains, 0u);
  row->n = static_cast<int64_t>(row->answers.size() / chains);
  std::vector<double> lengths, ttft, strict, lenient, forced, truncated, cut, uncut, pass, majority, weighted;
  std::vector<Scored> scored;
  int64_t tokens = 0, judged_tokens = 0, right = 0, near_ties = 0;
  for (size_t begin = 0; begin < row->answers.size(); begin += chains) {
    int64_t right_chains = 0;
    std::vector<const EvalAnswer*> group;
    for (size_t c = begin; c < begin + chains; ++c) {
      const EvalAnswer& answer = row->answers[c];
      group.push_back(&answer);
      right_chains += answer.correct_lenient;
      lengths.push_back(static_cast<double>(answer.tokens));
      ttft.push_back(answer.ttft_ms);
      forced.push_back(answer.forced);
      truncated.push_back(answer.truncated);
      tokens += answer.tokens;
      near_ties += answer.near_ties;
      if (answer.judged_lenient) lenient.push_back(answer.correct_lenient);
      if (answer.judged_lenient && answer.score) scored.push_back({*answer.score, answer.correct_lenient});
      if (answer.verdict == Verdict::kError) {
        ++row->errors;
        continue;
      }
      judged_tokens += answer.tokens;
      right += answer.correct;
      strict.push_back(answer.correct);
      cut.push_back(answer.verdict == Verdict::kCut);
      if (answer.verdict != Verdict::kCut) uncut.push_back(answer.correct);
    }
    pass.push_back(PassAtK(row->chains, right_chains, row->chains));
    const bool mathematics = problems[static_cast<size_t>(group[0]->problem)].kind == Problem().kind;
    majority.push_back(VoteIsRight(group, mathematics, /*weighted=*/false));
    if (group[0]->score) weighted.push_back(VoteIsRight(group, mathematics, /*weighted=*/true));
  }
  row->accuracy = Mean(strict);
  row->accuracy_lenient = Mean(lenient);
  row->cut_rate = Mean(cut);
  row->accuracy_uncut = uncut.empty() ? 0 : Mean(uncut);
  // Chains of one problem are not independent: the interval counts problems.
  const Interval interval = WilsonInterval(row->accuracy * static_cast<double>(row->n), row->n);
  row->ci_low = interval.low;
  row->ci_high = interval.high;
  row->mean_tokens = Mean(lengths);
  row->median_tokens = Quantile(lengths, 0.5);
  row->p95_tokens = Quantile(lengths, 0.95);
  if (right > 0) row->tokens_per_correct = static_cast<double>(judged_tokens) / static_cast<double>(right);
  row->forced_rate = Mean(forced);
  row->truncated_rate = Mean(truncated);
  row->pass_at_k = Mean(pass);
  row->maj_at_k = Mean(majority);
  const Interval of_majority = WilsonInterval(row->maj_at_k * static_cast<double>(row->n), row->n);
  row->maj_low = of_majority.low;
  row->maj_high = of_majority.high;
  if (!weighted.empty()) {
    row->weighted_at_k = Mean(weighted);
    const Interval of_weighted = WilsonInterval(*row->weighted_at_k * static_cast<double>(row->n), row->n);
    row->weighted_low = of_weighted.low;
    row->weighted_high = of_weighted.high;
    row->score_auc = AucOf(scored);
    row->score_error = CalibrationError(scored);
  }
  row->ttft_ms = Quantile(ttft, 0.5);
  if (row->greedy) {
    row->near_ties = near_ties;
    row->near_ties_per_1k = tokens > 0 ? 1000.0 * static_cast<double>(near_ties) / static_cast<double>(tokens) : 0;
  }
}

// "2" before "10", and names by their letters, behind numbers.
bool GroupBefore(const std::string& a, const std::string& b) {
  const auto x = NumberFromText<double>(a), y = NumberFromText<double>(b);
  if (x && y && *x != *y) return *x < *y;
  if (x.has_value() != y.has_value()) return x.has_value();
  return a < b;
}

}  // namespace

EvalRow MakeRow(const EvalRowLabels& labels, const std::vector<Problem>& problems,
                const std::vector<std::vector<Completion>>& completions, const Tokenizer& tokenizer, Verifiers* verifiers) {
  PITH_CHECK_EQ(problems.size(), completions.size());
  std::vector<std::string> texts;
  for (const auto& group : completions) {
    for (const Completion& completion : group) texts.push_back(JudgedText(tokenizer, completion));
  }
  std::vector<Attempt> attempts;
  for (size_t p = 0; p < problems.size(); ++p) {
    for (const Completion& completion : completions[p]) attempts.push_back(MakeAttempt(problems[p], texts[attempts.size()], completion));
  }
  const std::vector<Judgements> judged = verifiers != nullptr ? verifiers->JudgeBoth(attempts) : Verifiers().JudgeBoth(attempts);
  EvalRow row;
  static_cast<EvalRowLabels&>(row) = labels;
  row.rss_mb = ReadProcessMemory().rss_mb;
  for (size_t p = 0; p < problems.size(); ++p) {
    PITH_CHECK_EQ(completions[p].size(), static_cast<size_t>(labels.chains));
    for (size_t c = 0; c < completions[p].size(); ++c) row.answers.push_back(AnswerOf(p, c, completions[p][c], judged[row.answers.size()], tokenizer));
  }
  SumUp(problems, &row);
  return row;
}

std::vector<EvalGroup> BreakDown(const EvalRow& row, const std::vector<Problem>& problems) {
  std::vector<EvalGroup> groups;
  const std::pair<const char*, std::string Problem::*> kinds[] = {{"domain", &Problem::domain}, {"level", &Problem::level}};
  for (const auto& [name, member] : kinds) {
    std::map<std::string, std::vector<EvalAnswer>, decltype(&GroupBefore)> answers(&GroupBefore);
    for (const EvalAnswer& answer : row.answers) answers[problems[static_cast<size_t>(answer.problem)].*member].push_back(answer);
    if (answers.empty() || (answers.size() == 1 && answers.begin()->first.empty())) continue;
    for (auto& [value, of_group] : answers) {
      EvalGroup group{name, value, {}};
      static_cast<EvalRowLabels&>(group.row) = row;
      group.row.tok_per_s = 0;
      group.row.rss_mb = row.rss_mb;
      group.row.answers = std::move(of_group);
      SumUp(problems, &group.row);
      groups.push_back(std::move(group));
    }
  }
  return groups;
}

}  // namespace pith
