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
    default:
      ThrowUser("'", path, "': token ", id, " has type ", type,
                ", but byte-level BPE knows 1 to 5; pith cannot use it");
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

}  // namespace

Vocabulary VocabularyFromGguf(const GgufFile& file) {
  const std::string& path = file.path();
  const auto model = file.Get<std::string>("tokenizer.ggml.model");
  if (model != "gpt2") {
    ThrowUser("'", path, "' has a tokenizer of kind '", model, "', but pith knows byte-level BPE ('gpt2') only");
  }
  Vocabulary vocabulary;
  vocabulary.origin = path;
  const auto pre = file.Get<std::string>("tokenizer.ggml.pre");
  const auto kind = PreTokenizerFromGgufName(pre);
  if (!kind) {
    ThrowUser("'", path, "' needs the pre-tokenizer '", pre,
              "', which pith lacks; it has smollm, gpt-2, qwen2, llama-bpe");
  }
  vocabulary.pre_tokenizer = *kind;
  vocabulary.ignore_merges = *kind == PreTokenizer::kLlama3;

  const auto texts = file.Get<std::vector<std::string>>("tokenizer.ggml.tokens");
  const auto types = file.Get<std::vector<int64_t>>("tokenizer.ggml.token_type");
  const auto merges = file.Get<std::vector<std::string>>("tokenizer.ggml.merges");
  if (texts.empty()) ThrowUser("'", path, "' has an empty vocabulary");
  if (types.size() != texts.size()) {
    ThrowUser("'", path, "' has ", texts.size(), " tokens but ", types.size(), " token types; the file is damaged");
  }
  vocabulary.tokens.resize(texts.size());
  vocabulary.kinds.resize(texts.size());
  for (size_t id = 0; id < texts.size(); ++id) {
    vocabulary.kinds[id] = KindFromGguf(types[id], id, path);
    if (texts[id].empty()) ThrowUser("'", path, "': token ", id, " is empty; the vocabulary is damaged");
    if (vocabulary.kinds[id] != TokenKind::kNormal || !AlphabetToBytes(texts[id], &vocabulary.tokens[id])) {
      vocabulary.tokens[id] = texts[id];
    }
  }
  const MergeResolver resolver(path, texts, vocabulary.kinds);
  vocabulary.merges.reserve(merges.size());
  vocabulary.merged.reserve(merges.size());
  for (const std::string& merge : merges) {
    const size_t space = merge.find(' ', 1);
    if (space == std::string::npos || space + 1 == merge.size()) {
      ThrowUser("'", path, "': merge ", vocabulary.merges.size(), " is '", merge,
                "', expected two tokens and a space between");
    }
    resolver.Add(std::string_view(merge).substr(0, space), std::string_view(merge).substr(space + 1), &vocabulary);
  }
  vocabulary.eos_id = OptionalId(file, "tokenizer.ggml.eos_token_id", texts.size());
  const int32_t turn = OptionalId(file, "tokenizer.ggml.eot_token_id", texts.size());
  if (turn >= 0) vocabulary.end_ids.push_back(turn);
  return vocabulary;
}

}  // namespace pith
