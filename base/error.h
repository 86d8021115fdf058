// How pith reports trouble.
//
// A user's mistake (a bad file, a bad value) is one exception, UserError, thrown where it is found and caught once per
// program. Its text is one sentence: what was got, what was expected, what to do.
// A programmer's mistake aborts through PITH_CHECK with the values and the place.
// An expected outcome (an answer that cannot be parsed) is a value, never an exception.
#pragma once

#include <functional>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/str_piece.h"

namespace pith {

// All arguments, one behind the other: Str("rank ", r, " is not a multiple of ", 32).
template <class... Args>
std::string Str(const Args&... args) {
  return Joined({StrPiece(args)...});
}

// `text` as a terminal may show it: control characters (but line ends and tabs) and bytes that are not UTF-8 as \xNN, and what
// is beyond 32 KB cut out of the middle. Messages quote names from files, which may hold anything.
std::string Printable(std::string_view text);

class UserError : public std::runtime_error {
 public:
  explicit UserError(const std::string& sentence) : std::runtime_error(Printable(sentence)) {}
};

[[noreturn]] void ThrowJoined(std::initializer_list<StrPiece> pieces);
template <class... Args>
[[noreturn]] void ThrowUser(const Args&... args) {
  ThrowJoined({StrPiece(args)...});
}

// Runs `body`. A UserError, or standard output that cannot be written (base/standard_output.h), becomes "NAME: sentence" on stderr
// and exit code 2; memory exhaustion and other std::exceptions give 1. Every program's main() is one call of this.
int RunProgram(const char* name, const std::function<int()>& body);

[[noreturn]] void CheckFailed(const char* file, int line, const char* condition, const std::string& values);

}  // namespace pith

#define PITH_CHECK(condition, ...)                                                              \
  do {                                                                                          \
    if (!(condition)) ::pith::CheckFailed(__FILE__, __LINE__, #condition, ::pith::Str(__VA_ARGS__)); \
  } while (0)

#define PITH_CHECK_EQ(a, b)                                                                               \
  do {                                                                                                    \
    const auto& pith_a = (a);                                                                             \
    const auto& pith_b = (b);                                                                             \
    if (!(pith_a == pith_b)) ::pith::CheckFailed(__FILE__, __LINE__, #a " == " #b, ::pith::Str(pith_a, " vs ", pith_b)); \
  } while (0)
