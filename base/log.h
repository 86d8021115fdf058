// Messages for people, on stderr unless somebody listens: "warning: …". Standard output belongs to results.
#pragma once

#include <functional>
#include <string>

namespace pith {

void LogInfo(const std::string& text);
void LogWarning(const std::string& text);  // one line, "warning: text", as a terminal may show it (Printable)
bool StderrIsTerminal();

enum class LogLevel { kInfo, kWarning };
using LogSink = std::function<void(LogLevel level, const std::string& line)>;

// While it lives, what this thread logs goes to `sink` instead of stderr; an empty one drops it. A library's entry points hold one
// each: so two models in a process have logs of their own. Scopes nest. `sink` must outlive it.
class LogScope {
 public:
  explicit LogScope(const LogSink* sink);
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;
  ~LogScope();

 private:
  const LogSink* before_;
};

}  // namespace pith
