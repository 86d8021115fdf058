// The sentencepiece library. Where a build has it (PITH_SENTENCEPIECE), it encodes the text of a tokenizer.model; a phone's build
// has the small encoders alone (bpe.h, unigram.h), which a GGUF and a tokenizer.json have in every build. The ids are the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/vocabulary.h"

namespace pith {

// Thread-safe once made.
class SentencePieceLibrary {
 public:
  // Whether this build has the library, and whether it encodes such a model: before its version 0.2.2 it adds up unigram's scores
  // with another rounding, and near ties fall otherwise than today, on a phone and in transformers.
  static bool Knows(TokenModel model);
  // Null where it does not know the model, and for BPE that comes to pieces of type unused on the way. `vocabulary` is what was
  // read from the same file, and must outlive this. UserError where the library refuses the file.
  static std::unique_ptr<SentencePieceLibrary> Load(const std::string& tokenizer_model_path, const Vocabulary& vocabulary);
  ~SentencePieceLibrary();

  // Appends the ids of `text`, in which no added token is to be found any more. False, with nothing appended, for what is left to
  // the small encoders: text with bytes that are not UTF-8, which the library loses; text of which it would make a control token
  // (one of a single character, or one that tokenizer_config.json has made control); and text of more than kMaxText bytes, for
  // each of which the library takes a hundred bytes of memory.
  static constexpr size_t kMaxText = 4 << 20;
  bool Encode(std::string_view text, std::vector<int32_t>& ids) const;

 private:
  struct Processor;
  std::unique_ptr<Processor> processor_;
  const Vocabulary& vocabulary_;
  explicit SentencePieceLibrary(const Vocabulary& vocabulary);
};

}  // namespace pith
