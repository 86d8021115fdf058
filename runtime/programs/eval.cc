#include "runtime/programs/eval.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "runtime/budget_closer.h"

namespace pith {
namespace {

using Completions = std::vector<std::vector<Completion>>;

double Rate(int64_t tokens, double seconds) { return seconds > 0 ? static_cast<double>(tokens) / seconds : 0; }

// settings.budget with `tokens` in it; without tokens it is no budget.
Budget BudgetOf(const EvalSettings& settings, int64_t tokens) {
  Budget budget = settings.budget;
  budget.tokens = tokens;
  return budget;
}

// What `budget` leaves a response at most.
int64_t ResponseLimit(const EvalSettings& settings, int64_t budget) { return budget > 0 ? budget : settings.max_tokens; }

Prompt MakePrompt(const Prompter& prompter, const Problem& problem, const NamedAdapter& mode, const EvalSettings& settings,
                  const Budget& budget) {
  Prompt prompt = prompter.Build(UserTurn(problem.question, budget), settings.system);
  prompt.invocation_start = FindSwitch(mode, prompt, prompter.tokenizer());
  return prompt;
}

std::vector<GenerateRequest> MakeRequests(const Prompter& prompter, const std::vector<Problem>& problems,
                                          const NamedAdapter& mode, const EvalSettings& settings, const Budget& budget) {
  std::vector<GenerateRequest> requests;
  for (size_t i = 0; i < problems.size(); ++i) {
    const Prompt prompt = MakePrompt(prompter, problems[i], mode, settings, budget);
    GenerateRequest request;
    request.prompt = prompt.ids;
    request.invocation_start = prompt.invocation_start;
    request.adapter = mode.adapter;
    request.sampling = settings.sampling;
    request.max_tokens = ResponseLimit(settings, budget.tokens);
    request.num_samples = settings.chains;
    request.first_sample = i * static_cast<uint64_t>(settings.chains);
    if (budget.tokens > 0) request.budget = MakeDecodeBudget(budget, settings.close_text_given, prompter.tokenizer());
    requests.push_back(std::move(request));
  }
  return requests;
}

}  // namespace

int64_t CheckEval(const ModelConfig& config, const Prompter& prompter, const std::vector<Problem>& problems,
                  const std::vector<NamedAdapter>& modes, const EvalSettings& settings) {
  for (int64_t tokens : settings.budgets) {
    if (tokens == 0) continue;
    CheckDecodeBudget(MakeDecodeBudget(BudgetOf(settings, tokens), settings.close_text_given, prompter.tokenizer()), tokens);
  }
  int64_t most = 0;
  for (int64_t tokens : settings.budgets) {
    const Budget budget = BudgetOf(settings, tokens);
    const int64_t limit = ResponseLimit(settings, tokens);
    for (const NamedAdapter& mode : modes) {
      for (const Problem& problem : problems) {
        const int64_t prompt = static_cast<int64_t>(MakePrompt(prompter, problem, mode, settings, budget).ids.size());
        if (prompt > config.context_length - limit) {
          ThrowUser("problem ", problem.id, " takes a prompt of ", prompt, " tokens, which with up to ", limit,
                    " more does not fit the model's context of ", config.context_length,
                    " tokens; leave it out or lower the limit");
        }
        most = std::max(most, prompt + limit);
      }
    }
  }
  return most;
}

std::vector<EvalRow> RunEval(Engine& engine, const Prompter& prompter, const std::vector<Problem>& problems,
                             const std::vector<NamedAdapter>& modes, const EvalSettings& settings,
                             const std::function<void(int64_t, int64_t, const std::string&)>& on_progress) {
  PITH_CHECK(!settings.budgets.empty() && settings.chains >= 1);
  const Tokenizer& tokenizer = prompter.tokenizer();
  CheckEval(engine.config(), prompter, problems, modes, settings);
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
      const Budget budget = BudgetOf(settings, tokens);
      std::vector<GenerateRequest> requests = MakeRequests(prompter, problems, mode, settings, budget);
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
      by_budget[tokens] = MakeRow({mode.name, settings.dataset, tokens, settings.chains, settings.sampling.seed, rate}, problems,
                                  completions, tokenizer);
      done += per_pass;
      on_progress(done, total, what);
    }
    for (int64_t tokens : settings.budgets) rows.push_back(std::move(by_budget[tokens]));
  }
  return rows;
}

}  // namespace pith
