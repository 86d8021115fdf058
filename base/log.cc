#include "base/log.h"

#include <unistd.h>

#include <cstdio>

#include "base/error.h"

namespace pith {
namespace {

thread_local const LogSink* listening = nullptr;

void Log(LogLevel level, const std::string& text) {
  if (listening == nullptr) {
    // One write per message, so that messages of several threads do not mix.
    const std::string line = (level == LogLevel::kWarning ? "warning: " : "") + text + "\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
  } else if (*listening) {
    (*listening)(level, text);
  }
}

}  // namespace

void LogInfo(const std::string& text) { Log(LogLevel::kInfo, text); }

void LogWarning(const std::string& text) { Log(LogLevel::kWarning, Printable(text)); }

LogScope::LogScope(const LogSink* sink) : before_(listening) { listening = sink; }
LogScope::~LogScope() { listening = before_; }

bool StderrIsTerminal() { return ::isatty(STDERR_FILENO) == 1; }

}  // namespace pith
