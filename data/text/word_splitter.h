// The pre-tokenizers of a tokenizer.json, one after the other: text into the words inside which a model merges.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/pretokenizer.h"
#include "data/text/regex.h"

namespace pith {

struct WordStep {
  enum Kind {
    kKnown,      // Split by `known`'s pattern, isolated
    kRegex,      // Split by `regex`
    kText,       // Split by the literal `text`
    kByteLevel,  // GPT-2's pattern if `flag`; then words stand in GPT-2's alphabet. `prefix`: a space in front
    kDigits,     // runs of \p{N}, or each by itself if `flag`
    kPunctuation,
    kWhitespace,       // \w+|[^\w\s]+
    kWhitespaceSplit,  // what stands between white space
    kBert,             // that, and every punctuation by itself
    kMetaspace,        // ' ' becomes `text`, which begins words if `flag`; `prefix`: in front, too; `first`: of the text alone
  } kind = kKnown;
  enum Behavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous } behavior = kIsolated;
  PreTokenizer known = PreTokenizer::kGpt2;
  std::string pattern;  // of kRegex, as written
  std::shared_ptr<const Regex> regex;
  std::string text;
  bool flag = false, prefix = false, first = false, invert = false;
};

// Immutable once its steps are set by Finish; thread-safe.
class WordSplitter {
 public:
  WordSplitter() = default;
  // `in_alphabet`: the normaliser has put the text into GPT-2's alphabet already.
  explicit WordSplitter(std::vector<WordStep> steps, bool in_alphabet = false);

  // Appends the words of `text`, which point into it or into `arena`. `text_begin`: nothing of the input came before.
  // Where Bytes() holds, words are bytes again, whatever they were in between.
  void Split(std::string_view text, bool text_begin, std::deque<std::string>& arena,
             std::vector<std::string_view>& words) const;
  bool Bytes() const { return bytes_; }
  bool empty() const { return steps_.empty(); }
  const std::vector<WordStep>& steps() const { return steps_; }

 private:
  std::vector<WordStep> steps_;
  std::optional<PreTokenizer> simple_;  // the whole chain in one scan
  bool bytes_ = false, in_alphabet_ = false;
};

// What GGUF's tokenizer.ggml.pre stands for; nothing for a name that pith lacks. `ignore_merges` is set as those models do.
std::optional<WordSplitter> WordSplitterFromGgufName(std::string_view name, bool* ignore_merges);
// Older GGUF files name none: the one that all models of an architecture have; empty where they differ.
std::string_view GgufNameOfArchitecture(std::string_view architecture);
// From steps to a name; empty when no name stands for these steps.
std::string GgufNameOf(const WordSplitter& splitter, bool ignore_merges);

}  // namespace pith
