// The sentencepiece library. Where a build has it (PITH_SENTENCEPIECE), it reads the pieces of a tokenizer.model and encodes its
// text; a phone's build has the small reader and encoders alone (sentencepiece_model.h, bpe.h, unigram.h), of which a GGUF and a
// tokenizer.json need the encoders in every build. Pieces and ids are the same.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/sentencepiece_model.h"
#include "data/text/vocabulary.h"

namespace pith {

// Thread-safe once made.
class SentencePieceLibrary {
 public:
  // Null where the build has no library. UserError where the library refuses the file.
  static std::unique_ptr<SentencePieceLibrary> Load(const SentencePieceModel& model);
  // Puts what the library read into model->pieces: all texts, scores and types, but for user-defined pieces, which its interface
  // does not tell from normal ones; those keep the type that pith read.
  void ReadPieces(SentencePieceModel* model) const;

  // Whether this build's library encodes such a model: before its version 0.2.2 it adds up unigram's scores with another
  // rounding, and near ties fall otherwise than today, on a phone and in transformers.
  static bool Encodes(TokenModel model);
  // The same for one vocabulary, which was made from the same file: none of BPE that comes to pieces of type unused on the way.
  static bool Encodes(const Vocabulary& vocabulary);
  ~SentencePieceLibrary();

  // Appends the ids of `text` by `vocabulary`, which it Encodes, in which no added token is to be found any more. False, with nothing appended, for what is left to
  // the small encoders: text with bytes that are not UTF-8, which the library loses; text of which it would make a control token
  // (one of a single character, or one that tokenizer_config.json has made control); and text of more than kMaxText bytes, for
  // each of which the library takes a hundred bytes of memory.
  static constexpr size_t kMaxText = 4 << 20;
  bool Encode(const Vocabulary& vocabulary, std::string_view text, std::vector<int32_t>& ids) const;

 private:
  struct Processor;
  std::unique_ptr<Processor> processor_;
  SentencePieceLibrary();
};

}  // namespace pith
