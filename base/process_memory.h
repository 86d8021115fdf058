// What this process holds of the machine's memory.
#pragma once

#include <cstdint>

namespace pith {

struct ProcessMemory {
  int64_t rss_mb, anon_mb;
  int64_t anon_bytes;  // the same as anon_mb, finer
};
ProcessMemory ReadProcessMemory();  // from /proc/self/smaps_rollup; zeros where there is none

}  // namespace pith
