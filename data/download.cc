#include "data/download.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"

extern char** environ;

namespace pith {
namespace {

constexpr const char* kAdvice =
    "; or get the file yourself and set PITH_DATA to a folder with gsm8k/, math/ and svamp/ in it";

std::string FileDigest(const std::string& path) {
  const std::string contents = ReadFile(path);
  Sha256 hash;
  hash.Update(contents);
  return hash.HexDigest();
}

// Runs curl without a shell. Returns its exit status, or -1 where it cannot be started (`problem` says why).
int RunCurl(const std::string& url, const std::string& out, std::string* problem) {
  const char* const arguments[] = {"curl",         "--fail",   "--location",  "--silent",  "--proto",
                                   "=https,file",  "--retry",  "2",           "--connect-timeout", "20",   "--max-time",
                                   "600",          "--output", out.c_str(),   "--",        url.c_str(),    nullptr};
  pid_t child = 0;
  if (const int error = posix_spawnp(&child, "curl", nullptr, nullptr, const_cast<char* const*>(arguments), environ)) {
    *problem = std::strerror(error);
    return -1;
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno == EINTR) continue;
    *problem = std::strerror(errno);
    return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

// What the status says that curl ended with (its manual, "EXIT CODES"); its own message names neither the file's purpose nor a way out.
std::string CurlProblem(int status) {
  switch (status) {
    case 5: case 97: return "the proxy cannot be reached";
    case 6: return "its host is not found; is there a network?";
    case 7: return "its host does not answer";
    case 22: return "its host has no such file, or refuses it";
    case 23: return "what came cannot be written; is the disk full?";
    case 28: return "it took too long";
    case 35: case 51: case 58: case 60: return "no secure connection can be made; are certificates installed, and is the clock right?";
    case 37: return "there is no such file";
    default: return Str("curl ended with status ", status);
  }
}

// Removes the file at the end of the scope, whatever happened: a failed download leaves nothing.
struct Removed {
  std::string path;
  ~Removed() { ::unlink(path.c_str()); }
};

}  // namespace

std::string DataCacheFolder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  if (cache && cache[0] == '/') return std::string(cache) + "/pith/data";
  const char* home = std::getenv("HOME");
  if (!home || !*home)
    ThrowUser(
        "there is no folder to keep downloads in: set HOME or XDG_CACHE_HOME, or PITH_DATA to a folder of data sets");
  return std::string(home) + "/.cache/pith/data";
}

std::string CachedDownload(const std::string& url, const std::string& sha256, const std::string& name) {
  const std::string path = DataCacheFolder() + "/" + name;
  if (FileExists(path)) {
    if (FileDigest(path) == sha256) return path;
    LogWarning(Str(path, " does not have the expected contents; fetching it again"));
  }
  MakeFolders(path.substr(0, path.rfind('/')));
  LogInfo(Str("fetching ", url));
  // Its own name per process: two runs may fetch at once.
  const Removed partial{Str(path, ".", ::getpid(), ".part")};
  std::string problem;
  const int status = RunCurl(url, partial.path, &problem);
  if (status == -1 || status == 127) {
    ThrowUser("cannot download ", url, ": the program curl could not be started",
              problem.empty() ? "" : " (" + problem + ")", "; install curl", kAdvice);
  }
  if (status != 0)
    ThrowUser("cannot download ", url, ": ", CurlProblem(status), kAdvice);
  if (!FileExists(partial.path)) ThrowUser("the download of ", url, " was empty", kAdvice);
  const std::string digest = FileDigest(partial.path);
  if (digest != sha256) {
    ThrowUser("the download of ", url, " has SHA-256 ", digest, ", expected ", sha256,
              ": it was cut off or has changed", kAdvice);
  }
  if (std::rename(partial.path.c_str(), path.c_str()) != 0)
    ThrowUser("cannot write ", path, ": ", std::strerror(errno));
  return path;
}

}  // namespace pith
