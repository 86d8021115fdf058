#include "base/log.h"

#include <unistd.h>

#include <cstdio>

#include "base/error.h"

namespace pith {
namespace {

// One write per message, so that messages of several threads do not mix.
void WriteLine(const std::string& line) { std::fwrite(line.data(), 1, line.size(), stderr); }

}  // namespace

void LogInfo(const std::string& text) { WriteLine(text + "\n"); }

void LogWarning(const std::string& text) { WriteLine("warning: " + Printable(text) + "\n"); }

bool StderrIsTerminal() { return ::isatty(STDERR_FILENO) == 1; }

}  // namespace pith
