// What the KV cache did and holds. Used, parked and free pages are all there are; a page's bytes are those of kPageTokens tokens.
#pragma once

#include <cstdint>

namespace pith {

struct KvCounters {
  // Since the engine was made. Tokens count once their sequence computes something, so that a prefix taken over in vain does not.
  int64_t hit_tokens = 0;       // asked for as a prefix, and there
  int64_t miss_tokens = 0;      // asked for as a prefix, and not there
  int64_t evicted_pages = 0;    // of prefixes that were given up for their memory
  int64_t forgotten_pages = 0;  // of prefixes that could match nothing any more: their adapter is gone, or a page before them
  int64_t copied_pages = 0;     // shared last pages that one of their sequences wrote to, and pages that a prefix ends in
  int64_t trimmed_bytes = 0;    // given back to the system

  // Now.
  int64_t used_pages = 0;       // by sequences
  int64_t shared_pages = 0;     // of these, by several
  int64_t parked_pages = 0;     // of prefixes that no sequence uses
  int64_t free_pages = 0;
  int64_t page_bytes = 0;
  int64_t resident_bytes = 0;   // that the system had to give; memory().kv_bytes
};

}  // namespace pith
