#include "data/text/unicode_class.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "base/error.h"
#include "base/log.h"

namespace pith {
namespace {

struct Range {
  int32_t first, last;
};
struct NewRange {
  int32_t first, last;
  utf8proc_category_t category;
};

constexpr auto kLu = UTF8PROC_CATEGORY_LU, kLl = UTF8PROC_CATEGORY_LL, kLm = UTF8PROC_CATEGORY_LM, kLo = UTF8PROC_CATEGORY_LO,
               kMn = UTF8PROC_CATEGORY_MN, kMc = UTF8PROC_CATEGORY_MC, kNd = UTF8PROC_CATEGORY_ND, kNo = UTF8PROC_CATEGORY_NO,
               kPd = UTF8PROC_CATEGORY_PD, kPo = UTF8PROC_CATEGORY_PO, kSm = UTF8PROC_CATEGORY_SM, kSo = UTF8PROC_CATEGORY_SO,
               kCf = UTF8PROC_CATEGORY_CF;

// The oldest and the youngest Unicode of utf8proc whose answers the tables below make equal: utf8proc 2.7 and 2.11.
constexpr int kOldestUnicode = 14, kYoungestUnicode = 17;

// What Unicode 15 to 16 added to 14, and Unicode 17 to 16 (with the gaps between that are not assigned yet).
constexpr NewRange kAdded[] = {
    {0x897, 0x897, kMn}, {0xCF3, 0xCF3, kMc}, {0xECE, 0xECE, kMn}, {0x1B4E, 0x1B4F, kPo}, {0x1B7F, 0x1B7F, kPo}, {0x1C89, 0x1C89, kLu},
    {0x1C8A, 0x1C8A, kLl}, {0x2427, 0x2429, kSo}, {0x2FFC, 0x2FFF, kSo}, {0x31E4, 0x31E5, kSo}, {0x31EF, 0x31EF, kSo}, {0xA7CB, 0xA7CC, kLu},
    {0xA7CD, 0xA7CD, kLl}, {0xA7DA, 0xA7DA, kLu}, {0xA7DB, 0xA7DB, kLl}, {0xA7DC, 0xA7DC, kLu}, {0x105C0, 0x105F3, kLo}, {0x10D40, 0x10D49, kNd},
    {0x10D4A, 0x10D4D, kLo}, {0x10D4E, 0x10D4E, kLm}, {0x10D4F, 0x10D4F, kLo}, {0x10D50, 0x10D65, kLu}, {0x10D69, 0x10D6D, kMn},
    {0x10D6E, 0x10D6E, kPd}, {0x10D6F, 0x10D6F, kLm}, {0x10D70, 0x10D85, kLl}, {0x10D8E, 0x10D8F, kSm}, {0x10EC2, 0x10EC4, kLo},
    {0x10EFC, 0x10EFF, kMn}, {0x1123F, 0x11240, kLo}, {0x11241, 0x11241, kMn}, {0x11380, 0x11389, kLo}, {0x1138B, 0x1138B, kLo},
    {0x1138E, 0x1138E, kLo}, {0x11390, 0x113B5, kLo}, {0x113B7, 0x113B7, kLo}, {0x113B8, 0x113BA, kMc}, {0x113BB, 0x113C0, kMn},
    {0x113C2, 0x113C2, kMc}, {0x113C5, 0x113C5, kMc}, {0x113C7, 0x113CA, kMc}, {0x113CC, 0x113CD, kMc}, {0x113CE, 0x113CE, kMn},
    {0x113CF, 0x113CF, kMc}, {0x113D0, 0x113D0, kMn}, {0x113D1, 0x113D1, kLo}, {0x113D2, 0x113D2, kMn}, {0x113D3, 0x113D3, kLo},
    {0x113D4, 0x113D5, kPo}, {0x113D7, 0x113D8, kPo}, {0x113E1, 0x113E2, kMn}, {0x116D0, 0x116E3, kNd}, {0x11B00, 0x11B09, kPo},
    {0x11BC0, 0x11BE0, kLo}, {0x11BE1, 0x11BE1, kPo}, {0x11BF0, 0x11BF9, kNd}, {0x11F00, 0x11F01, kMn}, {0x11F02, 0x11F02, kLo},
    {0x11F03, 0x11F03, kMc}, {0x11F04, 0x11F10, kLo}, {0x11F12, 0x11F33, kLo}, {0x11F34, 0x11F35, kMc}, {0x11F36, 0x11F3A, kMn},
    {0x11F3E, 0x11F3F, kMc}, {0x11F40, 0x11F40, kMn}, {0x11F41, 0x11F41, kMc}, {0x11F42, 0x11F42, kMn}, {0x11F43, 0x11F4F, kPo},
    {0x11F50, 0x11F59, kNd}, {0x11F5A, 0x11F5A, kMn}, {0x1342F, 0x1342F, kLo}, {0x13439, 0x1343F, kCf}, {0x13440, 0x13440, kMn},
    {0x13441, 0x13446, kLo}, {0x13447, 0x13455, kMn}, {0x13460, 0x143FA, kLo}, {0x16100, 0x1611D, kLo}, {0x1611E, 0x16129, kMn},
    {0x1612A, 0x1612C, kMc}, {0x1612D, 0x1612F, kMn}, {0x16130, 0x16139, kNd}, {0x16D40, 0x16D42, kLm}, {0x16D43, 0x16D6A, kLo},
    {0x16D6B, 0x16D6C, kLm}, {0x16D6D, 0x16D6F, kPo}, {0x16D70, 0x16D79, kNd}, {0x18CFF, 0x18CFF, kLo}, {0x1B132, 0x1B132, kLo},
    {0x1B155, 0x1B155, kLo}, {0x1CC00, 0x1CCEF, kSo}, {0x1CCF0, 0x1CCF9, kNd}, {0x1CD00, 0x1CEB3, kSo}, {0x1D2C0, 0x1D2D3, kNo},
    {0x1DF25, 0x1DF2A, kLl}, {0x1E030, 0x1E06D, kLm}, {0x1E08F, 0x1E08F, kMn}, {0x1E4D0, 0x1E4EA, kLo}, {0x1E4EB, 0x1E4EB, kLm},
    {0x1E4EC, 0x1E4EF, kMn}, {0x1E4F0, 0x1E4F9, kNd}, {0x1E5D0, 0x1E5ED, kLo}, {0x1E5EE, 0x1E5EF, kMn}, {0x1E5F0, 0x1E5F0, kLo},
    {0x1E5F1, 0x1E5FA, kNd}, {0x1E5FF, 0x1E5FF, kPo}, {0x1F6DC, 0x1F6DC, kSo}, {0x1F774, 0x1F776, kSo}, {0x1F77B, 0x1F77F, kSo},
    {0x1F7D9, 0x1F7D9, kSo}, {0x1F8B2, 0x1F8BB, kSo}, {0x1F8C0, 0x1F8C1, kSo}, {0x1FA75, 0x1FA77, kSo}, {0x1FA87, 0x1FA89, kSo},
    {0x1FA8F, 0x1FA8F, kSo}, {0x1FAAD, 0x1FAAF, kSo}, {0x1FABB, 0x1FABF, kSo}, {0x1FAC6, 0x1FAC6, kSo}, {0x1FACE, 0x1FACF, kSo},
    {0x1FADA, 0x1FADC, kSo}, {0x1FADF, 0x1FADF, kSo}, {0x1FAE8, 0x1FAE9, kSo}, {0x1FAF7, 0x1FAF8, kSo}, {0x1FBCB, 0x1FBEF, kSo},
    {0x2B739, 0x2B739, kLo}, {0x2EBF0, 0x2EE5D, kLo}, {0x31350, 0x323AF, kLo},
};
constexpr Range kSince17[] = {
    {0x88F, 0x88F}, {0xC5C, 0xC5C}, {0xCDC, 0xCDC}, {0x1ACF, 0x1AEB}, {0x20C1, 0x20C1}, {0x2B96, 0x2B96}, {0xA7CE, 0xA7CF}, {0xA7D2, 0xA7D2},
    {0xA7D4, 0xA7D4}, {0xA7F1, 0xA7F1}, {0xFBC3, 0xFBD2}, {0xFD90, 0xFD91}, {0xFDC8, 0xFDCE}, {0x10940, 0x10959}, {0x10EC5, 0x10EFB},
    {0x11B60, 0x11B67}, {0x11DB0, 0x11DE9}, {0x16EA0, 0x16ED3}, {0x16FF2, 0x16FF6}, {0x187F8, 0x187FF}, {0x18D09, 0x18DF2}, {0x1CCFA, 0x1CCFC},
    {0x1CEBA, 0x1CEF0}, {0x1E6C0, 0x1E6FF}, {0x1F6D8, 0x1F6D8}, {0x1F777, 0x1F77A}, {0x1F8D0, 0x1F8D8}, {0x1FA54, 0x1FA57}, {0x1FA8A, 0x1FA8E},
    {0x1FAC8, 0x1FACD}, {0x1FAEA, 0x1FAEF}, {0x1FBFA, 0x1FBFA}, {0x2B73A, 0x2B73F}, {0x2CEA2, 0x2CEAD}, {0x323B0, 0x33479},
};

constexpr Range kMarksSince17[] = {{0x1ACF, 0x1ADD}, {0x1AE0, 0x1AEB}, {0x10EFA, 0x10EFB}, {0x11B60, 0x11B67}, {0x1E6E3, 0x1E6E3}, {0x1E6E6, 0x1E6E6}, {0x1E6EE, 0x1E6EF}, {0x1E6F5, 0x1E6F5}};

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

const NewRange* FindAdded(int32_t c) {
  const auto after = std::upper_bound(std::begin(kAdded), std::end(kAdded), c, [](int32_t at, const NewRange& range) { return at < range.first; });
  return after == std::begin(kAdded) || std::prev(after)->last < c ? nullptr : std::prev(after);
}

bool IsSince17(int32_t c) {
  if (c < kSince17[0].first || (c > 0x2B96 && c < 0xA7CE) || (c > 0xA7F1 && c < 0xFBC3)) return false;  // most text
  const auto after = std::upper_bound(std::begin(kSince17), std::end(kSince17), c, [](int32_t at, const Range& range) { return at < range.first; });
  return after != std::begin(kSince17) && c <= std::prev(after)->last;
}

constexpr CategoryMask Bit(utf8proc_category_t category) { return CategoryMask{1} << category; }

// Upper and title case of what got one in Unicode 16, or in Unicode 17 and here has none; −1: ask utf8proc.
int32_t NewUpper(int32_t c) {
  if (c >= 0x10D70 && c <= 0x10D85) return c - 0x20;
  switch (c) {
    case 0x1C8A:
    case 0xA7CD:
    case 0xA7DB: return c - 1;
    case 0x264: return 0xA7CB;
    case 0x19B: return 0xA7DC;
    case 0xA7D3:
    case 0xA7D5: return c;
    default: return IsSince17(c) ? c : -1;
  }
}

}  // namespace

std::string UnicodeProblem(std::string_view version) {
  const int major = std::atoi(std::string(version).c_str());
  if (major < kOldestUnicode) {
    return Str("the library utf8proc here has Unicode ", version, ", but pith needs ", kOldestUnicode, " or later (utf8proc 2.7): texts would become other ids than elsewhere; install a newer one");
  }
  if (major > kYoungestUnicode) {
    return Str("the library utf8proc here has Unicode ", version, ", and pith knows what changed up to ", kYoungestUnicode, ": younger characters may become other ids than elsewhere");
  }
  return "";
}

void CheckUnicode() {
  static const std::string problem = UnicodeProblem(utf8proc_unicode_version());
  if (problem.empty()) return;
  if (std::atoi(utf8proc_unicode_version()) < kOldestUnicode) ThrowUser(problem);
  static const bool told = (LogWarning(problem), true);
  (void)told;
}

bool IsSince14(int32_t c) { return c >= kSince17[0].first && (FindAdded(c) != nullptr || IsSince17(c)); }
bool IsMarkSince14(int32_t c) {
  const NewRange* added = FindAdded(c);
  if (added != nullptr) return (Bit(added->category) & kMarkMask) != 0;
  return std::any_of(std::begin(kMarksSince17), std::end(kMarksSince17), [&](const Range& range) { return c >= range.first && c <= range.last; });
}

CategoryMask CategoryOf(int32_t c) {
  if (c < 0) return 0;
  if (c == 0x295) return Bit(kLl);    // Lo since Unicode 17
  if (c == 0x1171E) return Bit(kMn);  // Mc since Unicode 16, Mn by the tables with which BERT strips accents
  const utf8proc_category_t category = utf8proc_category(c);
  if (category == UTF8PROC_CATEGORY_CN) {
    const NewRange* added = FindAdded(c);
    return Bit(added != nullptr ? added->category : category);
  }
  return Bit(IsSince17(c) ? UTF8PROC_CATEGORY_CN : category);
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
    default: return IsSince17(c) ? c : utf8proc_tolower(c);
  }
}

int32_t UpperCase(int32_t c) {
  const int32_t known = NewUpper(c);
  return known >= 0 ? known : utf8proc_toupper(c);
}
int32_t TitleCase(int32_t c) {
  const int32_t known = NewUpper(c);
  return known >= 0 ? known : utf8proc_totitle(c);
}

bool HasScript(std::string_view name) { return FindScript(name) != nullptr; }

bool IsInScript(std::string_view name, int32_t c) {
  const Script* script = FindScript(name);
  return script != nullptr &&
         std::any_of(script->begin, script->end, [&](const Range& r) { return c >= r.first && c <= r.last; });
}

}  // namespace pith
