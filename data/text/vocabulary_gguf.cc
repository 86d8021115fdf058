#include "base/error.h"
#include "data/text/vocabulary.h"

namespace pith {
namespace {

TokenKind KindFromGguf(int64_t type, size_t id, const std::string& path) {
  switch (type) {
    case 1: return TokenKind::kNormal;
    case 2:
    case 3: return TokenKind::kControl;  // "unknown" is never matched in text either
    case 4: return TokenKind::kUserDefined;
    case 5: return TokenKind::kUnused;
    case 6: return TokenKind::kByte;
    default:
      ThrowUser("'", path, "': token ", id, " has type ", type,
                ", expected 1 to 6; pith cannot use it");
  }
}

int32_t OptionalId(const GgufFile& file, const char* key, size_t num_tokens) {
  const auto id = file.Find<int64_t>(key);
  if (!id) return -1;
  if (*id < 0 || *id >= static_cast<int64_t>(num_tokens)) {
    ThrowUser("'", file.path(), "': ", key, " is ", *id, ", but the vocabulary has ", num_tokens, " tokens");
  }
  return static_cast<int32_t>(*id);
}

struct Source {
  const GgufFile& file;
  std::vector<std::string> texts;
  Vocabulary out;
};

void ReadTokens(Source& source) {
  const std::string& path = source.file.path();
  source.texts = source.file.Get<std::vector<std::string>>("tokenizer.ggml.tokens");
  const auto given = source.file.Find<std::vector<int64_t>>("tokenizer.ggml.token_type");
  const auto types = given.value_or(std::vector<int64_t>(source.texts.size(), 1));
  if (source.texts.empty()) ThrowUser("'", path, "' has an empty vocabulary");
  if (types.size() != source.texts.size()) {
    ThrowUser("'", path, "' has ", source.texts.size(), " tokens but ", types.size(), " token types; the file is damaged");
  }
  source.out.origin = path;
  source.out.kinds.resize(types.size());
  for (size_t id = 0; id < types.size(); ++id) {
    source.out.kinds[id] = source.texts[id].empty() ? TokenKind::kUnused : KindFromGguf(types[id], id, path);
  }
  source.out.tokens = source.texts;
  source.out.pieces.resize(types.size());
  if (given) return;
  for (const char* key : {"tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"}) {
    const int32_t id = OptionalId(source.file, key, types.size());
    if (id >= 0 && source.out.kinds[static_cast<size_t>(id)] == TokenKind::kNormal) source.out.kinds[static_cast<size_t>(id)] = TokenKind::kControl;
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
  const std::string& path = source.file.path();
  const MergeResolver resolver(path, source.texts, source.out.kinds);
  const auto merges = source.file.Get<std::vector<std::string>>("tokenizer.ggml.merges");
  source.out.merges.reserve(merges.size());
  source.out.merged.reserve(merges.size());
  for (const std::string& merge : merges) {
    const size_t space = merge.find(' ', 1);
    if (space == std::string::npos || space + 1 == merge.size()) {
      ThrowUser("'", path, "': merge ", source.out.merges.size(), " is '", merge,
                "', expected two tokens and a space between");
    }
    resolver.Add(std::string_view(merge).substr(0, space), std::string_view(merge).substr(space + 1), &source.out);
  }
}

std::string PreTokenizerName(const Source& source) {
  const auto pre = source.file.Find<std::string>("tokenizer.ggml.pre");
  if (pre && *pre != "default") return *pre;
  const auto architecture = source.file.Find<std::string>("general.architecture").value_or("");
  const std::string name(GgufNameOfArchitecture(architecture));
  if (name.empty()) {
    ThrowUser("'", source.file.path(), "' does not say how to cut text into words (tokenizer.ggml.pre), and models of the architecture '",
              architecture, "' differ in that; use the model's tokenizer.json, or convert the model anew");
  }
  return name;
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
      ThrowUser("'", source.file.path(), "': token ", id, " ('", source.texts[id], "') is to be a byte, but is not written like <0x41>");
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
  const auto scores = source.file.Get<std::vector<double>>("tokenizer.ggml.scores");
  if (scores.size() != source.texts.size()) {
    ThrowUser("'", path, "' has ", source.texts.size(), " tokens but ", scores.size(), " scores (tokenizer.ggml.scores); the file is damaged");
  }
  out.model = unigram ? TokenModel::kUnigram : TokenModel::kBpe;
  out.characters = true;
  out.fuse_unknown = true;
  out.single_precision = true;
  out.scores = scores;
  for (size_t id = 0; id < source.texts.size(); ++id) {
    ReadPiece(source, id);
    if (out.kinds[id] == TokenKind::kUserDefined && unigram) out.pieces[id] = source.texts[id];
  }
  if (!unigram) MergesFromScores(&out);

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
  if (out.unknown_id < 0 && source.file.Find<int64_t>("tokenizer.ggml.unknown_token_id") == std::nullopt) {
    for (size_t id = 0; id < source.texts.size() && out.unknown_id < 0; ++id) {
      if (source.texts[id] == "<unk>") out.unknown_id = static_cast<int32_t>(id);
    }
  }
}

}  // namespace

Vocabulary VocabularyFromGguf(const GgufFile& file) {
  const auto model = file.Get<std::string>("tokenizer.ggml.model");
  if (model != "gpt2" && model != "llama" && model != "t5" && model != "gemma4" && model != "bert") {
    ThrowUser("'", file.path(), "' has a tokenizer of kind '", model,
              "', but pith knows byte-level BPE ('gpt2'), sentencepiece BPE ('llama', 'gemma4'), unigram ('t5') and WordPiece ('bert')");
  }
  Source source{file, {}, {}};
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
  source.out.eos_id = OptionalId(file, "tokenizer.ggml.eos_token_id", source.texts.size());
  const int32_t turn = OptionalId(file, "tokenizer.ggml.eot_token_id", source.texts.size());
  if (turn >= 0) source.out.end_ids.push_back(turn);
  return std::move(source.out);
}

}  // namespace pith
