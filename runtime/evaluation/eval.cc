#include "runtime/evaluation/eval.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <span>

#include "base/error.h"
#include "runtime/evaluation/attempt.h"
#include "runtime/evaluation/eval_budget.h"

namespace pith {
namespace {

using Completions = std::vector<std::vector<Completion>>;  // [problem][chain]
using Progress = std::function<void(int64_t done, int64_t total, const std::string& what)>;
using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// What one mode has answered under one budget so far.
struct RowInProgress {
  Completions completions;
  std::vector<int> arms;         // of the switcher's row, by problem
  int64_t tokens = 0;
  double seconds = 0;
  bool resumed = false;

  double Rate() const { return seconds > 0 ? static_cast<double>(tokens) / seconds : 0; }
};

class Evaluation {
 public:
  Evaluation(Engine& engine, const Tokenizer& tokenizer, const std::vector<Problem>& problems, const std::vector<NamedAdapter>& modes,
             const EvalSettings& settings, const EvalPlan& plan, const Progress& on_progress, EvalKeeper* keeper)
      : engine_(engine), tokenizer_(tokenizer), problems_(problems), modes_(modes), settings_(settings), plan_(plan), on_progress_(on_progress),
        keeper_(keeper), rows_(plan.rows.size()), order_(plan.rows.size()), share_trace_(settings.sampling.temperature == 0 && settings.chains == 1) {
    for (RowInProgress& row : rows_) {
      row.completions.resize(problems.size());
      row.arms.assign(problems.size(), -1);
    }
    if (settings.automatic) auto_mode_ = {kAutoMode, settings.automatic->carrier().adapter};
    total_ = static_cast<int64_t>(problems.size() * rows_.size()) * settings.chains;
    std::iota(order_.begin(), order_.end(), size_t{0});
    std::stable_sort(order_.begin(), order_.end(), [&](size_t a, size_t b) {  // of each mode the one without a budget first: it is the trace of others
      const auto key = [&](size_t row) { return std::pair(plan.rows[row].mode, plan.rows[row].point.tokens > 0); };
      return key(a) < key(b);
    });
  }

  // `mine`: of one process's share; empty: all problems.
  void AnswerAll(const std::function<bool(size_t problem)>& mine = nullptr) {
    mine_ = mine;
    for (size_t begin = 0; begin < problems_.size(); begin += static_cast<size_t>(plan_.chunk)) {
      const size_t end = std::min(begin + static_cast<size_t>(plan_.chunk), problems_.size());
      EncodePrompts(begin, end);
      const RowInProgress* trace = nullptr;
      for (size_t row : order_) {
        const bool free = plan_.rows[row].point.tokens == 0;
        const bool of_trace = trace != nullptr && plan_.rows[static_cast<size_t>(trace - rows_.data())].mode == plan_.rows[row].mode;
        Answer(row, begin, end, of_trace && !free ? trace : nullptr);
        if (free && share_trace_) trace = &rows_[row];
      }
    }
  }

  std::vector<EvalRow> Rows() const {
    std::vector<EvalRow> rows;
    for (size_t i = 0; i < rows_.size(); ++i) {
      const RowInProgress& row = rows_[i];
      const EvalPoint& point = plan_.rows[i].point;
      const NamedAdapter& mode = ModeOf(i);
      const Curve curve = point.tokens == 0 ? Curve::kBoth : point.told ? Curve::kAnnounced : Curve::kCut;
      rows.push_back(MakeRow({mode.name, settings_.dataset, point.tokens, settings_.chains, settings_.sampling.seed, row.Rate(),
                              mode.adapter && mode.adapter->card() ? mode.adapter->card()->adapter_sha256 : "", settings_.base_sha256, curve,
                              settings_.sampling.temperature == 0, row.resumed},
                             problems_, row.completions, tokenizer_, settings_.verifiers.get()));
      if (IsAutomatic(i)) NameArms(row.arms, &rows.back());
    }
    return rows;
  }

 private:
  bool IsAutomatic(size_t row) const { return plan_.rows[row].mode == modes_.size(); }
  const NamedAdapter& ModeOf(size_t row) const { return IsAutomatic(row) ? auto_mode_ : modes_[plan_.rows[row].mode]; }

  // Who answered, and each arm's share.
  void NameArms(const std::vector<int>& chosen, EvalRow* row) const {
    const std::vector<AutoArm>& arms = settings_.automatic->arms();
    for (const AutoArm& arm : arms) row->arms.push_back({arm.name, 0});
    for (const int arm : chosen) row->arms.at(static_cast<size_t>(arm)).share += 1.0 / static_cast<double>(chosen.size());
    for (EvalAnswer& answer : row->answers) answer.arm = arms[static_cast<size_t>(chosen[static_cast<size_t>(answer.problem)])].name;
  }

  const EvalPiece* Kept(size_t row, size_t problem) const { return keeper_ != nullptr ? keeper_->Find(row, problem) : nullptr; }

  // Leaves in the cache what the base computes of the prompts that are still to be answered, and notes how long each took.
  void EncodePrompts(size_t begin, size_t end) {
    encode_seconds_.assign(plan_.prompts.size(), std::vector<double>(end - begin));
    for (size_t set = 0; set < plan_.prompts.size(); ++set) {
      for (size_t p = begin; p < end; ++p) {
        if (!IsMine(p) || !Wanted(set, p)) continue;
        const auto start = Clock::now();
        const Prompt& prompt = plan_.prompts[set][p];
        const SequenceId sequence = engine_.NewSequence();
        engine_.Prefill(sequence, std::span(prompt.ids).first(static_cast<size_t>(prompt.invocation_start)), nullptr);
        engine_.Free(sequence);
        encode_seconds_[set][p - begin] = SecondsSince(start);
      }
    }
  }

  bool IsMine(size_t problem) const { return !mine_ || mine_(problem); }

  bool Wanted(size_t set, size_t problem) const {
    for (size_t row = 0; row < rows_.size(); ++row) {
      if (plan_.rows[row].prompt_set == set && Kept(row, problem) == nullptr) return true;
    }
    return false;
  }

  void Answer(size_t index, size_t begin, size_t end, const RowInProgress* trace) {
    const EvalPoint& point = plan_.rows[index].point;
    what_ = ModeOf(index).name + (point.tokens ? Str(point.told ? ", told budget " : ", budget ", point.tokens) : ", no budget");
    RowInProgress& row = rows_[index];
    std::vector<size_t> open;
    for (size_t p = begin; p < end; ++p) {
      if (!IsMine(p)) continue;
      const EvalPiece* kept = Kept(index, p);
      if (kept == nullptr) {
        open.push_back(p);
        continue;
      }
      row.resumed = true;
      Take(*kept, p, &row);
      done_ += settings_.chains;
    }
    Decode(index, open, begin, point.told ? nullptr : trace);
    if (!mine_) AskJudges(row.completions, begin, end);
    done_ += static_cast<int64_t>(open.size()) * settings_.chains;
    on_progress_(done_, total_, what_);
  }

  static void Take(const EvalPiece& piece, size_t problem, RowInProgress* row) {
    row->completions[problem] = piece.completions;
    row->arms[problem] = piece.arm;
    row->tokens += piece.tokens;
    row->seconds += piece.seconds;
  }

  void Finish(size_t row, size_t problem, const EvalPiece& piece) {
    if (keeper_ != nullptr) keeper_->Keep(row, problem, piece);
    Take(piece, problem, &rows_[row]);
  }

  // A judge that cannot work ends the evaluation now, not when all is decoded. What it says is kept for the row.
  void AskJudges(const Completions& completions, size_t begin, size_t end) {
    std::vector<std::string> texts;
    std::vector<std::pair<size_t, const Completion*>> asked;
    for (size_t p = begin; p < end; ++p) {
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

  // `arm`: of the switcher's row.
  GenerateRequest MakeRequest(size_t row, size_t p, int arm) const {
    const Prompt& prompt = plan_.prompt(row, p);
    if (IsAutomatic(row)) {
      const AutoArm& chosen = settings_.automatic->arms()[static_cast<size_t>(arm)];
      GenerateRequest request = ArmRequest(chosen, prompt, tokenizer_);
      request.sampling = settings_.sampling;
      if (!chosen.budget) request.max_tokens = settings_.max_tokens;
      request.num_samples = settings_.chains;
      request.first_sample = p * static_cast<uint64_t>(settings_.chains);
      return request;
    }
    const EvalPoint& point = plan_.rows[row].point;
    const NamedAdapter& mode = ModeOf(row);
    GenerateRequest request;
    request.prompt = prompt.ids;
    request.invocation_start = FindSwitch(mode, prompt, tokenizer_);
    request.adapter = mode.adapter;
    request.sampling = settings_.sampling;
    request.max_tokens = settings_.ResponseLimit(point.tokens);
    request.num_samples = settings_.chains;
    request.first_sample = p * static_cast<uint64_t>(settings_.chains);
    if (point.tokens > 0) request.budget = MakeDecodeBudget(settings_.BudgetOf(point), settings_.close_text_given, tokenizer_);
    if (point.told) Announce(settings_.AnnouncementTo(mode), tokenizer_, &request);
    request.check = settings_.CheckFor(mode);
    return request;
  }

  // Who is to answer each of the `open` problems, and how long each one's choice took.
  std::vector<int> ChooseArms(size_t row, const std::vector<size_t>& open, double* seconds) {
    std::vector<GenerateRequest> questions;
    for (size_t p : open) {
      const Prompt& prompt = plan_.prompt(row, p);
      const int64_t end = FindSwitch(settings_.automatic->carrier(), prompt, tokenizer_);
      questions.push_back(AutoQuestion(prompt.ids, TurnBegin(prompt.ids, plan_.known, end), end));
    }
    const auto start = Clock::now();
    std::vector<int> arms;
    for (const auto& asked : Generate(engine_, tokenizer_, questions, {.max_batch = settings_.max_batch})) {
      arms.push_back(static_cast<int>(settings_.automatic->Choose(asked[0].hidden).arm));
    }
    *seconds = SecondsSince(start) / static_cast<double>(open.size());
    return arms;
  }

  // A problem being answered.
  struct Asked {
    size_t problem;
    EvalPiece piece;
    int unfinished;                // chains
    const Completion* trace;       // without the budget; null: decoded from the beginning
  };

  // Answers `open` problems. Of a trace without a budget all up to the closing point is known, and counted at the trace's mean speed; only the
  // rest is decoded.
  void Decode(size_t row, const std::vector<size_t>& open, size_t begin, const RowInProgress* trace) {
    if (open.empty()) return;
    std::vector<GenerateRequest> requests;
    std::vector<Asked> asked;
    double choosing = 0;
    std::vector<int> arms(open.size(), -1);
    if (IsAutomatic(row)) arms = ChooseArms(row, open, &choosing);
    for (size_t i = 0; i < open.size(); ++i) {
      const size_t p = open[i];
      GenerateRequest request = MakeRequest(row, p, arms[i]);
      Asked& one = asked.emplace_back(Asked{p, {}, settings_.chains, trace != nullptr ? &trace->completions[p][0] : nullptr});
      one.piece.arm = arms[i];
      if (trace != nullptr) {
        const Completion& known = *one.trace;
        const int64_t prefix = TokensBeforeBudget(tokenizer_, *request.budget, known.prompt_opens_thoughts ? Thoughts::kOpen : Thoughts::kNone,
                                                  settings_.sampling.seed, request.first_sample, known.tokens);
        one.piece.tokens = prefix;
        one.piece.seconds = trace->Rate() > 0 ? static_cast<double>(prefix) / trace->Rate() : 0;
        if (prefix == static_cast<int64_t>(known.tokens.size()) && known.finish == Finish::kStop) {
          one.piece.completions = {known};
          Finish(row, p, one.piece);
          asked.pop_back();
          continue;
        }
        request.response_prefix.assign(known.tokens.begin(), known.tokens.begin() + prefix);
      }
      one.piece.completions.resize(static_cast<size_t>(settings_.chains));
      requests.push_back(std::move(request));
    }
    const AdapterRef& adapter = ModeOf(row).adapter;
    const bool cached = trace == nullptr && (!adapter || adapter->activation() == Activation::kInvocation);  // found the prompts in the cache
    const std::vector<double>& encoding = encode_seconds_[plan_.rows[row].prompt_set];
    auto last = Clock::now();
    GenerateOptions options;
    options.max_batch = settings_.max_batch;
    options.drafter = settings_.drafter;
    const int64_t known = done_ + static_cast<int64_t>(open.size() - asked.size()) * settings_.chains;
    options.on_progress = [&](int64_t finished, int64_t) { on_progress_(known + finished, total_, what_); };
    options.on_completion = [&](size_t i, const Completion& completion) {
      Asked& one = asked[i];
      const double encoded = cached ? encoding[one.problem - begin] : 0;
      Completion& own = one.piece.completions[static_cast<size_t>(completion.sample)] = completion;
      own.logprobs = {};
      own.ttft_ms += 1e3 * (encoded + choosing);
      one.piece.tokens += static_cast<int64_t>(own.tokens.size() - requests[i].response_prefix.size());
      if (one.trace != nullptr) TakeBeginning(*one.trace, static_cast<int64_t>(requests[i].response_prefix.size()), &own);
      if (--one.unfinished > 0) return;
      one.piece.seconds += encoded + choosing + SecondsSince(last);
      last = Clock::now();
      Finish(row, one.problem, one.piece);
    };
    Generate(engine_, tokenizer_, requests, options);
    if (keeper_ != nullptr) keeper_->Settle();
  }

  // What a completion has of the trace whose first `prefix` tokens it begins with.
  static void TakeBeginning(const Completion& trace, int64_t prefix, Completion* own) {
    own->ttft_ms = trace.ttft_ms;  // the first token is the trace's
    const auto end = std::lower_bound(trace.near_ties.begin(), trace.near_ties.end(), prefix);
    own->near_ties.insert(own->near_ties.begin(), trace.near_ties.begin(), end);
  }

  Engine& engine_;
  const Tokenizer& tokenizer_;
  const std::vector<Problem>& problems_;
  const std::vector<NamedAdapter>& modes_;
  const EvalSettings& settings_;
  const EvalPlan& plan_;
  const Progress& on_progress_;
  EvalKeeper* keeper_;
  NamedAdapter auto_mode_;                           // of the switcher's row: its name, and the adapter that carries it
  std::function<bool(size_t problem)> mine_;
  std::vector<RowInProgress> rows_;                  // as plan_.rows
  std::vector<size_t> order_;                        // in which they are answered
  const bool share_trace_;
  std::vector<std::vector<double>> encode_seconds_;  // [as plan_.prompts][problem of the chunk]
  int64_t done_ = 0, total_ = 0;
  std::string what_;
};

}  // namespace

std::vector<EvalRow> RunEval(Engine& engine, const Tokenizer& tokenizer, const std::vector<Problem>& problems,
                             const std::vector<NamedAdapter>& modes, const EvalSettings& settings, const EvalPlan& plan,
                             const Progress& on_progress, EvalKeeper* keeper) {
  Evaluation evaluation(engine, tokenizer, problems, modes, settings, plan, on_progress, keeper);
  evaluation.AnswerAll();
  return evaluation.Rows();
}

void AnswerShare(Engine& engine, const Tokenizer& tokenizer, const std::vector<Problem>& problems, const std::vector<NamedAdapter>& modes, const EvalSettings& settings,
                 const EvalPlan& plan, const std::function<bool(size_t problem)>& mine, EvalKeeper* keeper) {
  const Progress silent = [](int64_t, int64_t, const std::string&) {};
  Evaluation(engine, tokenizer, problems, modes, settings, plan, silent, keeper).AnswerAll(mine);
}

}  // namespace pith
