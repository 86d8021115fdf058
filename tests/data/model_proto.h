// A tokenizer.model (sentencepiece's ModelProto) from its pieces: what a test wants to see read.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/gguf.h"

namespace pith {

struct ModelProto {
  enum Type { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };
  struct Piece {
    std::string text;
    float score = 0;
    int type = kNormal;
  };
  std::vector<Piece> pieces;
  bool unigram = false, byte_fallback = false, dummy_prefix = true, squeeze = false;

  std::string Bytes() const {
    std::string out;
    for (const Piece& piece : pieces) {
      std::string message = Text(1, piece.text);
      message += static_cast<char>(2 << 3 | 5);
      char score[4];
      std::memcpy(score, &piece.score, 4);
      message.append(score, 4);
      message += Number(3, static_cast<uint64_t>(piece.type));
      out += Text(1, message);
    }
    out += Text(2, Number(3, unigram ? 1 : 2) + Number(35, byte_fallback ? 1 : 0));
    out += Text(3, Number(3, dummy_prefix ? 1 : 0) + Number(4, squeeze ? 1 : 0));
    return out;
  }

 private:
  static std::string Varint(uint64_t value) {
    std::string out;
    for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
    return out + static_cast<char>(value);
  }
  static std::string Number(uint64_t field, uint64_t value) { return Varint(field << 3) + Varint(value); }
  static std::string Text(uint64_t field, std::string_view text) { return Varint(field << 3 | 2) + Varint(text.size()) + std::string(text); }
};

// The vocabulary of a GGUF of sentencepiece's BPE, whose fields are those of a tokenizer.model. Of pieces for what is unknown it
// has one, while converters give that type to padding, too.
inline ModelProto ModelProtoOfGguf(const GgufFile& file) {
  const auto texts = file.Get<std::vector<std::string>>("tokenizer.ggml.tokens");
  const auto scores = file.Get<std::vector<double>>("tokenizer.ggml.scores");
  const auto types = file.Get<std::vector<int64_t>>("tokenizer.ggml.token_type");
  ModelProto model;
  for (size_t id = 0; id < texts.size(); ++id) {
    const int type = texts[id] == "<unk>" ? ModelProto::kUnknown : types[id] == ModelProto::kUnknown ? ModelProto::kUnused : static_cast<int>(types[id]);
    model.pieces.push_back({texts[id], static_cast<float>(scores[id]), type});
    model.byte_fallback = model.byte_fallback || types[id] == ModelProto::kByte;
  }
  model.dummy_prefix = file.Find<bool>("tokenizer.ggml.add_space_prefix").value_or(true);
  return model;
}

}  // namespace pith
