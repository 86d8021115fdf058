#include "data/text/normalizer.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "data/text/unicode_age.h"
#include "data/text/unicode_class.h"
#include "data/text/utf8.h"
#include "data/text/vocabulary.h"

namespace pith {
namespace {

std::string Mapped(std::string_view text, int options) {
  std::string out;
  const auto convert = [&](std::string_view valid) {
    utf8proc_uint8_t* mapped = nullptr;
    const auto size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(valid.data()),
                                   static_cast<utf8proc_ssize_t>(valid.size()), &mapped,
                                   static_cast<utf8proc_option_t>(options | UTF8PROC_STABLE));
    const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
    PITH_CHECK(size >= 0, utf8proc_errmsg(size));
    out.append(reinterpret_cast<const char*>(mapped), static_cast<size_t>(size));
  };
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    CodePoint c = DecodeUtf8(text, end);
    for (; c.size > 0 && c.value >= 0 && !IsYoung(c.value); c = DecodeUtf8(text, end)) end += c.size;
    if (end > at) convert(text.substr(at, end - at));
    out += text.substr(end, c.size);
    at = end + c.size;
  }
  return out;
}

void AppendLower(std::string& out, int32_t c) {
  int32_t lower = c == 0x130 ? 'i' : LowerCase(c);
  if (c == 0xA7CE || c == 0xA7D2 || c == 0xA7D4) lower = c + 1;  // Unicode 17, as Rust's standard library
  if (c >= 0x16EA0 && c <= 0x16EB8) lower = c + 0x1B;
  AppendUtf8(out, lower);
  if (c == 0x130) AppendUtf8(out, 0x307);  // the one character whose lower case is two
}

void AppendNmt(std::string& out, int32_t c) {
  const bool control = (c >= 0x01 && c <= 0x08) || c == 0x0B || (c >= 0x0E && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
  if (control) return;
  const bool space = c == 0x09 || c == 0x0A || c == 0x0C || c == 0x0D || c == 0x1680 || (c >= 0x200B && c <= 0x200F) ||
                     c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
  AppendUtf8(out, space ? ' ' : c);
}

// BERT takes its categories from Unicode 8: the format characters since then stay.
void AppendBertClean(std::string& out, int32_t c) {
  const bool break_or_tab = c == '\t' || c == '\n' || c == '\r';
  const bool young = c == 0x890 || c == 0x891 || c == 0x8E2 || c == 0x110CD || (c >= 0x13430 && c <= 0x1343F);
  static const CategoryMask other = CategoriesByName("Cc") | CategoriesByName("Cf") | CategoriesByName("Co");
  if (c == 0 || c == 0xFFFD || (!break_or_tab && !young && (CategoryOf(c) & other) != 0)) return;
  AppendUtf8(out, IsWhitespace(c) ? ' ' : c);
}

void AppendBertHan(std::string& out, int32_t c) {
  constexpr std::pair<int32_t, int32_t> kHan[] = {{0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xF900, 0xFAFF},  {0x20000, 0x2A6DF},
                                                  {0x2A700, 0x2B81F}, {0x2B920, 0x2CEAF}, {0x2F800, 0x2FA1F}};
  const bool han = std::any_of(std::begin(kHan), std::end(kHan), [&](const auto& range) { return c >= range.first && c <= range.second; });
  if (han) out += ' ';
  AppendUtf8(out, c);
  if (han) out += ' ';
}

void AppendUnaccented(std::string& out, int32_t c) {
  static const CategoryMask nonspacing = CategoriesByName("Mn");
  const bool mark = (CategoryOf(c) & nonspacing) != 0 && !IsNonspacingSince9(c);
  if (!mark && c != 0x1734) AppendUtf8(out, c);  // which was nonspacing then
}

std::string Stripped(std::string_view text, bool left, bool right) {
  size_t begin = 0, end = 0, at = 0;
  bool inside = false;
  while (at < text.size()) {
    const CodePoint c = DecodeUtf8(text, at);
    const bool space = c.value >= 0 && IsWhitespace(c.value);
    at += c.size;
    if (space && !inside) begin = at;
    if (!space) {
      inside = true;
      end = at;
    }
  }
  if (!left) begin = 0;
  if (!right) end = text.size();
  return end > begin ? std::string(text.substr(begin, end - begin)) : "";
}

std::string Replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  out.reserve(text.size() * 2);
  size_t at = 0;
  for (size_t found; !from.empty() && (found = text.find(from, at)) != std::string_view::npos; at = found + from.size()) {
    out += text.substr(at, found - at);
    out += to;
  }
  out += text.substr(at);
  return out;
}

std::string SentencePieces(const NormalizerStep& step, std::string_view text) {
  const auto prefix = [&](std::string_view rest) -> std::pair<size_t, std::string_view> {  // bytes read, what they become
    size_t kept = 0;
    for (const std::string& piece : step.keep) {
      if (piece.size() > kept && rest.starts_with(piece)) kept = piece.size();
    }
    if (kept > 0) return {kept, rest.substr(0, kept)};
    if (step.charsmap != nullptr) {
      const Charsmap::Match match = step.charsmap->Longest(rest);
      if (match.size > 0) return {match.size, match.replacement};
    }
    const size_t size = DecodeUtf8(rest, 0).size;
    return {size, rest.substr(0, size)};
  };
  size_t at = 0;
  while (step.squeeze && at < text.size()) {
    const auto [size, becomes] = prefix(text.substr(at));
    if (becomes != " ") break;
    at += size;
  }
  std::string out;
  if (at == text.size()) return out;
  if (step.left) out += kSpaceMark;
  bool after_space = step.squeeze;
  while (at < text.size()) {
    auto [size, becomes] = prefix(text.substr(at));
    at += size;
    while (after_space && becomes.starts_with(" ")) becomes.remove_prefix(1);
    if (becomes.empty()) continue;
    for (const char c : becomes) {
      if (c == ' ') {
        out += kSpaceMark;
      } else {
        out += c;
      }
    }
    after_space = step.squeeze && becomes.ends_with(" ");
  }
  while (step.squeeze && out.ends_with(kSpaceMark)) out.resize(out.size() - kSpaceMark.size());
  return out;
}

std::string ApplyStep(const NormalizerStep& step, std::string_view text) {
  using S = NormalizerStep;
  switch (step.kind) {
    case S::kNfc: return Mapped(text, UTF8PROC_COMPOSE);
    case S::kNfd: return Mapped(text, UTF8PROC_DECOMPOSE);
    case S::kNfkc: return Mapped(text, UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
    case S::kNfkd: return Mapped(text, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
    case S::kLowercase: return MapCodePoints(text, AppendLower);
    case S::kStripAccents:
      return MapCodePoints(text, [](std::string& out, int32_t c) {
        const bool mark = (CategoryOf(c) & kMarkMask) != 0 && !IsMarkSince9(c);
        if (!mark && c != 0x1CF2 && c != 0x1CF3) AppendUtf8(out, c);  // those two were marks in Unicode 9
      });
    case S::kStrip: return Stripped(text, step.left, step.right);
    case S::kPrepend: return text.empty() ? "" : step.text + std::string(text);
    case S::kReplace: return Replaced(text, step.pattern, step.text);
    case S::kReplaceRegex: {
      std::vector<TextRange> matches;
      step.regex->FindAll(text, matches);
      std::string out;
      size_t at = 0;
      for (const TextRange& match : matches) {
        out += text.substr(at, match.begin - at);
        out += step.text;
        at = match.end;
      }
      out += text.substr(at);
      return out;
    }
    case S::kCharsmap: return step.charsmap->ApplyByGraphemes(text);
    case S::kNmt: return MapCodePoints(text, AppendNmt);
    case S::kBertClean: return MapCodePoints(text, AppendBertClean);
    case S::kBertHan: return MapCodePoints(text, AppendBertHan);
    case S::kBertAccents: return MapCodePoints(text, AppendUnaccented);
    case S::kByteLevel: return BytesToAlphabet(text);
    case S::kSentencePiece: return SentencePieces(step, text);
  }
  return std::string(text);
}

bool IsAscii(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; });
}

}  // namespace

std::vector<NormalizerStep> BertSteps(bool clean, bool han, bool strip_accents, bool lowercase) {
  std::vector<NormalizerStep> steps;
  const auto add = [&](bool wanted, NormalizerStep::Kind kind) {
    if (wanted) steps.emplace_back().kind = kind;
  };
  add(clean, NormalizerStep::kBertClean);
  add(han, NormalizerStep::kBertHan);
  add(strip_accents, NormalizerStep::kNfd);
  add(strip_accents, NormalizerStep::kBertAccents);
  add(lowercase, NormalizerStep::kLowercase);
  return steps;
}

std::string Normalizer::Apply(std::string_view text) const {
  std::string out(text);
  for (const NormalizerStep& step : steps) {
    if (step.kind <= NormalizerStep::kNfkd && IsAscii(out)) continue;  // composed already
    out = ApplyStep(step, out);
  }
  return out;
}

}  // namespace pith
