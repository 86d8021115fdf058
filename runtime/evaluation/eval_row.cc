#include "runtime/evaluation/eval_row.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/process_memory.h"
#include "rewards/answers/answer.h"
#include "runtime/evaluation/attempt.h"
#include "runtime/evaluation/stats.h"

namespace pith {
namespace {

// Majority of the extracted answers (the earliest wins a tie); whether it is right. What two judges of other kinds took for the answer
// is the same where it is the same text.
bool MajorityIsRight(const std::vector<const EvalAnswer*>& chains, bool mathematics) {
  size_t best = 0, best_votes = 0;
  for (size_t i = 0; i < chains.size(); ++i) {
    if (chains[i]->extracted.empty()) continue;
    size_t votes = 0;
    for (const EvalAnswer* other : chains) {
      if (other->extracted.empty()) continue;
      votes += mathematics ? AnswersEqual(chains[i]->extracted, other->extracted) : chains[i]->extracted == other->extracted;
    }
    if (votes > best_votes) best = i, best_votes = votes;
  }
  return best_votes > 0 && chains[best]->correct_lenient;
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
  row.n = static_cast<int64_t>(problems.size());
  row.rss_mb = ReadProcessMemory().rss_mb;
  std::vector<double> lengths, ttft, strict, lenient, forced, truncated, cut, uncut, pass, majority;
  for (size_t p = 0; p < problems.size(); ++p) {
    PITH_CHECK_EQ(completions[p].size(), static_cast<size_t>(labels.chains));
    int64_t right = 0;
    for (size_t c = 0; c < completions[p].size(); ++c) {
      const Completion& completion = completions[p][c];
      EvalAnswer answer;
      answer.problem = static_cast<int64_t>(p);
      answer.chain = static_cast<int>(c);
      const size_t place = row.answers.size();
      const Judgement &by_strict = judged[place].strict, &by_lenient = judged[place].lenient;
      answer.text = ResponseText(tokenizer, completion);
      answer.tokens = static_cast<int64_t>(completion.tokens.size());
      answer.forced = completion.forced_begin >= 0;
      answer.truncated = completion.finish == Finish::kLength;
      answer.correct = by_strict.right();
      answer.correct_lenient = by_lenient.right();
      answer.extracted = by_lenient.extracted;
      answer.verdict = by_strict.verdict;
      answer.reason = by_strict.reason;
      right += answer.correct_lenient;
      lengths.push_back(static_cast<double>(answer.tokens));
      ttft.push_back(completion.ttft_ms);
      row.errors += by_strict.failed();
      if (!by_strict.failed()) {
        strict.push_back(answer.correct);
        cut.push_back(answer.verdict == Verdict::kCut);
        if (answer.verdict != Verdict::kCut) uncut.push_back(answer.correct);
      }
      if (!by_lenient.failed()) lenient.push_back(answer.correct_lenient);
      forced.push_back(answer.forced);
      truncated.push_back(answer.truncated);
      row.answers.push_back(std::move(answer));
    }
    std::vector<const EvalAnswer*> chains;
    for (size_t c = row.answers.size() - completions[p].size(); c < row.answers.size(); ++c) chains.push_back(&row.answers[c]);
    pass.push_back(PassAtK(static_cast<int64_t>(chains.size()), right, labels.chains));
    majority.push_back(MajorityIsRight(chains, problems[p].kind == Problem().kind));
  }
  row.accuracy = Mean(strict);
  row.accuracy_lenient = Mean(lenient);
  row.cut_rate = Mean(cut);
  row.accuracy_uncut = uncut.empty() ? 0 : Mean(uncut);
  // Chains of one problem are not independent: the interval counts problems.
  const Interval interval = WilsonInterval(row.accuracy * row.n, row.n);
  row.ci_low = interval.low;
  row.ci_high = interval.high;
  row.mean_tokens = Mean(lengths);
  row.p95_tokens = Quantile(lengths, 0.95);
  row.forced_rate = Mean(forced);
  row.truncated_rate = Mean(truncated);
  row.pass_at_k = Mean(pass);
  row.maj_at_k = Mean(majority);
  row.ttft_ms = Quantile(ttft, 0.5);
  return row;
}

std::string ResultsJson(const std::vector<EvalRow>& rows) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const EvalRow& row : rows) {
    nlohmann::ordered_json budget = nullptr;
    if (row.budget > 0) budget = row.budget;
    const auto known = [](const std::string& text) { return text.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(text); };
    list.push_back({{"mode", row.mode}, {"dataset", row.dataset}, {"budget", budget}, {"n", row.n},
                    {"accuracy", row.accuracy}, {"accuracy_lenient", row.accuracy_lenient},
                    {"accuracy_ci", {row.ci_low, row.ci_high}}, {"mean_tokens", row.mean_tokens},
                    {"p95_tokens", row.p95_tokens}, {"forced_rate", row.forced_rate},
                    {"truncated_rate", row.truncated_rate}, {"chains", row.chains}, {"seed", row.seed},
                    {"pass_at_k", row.pass_at_k}, {"maj_at_k", row.maj_at_k}, {"ttft_ms", row.ttft_ms},
                    {"tok_per_s", row.tok_per_s}, {"rss_mb", row.rss_mb},
                    {"cut_rate", row.cut_rate}, {"accuracy_uncut", row.accuracy_uncut},
                    {"adapter_sha256", known(row.adapter_sha256)}, {"base_sha256", known(row.base_sha256)},
                    {"curve", known(row.curve)}});
    if (row.errors > 0) list.back()["errors"] = row.errors;
  }
  // A file's name, which a mode and a data set may bear, need not be UTF-8.
  return list.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string AnswersJsonl(const std::vector<EvalRow>& rows, const std::vector<Problem>& problems) {
  std::string out;
  for (const EvalRow& row : rows) {
    nlohmann::ordered_json budget = nullptr;
    if (row.budget > 0) budget = row.budget;
    for (const EvalAnswer& answer : row.answers) {
      const Problem& problem = problems[answer.problem];
      nlohmann::ordered_json line = {
          {"mode", row.mode}, {"budget", budget}, {"problem", problem.id}, {"question", problem.question},
          {"gold", problem.answer}, {"chain", answer.chain}, {"text", answer.text}, {"tokens", answer.tokens},
          {"correct", answer.correct}, {"correct_lenient", answer.correct_lenient}, {"extracted", answer.extracted},
          {"forced", answer.forced}, {"truncated", answer.truncated}, {"verdict", VerdictName(answer.verdict)}};
      if (!answer.reason.empty()) line["reason"] = answer.reason;
      out += line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    }
  }
  return out;
}

}  // namespace pith
