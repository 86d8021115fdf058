#include "data/text/word_splitter.h"

#include <algorithm>

#include "base/error.h"
#include "data/text/normalizer.h"
#include "data/text/unicode_age.h"
#include "data/text/unicode_class.h"
#include "data/text/utf8.h"
#include "data/text/vocabulary.h"

namespace pith {
namespace {

struct Piece {
  std::string_view text;
  bool first;  // nothing of the input stands before it
};

// `matches` ascending and disjoint; the stretches between them are the other kind of piece.
void Cut(const Piece& piece, const std::vector<TextRange>& matches, const WordStep& step, std::vector<Piece>& out) {
  struct Part {
    size_t begin, end;
    bool match;
  };
  std::vector<Part> parts;
  size_t at = 0;
  for (const TextRange& match : matches) {
    if (match.begin > at) parts.push_back({at, match.begin, step.invert});
    parts.push_back({match.begin, match.end, !step.invert});
    at = match.end;
  }
  if (at < piece.text.size()) parts.push_back({at, piece.text.size(), step.invert});

  std::vector<Part> kept;
  bool previous = false;
  switch (step.behavior) {
    case WordStep::kIsolated: kept = parts; break;
    case WordStep::kRemoved:
      for (const Part& part : parts) {
        if (!part.match) kept.push_back(part);
      }
      break;
    case WordStep::kContiguous:
      for (const Part& part : parts) {
        if (!kept.empty() && part.match == previous) {
          kept.back().end = part.end;
        } else {
          kept.push_back(part);
        }
        previous = part.match;
      }
      break;
    case WordStep::kMergedWithPrevious:
      for (const Part& part : parts) {
        if (part.match && !previous && !kept.empty()) {
          kept.back().end = part.end;
        } else {
          kept.push_back(part);
        }
        previous = part.match;
      }
      break;
    case WordStep::kMergedWithNext:
      for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
        if (part->match && !previous && !kept.empty()) {
          kept.back().begin = part->begin;
        } else {
          kept.push_back(*part);
        }
        previous = part->match;
      }
      std::reverse(kept.begin(), kept.end());
      break;
  }
  for (const Part& part : kept) {
    if (part.end > part.begin) out.push_back({piece.text.substr(part.begin, part.end - part.begin), piece.first && part.begin == 0});
  }
}

template <class Matches>
std::vector<TextRange> Characters(std::string_view text, Matches matches) {
  std::vector<TextRange> found;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeUtf8(text, at);
    if (matches(c.value)) found.push_back({at, at + c.size});
    at += c.size;
  }
  return found;
}

bool IsPunctuation(int32_t c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~') ||
         ((CategoryOf(c) & kPunctuationMask) != 0 && !IsYoungPunctuation(c)) || c == 0x166D || c == 0x111C9;
}
bool IsNumber(int32_t c) {  // Unicode 17's
  return (CategoryOf(c) & kNumberMask) != 0 || (c >= 0x11DE0 && c <= 0x11DE9) || (c >= 0x16FF4 && c <= 0x16FF6);
}
bool IsSpace(int32_t c) { return c >= 0 && IsWhitespace(c); }

// \w+|[^\w\s]+
void WordsAndSigns(const Piece& piece, std::vector<Piece>& out) {
  // Rust's \w holds the two joiners, too.
  const auto kind = [](int32_t c) { return IsWordCharacter(c) || c == 0x200C || c == 0x200D ? 1 : IsSpace(c) ? 0 : 2; };
  for (size_t at = 0; at < piece.text.size();) {
    CodePoint c = DecodeUtf8(piece.text, at);
    const int mine = kind(c.value);
    const size_t begin = at;
    for (; c.size > 0 && kind(c.value) == mine; c = DecodeUtf8(piece.text, at)) at += c.size;
    if (mine != 0) out.push_back({piece.text.substr(begin, at - begin), piece.first && begin == 0});
  }
}

std::string Marked(const Piece& piece, const WordStep& step) {
  std::string text;
  for (const char c : piece.text) {
    if (c == ' ') {
      text += step.text;
    } else {
      text += c;
    }
  }
  const bool wanted = step.prefix && (!step.first || piece.first);
  return wanted && !text.starts_with(step.text) ? step.text + text : text;
}

std::vector<TextRange> Literals(std::string_view text, std::string_view pattern) {
  std::vector<TextRange> found;
  if (pattern.empty()) return found;
  for (size_t at = text.find(pattern); at != std::string_view::npos; at = text.find(pattern, at + pattern.size())) {
    found.push_back({at, at + pattern.size()});
  }
  return found;
}

// `in_alphabet`: the text has passed ByteLevel.
void Apply(const WordStep& step, bool convert, const Piece& piece, std::deque<std::string>& arena, std::vector<Piece>& out) {
  switch (step.kind) {
    case WordStep::kKnown: {
      std::vector<std::string_view> words;
      SplitWords(step.known, piece.text, words);
      for (const auto word : words) out.push_back({word, piece.first && word.data() == piece.text.data()});
      return;
    }
    case WordStep::kRegex: {
      std::vector<TextRange> matches;
      step.regex->FindAll(piece.text, matches);
      return Cut(piece, matches, step, out);
    }
    case WordStep::kText: return Cut(piece, Literals(piece.text, step.text), step, out);
    case WordStep::kByteLevel: {
      std::string_view text = piece.text;
      if (step.prefix && !text.starts_with(" ")) text = arena.emplace_back(" " + std::string(text));
      std::vector<std::string_view> words;
      if (step.flag) {
        SplitWords(PreTokenizer::kGpt2, text, words);
      } else {
        words.push_back(text);
      }
      for (const auto word : words) {
        const bool first = piece.first && word.data() == text.data();
        out.push_back({convert ? std::string_view(arena.emplace_back(BytesToAlphabet(word))) : word, first});
      }
      return;
    }
    case WordStep::kDigits: {
      WordStep cut = step;
      cut.behavior = step.flag ? WordStep::kIsolated : WordStep::kContiguous;
      return Cut(piece, Characters(piece.text, IsNumber), cut, out);
    }
    case WordStep::kPunctuation: return Cut(piece, Characters(piece.text, IsPunctuation), step, out);
    case WordStep::kWhitespace: return WordsAndSigns(piece, out);
    case WordStep::kWhitespaceSplit:
    case WordStep::kBert: {
      WordStep cut = step;
      cut.behavior = WordStep::kRemoved;
      std::vector<Piece> words;
      Cut(piece, Characters(piece.text, IsSpace), cut, words);
      cut.behavior = WordStep::kIsolated;
      for (const Piece& word : words) {
        if (step.kind == WordStep::kBert) {
          Cut(word, Characters(word.text, IsPunctuation), cut, out);
        } else {
          out.push_back(word);
        }
      }
      return;
    }
    case WordStep::kMetaspace: {
      const Piece marked = {arena.emplace_back(Marked(piece, step)), piece.first};
      if (!step.flag) {
        if (!marked.text.empty()) out.push_back(marked);
        return;
      }
      WordStep cut = step;
      cut.behavior = WordStep::kMergedWithNext;
      return Cut(marked, Literals(marked.text, step.text), cut, out);
    }
  }
}

}  // namespace

WordSplitter::WordSplitter(std::vector<WordStep> steps, bool in_alphabet)
    : steps_(std::move(steps)), bytes_(in_alphabet), in_alphabet_(in_alphabet) {
  for (size_t i = 0; i < steps_.size(); ++i) {
    if (steps_[i].kind == WordStep::kByteLevel) bytes_ = true;
  }
  if (in_alphabet || steps_.empty() || steps_.back().kind != WordStep::kByteLevel || steps_.back().prefix) return;
  const bool gpt2 = steps_.back().flag;
  if (steps_.size() == 1 && gpt2) simple_ = PreTokenizer::kGpt2;
  if (steps_.size() != 2) return;
  if (steps_[0].kind == WordStep::kDigits && steps_[0].flag && gpt2) simple_ = PreTokenizer::kSmolLm;
  if (steps_[0].kind == WordStep::kKnown && !gpt2) simple_ = steps_[0].known;
}

void WordSplitter::Split(std::string_view text, bool text_begin, std::deque<std::string>& arena,
                         std::vector<std::string_view>& words) const {
  if (simple_) return SplitWords(*simple_, text, words);
  std::vector<Piece> pieces = {{text, text_begin}}, next;
  bool in_alphabet = in_alphabet_;
  for (size_t i = 0; i < steps_.size(); ++i) {
    next.clear();
    // As the last step ByteLevel only says that words are bytes, which they are.
    const bool convert = steps_[i].kind == WordStep::kByteLevel && !in_alphabet && i + 1 < steps_.size();
    if (steps_[i].kind == WordStep::kByteLevel && in_alphabet) continue;
    for (const Piece& piece : pieces) Apply(steps_[i], convert, piece, arena, next);
    in_alphabet = in_alphabet || convert;
    pieces.swap(next);
  }
  for (const Piece& piece : pieces) {
    if (piece.text.empty()) continue;
    if (!in_alphabet) {
      words.push_back(piece.text);
      continue;
    }
    std::string bytes;
    AlphabetToBytes(piece.text, &bytes);
    words.push_back(arena.emplace_back(std::move(bytes)));
  }
}

}  // namespace pith
