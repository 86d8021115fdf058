// Text to token ids and back: BPE of bytes (GPT-2's scheme) or characters (sentencepiece's), and unigram; from a GGUF, a
// Hugging Face tokenizer.json or a sentencepiece tokenizer.model. docs/text.md says what is known and what is refused.
//
// BOS and EOS are never added. Bytes for which a vocabulary has no token at all are left out, as transformers does
// (SmolLM2 lacks 21: six control characters, and lead bytes of invalid or unassigned characters); everything else
// survives Decode(Encode(x)). Special tokens inside text are text, unless the caller says SpecialTokens::kParse: user
// text can therefore never become a control token.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/gguf.h"
#include "data/text/added_tokens.h"

namespace pith {

enum class SpecialTokens {
  kAsText,  // "<|im_end|>" is encoded like any other characters
  kParse,   // "<|im_end|>" becomes its one id: for rendered chat templates only
};

// What encodes the text of a tokenizer.model. The ids are the same.
enum class PieceEncoder {
  kLibrary,  // the sentencepiece library, in builds that have it (sentencepiece_library.h)
  kSmall,    // pith's own, as on a phone
};

// Immutable after construction; thread-safe.
class Tokenizer {
 public:
  // A GGUF, a tokenizer.json, a tokenizer.model, or a Hugging Face folder. UserError names a pre-tokenizer or model that pith lacks.
  static std::unique_ptr<Tokenizer> Load(const std::string& path);
  static std::unique_ptr<Tokenizer> FromGguf(const GgufFile& file);
  static std::unique_ptr<Tokenizer> FromJson(const std::string& tokenizer_json_path);
  static std::unique_ptr<Tokenizer> FromSentencePiece(const std::string& tokenizer_model_path, PieceEncoder encoder = PieceEncoder::kLibrary);
  ~Tokenizer();

  std::vector<int32_t> Encode(std::string_view text, SpecialTokens special = SpecialTokens::kAsText) const;
  // SpecialTokens::kParse, except that no control token is read out of, or across the edge of, a byte range in
  // `literal` (ascending, disjoint): how a rendered template is encoded around the text of a user.
  std::vector<int32_t> EncodeAround(std::string_view text, const std::vector<TextRange>& literal) const;
  // The bytes of the tokens, concatenated, without the spaces that sentencepiece's encoders put in front of a text.
  // UserError for an id outside the vocabulary. Control tokens give their text
  // only if `with_control`.
  std::string Decode(std::span<const int32_t> ids, bool with_control = false) const;
  std::string_view TokenBytes(int32_t id) const;  // bytes of one token; its text for control tokens
  bool IsControl(int32_t id) const;
  // The token of exactly these bytes (" the", "<|im_end|>"), control tokens included.
  std::optional<int32_t> FindToken(std::string_view text) const;
  std::vector<std::string_view> ControlTexts() const;
  const char* Kind() const;  // for people: "byte-level BPE", "BPE of characters", "unigram", "WordPiece"
  int32_t vocab_size() const;
  int32_t eos_id() const;  // −1 when the vocabulary names none
  // Tokens that end an answer, the vocabulary's eos first where it names one: see end_tokens.h.
  std::span<const int32_t> end_ids() const;
  bool IsEnd(int32_t id) const;
  // The answer without the token that ended it, which is no part of its text (it may be one that Decode would show).
  std::span<const int32_t> WithoutEnd(std::span<const int32_t> answer) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  Tokenizer();
};

}  // namespace pith
