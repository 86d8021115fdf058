#include "data/text/stream_decoder.h"

#include <cstdint>

#include "data/text/utf8.h"

namespace pith {
namespace {

constexpr char kReplacement[] = "\xEF\xBF\xBD";

// How many bytes of `text`, which is not a whole character, could begin one; 0 when its first byte could not.
size_t PartialSize(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  const size_t whole = lead >= 0xC2 && lead <= 0xDF   ? 2
                       : lead >= 0xE0 && lead <= 0xEF ? 3
                       : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                      : 0;
  if (whole == 0) return 0;
  size_t size = 1;
  while (size < whole && size < text.size()) {
    uint8_t low = 0x80, high = 0xBF;
    if (size == 1 && lead == 0xE0) low = 0xA0;
    if (size == 1 && lead == 0xED) high = 0x9F;
    if (size == 1 && lead == 0xF0) low = 0x90;
    if (size == 1 && lead == 0xF4) high = 0x8F;
    if (byte(size) < low || byte(size) > high) break;
    ++size;
  }
  return size;
}

}  // namespace

std::string StreamDecoder::Push(std::string_view bytes) {
  held_.append(bytes);
  const std::string_view text = held_;
  std::string out;
  out.reserve(text.size());
  size_t at = 0;
  while (at < text.size()) {
    const CodePoint c = DecodeUtf8(text, at);
    if (c.value >= 0) {
      out.append(text.substr(at, c.size));
      at += c.size;
      continue;
    }
    const size_t partial = PartialSize(text.substr(at));
    if (partial > 0 && at + partial == text.size()) break;  // may still become a character
    out += kReplacement;
    at += partial > 0 ? partial : 1;
  }
  held_.erase(0, at);
  return out;
}

std::string StreamDecoder::Flush() {
  const bool held = !held_.empty();
  held_.clear();
  return held ? kReplacement : "";
}

}  // namespace pith
