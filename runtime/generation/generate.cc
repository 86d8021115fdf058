#include "runtime/generation/generate.h"

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

std::vector<std::vector<Completion>> Generate(Engine& engine, const Tokenizer& tokenizer,
                                              std::span<const GenerateRequest> requests, const GenerateOptions& options,
                                              GenerateStats* stats) {
  const auto start = std::chrono::steady_clock::now();
  GenerateSchedule schedule(engine, tokenizer, requests, options);
  while (!schedule.Done()) {
    if (options.cancelled && options.cancelled()) {
      schedule.Cancel();
      break;
    }
    schedule.Step();
  }
  if (stats) {
    *stats = {};
    for (const GenerateRequest& request : requests) stats->prompt_tokens += static_cast<int64_t>(request.prompt.size());
    stats->generated_tokens = schedule.generated_tokens();
    stats->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  return schedule.TakeResults();
}

}  // namespace pith
