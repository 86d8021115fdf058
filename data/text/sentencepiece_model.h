// sentencepiece's tokenizer.model, as the file has it: a protocol buffer (ModelProto), read field by field and checked.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/text/charsmap.h"

namespace pith {

struct SentencePiece {
  enum Type { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };
  std::string text;  // as the file spells it: ▁ for a space
  float score = 0;
  int type = kNormal;
  bool operator==(const SentencePiece&) const = default;
};

struct SentencePieceModel {
  enum Algorithm { kUnigram = 1, kBpe };
  std::string path;
  std::string bytes;                  // the whole file
  std::vector<SentencePiece> pieces;  // by id
  int algorithm = kUnigram;
  int64_t eos_id = 2;                 // may be none of the pieces
  bool byte_fallback = false;
  std::shared_ptr<Charsmap> charsmap;  // null: the normaliser has no table
  bool space_in_front = true, squeeze_spaces = true;
};

// UserError for a damaged file, for what the sentencepiece library refuses (so that a build without it refuses it, too), and for
// what pith lacks, by name.
SentencePieceModel ReadSentencePieceModel(const std::string& tokenizer_model_path);

}  // namespace pith
