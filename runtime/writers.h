// The adapters that wrote to a cache, by numbers that are never used twice.
//
// A writer is known by its object, not by its address: a new adapter may lie where a freed one lay.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "runtime/writer_span.h"

namespace pith {

using WriterId = uint32_t;  // 0: the base
inline constexpr WriterId kNoWriter = UINT32_MAX;

class Writers {
 public:
  WriterId IdOf(const AdapterRef& adapter);          // a new number where it has none yet
  WriterId Find(const AdapterRef& adapter) const;    // kNoWriter where it has none
  // Forgets the writers that nobody holds any more; whether there were any. Never fails.
  bool ForgetGone();
  bool IsGone(WriterId id) const;                    // forgotten; never the base

 private:
  struct Writer {
    std::weak_ptr<const PackedAdapter> adapter;
    WriterId id;
  };
  std::vector<Writer> writers_;
  WriterId next_ = 1;
};

}  // namespace pith
