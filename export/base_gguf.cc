#include "export/base_gguf.h"

#include <list>
#include <map>

#include "base/base_identity.h"
#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "export/hf_tokenizer.h"
#include "export/weight_rows.h"

namespace pith {
namespace {

// llama.cpp's number for "mostly of this type" (general.file_type).
int64_t FileType(TensorType type) {
  switch (type) {
    case TensorType::kF32: return 0;
    case TensorType::kF16: return 1;
    case TensorType::kQ4_0: return 2;
    case TensorType::kQ4_1: return 3;
    case TensorType::kQ8_0: return 7;
    case TensorType::kIQ4_NL: return 25;
    case TensorType::kBF16: return 32;
  }
  PITH_CHECK(false, "type ", static_cast<uint32_t>(type));
  return 0;
}

void SetModelMetadata(const ModelConfig& c, GgufWriter* writer) {
  const auto key = [&](const char* name) { return c.arch + "." + name; };
  writer->Set("general.architecture", c.arch);
  writer->Set("general.type", std::string("model"));
  if (!c.name.empty()) writer->Set("general.name", c.name);
  writer->Set(key("block_count"), c.num_layers);
  writer->Set(key("context_length"), c.context_length);
  writer->Set(key("embedding_length"), c.d_model);
  writer->Set(key("feed_forward_length"), c.d_ff);
  writer->Set(key("attention.head_count"), c.num_heads);
  writer->Set(key("attention.head_count_kv"), c.num_kv_heads);
  writer->Set(key("attention.key_length"), c.head_dim);
  writer->Set(key("attention.value_length"), c.head_dim);
  writer->Set(key("attention.layer_norm_rms_epsilon"), c.rms_norm_eps);
  writer->Set(key("rope.dimension_count"), c.head_dim);
  writer->Set(key("rope.freq_base"), c.rope_theta);
  writer->Set(key("vocab_size"), c.vocab_size);
}

bool IsHead(const std::string& name) { return name == "token_embd.weight" || name == "output.weight"; }

TensorType TypeFor(const std::string& name, const WeightRows& rows, const BaseTypes& types) {
  if (rows.is_vector()) return TensorType::kF32;
  const TensorType head = types.head_type.value_or(IsFourBit(types.type) ? TensorType::kQ8_0 : types.type);
  const TensorType type = IsHead(name) ? head : types.type;
  if (rows.cols() % ValuesPerBlock(type) == 0) return type;
  LogWarning(Str("tensor '", name, "' has rows of ", rows.cols(), " values, which blocks of ", kBlockSize,
                 " do not divide; it becomes f16"));
  return TensorType::kF16;
}

}  // namespace

void WriteBaseGguf(const BaseModel& base, const LoraAdapter* adapter, const BaseTypes& types, const std::string& out) {
  const ModelConfig& config = base.config();
  GgufWriter writer;
  if (base.gguf() != nullptr) {
    writer.CopyMetadata(*base.gguf());
  } else {
    SetModelMetadata(config, &writer);
    SetTokenizerMetadata(base.path(), config.vocab_size, &writer);
  }
  const RopeLayout order = GgufRopeLayout(config.arch);
  std::list<std::vector<uint8_t>> bytes;
  std::map<std::string, TensorView, std::less<>> written;
  ProgressBar progress(adapter == nullptr ? "convert" : "fuse", static_cast<int64_t>(base.names().size()));
  for (const std::string& name : base.names()) {
    const WeightRows rows(base, name, order, adapter);
    const TensorType type = TypeFor(name, rows, types);
    bytes.push_back(rows.ToBytes(type));
    const TensorView view{type, rows.rows(), rows.cols(), bytes.back().data()};
    writer.Add(name, view);
    written.emplace(name, view);
    progress.Update(static_cast<int64_t>(written.size()));
  }
  writer.Set("general.file_type", FileType(types.type));
  writer.Set("general.quantization_version", int64_t{2});
  const std::string identity = HashTensors(written);
  writer.Set(kIdentityKey, identity);
  writer.Set(kIdentityTreeKey, HashTensorTree(written, identity));
  writer.Write(out);
}

}  // namespace pith
