// What a tokenizer file says, checked and in one form whichever file it came from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/gguf.h"
#include "data/text/pretokenizer.h"
#include "data/text/string_index.h"

namespace pith {

enum class TokenKind : uint8_t {
  kNormal,       // made of bytes; what merging yields
  kControl,      // matched in rendered templates only; invisible in decoded text
  kUserDefined,  // always matched, visible
  kUnused,       // an id that nothing maps to
};

struct Vocabulary {
  std::string origin;                               // the file, for messages
  std::vector<std::string> tokens;                  // bytes, by id
  std::vector<TokenKind> kinds;                     // as many as tokens
  std::vector<std::pair<int32_t, int32_t>> merges;  // by rank, best first
  std::vector<int32_t> merged;                      // what each merge yields
  PreTokenizer pre_tokenizer = PreTokenizer::kGpt2;
  bool ignore_merges = false;  // a word that is a token needs no merging (Llama 3)
  bool compose_nfc = false;    // normalise to NFC first
  int32_t unknown_id = -1;     // for bytes without a token; −1: such bytes are left out, as the peers do
  bool fuse_unknown = false;
  int32_t eos_id = -1;
  std::vector<int32_t> end_ids;  // further tokens that the files declare as ends
};

// UserErrors: see tokenizer.h.
Vocabulary VocabularyFromGguf(const GgufFile& file);
Vocabulary VocabularyFromJson(const std::string& tokenizer_json_path);

// GPT-2's printable alphabet for bytes: each of the 256 bytes is one character of these files.
// False when `text` has a character outside it; `bytes` is then unspecified.
bool AlphabetToBytes(std::string_view text, std::string* bytes);

// Takes merges as pairs of token texts in the alphabet; resolves them against tokens.
class MergeResolver {
 public:
  // `texts[i]` is token i as the file spells it; must outlive the resolver and stay in place. UserError when two ids
  // have one text.
  MergeResolver(const std::string& origin, const std::vector<std::string>& texts, const std::vector<TokenKind>& kinds);
  // Appends to vocabulary's merges. UserError when left, right or their concatenation is no token.
  void Add(std::string_view left, std::string_view right, Vocabulary* vocabulary) const;
  int32_t Find(std::string_view text) const;

 private:
  std::string origin_;
  StringIndex index_;  // keys live in `texts`
};

}  // namespace pith
