// The inside of a Scheduler: which requests are in the cache, which completions run, and the room they may still need.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "data/text/stream_decoder.h"
#include "runtime/generation/prompt_share.h"
#include "runtime/generation/scheduler.h"
#include "runtime/generation/stop_text.h"
#include "runtime/speculation/draft_rule.h"

namespace pith {

class Scheduler::State {
 public:
  State(Engine& engine, const Tokenizer& tokenizer, const SchedulerOptions& options);
  ~State();

  // Any thread.
  RequestId Submit(GenerateRequest request, RequestCallbacks callbacks);
  void Tell(bool cancel, RequestId id, int sample);
  void Call(std::function<void()> work);

  // The thread that steps.
  bool Step();
  void Run(std::stop_token stop);
  void CancelAll();
  const Counts& counts() const { return counts_; }

 private:
  using Clock = std::chrono::steady_clock;

  struct Job {
    RequestId id;
    GenerateRequest request;
    RequestCallbacks callbacks;
    Thoughts thoughts;                // at the end of the prompt
    std::vector<Completion> results;
    std::vector<bool> over;           // samples that are done or cancelled
    std::vector<bool> close_asked;    // samples whose thoughts were to be closed, before they were admitted or after
    int unfinished = 0, admitted = 0; // samples
    ThinkingPool pool;
    std::exception_ptr failed;        // why it ends without results

    bool pooled() const { return request.budget && request.budget->pooled; }
  };
  // A request in the cache: its prompt, and the response's known beginning, encoded once for all its samples.
  struct Root {
    Job* job;
    SequenceId sequence = -1;
    std::vector<int32_t> tokens;
    int64_t switch_at = 0;         // tokens before it are the base's
    int64_t encoded = 0;
    bool begun = false;            // rows of its own have run
    int64_t adopted_at = -1;       // the step (counts_.steps) in which the cache was looked at last
    std::vector<float> logits;     // of the last token, once all are encoded
    std::vector<double> pooled;    // sum of the hidden states that are pooled, so far; empty: none are
    size_t pool_rows = 0;          // of the step at hand
  };
  // What is drafted for a completion, and how often that was right.
  struct Speculation {
    Acceptance acceptance = {};
    std::vector<int32_t> tokens;   // of prompt and response, as far as a drafter has looked at them
    std::vector<int32_t> draft;    // for the pass at hand, also what of it is not run
    int evidence = 0;
    size_t run = 0, accepted = 0;  // of the draft: in the pass; found right, from its beginning
    int64_t length = 0;            // of the sequence, without those that run
    const float* logits = nullptr; // of the pass: behind the pending tokens, and behind each of the draft that is run
  };
  // A completion that has been admitted.
  struct Slot {
    Job* job;
    Root* root;
    int sample;                    // of its request, from 0
    SequenceId sequence = -1;      // −1 while the root is being encoded
    int64_t limit;                 // tokens
    Closer closer;
    StopText stop;
    StreamDecoder stream;
    std::string unsent;            // text that is not shown yet
    std::vector<int32_t> pending;  // tokens to run next
    Completion* out;
    Clock::time_point admitted;
    bool done = false;
    Speculation drafts = {};
    enum Phase {
      kDecoding,
      kEnding,   // its response is whole: what is pending of that comes before the check
      kChecking  // the check is pending
    } phase = kDecoding;
    Clock::time_point ended = {};  // its response
  };
  struct Draw {
    Slot* slot;
    const float* logits;
    SampledToken token;
  };
  struct Message {  // from other threads, in their order
    enum Kind { kSubmit, kCancel, kCloseNow, kCall } kind;
    RequestId id;
    int sample;
    std::unique_ptr<Job> job;
    std::function<void()> work = {};
  };

  // scheduler_admission.cc
  void Check(const GenerateRequest& request) const;
  int64_t RootPages(const GenerateRequest& request) const;
  int64_t OwnPages(const GenerateRequest& request) const;
  int64_t PagesFree() const;
  void ReadInbox();
  Job* Find(RequestId id);
  void Cancel(Job& job, int sample);
  bool AdmitNext();
  void Admit();
  void AddSlot(Job& job);
  void RefuseFirst();

  // scheduler_prompts.cc
  void AddRoot(Job& job);
  void Adopt(Root& root);
  void ForkReady();
  void AddPrefillRows();
  bool WaitsForPrefix(const Root& root, int64_t started) const;
  static int64_t PoolBegin(const Root& root);
  void Pool(const float* hidden_MD);

  // scheduler_draws.cc
  void Sample();  // of draws_, and takes what was drawn
  SampledToken DrawToken(const Slot& slot, const float* logits, std::span<const int32_t> behind) const;
  static bool TooShort(const Slot& slot);  // for its request's min_tokens
  std::vector<int32_t> Banned(const Slot& slot) const;

  // scheduler_drafts.cc
  void DraftTokens();
  bool MayDraft(const Slot& slot) const;
  int32_t DrawOf(const Slot& slot, const float* logits, std::span<const int32_t> drafted) const;
  void SampleDrafts();
  static bool TakeDrafted(Slot& slot);
  void Settle(Slot& slot);
  bool IsTold();

  // scheduler_check.cc
  void AskCheck(Slot& slot);
  void BeginCheck(Slot& slot);
  void GoOnWithCheck(Slot& slot);
  void EndCheck(Slot& slot, std::span<const float> hidden_D);

  // scheduler.cc
  void Take(Slot& slot, SampledToken sampled);
  void Push(Slot& slot, int32_t token, float logprob, bool forced);
  void Show(Slot& slot, int32_t token, ResponsePart part);
  void Finish(Slot& slot, pith::Finish finish);
  void Complete(Slot& slot);
  void Fail(Job& job, const std::exception_ptr& error);
  void Sweep();
  void Leave(Slot& slot);
  void FailAll(const std::exception_ptr& error);

  Engine& engine_;
  const Tokenizer& tokenizer_;
  const SchedulerOptions options_;
  const int64_t vocab_;            // ids that may be sampled: rows of the embedding that the tokenizer has a token for
  const int64_t num_pages_;        // that were free when this was made
  std::vector<int32_t> endings_;   // ids that end a response or its thoughts
  std::vector<int32_t> tags_;      // <think> and </think>, where they are tokens
  std::deque<std::unique_ptr<Job>> waiting_;   // the first may be half admitted
  std::deque<std::unique_ptr<Job>> running_;   // all samples admitted, not all done
  std::deque<std::unique_ptr<Root>> roots_;
  std::deque<std::unique_ptr<Slot>> slots_;
  PromptShare share_;
  DraftRule rule_;
  Counts counts_;

  std::mutex mutex_;               // of what follows
  std::condition_variable_any wake_;
  std::vector<Message> inbox_;
  RequestId next_id_ = 1;

  // Of the step at hand.
  std::vector<ForwardRow> rows_;
  std::vector<Root*> encoding_;
  std::vector<float> logits_, hidden_;
  std::vector<Draw> draws_, next_draws_;
  std::vector<DraftChain> chains_;
  std::vector<std::exception_ptr> errors_;
};

}  // namespace pith
