#include "rewards/answers/normal_text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "rewards/answers/latex_quantities.h"

namespace pith {
namespace {

// The zeros of the scripts' digits, each followed by its 1 … 9 (Unicode 15, category Nd).
constexpr auto kZeros = std::to_array<uint32_t>({
    0x0660,  0x06F0,  0x07C0,  0x0966,  0x09E6,  0x0A66,  0x0AE6,  0x0B66,  0x0BE6,  0x0C66,  0x0CE6,  0x0D66,  0x0DE6,  0x0E50,  0x0ED0,  0x0F20,  0x1040,
    0x1090,  0x17E0,  0x1810,  0x1946,  0x19D0,  0x1A80,  0x1A90,  0x1B50,  0x1BB0,  0x1C40,  0x1C50,  0xA620,  0xA8D0,  0xA900,  0xA9D0,  0xA9F0,  0xAA50,
    0xABF0,  0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50,
    0x11DA0, 0x11F50, 0x16A60, 0x16AC0, 0x16B50, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E950, 0x1FBF0});

struct Range {
  uint32_t first, last;
};
constexpr auto kInvisible = std::to_array<Range>({{0x00AD, 0x00AD}, {0x034F, 0x034F}, {0x061C, 0x061C}, {0x115F, 0x1160}, {0x17B4, 0x17B5}, {0x180B, 0x180F},
                                                  {0x200B, 0x200F}, {0x202A, 0x202E}, {0x2060, 0x206F}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF}});
constexpr auto kSpaces = std::to_array<Range>({{0x00A0, 0x00A0}, {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}});

constexpr auto kSigns = std::to_array<std::pair<uint32_t, std::string_view>>({
    {0x00B5, "μ"}, {0x02B9, "'"}, {0x02BC, "'"}, {0x066A, "%"}, {0x066B, "."}, {0x066C, ","}, {0x2010, "-"}, {0x2011, "-"}, {0x2012, "-"}, {0x2013, "-"},
    {0x2018, "'"}, {0x2019, "'"}, {0x201B, "'"}, {0x2044, "/"}, {0x204E, "*"}, {0x210E, "h"}, {0x2113, "l"}, {0x2126, "Ω"}, {0x212F, "e"}, {0x2147, "e"},
    {0x2148, "i"}, {0x2149, "j"}, {0x2212, "-"}, {0x2215, "/"}, {0x2217, "*"}, {0x2236, ":"}, {0x2266, "≤"}, {0x2267, "≥"}, {0x2A7D, "≤"}, {0x2A7E, "≥"},
    {0x3001, ", "}, {0x3002, ". "}, {0xFE50, ","}, {0xFE51, ", "}, {0xFE52, "."}, {0xFE54, ";"}, {0xFE55, ":"}, {0xFE56, "?"}, {0xFE57, "!"}, {0xFE58, "-"},
    {0xFE59, "("}, {0xFE5A, ")"}, {0xFE5B, "{"}, {0xFE5C, "}"}, {0xFE5F, "#"}, {0xFE60, "&"}, {0xFE61, "*"}, {0xFE62, "+"}, {0xFE63, "-"}, {0xFE64, "<"},
    {0xFE65, ">"}, {0xFE66, "="}, {0xFE68, "\\"}, {0xFE69, "$"}, {0xFE6A, "%"}, {0xFE6B, "@"}, {0xFF61, ". "}, {0xFF64, ", "}, {0xFFE0, "¢"}, {0xFFE1, "£"},
    {0xFFE5, "¥"}, {0x29F8, "/"}, {0x1D6A4, "i"}, {0x1D6A5, "j"}});

template <size_t N>
bool IsIn(const std::array<Range, N>& ranges, uint32_t c) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const Range& r) { return c >= r.first && c <= r.last; });
}

void AppendUtf8(uint32_t c, std::string* out) {
  if (c < 0x80) {
    *out += static_cast<char>(c);
  } else if (c < 0x800) {
    *out += static_cast<char>(0xC0 | (c >> 6));
    *out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    *out += static_cast<char>(0xE0 | (c >> 12));
    *out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    *out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

// 𝟐, 𝒙, 𝜋: the mathematical alphabets, thirteen of Latin letters, five of Greek ones, five of digits.
bool AppendMathematical(uint32_t c, std::string* out) {
  if (c < 0x1D400 || c > 0x1D7FF) return false;
  if (c >= 0x1D7CE) {
    *out += static_cast<char>('0' + (c - 0x1D7CE) % 10);
  } else if (c <= 0x1D6A3) {
    const uint32_t letter = (c - 0x1D400) % 52;
    *out += static_cast<char>(letter < 26 ? 'A' + letter : 'a' + letter - 26);
  } else if (c >= 0x1D6A8 && c <= 0x1D7C9) {
    const uint32_t letter = (c - 0x1D6A8) % 58;
    if (letter < 25) AppendUtf8(0x391 + letter, out);
    else if (letter >= 26 && letter < 51) AppendUtf8(0x3B1 + letter - 26, out);
    else return false;
  } else {
    return false;
  }
  return true;
}

// Number and letters in circles and brackets: ① ⑴ Ⓐ ⒜ 🄐.
bool AppendEnclosed(uint32_t c, std::string* out) {
  if (c >= 0x2460 && c <= 0x2473) *out += std::to_string(c - 0x2460 + 1);
  else if (c >= 0x2474 && c <= 0x2487) *out += "(" + std::to_string(c - 0x2474 + 1) + ")";
  else if (c >= 0x249C && c <= 0x24B5) *out += std::string("(") + static_cast<char>('a' + c - 0x249C) + ")";
  else if (c >= 0x24B6 && c <= 0x24CF) *out += static_cast<char>('A' + c - 0x24B6);
  else if (c >= 0x24D0 && c <= 0x24E9) *out += static_cast<char>('a' + c - 0x24D0);
  else if (c >= 0x1F110 && c <= 0x1F129) *out += std::string("(") + static_cast<char>('A' + c - 0x1F110) + ")";
  else return false;
  return true;
}

// The character that begins at `at`, and its length; length 1 where it is no UTF-8.
std::pair<uint32_t, size_t> Decode(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(text[i])); };
  const uint32_t first = byte(at);
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 1;
  if (length == 1 || at + length > text.size()) return {0, 1};
  uint32_t c = first & (0xFFu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(at + i) & 0xC0) != 0x80) return {0, 1};
    c = c << 6 | (byte(at + i) & 0x3F);
  }
  return {c, length};
}

bool AppendPlain(uint32_t c, std::string* out) {
  if (IsIn(kInvisible, c)) return true;
  if (IsIn(kSpaces, c)) {
    *out += ' ';
    return true;
  }
  if (c >= 0xFF01 && c <= 0xFF5E) {
    *out += static_cast<char>(c - 0xFF01 + '!');
    return true;
  }
  if (AppendMathematical(c, out) || AppendEnclosed(c, out)) return true;
  for (const uint32_t zero : kZeros) {
    if (c < zero || c > zero + 9) continue;
    *out += static_cast<char>('0' + c - zero);
    return true;
  }
  for (const auto& [sign, plain] : kSigns) {
    if (c != sign) continue;
    *out += plain;
    return true;
  }
  return false;
}

}  // namespace

std::string NormalText(std::string_view text) {
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (std::all_of(text.begin(), text.end(), is_ascii)) return PlainQuantities(text);
  std::string plain;
  plain.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    if (is_ascii(text[at])) {
      plain += text[at++];
      continue;
    }
    const auto [c, length] = Decode(text, at);
    if (c == 0 || !AppendPlain(c, &plain)) plain += text.substr(at, length);
    at += length;
  }
  return PlainQuantities(plain);
}

}  // namespace pith
