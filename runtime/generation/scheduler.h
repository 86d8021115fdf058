// The state of Generate(): which requests are in the cache, which completions run, and the room they may still need.
//
// Requests are admitted in order. A completion is admitted only with room for its longest course, so it never fails in
// mid-way, and the first in line gets what the others free, so nothing waits for ever.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <span>
#include <vector>

#include "runtime/generation/closer.h"
#include "runtime/generation/generate.h"

namespace pith {

class GenerateSchedule {
 public:
  GenerateSchedule(Engine& engine, const Tokenizer& tokenizer, std::span<const GenerateRequest> requests,
                   const GenerateOptions& options);
  ~GenerateSchedule();  // frees every sequence that is left

  bool Done() const { return num_done_ == num_total_; }
  void Step();          // admits, samples, and runs the model once
  void Cancel();        // ends all that is not done
  std::vector<std::vector<Completion>> TakeResults() { return std::move(results_); }
  int64_t generated_tokens() const { return generated_tokens_; }

 private:
  using Clock = std::chrono::steady_clock;

  // A request in the cache: its prompt, and the response's known beginning, encoded once for all its samples.
  struct Root {
    size_t request;
    SequenceId sequence = -1;
    std::vector<int32_t> tokens;
    int64_t switch_at = 0;         // tokens before it are the base's
    int64_t encoded = 0;
    std::vector<float> logits;     // of the last token, once all are encoded
    int unfinished;                // samples
    int64_t pages;                 // reserved until all samples are done
    Clock::time_point admitted;
  };
  // A completion that has been admitted.
  struct Slot {
    Root* root;
    int sample;                    // of its request, from 0
    SequenceId sequence = -1;      // −1 while the root is being encoded
    int64_t pages;                 // reserved
    int64_t limit;                 // tokens
    BudgetCloser closer;
    std::vector<int32_t> pending;  // tokens to run next
    Completion* out;
    Clock::time_point admitted;
    bool done = false;
  };
  struct Draw {
    Slot* slot;
    const float* logits;
    SampledToken token;
  };

  const GenerateRequest& RequestOf(const Root& root) const { return requests_[root.request]; }
  void Check(const GenerateRequest& request) const;
  int64_t RootPages(const GenerateRequest& request) const;
  int64_t OwnPages(const GenerateRequest& request) const;
  void Admit();
  bool AdmitNext();
  void ForkReady();
  void AddPrefillRows();
  bool WaitsForPrefix(const Root& root, int64_t started) const;
  void Sample();
  void Take(Slot& slot, SampledToken sampled);
  void Push(Slot& slot, int32_t token, float logprob);
  void Finish(Slot& slot, pith::Finish finish);
  void Sweep();

  Engine& engine_;
  const Tokenizer& tokenizer_;
  std::span<const GenerateRequest> requests_;
  const GenerateOptions& options_;
  std::vector<std::vector<Completion>> results_;
  std::deque<std::unique_ptr<Root>> roots_;
  std::deque<std::unique_ptr<Slot>> slots_;
  size_t next_request_ = 0;
  int next_sample_ = 0;            // of the request last admitted; 0: none is half admitted
  int64_t vocab_ = 0;              // ids that may be sampled: rows of the embedding that the tokenizer has a token for
  int64_t pages_left_ = 0;
  int64_t num_done_ = 0, num_total_ = 0, generated_tokens_ = 0;

  // Of the step at hand.
  std::vector<ForwardRow> rows_;
  std::vector<Root*> encoding_;
  std::vector<float> logits_;
  std::vector<Draw> draws_;
  std::vector<std::exception_ptr> errors_;
};

}  // namespace pith
