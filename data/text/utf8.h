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

// Unicode composition (NFC) of the valid stretches; invalid bytes stay as they are.
std::string ComposeNfc(std::string_view text);

}  // namespace pith
