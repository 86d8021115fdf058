#include "runtime/programs/reasoning_bench.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <span>

#include "base/process_memory.h"
#include "base/rng.h"
#include "runtime/evaluation/stats.h"
#include "runtime/generation/scheduler.h"
#include "runtime/session/mode.h"

namespace pith {
namespace {

using Clock = std::chrono::steady_clock;

double MsFrom(Clock::time_point start) { return std::chrono::duration<double, std::milli>(Clock::now() - start).count(); }

void Drain(Scheduler& scheduler) {
  while (scheduler.Step()) {
  }
}

}  // namespace

ReasoningBench::ReasoningBench(Engine& engine, const Tokenizer& tokenizer, AdapterRef adapter, int reps)
    : engine_(engine), tokenizer_(tokenizer), adapter_(std::move(adapter)), reps_(reps) {
  if (adapter_) invocation_ = adapter_->invocation();
  if (invocation_.empty()) invocation_ = {5, 6, 7};  // as ChatML's: the name of the role, and a line's end
}

std::vector<int32_t> ReasoningBench::Prompt(int64_t tokens, uint64_t seed) const {
  Rng rng(seed);
  std::vector<int32_t> ids;
  const int64_t high = std::min<int64_t>(engine_.config().vocab_size, tokenizer_.vocab_size()) - 1;
  while (static_cast<int64_t>(ids.size()) < tokens) {
    const auto id = static_cast<int32_t>(rng.Int(0, high));
    if (!tokenizer_.IsControl(id) && !tokenizer_.IsEnd(id)) ids.push_back(id);
  }
  ids.insert(ids.end(), invocation_.begin(), invocation_.end());
  return ids;
}

GenerateRequest ReasoningBench::Request(std::vector<int32_t> prompt) const {
  GenerateRequest request;
  request.invocation_start = static_cast<int64_t>(prompt.size() - invocation_.size());
  request.prompt = std::move(prompt);
  request.adapter = adapter_;
  for (const int32_t id : tokenizer_.end_ids()) request.sampling.logit_bias.emplace_back(id, -100.0f);  // all the tokens are wanted
  return request;
}

ReasoningBench::Switch ReasoningBench::MeasureSwitch(int64_t prompt_tokens) {
  std::vector<double> first, invocation, step, reencode;
  std::vector<float> logits(static_cast<size_t>(engine_.config().vocab_size));
  for (int rep = 0; rep < reps_; ++rep) {
    const std::vector<int32_t> prompt = Prompt(prompt_tokens, 100 + static_cast<uint64_t>(rep));
    GenerateRequest known = Request(prompt);
    known.adapter = nullptr;
    known.prompt.resize(static_cast<size_t>(known.invocation_start));
    known.encode_only = true;
    GenerateRequest asked = Request(prompt);
    asked.max_tokens = 2;
    Scheduler scheduler(engine_, tokenizer_, {});
    scheduler.Submit(known, {});
    Drain(scheduler);
    auto start = Clock::now();
    double ms = 0;
    scheduler.Submit(asked, {.on_token = [&](const TokenEvent&) { ms = ms == 0 ? MsFrom(start) : ms; }});
    Drain(scheduler);
    first.push_back(ms);

    // The passes by themselves.
    const SequenceId sequence = engine_.NewSequence();
    engine_.Prefill(sequence, known.prompt, nullptr);
    engine_.SetAdapter(sequence, adapter_);
    std::vector<ForwardRow> rows;
    for (const int32_t id : invocation_) rows.push_back({sequence, id, rows.size() + 1 == invocation_.size()});
    start = Clock::now();
    engine_.Forward(rows, logits.data());
    invocation.push_back(MsFrom(start));
    rows = {{sequence, 5, true}};
    start = Clock::now();
    engine_.Forward(rows, logits.data());
    step.push_back(MsFrom(start));
    engine_.Free(sequence);

    // All of it under the adapter: nothing of it can be in the cache.
    const std::vector<int32_t> other = Prompt(prompt_tokens, 10000 + static_cast<uint64_t>(rep));
    const SequenceId again = engine_.NewSequence();
    engine_.SetAdapter(again, adapter_);
    start = Clock::now();
    engine_.Prefill(again, other, logits.data());
    reencode.push_back(MsFrom(start));
    engine_.Free(again);
  }
  return {Quantile(first, 0.5), Quantile(invocation, 0.5), Quantile(step, 0.5), Quantile(reencode, 0.5)};
}

ReasoningBench::Chains ReasoningBench::MeasureChains(int64_t prompt_tokens, int chains, int64_t tokens) {
  std::vector<double> together, alone;
  int64_t kv_bytes = 0;
  for (int rep = 0; rep < reps_; ++rep) {
    for (const int count : {1, chains}) {
      GenerateRequest request = Request(Prompt(prompt_tokens, 20000 + static_cast<uint64_t>(rep)));
      request.sampling.temperature = 1;
      request.sampling.seed = static_cast<uint64_t>(rep);
      request.num_samples = count;
      request.max_tokens = tokens;
      Scheduler scheduler(engine_, tokenizer_, {.max_batch = std::max(chains, 1)});
      int64_t seen = 0;
      Clock::time_point start;
      int64_t most = 0;
      scheduler.Submit(request, {.on_token = [&](const TokenEvent& event) {
        if (event.token >= 0 && seen++ == 0) start = Clock::now();  // from the first token on: the prompt is in the cache
      }});
      while (scheduler.Step()) {
        const KvCounters counters = engine_.kv_counters();
        most = std::max(most, counters.used_pages * counters.page_bytes);
      }
      (count == 1 ? alone : together).push_back(MsFrom(start));
      if (count == chains) kv_bytes = most;
    }
  }
  return {Quantile(together, 0.5), Quantile(alone, 0.5), kv_bytes};
}

ReasoningBench::Stall ReasoningBench::MeasureStall(int64_t prompt_tokens, int running, double max_stall) {
  constexpr int kWarm = 8, kPlain = 24;  // steps before
  std::vector<double> step, longest, most, steps;
  for (int rep = 0; rep < reps_; ++rep) {
    Scheduler scheduler(engine_, tokenizer_, {.max_batch = running + 1, .max_stall = max_stall});
    std::vector<Clock::time_point> last(static_cast<size_t>(running));
    std::vector<double> gaps;
    for (size_t i = 0; i < last.size(); ++i) {
      GenerateRequest request = Request(Prompt(32, 50000 + 100 * static_cast<uint64_t>(rep) + i));
      request.max_tokens = std::min(kStallTokens, engine_.config().context_length - static_cast<int64_t>(request.prompt.size()));
      scheduler.Submit(request, {.on_token = [&, i](const TokenEvent& event) {
        if (event.token < 0) return;
        const auto now = Clock::now();
        if (last[i] != Clock::time_point()) gaps.push_back(std::chrono::duration<double, std::milli>(now - last[i]).count());
        last[i] = now;
      }});
    }
    for (int i = 0; i < kWarm; ++i) scheduler.Step();
    gaps.clear();
    for (int i = 0; i < kPlain; ++i) scheduler.Step();
    step.push_back(Quantile(gaps, 0.5));
    gaps.clear();
    GenerateRequest request = Request(Prompt(prompt_tokens, 60000 + 100 * static_cast<uint64_t>(running) + static_cast<uint64_t>(rep)));
    request.max_tokens = 1;
    bool come = false;
    scheduler.Submit(request, {.on_token = [&](const TokenEvent&) { come = true; }});
    const int64_t before = scheduler.counts().steps;
    while (!come && scheduler.Step()) {
    }
    steps.push_back(static_cast<double>(scheduler.counts().steps - before));
    longest.push_back(gaps.empty() ? 0 : *std::max_element(gaps.begin(), gaps.end()));
    most.push_back(gaps.empty() ? 0 : Quantile(gaps, 0.99));
  }
  return {Quantile(step, 0.5), Quantile(longest, 0.5), Quantile(most, 0.5), static_cast<int64_t>(Quantile(steps, 0.5))};
}

void ReasoningBench::CountAgain(const GenerateRequest& request, const std::vector<Completion>& completions, Budgets* budgets) const {
  const DecodeBudget& budget = *request.budget;
  int64_t pool = 0;
  const bool opened = ThoughtsAtEnd(tokenizer_, std::span(request.prompt).subspan(static_cast<size_t>(request.invocation_start))) == Thoughts::kOpen;
  for (const Completion& c : completions) {
    const auto size = static_cast<int64_t>(c.tokens.size());
    pool += size;
    // Thoughts, by the text alone: up to the last tag that closes them, or all where they stay open.
    std::string text = opened ? std::string(kThinkOpen) : "";
    int64_t thought = 0, begun = opened ? 0 : -1;  // tokens of finished thoughts; where the open ones began
    for (int64_t t = 0; t < size; ++t) {
      const std::string_view bytes = tokenizer_.TokenBytes(c.tokens[static_cast<size_t>(t)]);
      if (bytes == kThinkOpen && begun < 0) begun = t < c.announced ? 0 : t;
      if (bytes != kThinkClose) continue;
      thought = begun < 0 ? t + 1 : thought + t + 1 - begun;
      begun = -1;
    }
    if (begun >= 0) thought += size - begun;
    const bool forced = c.forced_begin >= 0;
    const auto close = forced ? std::vector<int32_t>(c.tokens.begin() + c.forced_begin, c.tokens.begin() + c.forced_end) : std::vector<int32_t>();
    if (budget.split() && forced && thought == 0) thought = c.forced_end;
    const bool split_by_mark = budget.split() && !forced && thought == 0;  // the model marked its answer itself, or gave none
    const bool over = size > budget.tokens || size > request.max_tokens || (forced && !budget.pooled && c.forced_end > budget.think_limit() && c.usage.forced_by == ForcedBy::kBudget) ||
                      (budget.split() && forced && size - c.forced_end > budget.answer_tokens);
    const bool ends = tokenizer_.IsEnd(c.tokens.back());
    const bool mislabelled = c.usage.thinking_tokens + c.usage.answer_tokens != size || (!split_by_mark && c.usage.thinking_tokens != thought) ||
                             c.usage.forced_tokens != c.announced + static_cast<int64_t>(close.size()) || forced != (c.usage.forced_by != ForcedBy::kNone) ||
                             (forced && close != budget.close_ids && close != budget.think_close_ids) || (c.finish == Finish::kStop) != ends;
    ++budgets->generations;
    budgets->over += over;
    budgets->mislabelled += mislabelled;
    budgets->forced += forced;
    budgets->announced += c.announced > 0;
  }
  if (budget.pooled && pool > budget.tokens) ++budgets->over;
}

ReasoningBench::Budgets ReasoningBench::MeasureBudgets(int64_t generations) {
  Budgets budgets;
  const auto think_open = tokenizer_.FindToken(kThinkOpen);
  for (uint64_t round = 0; budgets.generations < generations; ++round) {
    std::vector<GenerateRequest> requests;
    for (uint64_t kind = 0; kind < 4; ++kind) {
      GenerateRequest request = Request(Prompt(24, 30000 + 10 * round + kind));
      if (kind % 2 == 1 && think_open) request.prompt.push_back(*think_open);
      request.sampling = {.temperature = 1, .seed = round};
      if (kind == 3) request.adapter = nullptr;
      request.num_samples = static_cast<int>(std::min<int64_t>(8, generations - budgets.generations));
      request.budget = ClosedBy("\n#### ", /*given=*/false, tokenizer_);
      request.budget->tokens = 24 + static_cast<int64_t>(round % 5) * 4;
      request.budget->reserve_tokens = 8;
      if (kind >= 2) {
        request.budget->think_tokens = request.budget->tokens - 10;
        request.budget->answer_tokens = 10;
      }
      request.max_tokens = request.budget->tokens;
      if (round % 4 == 3 && kind == 0) {
        request.budget->pooled = true;
        request.budget->tokens = request.max_tokens = 240;
        request.num_samples = 5;
      }
      Announce(AnnouncementOf({"", request.adapter}, {}, ""), tokenizer_, &request);
      if (request.announced > request.budget->think_limit() / 3) request.response_prefix.clear(), request.announced = 0;  // made for longer budgets
      requests.push_back(std::move(request));
    }
    Scheduler scheduler(engine_, tokenizer_, {});
    for (const GenerateRequest& request : requests) {
      scheduler.Submit(request, {.on_done = [&](std::vector<Completion> completions) { CountAgain(request, completions, &budgets); }});
    }
    Drain(scheduler);
  }
  return budgets;
}

ReasoningBench::Swaps ReasoningBench::MeasureSwaps(int64_t swaps) {
  std::vector<float> logits(static_cast<size_t>(engine_.config().vocab_size));
  const SequenceId sequence = engine_.NewSequence();
  const std::vector<int32_t> prompt = Prompt(32, 40000);
  engine_.Prefill(sequence, prompt, logits.data());
  std::vector<double> times;
  times.reserve(static_cast<size_t>(swaps));
  int64_t before = 0;
  const auto length = static_cast<int64_t>(prompt.size());
  for (int64_t i = 0; i < swaps; ++i) {
    if (i == std::min<int64_t>(100, swaps / 2)) before = ReadProcessMemory().anon_bytes;
    const auto start = Clock::now();
    engine_.SetAdapter(sequence, i % 2 == 0 ? adapter_ : nullptr);
    times.push_back(1e3 * MsFrom(start));
    if (i % 16 == 0) {  // passes between them, of which every sixteenth is enough to see growth
      const ForwardRow row{sequence, 5, true};
      engine_.Forward({&row, 1}, logits.data());
      if (engine_.Length(sequence) > length + 64) engine_.Truncate(sequence, length);
    }
  }
  engine_.Free(sequence);
  return {Quantile(times, 0.5), ReadProcessMemory().anon_bytes - before};
}

}  // namespace pith
