// What --version prints: the version, and what else a bug report should say of a build.
#pragma once

#include <string>
#include <vector>

namespace pith {

// The version of CMakeLists.txt's project(): "0.1.0".
const char* Version();
const char* Commit();  // that the build was configured at, "-dirty" with changes; "" outside a clone

// "PROGRAM 0.1.0" on the first line; below it, indented, the commit (where the build was configured in a clone; "-dirty": with
// changes), the compiler, the kind of build and the system, then `more` lines of the program's own. No line end at the end.
std::string VersionText(const std::string& program, const std::vector<std::string>& more = {});

}  // namespace pith
