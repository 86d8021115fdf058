// What happens to text before it is cut into words: the steps of a tokenizer.json, or sentencepiece's own normaliser.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/charsmap.h"
#include "data/text/regex.h"

namespace pith {

inline constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // ▁, sentencepiece's visible space

struct NormalizerStep {
  enum Kind {
    kNfc, kNfd, kNfkc, kNfkd,
    kLowercase,
    kStripAccents,  // marks go
    kStrip,         // white space at the `left` and `right` end
    kPrepend,       // `text`, unless empty
    kReplace,       // `pattern` by `text`
    kReplaceRegex,  // `regex` by `text`
    kCharsmap,      // by graphemes
    kNmt,           // control characters go, odd spaces become spaces
    kBertClean,     // likewise, by BERT's rules
    kBertHan,       // a space on both sides of each Han character
    kBertAccents,   // nonspacing marks go
    kByteLevel,     // each byte becomes its character of GPT-2's alphabet
    kSentencePiece,  // `charsmap` (may be null) by longest match, then spaces: `squeeze`, `left` (a space in front), ▁
  } kind = kNfc;
  std::string pattern, text;
  bool left = false, right = false, squeeze = false;
  std::shared_ptr<const Regex> regex;
  std::shared_ptr<const Charsmap> charsmap;
  std::vector<std::string> keep;  // kSentencePiece: texts that the table leaves alone
};

// Bytes that are not UTF-8 pass through unchanged.
struct Normalizer {
  std::vector<NormalizerStep> steps;
  bool empty() const { return steps.empty(); }
  std::string Apply(std::string_view text) const;
};

// What Hugging Face's BertNormalizer does, in its order.
std::vector<NormalizerStep> BertSteps(bool clean, bool han, bool strip_accents, bool lowercase);

}  // namespace pith
