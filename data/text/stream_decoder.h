// Bytes of tokens in, whole characters out: what a screen may show while a model is still writing.
#pragma once

#include <string>
#include <string_view>

namespace pith {

// Everything returned is valid UTF-8. A character whose last bytes have not come yet is held back; bytes that can never
// become a character are shown as U+FFFD, one for each maximal part (Unicode 15, section 3.9, as Python's
// errors="replace"). The pieces, joined, do not depend on how the bytes were cut.
class StreamDecoder {
 public:
  std::string Push(std::string_view bytes);
  std::string Flush();  // what was held back, as U+FFFD; the decoder is then as new

 private:
  std::string held_;  // at most three bytes: the valid beginning of a character
};

}  // namespace pith
