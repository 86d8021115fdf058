// Messages for people, on stderr: "warning: …". Standard output belongs to results.
#pragma once

#include <string>

namespace pith {

void LogInfo(const std::string& text);
void LogWarning(const std::string& text);  // one line, "warning: text", as a terminal may show it (Printable)
bool StderrIsTerminal();

}  // namespace pith
