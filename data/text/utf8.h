// UTF-8, one code point at a time, with bytes that are not UTF-8 kept apart instead of lost.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pith {

struct CodePoint {
  int32_t value = -1;  // −1: the byte here begins no valid sequence (overlong, surrogate, stray, cut short)
  uint32_t size = 0;   // bytes; 1 for an invalid byte; 0 at the end of the text
};

CodePoint DecodeUtf8(std::string_view text, size_t at);
void AppendUtf8(std::string& out, int32_t code_point);  // code_point in [0, 0x10FFFF], no surrogate
bool IsValidUtf8(std::string_view text);
size_t CountCodePoints(std::string_view text);          // an invalid byte counts as one
bool IsWhitespace(int32_t code_point);                  // Unicode's White_Space, as \s in the pre-tokenizers' patterns

// What map(std::string& out, size_t at, CodePoint c) appends for each code point, which stands at text[at]; invalid bytes stay as
// they are.
template <class Map>
std::string MapPlaces(std::string_view text, Map map) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeUtf8(text, at);
    if (c.value < 0) {
      out += text[at];
    } else {
      map(out, at, c);
    }
    at += c.size;
  }
  return out;
}

// The same for who need not know the place: map(std::string& out, int32_t code_point).
template <class Map>
std::string MapCodePoints(std::string_view text, Map map) {
  return MapPlaces(text, [&](std::string& out, size_t, CodePoint c) { map(out, c.value); });
}

// Unicode composition (NFC) of the valid stretches; invalid bytes stay as they are.
std::string ComposeNfc(std::string_view text);

}  // namespace pith
