#include "runtime/capi/guard.h"

#include <new>

#include "data/text/utf8.h"

namespace pith::capi {

Failure CurrentFailure() noexcept {
  try {
    try {
      throw;
    } catch (const UserError& error) {
      return {PITH_INVALID, error.what()};
    } catch (const StatusError& error) {
      return {error.status(), error.what()};
    } catch (const std::bad_alloc&) {
      return {PITH_NO_MEMORY, "out of memory"};
    } catch (const std::exception& error) {
      return {PITH_INTERNAL, Str("internal error: ", Printable(error.what()))};
    } catch (...) {
      return {PITH_INTERNAL, "internal error"};
    }
  } catch (...) {  // no memory for the sentence
    return {PITH_NO_MEMORY, {}};
  }
}

pith_status Report(const Failure& failure, pith_error* error) noexcept {
  if (error == nullptr) return failure.status;
  error->status = failure.status;
  CopyCut(failure.sentence, error->message, sizeof(error->message));
  return failure.status;
}

void CopyCut(const std::string& text, char* to, size_t capacity) noexcept {
  size_t size = std::min(text.size(), capacity - 1);
  if (size < text.size()) {
    while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  }
  std::memcpy(to, text.data(), size);
  to[size] = '\0';
}

LogSink SinkOf(pith_log_fn log, void* user_data) {
  if (log == nullptr) return {};
  return [log, user_data](LogLevel level, const std::string& line) {
    try {
      log(user_data, level == LogLevel::kWarning ? PITH_LOG_WARNING : PITH_LOG_INFO, line.c_str());
    } catch (...) {  // of a program in C++: what was to be logged goes on
    }
  };
}

std::string Text(const char* text, const char* what) {
  NotNull(text, what);
  std::string copy = text;
  if (!IsValidUtf8(copy)) ThrowUser(what, " is not UTF-8; give texts in that encoding");
  return copy;
}

std::string OptionalText(const char* text, const char* what) { return text == nullptr ? std::string() : Text(text, what); }

void CheckList(const void* items, size_t count, size_t most, const char* what) {
  if (count > most) ThrowUser(what, " has ", count, " items; at most ", most, " may be given");
  if (count > 0 && items == nullptr) ThrowUser(what, " is NULL, but is said to have ", count, " items");
}

void CheckRange(double value, double low, double high, const char* what) {
  if (!(value >= low && value <= high)) ThrowUser(what, " is ", value, ", expected ", low, " to ", high);
}

void CheckCount(int64_t value, int64_t low, int64_t high, const char* what) {
  if (value < low || value > high) ThrowUser(what, " is ", value, ", expected ", low, " to ", high);
}

size_t StructBytes(const void* given, size_t first, const char* what) {
  size_t bytes = 0;
  std::memcpy(&bytes, given, sizeof(bytes));
  if (bytes < first || bytes > kMostStructBytes) {
    ThrowUser(what, ".struct_bytes is ", bytes, ", expected the struct's size, ", first, "; begin with the struct's _default()");
  }
  return bytes;
}

void CheckZero(const void* from, size_t bytes, const char* what) {
  const auto* at = static_cast<const unsigned char*>(from);
  if (std::all_of(at, at + bytes, [](unsigned char byte) { return byte == 0; })) return;
  ThrowUser(what, " uses a field that this version of pith does not have; install the version that the program was built for");
}

void CheckReserved(int32_t value, const char* what) {
  if (value != 0) ThrowUser(what, " is ", value, ", expected 0: this version of pith gives it no meaning");
}

}  // namespace pith::capi
