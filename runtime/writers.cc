#include "runtime/writers.h"

#include <algorithm>

#include "base/error.h"

namespace pith {

WriterId Writers::Find(const AdapterRef& adapter) const {
  if (!adapter) return 0;
  for (const Writer& writer : writers_) {
    if (!writer.adapter.owner_before(adapter) && !adapter.owner_before(writer.adapter)) return writer.id;
  }
  return kNoWriter;
}

WriterId Writers::IdOf(const AdapterRef& adapter) {
  const WriterId known = Find(adapter);
  if (known != kNoWriter) return known;
  PITH_CHECK(next_ != kNoWriter, "every number for a writer is used");
  writers_.push_back({adapter, next_});
  return next_++;
}

bool Writers::ForgetGone() {
  return std::erase_if(writers_, [](const Writer& writer) { return writer.adapter.expired(); }) > 0;
}

bool Writers::IsGone(WriterId id) const {
  return id != 0 && std::none_of(writers_.begin(), writers_.end(), [id](const Writer& writer) { return writer.id == id; });
}

}  // namespace pith
