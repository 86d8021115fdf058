// What this process holds of the machine's memory, and what is left of it.
#pragma once

#include <cstdint>
#include <optional>

namespace pith {

struct ProcessMemory {
  int64_t rss_mb, anon_mb;
  int64_t anon_bytes;  // the same as anon_mb, finer
};
ProcessMemory ReadProcessMemory();  // from /proc/self/smaps_rollup; zeros where there is none

// What the system could give now without writing anything out; nothing where it does not say.
std::optional<int64_t> AvailableBytes();

}  // namespace pith
