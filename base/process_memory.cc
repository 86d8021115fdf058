#include "base/process_memory.h"

#include <cstdio>
#include <fstream>
#include <string>

namespace pith {

ProcessMemory ReadProcessMemory() {
  ProcessMemory memory{0, 0, 0};
  std::ifstream file("/proc/self/smaps_rollup");
  std::string line;
  while (std::getline(file, line)) {
    long long kb = 0;
    if (std::sscanf(line.c_str(), "Rss: %lld", &kb) == 1) memory.rss_mb = kb / 1024;
    if (std::sscanf(line.c_str(), "Anonymous: %lld", &kb) == 1) {
      memory.anon_mb = kb / 1024;
      memory.anon_bytes = kb * 1024;
    }
  }
  return memory;
}

std::optional<int64_t> AvailableBytes() {
  std::ifstream in("/proc/meminfo");
  std::string key;
  for (int64_t kib = 0; in >> key >> kib; in.ignore(256, '\n')) {
    if (key == "MemAvailable:") return kib * 1024;
  }
  return {};
}

}  // namespace pith
