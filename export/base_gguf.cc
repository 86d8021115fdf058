#include "export/base_gguf.h"

#include <list>
#include <map>
#include <utility>

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
    case TensorType::kQ5_0: return 8;
    case TensorType::kQ5_1: return 9;
    case TensorType::kQ4_K: return 14;  // "small": the only one of the mixtures that is q4_k throughout
    case TensorType::kQ6_K: return 18;
    case TensorType::kIQ4_NL: return 25;
    case TensorType::kBF16: return 32;
    default: break;
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

TensorType HeadType(const BaseTypes& types) {
  if (types.head_type) return *types.head_type;
  if (types.type == TensorType::kQ4_K) return TensorType::kQ6_K;
  return IsFourBit(types.type) ? TensorType::kQ8_0 : types.type;
}

// The matrices that took another type than was asked for.
class Substitutes {
 public:
  void Add(const std::string& name, int64_t cols, TensorType asked, TensorType taken) {
    Group& group = groups_[{asked, taken}];
    if (group.count++ == 0) group.first = Str("'", name, "' with rows of ", cols);
  }
  void Warn() const {
    if (groups_.empty()) return;
    std::string text;
    for (const auto& [types, group] : groups_) {
      text += Str(text.empty() ? "" : "; ", group.count, " became ", TypeName(types.second), " instead of ", TypeName(types.first), ", the first ", group.first);
    }
    LogWarning("matrices with rows that the blocks of their type do not divide: " + text);
  }

 private:
  struct Group {
    int64_t count = 0;
    std::string first;
  };
  std::map<std::pair<TensorType, TensorType>, Group> groups_;
};

TensorType TypeFor(const std::string& name, const WeightRows& rows, const BaseTypes& types, Substitutes* substitutes) {
  if (rows.is_vector()) return TensorType::kF32;
  const TensorType asked = IsHead(name) ? HeadType(types) : types.type, taken = FittingType(asked, rows.cols());
  if (taken != asked) substitutes->Add(name, rows.cols(), asked, taken);
  return taken;
}

}  // namespace

std::string NamesOf(std::span<const TensorType> types, const char* between) {
  std::string names;
  for (const TensorType type : types) names += Str(names.empty() ? "" : between, TypeName(type));
  return names;
}

TensorType FittingType(TensorType type, int64_t cols) {
  if (cols % ValuesPerBlock(type) == 0) return type;
  if (cols % kBlockSize != 0) return TensorType::kF16;
  return type == TensorType::kQ4_K ? TensorType::kQ5_0 : TensorType::kQ8_0;
}

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
  Substitutes substitutes;
  ProgressBar progress(adapter == nullptr ? "convert" : "fuse", static_cast<int64_t>(base.names().size()));
  for (const std::string& name : base.names()) {
    const WeightRows rows(base, name, order, adapter);
    const TensorType type = TypeFor(name, rows, types, &substitutes);
    bytes.push_back(rows.ToBytes(type));
    const TensorView view{type, rows.rows(), rows.cols(), bytes.back().data()};
    writer.Add(name, view);
    written.emplace(name, view);
    progress.Update(static_cast<int64_t>(written.size()));
  }
  substitutes.Warn();
  writer.Set("general.file_type", FileType(types.type));
  writer.Set("general.quantization_version", int64_t{2});
  const std::string identity = HashTensors(written);
  writer.Set(kIdentityKey, identity);
  writer.Set(kIdentityTreeKey, HashTensorTree(written, identity));
  writer.Write(out);
}

}  // namespace pith
