#include "data/text/pretokenizer.h"

#include <array>

#include "data/text/unicode_class.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

enum class Kind : uint8_t { kEnd, kSpace, kLetter, kNumber, kOther };

Kind Classify(int32_t c) {
  if (c < 0) return Kind::kOther;
  if (IsWhitespace(c)) return Kind::kSpace;
  const CategoryMask category = CategoryOf(c);
  if ((category & kLetterMask) != 0) return Kind::kLetter;
  return (category & kNumberMask) != 0 ? Kind::kNumber : Kind::kOther;
}

const std::array<Kind, 128>& AsciiKinds() {
  static const std::array<Kind, 128> kinds = [] {
    std::array<Kind, 128> table;
    for (int c = 0; c < 128; ++c) table[c] = Classify(c);
    return table;
  }();
  return kinds;
}

struct Char {
  int32_t code = -1;
  uint32_t size = 0;
  Kind kind = Kind::kEnd;
};

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text), ascii_(AsciiKinds()) {}

  Char At(size_t at) const {
    if (at >= text_.size()) return {};
    const auto byte = static_cast<uint8_t>(text_[at]);
    if (byte < 0x80) return {byte, 1, ascii_[byte]};
    const CodePoint c = DecodeUtf8(text_, at);
    return {c.value, c.size, Classify(c.value)};
  }

  // End of the run of characters of one kind that begins at `at`, at most `limit` of them.
  size_t RunEnd(size_t at, Kind kind, int limit = -1) const {
    for (Char c = At(at); c.kind == kind && limit != 0; c = At(at), --limit) at += c.size;
    return at;
  }

  // Bytes of 's 't 're 've 'm 'll 'd at an apostrophe; 0 when none of them is there.
  size_t Contraction(size_t at, bool any_case) const {
    const auto letter = [&](size_t i) -> char {
      if (i >= text_.size()) return 0;
      const char c = text_[i];
      return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    };
    const char a = letter(at + 1);
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return 2;
    const char b = letter(at + 2);
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return 3;
    // U+017F (long s) folds to s where case does not count.
    if (any_case && text_.substr(at + 1, 2) == "\xC5\xBF") return 3;
    return 0;
  }

  // \s+(?!\S)|\s+ : all of a run of spaces but the last one, which belongs to the word behind it.
  size_t Spaces(size_t at) const {
    size_t end = at, last = at;
    for (Char c = At(at); c.kind == Kind::kSpace; c = At(end)) {
      last = end;
      end += c.size;
    }
    return end == text_.size() || last == at ? end : last;
  }

  // \s*[\r\n]+ : up to the last line break of a run of spaces; `at` itself when it has none.
  size_t LineBreaks(size_t at) const {
    size_t found = at, end = at;
    for (Char c = At(at); c.kind == Kind::kSpace; c = At(end)) {
      end += c.size;
      if (c.code == '\r' || c.code == '\n') found = end;
    }
    return found;
  }

  size_t Gpt2(size_t at) const {
    const Char first = At(at);
    if (first.code == '\'') {
      if (const size_t size = Contraction(at, false)) return at + size;
    }
    if (first.kind != Kind::kSpace) return RunEnd(at, first.kind);
    if (first.code == ' ') {
      const Char next = At(at + 1);
      if (next.kind != Kind::kSpace && next.kind != Kind::kEnd) return RunEnd(at + 1, next.kind);
    }
    return Spaces(at);
  }

  size_t Gpt4(size_t at, int digits) const {
    const Char first = At(at);
    if (first.code == '\'') {
      if (const size_t size = Contraction(at, true)) return at + size;
    }
    if (first.kind == Kind::kLetter) return RunEnd(at, Kind::kLetter);
    if (first.kind == Kind::kNumber) return RunEnd(at, Kind::kNumber, digits);
    const Char next = At(at + first.size);
    if (first.code != '\r' && first.code != '\n' && next.kind == Kind::kLetter) {
      return RunEnd(at + first.size, Kind::kLetter);
    }
    if (first.kind == Kind::kOther || (first.code == ' ' && next.kind == Kind::kOther)) {
      size_t end = RunEnd(first.kind == Kind::kOther ? at : at + 1, Kind::kOther);
      while (end < text_.size() && (text_[end] == '\r' || text_[end] == '\n')) ++end;
      return end;
    }
    const size_t breaks = LineBreaks(at);
    return breaks > at ? breaks : Spaces(at);
  }

 private:
  std::string_view text_;
  const std::array<Kind, 128>& ascii_;
};

void SplitGpt2(std::string_view text, std::vector<std::string_view>& words) {
  const Scanner scanner(text);
  for (size_t at = 0; at < text.size();) {
    const size_t end = scanner.Gpt2(at);
    words.push_back(text.substr(at, end - at));
    at = end;
  }
}

void SplitSmolLm(std::string_view text, std::vector<std::string_view>& words) {
  const Scanner scanner(text);
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const Char c = scanner.At(at);
    if (c.kind == Kind::kNumber) {
      SplitGpt2(text.substr(begin, at - begin), words);
      words.push_back(text.substr(at, c.size));
      begin = at + c.size;
    }
    at += c.size;
  }
  SplitGpt2(text.substr(begin), words);
}

}  // namespace

std::optional<PreTokenizer> PreTokenizerFromPattern(std::string_view pattern) {
  constexpr std::string_view kGpt2 =
      R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
  constexpr std::string_view kHead = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|)";
  constexpr std::string_view kTail = R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  if (pattern == kGpt2) return PreTokenizer::kGpt2;
  if (!pattern.starts_with(kHead) || !pattern.ends_with(kTail) || pattern.size() < kHead.size() + kTail.size()) {
    return std::nullopt;
  }
  const std::string_view digits = pattern.substr(kHead.size(), pattern.size() - kHead.size() - kTail.size());
  if (digits == R"(\p{N})") return PreTokenizer::kQwen2;
  if (digits == R"(\p{N}{1,3})") return PreTokenizer::kLlama3;
  return std::nullopt;
}

void SplitWords(PreTokenizer kind, std::string_view text, std::vector<std::string_view>& words) {
  if (kind == PreTokenizer::kGpt2) return SplitGpt2(text, words);
  if (kind == PreTokenizer::kSmolLm) return SplitSmolLm(text, words);
  const int digits = kind == PreTokenizer::kLlama3 ? 3 : 1;
  const Scanner scanner(text);
  for (size_t at = 0; at < text.size();) {
    const size_t end = scanner.Gpt4(at, digits);
    words.push_back(text.substr(at, end - at));
    at = end;
  }
}

}  // namespace pith
