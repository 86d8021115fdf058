// Continuous batching over one engine: requests are handed in at any time and share its steps; samples of one request share their
// prompt's KV. Each completion depends on its own request alone, bitwise, whatever runs beside it.
//
// Requests are admitted in order. A completion is admitted only with room for its longest course, so it never fails in mid-way,
// and the first in line gets what the others free, so nothing waits for ever.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "data/text/tokenizer.h"
#include "runtime/engine.h"
#include "runtime/generation/request.h"
#include "runtime/speculation/drafter.h"

namespace pith {

struct SchedulerOptions {
  int max_batch = 32;  // sequences decoded together
  // Prompts take so much of a step, measured as it runs, that it lasts at most so many plain steps: answers do not stall while a long
  // prompt comes in. 0: no bound; prompts take what makes them fastest.
  double max_stall = 0;
  // Who drafts tokens; nobody where it is empty. The completions are the same: tokens, log-probabilities, usage but for what was drafted and accepted.
  // Not for requests with a pooled budget (what one sample may think hangs on how far the others are), and not in passes in which a prompt is encoded.
  std::shared_ptr<Drafter> drafter = nullptr;
  bool draft_always = false;  // whether it pays or not: to measure, and to test
};

using RequestId = uint64_t;

// All are called by the thread that steps, and may be empty. They may call Submit, Cancel and CloseNow, but not Step.
struct RequestCallbacks {
  std::function<void(const TokenEvent&)> on_token = {};
  std::function<void(int sample, const Completion&)> on_completion = {};  // one has come to its end; not for cancelled ones
  std::function<void(std::vector<Completion>)> on_done = {};              // all have, or were cancelled
  // Instead of on_done: no token can be drawn for it (its adapter's values are broken), or the engine failed (no memory). The engine and other
  // requests go on. Where it is empty Step() throws in its place.
  std::function<void(std::exception_ptr error)> on_error = {};
};

class Scheduler {
 public:
  // Both must outlive it, and nobody else may use the engine while it steps. UserError: max_batch < 1, max_stall in (0, 1).
  Scheduler(Engine& engine, const Tokenizer& tokenizer, const SchedulerOptions& options);
  ~Scheduler();  // frees every sequence that is left; callbacks of what is not done are not called

  // From any thread, at any time.
  // UserError for a request that could never run: see CheckRequest's sentences.
  RequestId Submit(GenerateRequest request, RequestCallbacks callbacks);
  void Cancel(RequestId id, int sample = -1);    // −1: all samples. Nothing happens to what is done
  // Thinking is closed before the next token, where the request has a budget; of what waits still, before its first one.
  void CloseNow(RequestId id, int sample = -1);

  // `work` is done by the thread that steps, between two steps: what an engine that runs is asked beside its requests. It must not
  // throw. Destroyed undone where nobody steps any more.
  void Call(std::function<void()> work);

  // By one thread at a time.
  bool Step();                       // runs the model once; false when there is nothing to do
  void Run(std::stop_token stop);    // steps until asked to stop, and sleeps while there is nothing to do
  void CancelAll();

  struct Counts {
    int64_t generated_tokens = 0;
    int64_t steps = 0;
    int64_t drafted_tokens = 0, accepted_tokens = 0;
    double longest_step_ms = 0;      // of those in which a sequence was decoded
  };
  Counts counts() const;             // by the thread that steps

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace pith
