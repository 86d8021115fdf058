#include "data/text/unicode_class.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

namespace pith {
namespace {

struct Range {
  int32_t first, last;
};
struct NewRange {
  int32_t first, last;
  utf8proc_category_t category;
};

constexpr auto kLu = UTF8PROC_CATEGORY_LU, kLl = UTF8PROC_CATEGORY_LL, kLm = UTF8PROC_CATEGORY_LM,
               kLo = UTF8PROC_CATEGORY_LO, kMn = UTF8PROC_CATEGORY_MN, kMc = UTF8PROC_CATEGORY_MC,
               kNd = UTF8PROC_CATEGORY_ND, kPd = UTF8PROC_CATEGORY_PD, kPo = UTF8PROC_CATEGORY_PO,
               kSm = UTF8PROC_CATEGORY_SM, kSo = UTF8PROC_CATEGORY_SO;

// What Unicode 15.1 and 16 added to 15.0, the level of utf8proc 2.8. Looked at only where utf8proc knows nothing.
constexpr NewRange kAdded[] = {
    {0x897, 0x897, kMn}, {0x1B4E, 0x1B4F, kPo}, {0x1B7F, 0x1B7F, kPo}, {0x1C89, 0x1C89, kLu},
    {0x1C8A, 0x1C8A, kLl}, {0x2427, 0x2429, kSo}, {0x2FFC, 0x2FFF, kSo}, {0x31E4, 0x31E5, kSo},
    {0x31EF, 0x31EF, kSo}, {0xA7CB, 0xA7CC, kLu}, {0xA7CD, 0xA7CD, kLl}, {0xA7DA, 0xA7DA, kLu},
    {0xA7DB, 0xA7DB, kLl}, {0xA7DC, 0xA7DC, kLu}, {0x105C0, 0x105F3, kLo}, {0x10D40, 0x10D49, kNd},
    {0x10D4A, 0x10D4D, kLo}, {0x10D4E, 0x10D4E, kLm}, {0x10D4F, 0x10D4F, kLo}, {0x10D50, 0x10D65, kLu},
    {0x10D69, 0x10D6D, kMn}, {0x10D6E, 0x10D6E, kPd}, {0x10D6F, 0x10D6F, kLm}, {0x10D70, 0x10D85, kLl},
    {0x10D8E, 0x10D8F, kSm}, {0x10EC2, 0x10EC4, kLo}, {0x10EFC, 0x10EFC, kMn}, {0x11380, 0x11389, kLo},
    {0x1138B, 0x1138B, kLo}, {0x1138E, 0x1138E, kLo}, {0x11390, 0x113B5, kLo}, {0x113B7, 0x113B7, kLo},
    {0x113B8, 0x113BA, kMc}, {0x113BB, 0x113C0, kMn}, {0x113C2, 0x113C2, kMc}, {0x113C5, 0x113C5, kMc},
    {0x113C7, 0x113CA, kMc}, {0x113CC, 0x113CD, kMc}, {0x113CE, 0x113CE, kMn}, {0x113CF, 0x113CF, kMc},
    {0x113D0, 0x113D0, kMn}, {0x113D1, 0x113D1, kLo}, {0x113D2, 0x113D2, kMn}, {0x113D3, 0x113D3, kLo},
    {0x113D4, 0x113D5, kPo}, {0x113D7, 0x113D8, kPo}, {0x113E1, 0x113E2, kMn}, {0x116D0, 0x116E3, kNd},
    {0x11BC0, 0x11BE0, kLo}, {0x11BE1, 0x11BE1, kPo}, {0x11BF0, 0x11BF9, kNd}, {0x11F5A, 0x11F5A, kMn},
    {0x13460, 0x143FA, kLo}, {0x16100, 0x1611D, kLo}, {0x1611E, 0x16129, kMn}, {0x1612A, 0x1612C, kMc},
    {0x1612D, 0x1612F, kMn}, {0x16130, 0x16139, kNd}, {0x16D40, 0x16D42, kLm}, {0x16D43, 0x16D6A, kLo},
    {0x16D6B, 0x16D6C, kLm}, {0x16D6D, 0x16D6F, kPo}, {0x16D70, 0x16D79, kNd}, {0x18CFF, 0x18CFF, kLo},
    {0x1CC00, 0x1CCEF, kSo}, {0x1CCF0, 0x1CCF9, kNd}, {0x1CD00, 0x1CEB3, kSo}, {0x1E5D0, 0x1E5ED, kLo},
    {0x1E5EE, 0x1E5EF, kMn}, {0x1E5F0, 0x1E5F0, kLo}, {0x1E5F1, 0x1E5FA, kNd}, {0x1E5FF, 0x1E5FF, kPo},
    {0x1F8B2, 0x1F8BB, kSo}, {0x1F8C0, 0x1F8C1, kSo}, {0x1FA89, 0x1FA89, kSo}, {0x1FA8F, 0x1FA8F, kSo},
    {0x1FABE, 0x1FABE, kSo}, {0x1FAC6, 0x1FAC6, kSo}, {0x1FADC, 0x1FADC, kSo}, {0x1FADF, 0x1FADF, kSo},
    {0x1FAE9, 0x1FAE9, kSo}, {0x1FBCB, 0x1FBEF, kSo}, {0x2EBF0, 0x2EE5D, kLo},
};

constexpr Range kHan[] = {
    {0x2E80, 0x2E99}, {0x2E9B, 0x2EF3}, {0x2F00, 0x2FD5}, {0x3005, 0x3005}, {0x3007, 0x3007}, {0x3021, 0x3029},
    {0x3038, 0x303B}, {0x3400, 0x4DBF}, {0x4E00, 0x9FFF}, {0xF900, 0xFA6D}, {0xFA70, 0xFAD9},
    {0x16FE2, 0x16FE3}, {0x16FF0, 0x16FF1}, {0x20000, 0x2A6DF}, {0x2A700, 0x2B739}, {0x2B740, 0x2B81D},
    {0x2B820, 0x2CEA1}, {0x2CEB0, 0x2EBE0}, {0x2EBF0, 0x2EE5D}, {0x2F800, 0x2FA1D}, {0x30000, 0x3134A},
    {0x31350, 0x323AF}
};
constexpr Range kHiragana[] = {
    {0x3041, 0x3096}, {0x309D, 0x309F}, {0x1B001, 0x1B11F}, {0x1B132, 0x1B132}, {0x1B150, 0x1B152},
    {0x1F200, 0x1F200}
};
constexpr Range kKatakana[] = {
    {0x30A1, 0x30FA}, {0x30FD, 0x30FF}, {0x31F0, 0x31FF}, {0x32D0, 0x32FE}, {0x3300, 0x3357}, {0xFF66, 0xFF6F},
    {0xFF71, 0xFF9D}, {0x1AFF0, 0x1AFF3}, {0x1AFF5, 0x1AFFB}, {0x1AFFD, 0x1AFFE}, {0x1B000, 0x1B000},
    {0x1B120, 0x1B122}, {0x1B155, 0x1B155}, {0x1B164, 0x1B167}
};
constexpr Range kHangul[] = {
    {0x1100, 0x11FF}, {0x302E, 0x302F}, {0x3131, 0x318E}, {0x3200, 0x321E}, {0x3260, 0x327E}, {0xA960, 0xA97C},
    {0xAC00, 0xD7A3}, {0xD7B0, 0xD7C6}, {0xD7CB, 0xD7FB}, {0xFFA0, 0xFFBE}, {0xFFC2, 0xFFC7}, {0xFFCA, 0xFFCF},
    {0xFFD2, 0xFFD7}, {0xFFDA, 0xFFDC}
};
constexpr Range kThai[] = {
    {0xE01, 0xE3A}, {0xE40, 0xE5B}
};
constexpr Range kLao[] = {
    {0xE81, 0xE82}, {0xE84, 0xE84}, {0xE86, 0xE8A}, {0xE8C, 0xEA3}, {0xEA5, 0xEA5}, {0xEA7, 0xEBD},
    {0xEC0, 0xEC4}, {0xEC6, 0xEC6}, {0xEC8, 0xECE}, {0xED0, 0xED9}, {0xEDC, 0xEDF}
};
constexpr Range kKhmer[] = {
    {0x1780, 0x17DD}, {0x17E0, 0x17E9}, {0x17F0, 0x17F9}, {0x19E0, 0x19FF}
};
constexpr Range kMyanmar[] = {
    {0x1000, 0x109F}, {0xA9E0, 0xA9FE}, {0xAA60, 0xAA7F}, {0x116D0, 0x116E3}
};

struct Script {
  std::string_view name;
  const Range* begin;
  const Range* end;
};
constexpr Script kScripts[] = {
    {"Han", std::begin(kHan), std::end(kHan)},
    {"Hiragana", std::begin(kHiragana), std::end(kHiragana)},
    {"Katakana", std::begin(kKatakana), std::end(kKatakana)},
    {"Hangul", std::begin(kHangul), std::end(kHangul)},
    {"Thai", std::begin(kThai), std::end(kThai)},
    {"Lao", std::begin(kLao), std::end(kLao)},
    {"Khmer", std::begin(kKhmer), std::end(kKhmer)},
    {"Myanmar", std::begin(kMyanmar), std::end(kMyanmar)},
};

const Script* FindScript(std::string_view name) {
  const auto found = std::find_if(std::begin(kScripts), std::end(kScripts), [&](const Script& s) { return s.name == name; });
  return found == std::end(kScripts) ? nullptr : found;
}

constexpr CategoryMask Bit(utf8proc_category_t category) { return CategoryMask{1} << category; }

}  // namespace

CategoryMask CategoryOf(int32_t c) {
  if (c < 0) return 0;
  const utf8proc_category_t category = utf8proc_category(c);
  if (category != UTF8PROC_CATEGORY_CN) return Bit(category);
  const auto after = std::upper_bound(std::begin(kAdded), std::end(kAdded), c,
                                      [](int32_t at, const NewRange& range) { return at < range.first; });
  if (after == std::begin(kAdded) || std::prev(after)->last < c) return Bit(category);
  return Bit(std::prev(after)->category);
}

CategoryMask CategoriesByName(std::string_view name) {
  static constexpr std::string_view kNames[] = {"Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd",
                                                "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm",
                                                "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co"};
  if (name == "Any") return ~CategoryMask{0};
  CategoryMask mask = 0;
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name || (name.size() == 1 && kNames[i][0] == name[0])) mask |= CategoryMask{1} << i;
  }
  return mask;
}

bool IsAlphabetic(int32_t c) {
  constexpr CategoryMask kMask = kLetterMask | Bit(UTF8PROC_CATEGORY_NL);
  if ((CategoryOf(c) & kMask) != 0) return true;
  return (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) ||
         (c >= 0x1F170 && c <= 0x1F189);
}

bool IsWordCharacter(int32_t c) {
  constexpr CategoryMask kMask =
      kLetterMask | kMarkMask | Bit(UTF8PROC_CATEGORY_ND) | Bit(UTF8PROC_CATEGORY_NL) | Bit(UTF8PROC_CATEGORY_PC);
  return (CategoryOf(c) & kMask) != 0 || IsAlphabetic(c);
}

int32_t LowerCase(int32_t c) {
  if (c >= 0x10D50 && c <= 0x10D65) return c + 0x20;  // Unicode 16
  switch (c) {
    case 0x1C89:
    case 0xA7CC:
    case 0xA7DA: return c + 1;
    case 0xA7CB: return 0x264;
    case 0xA7DC: return 0x19B;
    default: return utf8proc_tolower(c);
  }
}
int32_t UpperCase(int32_t c) { return utf8proc_toupper(c); }

bool HasScript(std::string_view name) { return FindScript(name) != nullptr; }

bool IsInScript(std::string_view name, int32_t c) {
  const Script* script = FindScript(name);
  return script != nullptr &&
         std::any_of(script->begin, script->end, [&](const Range& r) { return c >= r.first && c <= r.last; });
}

}  // namespace pith
