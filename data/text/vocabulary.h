// What a tokenizer file says, checked and in one form whichever file it came from.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/gguf.h"
#include "data/text/normalizer.h"
#include "data/text/string_index.h"
#include "data/text/word_splitter.h"

namespace pith {

struct SentencePieceModel;  // sentencepiece_model.h

inline constexpr int64_t kMaxTokens = 8'000'000;  // a file that names more is damaged

enum class TokenKind : uint8_t {
  kNormal,       // what a model makes of text
  kControl,      // matched in rendered templates only; invisible in decoded text
  kUserDefined,  // always matched, visible
  kUnused,       // an id that nothing maps to
  kByte,         // sentencepiece's <0x41>: one byte that no other token holds
};

enum class TokenModel {
  kBpe,        // merges, over bytes or (characters) over code points
  kUnigram,    // the likeliest pieces
  kWordPiece,  // the longest piece, again and again
};

// A token that is looked for in the text before anything else happens to it.
struct AddedToken {
  int32_t id = -1;
  std::string text;
  bool lstrip = false, rstrip = false;  // takes the white space beside it, too
  bool single_word = false;             // not inside of a word
  bool normalized = false;              // looked for in the normalised text, where it stands normalised, too
  bool verbatim = false;                // it stands there as it is
};

struct Vocabulary {
  std::string origin;                // the file, for messages
  std::vector<std::string> tokens;   // the bytes that a token decodes to, by id
  std::vector<std::string> pieces;   // what the model knows it by; empty: the model never yields it
  std::vector<TokenKind> kinds;      // as many as tokens
  std::vector<AddedToken> added;     // all control and user-defined tokens
  Normalizer normalizer;
  WordSplitter splitter;

  TokenModel model = TokenModel::kBpe;
  bool characters = false;                          // pieces are made of code points, not of bytes
  std::vector<std::pair<int32_t, int32_t>> merges;  // of BPE
  std::vector<int32_t> merged;                      // what each merge yields: a token, or tokens.size() + an index into tokenless
  struct Tokenless {
    std::string piece;
    std::vector<int32_t> ids;
  };
  std::vector<Tokenless> tokenless;                 // pieces that merges know and the vocabulary lacks; what is left of one becomes its ids
  bool first_of_equal_merges = false;               // of two of one pair the first counts (llama.cpp); else the last (tokenizers)
  std::vector<int32_t> ranks;                       // least first, the leftmost of equals; empty: merges are in order
  std::vector<double> scores;                       // of unigram, by id
  bool single_precision = false;                    // sums of scores are rounded as sentencepiece rounds them
  bool ignore_merges = false;                       // a word that is a token needs no merging (Llama 3)
  std::string continuation;                         // of WordPiece: begins pieces that do not begin a word
  size_t max_word_characters = 100;                 // of WordPiece: a longer word is unknown
  int32_t unknown_id = -1;                          // for what has no token; −1: it is left out, as the peers do
  bool fuse_unknown = false;
  std::array<int32_t, 256> byte_tokens;  // kByte tokens, for characters without a token; −1: none

  // Where the encoder puts a space in front, decoding takes it away again.
  enum class Prefix { kNone, kFirst, kEach } prefix = Prefix::kNone;  // kEach: after every added token, too

  int32_t eos_id = -1;           // −1: the files name none
  std::vector<int32_t> end_ids;  // further tokens that the files declare as ends; EndIds (end_tokens.h) has all of them

  Vocabulary() { byte_tokens.fill(-1); }
};

// UserErrors: see tokenizer.h.
Vocabulary VocabularyFromGguf(const GgufFile& file);
Vocabulary VocabularyFromJson(const std::string& tokenizer_json_path);
Vocabulary VocabularyFromSentencePiece(const SentencePieceModel& model);

// tokenizer.json's "normalizer" and "pre_tokenizer", given as JSON text. UserError names what pith lacks.
Normalizer NormalizerFromJson(const std::string& json, const std::string& origin);
std::vector<WordStep> WordStepsFromJson(const std::string& json, const std::string& origin);

// GPT-2's printable alphabet for bytes: each of the 256 bytes is one character of these files.
// False when `text` has a character outside it; `bytes` then holds those before it.
bool AlphabetToBytes(std::string_view text, std::string* bytes);
std::string BytesToAlphabet(std::string_view bytes);

// The byte that "<0x41>" names; −1 for any other text.
int ByteOfToken(std::string_view text);
// ▁ to space, as decoders of sentencepiece vocabularies do.
std::string SpacesForMarks(std::string_view text);

// WordPiece: each normal token that begins a word decodes to a space and itself, the others lose their continuation prefix.
void SetSpaces(Vocabulary* vocabulary);

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

// sentencepiece's BPE has scores instead of merges: two neighbours join where their concatenation is a piece, the best
// score first. Fills in merges, merged, ranks and tokenless from vocabulary's pieces and scores, once all its tokens are there.
void MergesFromScores(Vocabulary* vocabulary);

}  // namespace pith
