#include "runtime/programs/eval.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "rewards/answer.h"
#include "runtime/programs/stats.h"

namespace pith {
namespace {

using Completions = std::vector<std::vector<Completion>>;

double Rate(int64_t tokens, double seconds) { return seconds > 0 ? static_cast<double>(tokens) / seconds : 0; }

std::vector<GenerateRequest> MakeRequests(const Prompter& prompter, const std::vector<Problem>& problems,
                                          const AdapterRef& adapter, const EvalSettings& settings, const Budget& budget) {
  std::vector<GenerateRequest> requests;
  for (size_t i = 0; i < problems.size(); ++i) {
    const Prompt prompt = prompter.Build(UserTurn(problems[i].question, budget), settings.system);
    GenerateRequest request;
    request.prompt = prompt.ids;
    request.invocation_start = prompt.invocation_start;
    request.adapter = adapter;
    request.sampling = settings.sampling;
    request.max_tokens = settings.max_tokens;
    request.num_samples = settings.chains;
    request.first_sample = i * static_cast<uint64_t>(settings.chains);
    if (budget.tokens > 0) {
      request.budget = MakeDecodeBudget(budget, prompter.tokenizer());
      request.max_tokens = budget.tokens;
    }
    requests.push_back(std::move(request));
  }
  return requests;
}

// Majority of the extracted answers (the earliest wins a tie); whether it is right.
bool MajorityIsRight(const std::vector<const EvalAnswer*>& chains, const std::string& gold) {
  size_t best = 0, best_votes = 0;
  for (size_t i = 0; i < chains.size(); ++i) {
    if (chains[i]->extracted.empty()) continue;
    size_t votes = 0;
    for (const EvalAnswer* other : chains) {
      votes += !other->extracted.empty() && AnswersEqual(chains[i]->extracted, other->extracted);
    }
    if (votes > best_votes) best = i, best_votes = votes;
  }
  return best_votes > 0 && GradeResponse(gold, chains[best]->text, Reading::kLenient).verdict == Verdict::kCorrect;
}

EvalRow MakeRow(const std::string& mode, int64_t budget, const std::vector<Problem>& problems, const Completions& completions,
                const Tokenizer& tokenizer, const EvalSettings& settings, double tok_per_s) {
  EvalRow row;
  row.mode = mode;
  row.dataset = settings.dataset;
  row.budget = budget;
  row.n = static_cast<int64_t>(problems.size());
  row.chains = settings.chains;
  row.seed = settings.sampling.seed;
  row.tok_per_s = tok_per_s;
  row.rss_mb = ReadProcessMemory().rss_mb;
  std::vector<double> lengths, ttft, strict, lenient, forced, truncated, pass, majority;
  for (size_t p = 0; p < problems.size(); ++p) {
    int64_t right = 0;
    for (size_t c = 0; c < completions[p].size(); ++c) {
      const Completion& completion = completions[p][c];
      EvalAnswer answer;
      answer.problem = static_cast<int64_t>(p);
      answer.chain = static_cast<int>(c);
      answer.text = tokenizer.Decode(completion.tokens);
      answer.tokens = static_cast<int64_t>(completion.tokens.size());
      answer.forced = completion.forced_begin >= 0;
      answer.truncated = completion.finish == Finish::kLength;
      answer.correct = GradeResponse(problems[p].answer, answer.text, Reading::kStrict).verdict == Verdict::kCorrect;
      const Grade grade = GradeResponse(problems[p].answer, answer.text, Reading::kLenient);
      answer.correct_lenient = grade.verdict == Verdict::kCorrect;
      answer.extracted = grade.extracted;
      right += answer.correct_lenient;
      lengths.push_back(static_cast<double>(answer.tokens));
      ttft.push_back(completion.ttft_ms);
      strict.push_back(answer.correct);
      lenient.push_back(answer.correct_lenient);
      forced.push_back(answer.forced);
      truncated.push_back(answer.truncated);
      row.answers.push_back(std::move(answer));
    }
    std::vector<const EvalAnswer*> chains;
    for (size_t c = row.answers.size() - completions[p].size(); c < row.answers.size(); ++c) chains.push_back(&row.answers[c]);
    pass.push_back(PassAtK(static_cast<int64_t>(chains.size()), right, settings.chains));
    majority.push_back(MajorityIsRight(chains, problems[p].answer));
  }
  row.accuracy = Mean(strict);
  row.accuracy_lenient = Mean(lenient);
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

}  // namespace

std::vector<EvalRow> RunEval(Engine& engine, const Prompter& prompter, const std::vector<Problem>& problems,
                             const std::vector<NamedAdapter>& modes, const EvalSettings& settings,
                             const std::function<void(int64_t, int64_t, const std::string&)>& on_progress) {
  PITH_CHECK(!settings.budgets.empty() && settings.chains >= 1);
  const Tokenizer& tokenizer = prompter.tokenizer();
  for (int64_t tokens : settings.budgets) {  // refused before an hour of decoding, not after
    Budget budget = settings.budget;
    budget.tokens = tokens;
    if (tokens > 0) CheckBudget(budget, /*for_decoding=*/true);
  }
  const bool share_trace = settings.sampling.temperature == 0 && settings.chains == 1 && settings.budget.sentence.empty();
  const int64_t per_pass = static_cast<int64_t>(problems.size()) * settings.chains;
  const int64_t total = per_pass * static_cast<int64_t>(modes.size() * settings.budgets.size());
  int64_t done = 0;
  std::vector<EvalRow> rows;
  for (const NamedAdapter& mode : modes) {
    std::map<int64_t, EvalRow> by_budget;
    Completions trace;  // greedy answers without a budget, up to the longest length that any row looks at
    double trace_rate = 0;
    const auto run = [&](const std::vector<GenerateRequest>& requests, const std::string& what, GenerateStats* stats) {
      GenerateOptions options;
      options.max_batch = settings.max_batch;
      options.on_progress = [&](int64_t finished, int64_t) { on_progress(done + finished, total, what); };
      return Generate(engine, tokenizer, requests, options, stats);
    };
    std::vector<int64_t> order = settings.budgets;  // the one without a budget first: it is the trace of the others
    std::stable_sort(order.begin(), order.end(), [](int64_t a, int64_t b) { return (a == 0) > (b == 0); });
    for (int64_t tokens : order) {
      const std::string what = mode.name + (tokens ? Str(", budget ", tokens) : ", no budget");
      Budget budget = settings.budget;
      budget.tokens = tokens;
      std::vector<GenerateRequest> requests = MakeRequests(prompter, problems, mode.adapter, settings, budget);
      GenerateStats stats;
      double seconds_of_trace = 0;  // what the tokens taken from the trace cost there, at its mean rate
      int64_t tokens_of_trace = 0;
      Completions completions;
      if (tokens == 0 || trace.empty()) {
        completions = run(requests, what, &stats);
        if (tokens == 0 && share_trace) {
          trace = completions;
          trace_rate = Rate(stats.generated_tokens, stats.seconds);
        }
      } else {
        // What was decoded before the closing point is known; only the rest is decoded.
        const int64_t closes_from = tokens - budget.reserve_tokens;
        std::vector<GenerateRequest> open;
        std::vector<size_t> open_index;
        completions.resize(problems.size());
        for (size_t p = 0; p < problems.size(); ++p) {
          const Completion& known = trace[p][0];
          if (static_cast<int64_t>(known.tokens.size()) <= closes_from && known.finish == Finish::kStop) {
            completions[p] = trace[p];
            tokens_of_trace += static_cast<int64_t>(known.tokens.size());
          } else {
            const int64_t prefix = std::min<int64_t>(closes_from, known.tokens.size());
            requests[p].response_prefix.assign(known.tokens.begin(), known.tokens.begin() + prefix);
            tokens_of_trace += prefix;
            open.push_back(requests[p]);
            open_index.push_back(p);
          }
        }
        Completions rest = run(open, what, &stats);
        seconds_of_trace = trace_rate > 0 ? static_cast<double>(tokens_of_trace) / trace_rate : 0;
        for (size_t i = 0; i < open.size(); ++i) {
          rest[i][0].ttft_ms = trace[open_index[i]][0].ttft_ms;  // the first token is the trace's
          completions[open_index[i]] = std::move(rest[i]);
        }
      }
      const double rate = Rate(stats.generated_tokens + tokens_of_trace, stats.seconds + seconds_of_trace);
      by_budget[tokens] = MakeRow(mode.name, tokens, problems, completions, tokenizer, settings, rate);
      done += per_pass;
      on_progress(done, total, what);
    }
    for (int64_t tokens : settings.budgets) rows.push_back(std::move(by_budget[tokens]));
  }
  return rows;
}

std::string ResultsJson(const std::vector<EvalRow>& rows) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const EvalRow& row : rows) {
    nlohmann::ordered_json budget = nullptr;
    if (row.budget > 0) budget = row.budget;
    list.push_back({{"mode", row.mode}, {"dataset", row.dataset}, {"budget", budget}, {"n", row.n},
                    {"accuracy", row.accuracy}, {"accuracy_lenient", row.accuracy_lenient},
                    {"accuracy_ci", {row.ci_low, row.ci_high}}, {"mean_tokens", row.mean_tokens},
                    {"p95_tokens", row.p95_tokens}, {"forced_rate", row.forced_rate},
                    {"truncated_rate", row.truncated_rate}, {"chains", row.chains}, {"seed", row.seed},
                    {"pass_at_k", row.pass_at_k}, {"maj_at_k", row.maj_at_k}, {"ttft_ms", row.ttft_ms},
                    {"tok_per_s", row.tok_per_s}, {"rss_mb", row.rss_mb}});
  }
  return list.dump(1) + "\n";
}

std::string AnswersJsonl(const std::vector<EvalRow>& rows, const std::vector<Problem>& problems) {
  std::string out;
  for (const EvalRow& row : rows) {
    nlohmann::ordered_json budget = nullptr;
    if (row.budget > 0) budget = row.budget;
    for (const EvalAnswer& answer : row.answers) {
      const Problem& problem = problems[answer.problem];
      const nlohmann::ordered_json line = {
          {"mode", row.mode}, {"budget", budget}, {"problem", problem.id}, {"question", problem.question},
          {"gold", problem.answer}, {"chain", answer.chain}, {"text", answer.text}, {"tokens", answer.tokens},
          {"correct", answer.correct}, {"correct_lenient", answer.correct_lenient}, {"extracted", answer.extracted},
          {"forced", answer.forced}, {"truncated", answer.truncated}};
      out += line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
    }
  }
  return out;
}

}  // namespace pith
