#include "export/hf_folder.h"

#include <list>
#include <nlohmann/json.hpp>

#include "adapters/atomic_folder.h"
#include "adapters/lora_names.h"
#include "base/error.h"
#include "base/file.h"
#include "base/safetensors.h"
#include "export/weight_rows.h"

namespace pith {
namespace {

const char* const kCopiedFiles[] = {"generation_config.json", "tokenizer.json", "tokenizer_config.json", "tokenizer.model",
                                    "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt",
                                    "chat_template.jinja"};

// "blk.3.attn_q.bias" → "model.layers.3.self_attn.q_proj.bias".
std::string HfName(const std::string& name) {
  if (name == "token_embd.weight") return "model.embed_tokens.weight";
  if (name == "output_norm.weight") return "model.norm.weight";
  if (name == "output.weight") return "lm_head.weight";
  const size_t dot = name.rfind('.'), kind = name.find('.', sizeof("blk.") - 1);
  PITH_CHECK(name.rfind("blk.", 0) == 0 && kind < dot, name);
  const std::string layer = name.substr(sizeof("blk.") - 1, kind - (sizeof("blk.") - 1));
  if (name.substr(kind + 1) == "attn_norm.weight") return Str("model.layers.", layer, ".input_layernorm.weight");
  if (name.substr(kind + 1) == "ffn_norm.weight") return Str("model.layers.", layer, ".post_attention_layernorm.weight");
  const auto place = ParseWeightName(name.substr(0, dot) + ".weight");
  PITH_CHECK(place.has_value(), name);
  return ModuleName(*place) + name.substr(dot);
}

std::string ConfigAsWritten(const BaseModel& base) {
  auto config = nlohmann::ordered_json::parse(ReadFile(base.path() + "/config.json"));  // BaseModel has read it already
  const char* key = config.contains("torch_dtype") ? "torch_dtype" : "dtype";
  config[key] = "bfloat16";
  const auto tied = config.find("tie_word_embeddings");  // which the file's tensors may have contradicted
  if (tied != config.end()) *tied = base.config().tied_embeddings;
  return config.dump(2) + "\n";
}

}  // namespace

void WriteFusedFolder(const BaseModel& base, const LoraAdapter& adapter, const std::string& out) {
  PITH_CHECK(base.gguf() == nullptr, base.path());
  std::vector<std::string> known = {"config.json", "model.safetensors"};
  known.insert(known.end(), std::begin(kCopiedFiles), std::end(kCopiedFiles));
  AtomicFolder folder(out, known);
  std::list<std::vector<uint8_t>> bytes;
  std::vector<SafeTensorToWrite> tensors;
  for (const std::string& name : base.names()) {
    const WeightRows rows(base, name, RopeLayout::kHalves, &adapter);
    bytes.push_back(rows.ToBytes(TensorType::kBF16));
    std::vector<int64_t> shape{rows.cols()};
    if (!rows.is_vector()) shape.insert(shape.begin(), rows.rows());
    tensors.push_back({HfName(name), shape, TensorType::kBF16, bytes.back().data()});
  }
  WriteSafetensors(folder.path() + "/model.safetensors", tensors, {{"format", "pt"}});
  WriteFile(folder.path() + "/config.json", ConfigAsWritten(base));
  for (const char* file : kCopiedFiles) {
    const std::string from = base.path() + "/" + file;
    if (FileExists(from)) WriteFile(folder.path() + "/" + file, ReadFile(from));
  }
  folder.Commit();
}

}  // namespace pith
