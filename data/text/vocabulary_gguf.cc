#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "data/text/end_tokens.h"
#include "data/text/gguf_merges.h"
#include "data/text/vocabulary.h"

namespace pith {
namespace {

// Nothing where the file leaves it open (0, or a number that is none of llama.cpp's types).
std::optional<TokenKind> KindFromGguf(int64_t type) {
  switch (type) {
    case 1: return TokenKind::kNormal;
    case 2:
    case 3: return TokenKind::kControl;  // "unknown" is never matched in text either
    case 4: return TokenKind::kUserDefined;
    case 5: return TokenKind::kUnused;
    case 6: return TokenKind::kByte;
    default: return std::nullopt;
  }
}

// −1 where the file names no token, or, with a warning, one that there is not.
int32_t OptionalId(const GgufFile& file, const char* key, size_t num_tokens) {
  const auto id = file.Find<int64_t>(key);
  if (!id) return -1;
  if (*id < 0 || *id >= static_cast<int64_t>(num_tokens)) {
    LogWarning(Str("'", file.path(), "': ", key, " is ", *id, ", but the vocabulary has ", num_tokens, " tokens; it is left aside"));
    return -1;
  }
  return static_cast<int32_t>(*id);
}

struct Source {
  const GgufFile& file;
  std::string model;  // tokenizer.ggml.model
  std::vector<std::string> texts = {};
  std::vector<int32_t> ends = {};  // by their keys, eos first or −1
  int32_t bos = -1;
  Vocabulary out = {};
};

// The ends that keys name; what models of code write for padding and between files (fim_…) ends an answer in llama.cpp, too.
void ReadSpecialIds(Source& source) {
  const size_t size = source.texts.size();
  source.bos = OptionalId(source.file, "tokenizer.ggml.bos_token_id", size);
  for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id", "tokenizer.ggml.fim_pad_token_id",
                          "tokenizer.ggml.fim_rep_token_id", "tokenizer.ggml.fim_sep_token_id"}) {
    source.ends.push_back(OptionalId(source.file, key, size));
  }
  for (const int64_t id : source.file.Find<std::vector<int64_t>>(kGgufEndsKey).value_or(std::vector<int64_t>{})) {
    const bool known = id >= 0 && id < static_cast<int64_t>(size);
    if (known) source.ends.push_back(static_cast<int32_t>(id));
    if (!known) LogWarning(Str("'", source.file.path(), "': ", kGgufEndsKey, " holds ", id, ", but the vocabulary has ", size, " tokens; it is left aside"));
  }
}

// llama.cpp's eos of a file that names none, by its kind of tokenizer; here, where that is a control token.
void SetEnds(Source& source) {
  Vocabulary& out = source.out;
  out.eos_id = source.ends[0];
  const size_t usual = source.model == "llama" ? 2 : source.model == "t5" ? 1 : source.model == "gpt2" ? 11 : out.kinds.size();
  if (out.eos_id < 0 && usual < out.kinds.size() && out.kinds[usual] == TokenKind::kControl) out.eos_id = static_cast<int32_t>(usual);
  for (const int32_t id : source.ends) {
    if (id >= 0) out.end_ids.push_back(id);
  }
}

// In a file without types: what its keys or its text say of a token.
TokenKind GuessedKind(const Source& source, size_t id) {
  const std::string& text = source.texts[id];
  if (source.model != "gpt2" && ByteOfToken(text) >= 0) return TokenKind::kByte;
  const auto mine = static_cast<int32_t>(id);
  const bool named = mine == source.bos || std::find(source.ends.begin(), source.ends.end(), mine) != source.ends.end();
  return named || IsEndText(text) || (source.model == "llama" && (text == "<unk>" || text == "<s>")) ? TokenKind::kControl : TokenKind::kNormal;
}

void ReadTokens(Source& source) {
  const std::string& path = source.file.path();
  source.texts = source.file.Get<std::vector<std::string>>("tokenizer.ggml.tokens");
  ReadSpecialIds(source);
  const auto types = source.file.Find<std::vector<int64_t>>("tokenizer.ggml.token_type");
  if (source.texts.empty()) ThrowUser("'", path, "' has an empty vocabulary");
  if (types && types->size() < source.texts.size()) {
    ThrowUser("'", path, "' has ", source.texts.size(), " tokens but ", types->size(), " token types; the file is damaged");
  }
  source.out.origin = path;
  const size_t size = source.texts.size();
  source.out.kinds.resize(size);
  source.out.tokens = source.texts;
  source.out.pieces.resize(size);
  size_t untyped = 0;
  for (size_t id = 0; id < size; ++id) {
    const auto kind = types ? KindFromGguf((*types)[id]) : GuessedKind(source, id);
    if (!kind) ++untyped;
    const TokenKind text = source.model == "t5" ? TokenKind::kUnused : TokenKind::kNormal;  // what llama.cpp makes of them
    source.out.kinds[id] = source.texts[id].empty() ? TokenKind::kUnused : kind.value_or(text);
  }
  if (untyped > 0) {
    LogWarning(Str("'", path, "': ", untyped, " tokens have no type that pith knows (tokenizer.ggml.token_type); ",
                   source.model == "t5" ? "no text becomes them" : "they are taken for text"));
  }
}

void AddTokens(Source& source, bool control_takes_space) {
  for (size_t id = 0; id < source.texts.size(); ++id) {
    const TokenKind kind = source.out.kinds[id];
    if (kind != TokenKind::kControl && kind != TokenKind::kUserDefined) continue;
    AddedToken token;
    token.id = static_cast<int32_t>(id);
    token.text = source.texts[id];
    token.rstrip = control_takes_space && kind == TokenKind::kControl && token.text != "<s>" && token.text != "<unk>" &&
                   token.text != "<|endoftext|>";
    source.out.added.push_back(std::move(token));
  }
}

void ReadMerges(Source& source) {
  ReadGgufMerges(source.file.Get<std::vector<std::string>>("tokenizer.ggml.merges"), source.texts, &source.out);
}

std::string PreTokenizerName(const Source& source) {
  const auto pre = source.file.Find<std::string>("tokenizer.ggml.pre");
  if (pre && *pre != "default") return *pre;
  const auto architecture = source.file.Find<std::string>("general.architecture").value_or("");
  const std::string name(GgufNameOfArchitecture(architecture));
  if (!name.empty()) return name;
  LogWarning(Str("'", source.file.path(), "' does not say how to cut text into words (tokenizer.ggml.pre), and models of the architecture '", architecture,
                 "' differ in that: text is cut as llama.cpp cuts it then, perhaps not as the model learnt it, and answers may be worse; convert the model anew"));
  return "default";
}

void ReadByteLevel(Source& source, const std::string& pre) {
  auto splitter = WordSplitterFromGgufName(pre, &source.out.ignore_merges);
  if (!splitter) {
    ThrowUser("'", source.file.path(), "' needs the pre-tokenizer '", pre,
              "', which pith lacks (docs/text.md lists those it has); a tokenizer.json of the model says more, name that");
  }
  source.out.splitter = std::move(*splitter);
  for (size_t id = 0; id < source.texts.size(); ++id) {
    if (source.out.kinds[id] != TokenKind::kNormal) continue;
    std::string& piece = source.out.pieces[id];
    if (!AlphabetToBytes(source.texts[id], &piece)) piece = source.texts[id];
    source.out.tokens[id] = piece;
  }
  ReadMerges(source);
}

// The piece, the bytes and the place among byte tokens of token `id`, in a vocabulary of characters.
void ReadPiece(Source& source, size_t id) {
  Vocabulary& out = source.out;
  if (out.kinds[id] == TokenKind::kByte) {
    const int byte = ByteOfToken(source.texts[id]);
    if (byte < 0) {
      LogWarning(Str("'", source.file.path(), "': token ", id, " ('", source.texts[id], "') is to be a byte, but is not written like <0x41>; no text becomes it"));
      out.kinds[id] = TokenKind::kUnused;
      return;
    }
    out.byte_tokens[static_cast<size_t>(byte)] = static_cast<int32_t>(id);
    out.tokens[id] = std::string(1, static_cast<char>(byte));
  } else if (out.kinds[id] == TokenKind::kNormal) {
    out.pieces[id] = source.texts[id];
    out.tokens[id] = SpacesForMarks(source.texts[id]);
  }
}

// Gemma 4's kind: sentencepiece's alphabet, and merges in their order.
void ReadCharacterBpe(Source& source) {
  source.out.characters = source.out.fuse_unknown = true;
  for (size_t id = 0; id < source.texts.size(); ++id) ReadPiece(source, id);
  ReadMerges(source);
  NormalizerStep marks;
  marks.kind = NormalizerStep::kReplace;
  marks.pattern = " ";
  marks.text = kSpaceMark;
  source.out.normalizer.steps.push_back(std::move(marks));
  source.out.unknown_id = OptionalId(source.file, "tokenizer.ggml.unknown_token_id", source.texts.size());
}

// BERT's kind: ▁ begins what begins a word. Which letters it keeps is not in the file; those that are published are uncased.
void ReadWordPiece(Source& source) {
  Vocabulary& out = source.out;
  out.model = TokenModel::kWordPiece;
  out.characters = true;
  out.continuation = "##";
  for (size_t id = 0; id < source.texts.size(); ++id) {
    if (out.kinds[id] != TokenKind::kNormal) continue;
    const std::string& text = source.texts[id];
    out.pieces[id] = text.starts_with(kSpaceMark) ? text.substr(kSpaceMark.size()) : out.continuation + text;
  }
  SetSpaces(&out);
  out.normalizer.steps = BertSteps(true, true, true, true);
  WordStep words;
  words.kind = WordStep::kBert;
  out.splitter = WordSplitter({words});
  out.unknown_id = OptionalId(source.file, "tokenizer.ggml.unknown_token_id", source.texts.size());
}

// sentencepiece's vocabularies: scores, ▁ for spaces, byte tokens.
void ReadSentencePiece(Source& source, bool unigram) {
  const std::string& path = source.file.path();
  Vocabulary& out = source.out;
  auto scores = source.file.Find<std::vector<double>>("tokenizer.ggml.scores");
  if (scores && scores->size() < source.texts.size()) {
    ThrowUser("'", path, "' has ", source.texts.size(), " tokens but ", scores->size(), " scores (tokenizer.ggml.scores); the file is damaged");
  }
  if (!scores) LogWarning(Str("'", path, "' has no scores (tokenizer.ggml.scores); all of its tokens count as equally good, as in llama.cpp"));
  out.model = unigram ? TokenModel::kUnigram : TokenModel::kBpe;
  out.characters = true;
  out.fuse_unknown = true;
  out.single_precision = true;
  out.scores = scores ? std::move(*scores) : std::vector<double>(source.texts.size(), 0.0);
  out.scores.resize(source.texts.size());
  for (size_t id = 0; id < source.texts.size(); ++id) {
    ReadPiece(source, id);
    if (out.kinds[id] == TokenKind::kUserDefined && unigram) out.pieces[id] = source.texts[id];
  }

  NormalizerStep step;
  step.kind = NormalizerStep::kSentencePiece;
  step.left = source.file.Find<bool>("tokenizer.ggml.add_space_prefix").value_or(true);
  step.squeeze = source.file.Find<bool>("tokenizer.ggml.remove_extra_whitespaces").value_or(unigram);
  if (!unigram) step.squeeze = false;  // the peers leave spaces alone here
  if (unigram) {
    if (const auto charsmap = source.file.Find<std::vector<int64_t>>("tokenizer.ggml.precompiled_charsmap")) {
      std::string blob;
      for (const int64_t byte : *charsmap) blob += static_cast<char>(byte);
      if (!blob.empty()) step.charsmap = std::make_shared<Charsmap>(blob, path);
    }
  }
  out.prefix = step.left ? Vocabulary::Prefix::kEach : Vocabulary::Prefix::kNone;
  out.normalizer.steps.push_back(std::move(step));
  out.unknown_id = OptionalId(source.file, "tokenizer.ggml.unknown_token_id", source.texts.size());
  for (size_t id = 0; id < source.texts.size() && out.unknown_id < 0; ++id) {
    if (source.texts[id] == "<unk>") out.unknown_id = static_cast<int32_t>(id);
  }
  if (!unigram) MergesFromScores(&out);
}

}  // namespace

Vocabulary VocabularyFromGguf(const GgufFile& file) {
  const auto model = file.Get<std::string>("tokenizer.ggml.model");
  if (model != "gpt2" && model != "llama" && model != "t5" && model != "gemma4" && model != "bert") {
    ThrowUser("'", file.path(), "' has a tokenizer of kind '", model,
              "', but pith knows byte-level BPE ('gpt2'), sentencepiece BPE ('llama', 'gemma4'), unigram ('t5') and WordPiece ('bert')");
  }
  Source source{.file = file, .model = model};
  ReadTokens(source);
  const std::string pre = model == "gpt2" ? PreTokenizerName(source) : "";
  if (model == "gemma4" || pre == "gemma4" || pre == "granite-embed-multi-311m" || pre == "sarvam-moe") {
    ReadCharacterBpe(source);
  } else if (model == "gpt2") {
    ReadByteLevel(source, pre);
  } else if (model == "bert") {
    ReadWordPiece(source);
  } else {
    ReadSentencePiece(source, model == "t5");
  }
  // Phi-3's control tokens take the white space behind them, which GGUF has no field for.
  const auto name = file.Find<std::string>("general.name").value_or("");
  AddTokens(source, model == "llama" && (name.find("phi-3") != std::string::npos || name.find("Phi-3") != std::string::npos ||
                                         name.find("phi3") != std::string::npos || name.find("Phi3") != std::string::npos));
  SetEnds(source);
  return std::move(source.out);
}

}  // namespace pith
