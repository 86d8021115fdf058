#include "runtime/evaluation/eval.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <numeric>
#include <span>

#include "base/error.h"
#include "runtime/evaluation/attempt.h"
#include "runtime/evaluation/eval_budget.h"

namespace pith {
namespace {

using Completions = std::vector<std::vector<Completion>>;  // [problem][chain]
using Progress = std::function<void(int64_t done, int64_t total, const std::string& what)>;

// What one mode has answered under one budget so far.
struct RowInProgress {
  Completions completions;
  int64_t tokens = 0;
  double seconds = 0;

  double Rate() const { return seconds > 0 ? static_cast<double>(tokens) / seconds : 0; }
};

class Evaluation {
 public:
  Evaluation(Engine& engine, const Tokenizer& tokenizer, const std::vector<Problem>& problems,
             const std::vector<NamedAdapter>& modes, const EvalSettings& settings, const EvalPlan& plan, const Progress& on_progress)
      : engine_(engine), tokenizer_(tokenizer), problems_(problems), modes_(modes), settings_(settings), plan_(plan),
        on_progress_(on_progress), rows_(modes.size() * settings.budgets.size()) {
    total_ = static_cast<int64_t>(problems.size() * rows_.size()) * settings.chains;
    order_.resize(settings.budgets.size());  // the budget "none" first: it is the trace of the others
    std::iota(order_.begin(), order_.end(), size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [&](size_t a, size_t b) { return (settings.budgets[a] == 0) > (settings.budgets[b] == 0); });
    share_trace_ = settings.budgets[order_[0]] == 0 && settings.sampling.temperature == 0 && settings.chains == 1;
  }

  std::vector<EvalRow> Run() {
    const auto count = static_cast<int64_t>(problems_.size());
    for (int64_t begin = 0; begin < count; begin += plan_.chunk) {
      const int64_t end = std::min(begin + plan_.chunk, count);
      EncodePrompts(begin, end);
      for (const NamedAdapter& mode : modes_) Answer(mode, begin, end);
    }
    std::vector<EvalRow> rows;
    for (const NamedAdapter& mode : modes_) {
      for (size_t b = 0; b < settings_.budgets.size(); ++b) {
        const RowInProgress& row = RowOf(mode, b);
        rows.push_back(MakeRow({mode.name, settings_.dataset, settings_.budgets[b], settings_.chains, settings_.sampling.seed, row.Rate(),
                                mode.adapter && mode.adapter->card() ? mode.adapter->card()->adapter_sha256 : "", settings_.base_sha256,
                                settings_.budgets[b] == 0 ? "" : Told(mode) ? "announced" : "cut"},
                               problems_, row.completions, tokenizer_, settings_.verifiers.get()));
      }
    }
    return rows;
  }

 private:
  RowInProgress& RowOf(const NamedAdapter& mode, size_t budget) {
    return rows_[static_cast<size_t>(&mode - modes_.data()) * settings_.budgets.size() + budget];
  }

  // Whether the mode knows its budget: then each budget has answers of its own.
  bool Told(const NamedAdapter& mode) const { return !settings_.budget.sentence.empty() || !settings_.AnnouncementTo(mode).empty(); }

  // Leaves in the cache what the base computes of the prompts, and notes how long each took.
  void EncodePrompts(int64_t begin, int64_t end) {
    encode_seconds_.assign(plan_.prompts.size(), std::vector<double>(static_cast<size_t>(end - begin)));
    for (size_t b = 0; b < plan_.prompts.size(); ++b) {
      for (int64_t p = begin; p < end; ++p) {
        const auto start = std::chrono::steady_clock::now();
        const Prompt& prompt = plan_.prompts[b][static_cast<size_t>(p)];
        const SequenceId sequence = engine_.NewSequence();
        engine_.Prefill(sequence, std::span(prompt.ids).first(static_cast<size_t>(prompt.invocation_start)), nullptr);
        engine_.Free(sequence);
        encode_seconds_[b][static_cast<size_t>(p - begin)] =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      }
    }
  }

  void Answer(const NamedAdapter& mode, int64_t begin, int64_t end) {
    const RowInProgress* trace = nullptr;
    for (size_t b : order_) {
      const int64_t tokens = settings_.budgets[b];
      what_ = mode.name + (tokens ? Str(", budget ", tokens) : ", no budget");
      std::vector<GenerateRequest> requests;
      for (int64_t p = begin; p < end; ++p) requests.push_back(MakeRequest(mode, b, static_cast<size_t>(p)));
      RowInProgress& row = RowOf(mode, b);
      if (trace) {
        Extend(*trace, requests, begin, &row);
      } else {
        Decode(requests, b, &row);
        if (share_trace_ && !Told(mode)) trace = &row;
      }
      AskJudges(row.completions, begin, end);
      done_ += (end - begin) * settings_.chains;
      on_progress_(done_, total_, what_);
    }
  }

  // A judge that cannot work ends the evaluation now, not when all is decoded. What it says is kept for the row.
  void AskJudges(const Completions& completions, int64_t begin, int64_t end) {
    std::vector<std::string> texts;
    std::vector<std::pair<size_t, const Completion*>> asked;
    for (auto p = static_cast<size_t>(begin); p < static_cast<size_t>(end); ++p) {
      if (!settings_.verifiers->Waits(problems_[p].kind)) continue;
      for (const Completion& completion : completions[p]) {
        asked.emplace_back(p, &completion);
        texts.push_back(JudgedText(tokenizer_, completion));
      }
    }
    std::vector<Attempt> attempts;
    for (const auto& [p, completion] : asked) attempts.push_back(MakeAttempt(problems_[p], texts[attempts.size()], *completion));
    settings_.verifiers->JudgeBoth(attempts);
  }

  GenerateRequest MakeRequest(const NamedAdapter& mode, size_t b, size_t p) const {
    const Prompt& prompt = plan_.prompt(b, p);
    const int64_t tokens = settings_.budgets[b];
    GenerateRequest request;
    request.prompt = prompt.ids;
    request.invocation_start = FindSwitch(mode, prompt, tokenizer_);
    request.adapter = mode.adapter;
    request.sampling = settings_.sampling;
    request.max_tokens = settings_.ResponseLimit(tokens);
    request.num_samples = settings_.chains;
    request.first_sample = p * static_cast<uint64_t>(settings_.chains);
    if (tokens > 0) request.budget = MakeDecodeBudget(settings_.BudgetOf(tokens), settings_.close_text_given, tokenizer_);
    Announce(settings_.AnnouncementTo(mode), tokenizer_, &request);
    return request;
  }

  Completions Run(std::span<const GenerateRequest> requests, GenerateStats* stats) {
    GenerateOptions options;
    options.max_batch = settings_.max_batch;
    options.on_progress = [&](int64_t finished, int64_t) { on_progress_(done_ + finished, total_, what_); };
    return Generate(engine_, tokenizer_, requests, options, stats);
  }

  void Decode(std::span<const GenerateRequest> requests, size_t b, RowInProgress* row) {
    GenerateStats stats;
    Completions completions = Run(requests, &stats);
    const AdapterRef& adapter = requests.front().adapter;
    if (!adapter || adapter->activation() == Activation::kInvocation) {  // found the prompts in the cache
      const std::vector<double>& encoding = encode_seconds_[plan_.prompts.size() == 1 ? 0 : b];
      for (size_t i = 0; i < completions.size(); ++i) {
        stats.seconds += encoding[i];
        for (Completion& completion : completions[i]) completion.ttft_ms += 1e3 * encoding[i];
      }
    }
    row->tokens += stats.generated_tokens;
    row->seconds += stats.seconds;
    std::move(completions.begin(), completions.end(), std::back_inserter(row->completions));
  }

  // The answers under the budget of `requests` to the problems from `begin` on. What was decoded before the closing point is
  // known from the trace, and counted at the trace's mean speed; only the rest is decoded.
  void Extend(const RowInProgress& trace, std::vector<GenerateRequest>& requests, int64_t begin, RowInProgress* row) {
    std::vector<GenerateRequest> open;
    std::vector<size_t> open_index;
    Completions completions(requests.size());
    int64_t known_tokens = 0;
    for (size_t i = 0; i < requests.size(); ++i) {
      const std::vector<Completion>& known = trace.completions[static_cast<size_t>(begin) + i];
      const auto length = static_cast<int64_t>(known[0].tokens.size());
      const int64_t prefix = TokensBeforeBudget(tokenizer_, *requests[i].budget, known[0].prompt_opens_thoughts ? Thoughts::kOpen : Thoughts::kNone,
                                                settings_.sampling.seed, requests[i].first_sample, known[0].tokens);
      if (prefix == length && known[0].finish == Finish::kStop) {
        completions[i] = known;
      } else {
        requests[i].response_prefix.assign(known[0].tokens.begin(), known[0].tokens.begin() + prefix);
        open.push_back(std::move(requests[i]));
        open_index.push_back(i);
      }
      known_tokens += prefix;
    }
    GenerateStats stats;
    Completions rest = Run(open, &stats);
    for (size_t i = 0; i < rest.size(); ++i) {
      rest[i][0].ttft_ms = trace.completions[static_cast<size_t>(begin) + open_index[i]][0].ttft_ms;  // the first token is the trace's
      completions[open_index[i]] = std::move(rest[i]);
    }
    row->tokens += stats.generated_tokens + known_tokens;
    row->seconds += stats.seconds + (trace.Rate() > 0 ? static_cast<double>(known_tokens) / trace.Rate() : 0);
    std::move(completions.begin(), completions.end(), std::back_inserter(row->completions));
  }

  Engine& engine_;
  const Tokenizer& tokenizer_;
  const std::vector<Problem>& problems_;
  const std::vector<NamedAdapter>& modes_;
  const EvalSettings& settings_;
  const EvalPlan& plan_;
  const Progress& on_progress_;
  std::vector<RowInProgress> rows_;                  // modes × budgets
  std::vector<size_t> order_;                        // of the budgets
  bool share_trace_ = false;
  std::vector<std::vector<double>> encode_seconds_;  // [as plan_.prompts][problem of the chunk]
  int64_t done_ = 0, total_ = 0;
  std::string what_;
};

}  // namespace

std::vector<EvalRow> RunEval(Engine& engine, const Tokenizer& tokenizer, const std::vector<Problem>& problems,
                             const std::vector<NamedAdapter>& modes, const EvalSettings& settings, const EvalPlan& plan,
                             const Progress& on_progress) {
  return Evaluation(engine, tokenizer, problems, modes, settings, plan, on_progress).Run();
}

}  // namespace pith
