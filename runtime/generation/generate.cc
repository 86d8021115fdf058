#include "runtime/generation/generate.h"

#include <algorithm>
#include <chrono>

#include "runtime/generation/scheduler.h"

namespace pith {

const char* FinishName(Finish finish) {
  switch (finish) {
    case Finish::kStop: return "stop";
    case Finish::kLength: return "length";
    case Finish::kCancelled: return "cancelled";
  }
  return "unknown";
}

std::vector<uint8_t> Completion::Drawn() const {
  std::vector<uint8_t> drawn(tokens.size(), 1);
  std::fill_n(drawn.begin(), announced, uint8_t{0});
  if (forced_begin >= 0) std::fill(drawn.begin() + forced_begin, drawn.begin() + forced_end, uint8_t{0});
  return drawn;
}

std::vector<float> Completion::DrawnLogprobs() const {
  const std::vector<uint8_t> drawn = Drawn();
  std::vector<float> out;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (drawn[i] != 0) out.push_back(logprobs[i]);
  }
  return out;
}

int64_t DefaultTokens(const GenerateRequest& request, int64_t context_length) {
  const int64_t room = context_length - static_cast<int64_t>(request.prompt.size()) - request.check.most_tokens();
  return std::clamp<int64_t>(room, 1, kDefaultTokens);
}

std::string ResponseText(const Tokenizer& tokenizer, const Completion& completion) {
  std::string text = tokenizer.Decode(tokenizer.WithoutEnd(completion.said()));
  text.resize(text.size() - std::min(completion.cut_bytes, text.size()));
  return text;
}

std::string JudgedText(const Tokenizer& tokenizer, const Completion& completion) {
  std::string text = JudgedText(tokenizer, completion.prompt_opens_thoughts, completion.said());
  text.resize(text.size() - std::min(completion.cut_bytes, text.size()));
  return text;
}

std::vector<std::vector<Completion>> Generate(Engine& engine, const Tokenizer& tokenizer,
                                              std::span<const GenerateRequest> requests, const GenerateOptions& options,
                                              GenerateStats* stats) {
  const auto start = std::chrono::steady_clock::now();
  Scheduler scheduler(engine, tokenizer, {.max_batch = options.max_batch, .drafter = options.drafter, .draft_always = options.draft_always});
  std::vector<std::vector<Completion>> results(requests.size());
  std::vector<RequestId> ids(requests.size());
  int64_t done = 0, reported = 0, total = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    RequestCallbacks callbacks;
    if (options.on_token) callbacks.on_token = [&options, i](const TokenEvent& event) { options.on_token(i, event); };
    callbacks.on_completion = [&, i](int, const Completion& completion) {
      ++done;
      if (options.on_completion) options.on_completion(i, completion);
      if (options.enough && options.enough(i)) scheduler.Cancel(ids[i]);
    };
    callbacks.on_done = [&results, i](std::vector<Completion> completions) { results[i] = std::move(completions); };
    ids[i] = scheduler.Submit(requests[i], std::move(callbacks));
    total += requests[i].num_samples;
  }
  for (bool more = true; more;) {
    if (options.cancelled && options.cancelled()) {
      scheduler.CancelAll();
      break;
    }
    more = scheduler.Step();
    if (options.on_progress && done > reported) options.on_progress(reported = done, total);
  }
  if (stats) {
    *stats = {};
    for (const GenerateRequest& request : requests) stats->prompt_tokens += static_cast<int64_t>(request.prompt.size());
    const Scheduler::Counts counts = scheduler.counts();
    stats->generated_tokens = counts.generated_tokens;
    stats->steps = counts.steps;
    stats->drafted_tokens = counts.drafted_tokens;
    stats->accepted_tokens = counts.accepted_tokens;
    stats->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  return results;
}

}  // namespace pith
