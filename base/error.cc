#include "base/error.h"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ios>
#include <new>

#include "base/standard_output.h"

namespace pith {
namespace {

constexpr size_t kMaxShownBytes = 32 << 10;

// Bytes of the character that `text` begins with; 0 where it is not UTF-8 (overlong forms and surrogates included).
size_t CharacterBytes(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto follows = [&](size_t i) { return (byte(i) & 0xc0u) == 0x80u; };
  const unsigned first = byte(0), second = byte(1);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first < 0xf0) {
    const bool valid = !(first == 0xe0 && second < 0xa0) && !(first == 0xed && second > 0x9f);
    return valid && follows(1) && follows(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first < 0xf5) {
    const bool valid = !(first == 0xf0 && second < 0x90) && !(first == 0xf4 && second > 0x8f);
    return valid && follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

void AppendPrintable(std::string_view text, std::string* out) {
  constexpr char kDigits[] = "0123456789abcdef";
  while (!text.empty()) {
    const size_t bytes = CharacterBytes(text);
    const auto first = static_cast<unsigned char>(text[0]);
    const bool control = (bytes == 1 && (first < 0x20 || first == 0x7f) && first != '\n' && first != '\t') ||
                         (bytes == 2 && first == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0);
    const size_t taken = bytes == 0 ? 1 : bytes;
    for (const char c : text.substr(0, taken)) {
      const auto byte = static_cast<unsigned char>(c);
      if (bytes != 0 && !control) {
        *out += c;
      } else {
        (*out += "\\x") += {kDigits[byte >> 4], kDigits[byte & 15]};
      }
    }
    text.remove_prefix(taken);
  }
}

}  // namespace

void ThrowJoined(std::initializer_list<StrPiece> pieces) { throw UserError(Joined(pieces)); }

std::string Printable(std::string_view text) {
  std::string out;
  if (text.size() <= kMaxShownBytes) {
    AppendPrintable(text, &out);
    return out;
  }
  // The ends may split a character each, which then shows as bytes.
  const size_t head = kMaxShownBytes * 3 / 4, tail = kMaxShownBytes / 4;
  AppendPrintable(text.substr(0, head), &out);
  out += Str(" … (", text.size() - head - tail, " bytes left out) … ");
  AppendPrintable(text.substr(text.size() - tail), &out);
  return out;
}

int RunProgram(const char* name, const std::function<int()>& body) {
  PrepareStandardStreams();
  try {
    const int status = body();
    FlushStandardOutput();
    return status;
  } catch (const UserError& error) {
    std::fprintf(stderr, "%s: %s\n", name, error.what());
    return 2;
  } catch (const std::ios_base::failure&) {
    const int reason = errno;
    // Whoever read our output has had enough ("| head"). Mostly SIGPIPE has ended us before; where it is ignored, we end alike.
    if (reason == EPIPE) return 128 + SIGPIPE;
    std::fprintf(stderr, "%s: cannot write to standard output: %s; what was written of the results is not whole\n", name,
                 std::strerror(reason == 0 ? EIO : reason));
    return 2;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "%s: out of memory\n", name);
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: internal error: %s\n", name, error.what());
    return 1;
  }
}

void CheckFailed(const char* file, int line, const char* condition, const std::string& values) {
  std::fprintf(stderr, "%s:%d: check failed: %s%s%s\n", file, line, condition, values.empty() ? "" : ": ",
               values.c_str());
  std::fflush(nullptr);
  std::abort();
}

}  // namespace pith
