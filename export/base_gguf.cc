#include "export/base_gguf.h"

#include <list>
#include <map>
#include <optional>
#include <utility>

#include "base/base_identity.h"
#include "base/model/base_tensors.h"
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
    WriteModelMetadata(config, &writer);
    SetTokenizerMetadata(base.path(), config.vocab_size, &writer);
  }
  WriteModelTables(config, &writer);
  std::list<std::vector<uint8_t>> bytes;
  std::map<std::string, TensorView, std::less<>> written;
  Substitutes substitutes;
  ProgressBar progress(adapter == nullptr ? "convert" : "fuse", static_cast<int64_t>(base.names().size()));
  const std::vector<ExpectedTensor> all = ExpectedTensors(config);
  for (size_t first = 0, end = 0; first < all.size(); first = end) {
    while (end < all.size() && all[end].gguf.name == all[first].gguf.name) ++end;
    std::vector<uint8_t>& whole = bytes.emplace_back();  // of the file's tensor: all that share it have the type of the first
    std::optional<TensorType> type;
    for (size_t i = first; i < end; ++i) {
      const WeightRows rows(base, all[i].name, config.gguf_rope, adapter);
      if (!type) type = TypeFor(all[i].name, rows, types, &substitutes);
      const std::vector<uint8_t> part = rows.ToBytes(*type);
      whole.insert(whole.end(), part.begin(), part.end());
    }
    size_t at = 0;
    for (size_t i = first; i < end; ++i) {
      const TensorView view{*type, all[i].rows, all[i].cols, whole.data() + at};
      at += view.bytes();
      written.emplace(all[i].name, view);
    }
    writer.Add(all[first].gguf.name, {*type, all[first].gguf.rows, all[first].cols, whole.data()});
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
