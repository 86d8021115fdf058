// The wall between the C API and the rest: what comes in is looked at, what is thrown becomes a status.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "runtime/pith.h"

namespace pith::capi {

// What is neither the caller's mistake (UserError) nor a lack of memory.
class StatusError : public std::exception {
 public:
  StatusError(pith_status status, std::string sentence) : status_(status), sentence_(std::move(sentence)) {}
  pith_status status() const { return status_; }
  const char* what() const noexcept override { return sentence_.c_str(); }

 private:
  pith_status status_;
  std::string sentence_;
};

struct Failure {
  pith_status status = PITH_OK;
  std::string sentence;
};
// Of the exception that is being handled. Does not throw.
Failure CurrentFailure() noexcept;
pith_status Report(const Failure& failure, pith_error* error) noexcept;
void CopyCut(const std::string& text, char* to, size_t capacity) noexcept;  // ended by a zero byte; cut between characters

// What `body` throws, as a status. What it logs goes to `sink`; nullptr: nowhere.
template <class Body>
pith_status Guarded(pith_error* error, const LogSink* sink, const Body& body) noexcept {
  static const LogSink kNowhere;
  const LogScope scope(sink != nullptr ? sink : &kNowhere);
  try {
    body();
  } catch (...) {
    return Report(CurrentFailure(), error);
  }
  return Report({}, error);
}

LogSink SinkOf(pith_log_fn log, void* user_data);

// A text that was given: UserError naming `what` where it is NULL or not UTF-8.
std::string Text(const char* text, const char* what);
std::string OptionalText(const char* text, const char* what);  // "" for NULL
// UserError naming `what` where `count` items cannot be.
void CheckList(const void* items, size_t count, size_t most, const char* what);
void CheckRange(double value, double low, double high, const char* what);  // UserError, for what is no number, too
void CheckCount(int64_t value, int64_t low, int64_t high, const char* what);
template <class T>
T* NotNull(T* pointer, const char* what) {
  if (pointer == nullptr) ThrowUser(what, " is NULL");
  return pointer;
}

// Sizes that structs of this interface have had: from that of ABI 1's first version on. Larger ones come from newer headers.
inline constexpr size_t kMostStructBytes = 4096;
template <class T>
constexpr size_t FirstBytes() { return sizeof(T); }  // of a struct that has grown since: where its first version ended
template <> constexpr size_t FirstBytes<pith_request>() { return offsetof(pith_request, announcement); }
template <> constexpr size_t FirstBytes<pith_adapter_info>() { return offsetof(pith_adapter_info, announcement); }
template <> constexpr size_t FirstBytes<pith_model_options>() { return offsetof(pith_model_options, kv_max_bytes); }
template <> constexpr size_t FirstBytes<pith_memory>() { return offsetof(pith_memory, kv_used_bytes); }
template <> constexpr size_t FirstBytes<pith_verification>() { return offsetof(pith_verification, verifier_deviation); }
template <> constexpr size_t FirstBytes<pith_usage>() { return offsetof(pith_usage, announced_tokens); }

size_t StructBytes(const void* given, size_t first, const char* what);  // as it says; UserError where that cannot be
void CheckZero(const void* from, size_t bytes, const char* what);
void CheckReserved(int32_t value, const char* what);  // a field that has no meaning yet

// A struct of the caller's, as this version has it; zero (the default) where NULL is given, or where the caller's version ends.
template <class T>
T ReadStruct(const T* given, const char* what) {
  T value{};
  if (given == nullptr) return value;
  const size_t bytes = StructBytes(given, FirstBytes<T>(), what);
  std::memcpy(static_cast<void*>(&value), given, std::min(bytes, sizeof(T)));
  if (bytes > sizeof(T)) CheckZero(reinterpret_cast<const char*>(given) + sizeof(T), bytes - sizeof(T), what);
  return value;
}

// Before work whose result would have no place: UserError where `to` cannot be written to.
template <class T>
void CheckStruct(const T* to, const char* what) {
  (void)StructBytes(NotNull(to, what), FirstBytes<T>(), what);
}

template <class T>
void WriteStruct(T value, T* to, const char* what) {
  const size_t bytes = StructBytes(NotNull(to, what), FirstBytes<T>(), what);
  value.struct_bytes = bytes;
  std::memcpy(static_cast<void*>(to), &value, std::min(bytes, sizeof(T)));
  if (bytes > sizeof(T)) std::memset(reinterpret_cast<char*>(to) + sizeof(T), 0, bytes - sizeof(T));
}

}  // namespace pith::capi
