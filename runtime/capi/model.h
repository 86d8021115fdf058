// A model with the thread that runs it.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/model/base_model.h"
#include "data/template/prompt.h"
#include "runtime/engine.h"
#include "runtime/generation/scheduler.h"
#include "runtime/pith.h"

namespace pith::capi {

// What the caller's pith_model_options ask for, checked.
struct ModelSettings {
  LogSink sink;
  std::vector<int> cpus;  // where it runs; empty: wherever the system puts it
  EngineOptions engine;
  SchedulerOptions scheduler;
  std::string template_now, template_kwargs;
};
ModelSettings ReadSettings(const pith_model_options* given);
// A warning where a chat template was told what it does not ask for; `now` and `kwargs` as the caller gave them.
void WarnOfUnused(const ChatTemplate& chat, const std::string& now, const std::string& kwargs);

// Thread-safe. The thread lives from Start() to Close(); the rest as long as the object.
class Model {
 public:
  Model(std::shared_ptr<const BaseModel> base, ModelSettings settings);
  ~Model() { Close(); }

  void Start();  // UserError and std::bad_alloc as the engine's
  // Ends what runs, with on_done for each; nothing is called afterwards. Not by the model's own thread.
  void Close();
  bool closed() const;
  bool InOwnThread() const { return std::this_thread::get_id() == thread_id_; }

  const LogSink& sink() const { return settings_.sink; }
  const ModelSettings& settings() const { return settings_; }
  const BaseModel& base() const { return *base_; }
  const std::shared_ptr<const BaseModel>& shared_base() const { return base_; }
  const Tokenizer& tokenizer() const { return *tokenizer_; }
  bool has_prompter() const { return prompter_ != nullptr; }
  const Prompter& prompter() const;  // UserError where the model has no chat template that can be used
  const std::string& identity();     // of the base; the first call may read all of it
  int64_t vocabulary() const;        // ids that the model and the tokenizer both have

  // As the scheduler's, from any thread; StatusError(PITH_CLOSED) when closed.
  RequestId Submit(GenerateRequest request, RequestCallbacks callbacks);
  void Cancel(RequestId id, int chain);
  void CloseNow(RequestId id, int chain);
  void CancelAll();
  // Runs `work` between two steps, and waits for it; at once in the model's own thread.
  void Call(const std::function<void(Engine&)>& work);

  // Runs `work`, which may read base and settings, in a thread of its own on the model's CPUs, beside requests, and waits for it: Close() does, too.
  void Beside(const std::function<void()>& work);

  // The open adapters, for who asks for a list.
  void AddAdapter(pith_adapter* adapter);
  void RemoveAdapter(pith_adapter* adapter);
  std::vector<pith_adapter*> adapters() const;
  std::vector<AdapterRef> open_adapters() const;  // what stands behind these

 private:
  void TakeCpus() const;  // this thread's and of those that it starts
  void Run(std::stop_token stop, const std::function<void(std::exception_ptr)>& started);
  Scheduler& Open();  // under mutex_

  const std::shared_ptr<const BaseModel> base_;
  const ModelSettings settings_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::unique_ptr<Prompter> prompter_;
  std::string no_prompter_;  // why there is none

  std::shared_mutex beside_;  // shared by what runs beside
  std::mutex identity_mutex_;
  std::string identity_;

  mutable std::mutex mutex_;  // of what follows
  bool closed_ = true;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Scheduler> scheduler_;
  std::vector<pith_adapter*> adapters_;

  std::thread::id thread_id_;
  std::jthread thread_;
};

}  // namespace pith::capi
