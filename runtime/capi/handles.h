// What stands behind the handles. Each begins with a mark of its kind, which is wiped out when it is freed: a wrong one is told by
// that, where its memory can still be read.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "runtime/capi/answer.h"
#include "runtime/capi/conversation.h"
#include "runtime/capi/guard.h"
#include "runtime/capi/job.h"
#include "runtime/capi/model.h"

namespace pith::capi {

template <uint64_t kKind>
struct Handle {
  static constexpr uint64_t kMark = 0x7069746800000000ull + kKind;  // "pith"
  std::atomic<uint64_t> mark{kMark};
};

// UserError where `handle` is none.
template <class H>
H& Get(H* handle, const char* what) {
  if (handle == nullptr) ThrowUser(what, " is NULL");
  if (handle->mark.load(std::memory_order_relaxed) != H::kMark) ThrowUser(what, " is no such handle, or was freed");
  return *handle;
}

// A GGUF that lies in another file, or in memory.
std::unique_ptr<GgufFile> OpenDescriptor(int fd, uint64_t offset, uint64_t bytes);
std::unique_ptr<GgufFile> OpenMemory(const void* data, size_t bytes);

// Whether `handle` is to be deleted now.
template <class H>
bool Retire(H* handle) {
  uint64_t mark = H::kMark;
  return handle != nullptr && handle->mark.compare_exchange_strong(mark, 0);
}

// The log of the model that a handle belongs to; nullptr where the handle is none.
template <class H>
const LogSink* SinkOfHandle(H* handle) {
  return handle != nullptr && handle->mark.load(std::memory_order_relaxed) == H::kMark ? &handle->model->sink() : nullptr;
}

}  // namespace pith::capi

struct pith_model : pith::capi::Handle<1> {
  std::shared_ptr<pith::capi::Model> model;
  std::atomic<bool> closing{false};
};

struct pith_adapter : pith::capi::Handle<2> {
  std::shared_ptr<pith::capi::Model> model;
  pith::NamedAdapter named;
  bool any_base = false;                     // as its options said
  std::unique_ptr<pith::Prompter> prompter;  // told what the adapter's training was; nullptr: the model's does

  // `factor` times as strong. The last few are kept: a request finds the KV of one before it.
  pith::AdapterRef Scaled(float factor) const;

 private:
  mutable std::mutex mutex_;
  mutable std::map<float, pith::AdapterRef> scaled_;
};

struct pith_conversation : pith::capi::Handle<3> {
  std::shared_ptr<pith::capi::Model> model;
  std::shared_ptr<pith::capi::ConversationState> state;
};

struct pith_job : pith::capi::Handle<4> {
  std::shared_ptr<pith::capi::Model> model;
  std::shared_ptr<pith::capi::JobState> state;
};

struct pith_answer : pith::capi::Handle<5> {
  std::shared_ptr<const pith::capi::Answer> answer;
  bool lent = false;  // to a callback: not to be freed
};
