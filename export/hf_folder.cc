#include "export/hf_folder.h"

#include <algorithm>
#include <filesystem>
#include <list>
#include <nlohmann/json.hpp>
#include <optional>

#include "adapters/atomic_folder.h"
#include "adapters/lora_names.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/safetensors.h"
#include "data/text/tokenizer.h"
#include "export/weight_rows.h"

namespace pith {
namespace {

using OrderedJson = nlohmann::ordered_json;

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
  auto config = OrderedJson::parse(PythonJson(ReadFile(base.path() + "/config.json")));  // BaseModel has read it already
  const char* key = config.contains("torch_dtype") ? "torch_dtype" : "dtype";
  config[key] = "bfloat16";
  const auto tied = config.find("tie_word_embeddings");  // which the file's tensors may have contradicted
  if (tied != config.end()) *tied = base.config().tied_embeddings;
  return config.dump(2) + "\n";
}

std::vector<int32_t> NamedEnds(const OrderedJson& settings) {
  OrderedJson ids = settings.value("eos_token_id", OrderedJson::array());
  if (!ids.is_array()) ids = OrderedJson::array({ids});
  std::vector<int32_t> ends;
  for (const OrderedJson& id : ids) {
    if (id.is_number_integer() && id >= 0) ends.push_back(id.get<int32_t>());
  }
  return ends;
}

// generation_config.json with all ends of the base, by which transformers stops; nothing where the base's own says them, or where it has no tokenizer.
std::optional<std::string> GenerationConfig(const std::string& base) {
  if (!FileExists(base + "/tokenizer.json") && !FileExists(base + "/tokenizer.model")) return std::nullopt;
  const auto tokenizer = Tokenizer::Load(base);
  const auto read = [&](const char* name) { return FileExists(base + name) ? OrderedJson::parse(PythonJson(ReadFile(base + name))) : OrderedJson(); };
  OrderedJson settings = read("/generation_config.json");
  if (settings.is_null()) {  // transformers then takes these from config.json
    settings = OrderedJson::object();
    const OrderedJson model = read("/config.json");
    for (const char* key : {"bos_token_id", "eos_token_id", "pad_token_id"}) {
      if (model.contains(key)) settings[key] = model[key];
    }
  }
  std::vector<int32_t> ends = NamedEnds(settings);
  const size_t named = ends.size();
  for (const int32_t id : tokenizer->end_ids()) {
    if (std::find(ends.begin(), ends.end(), id) == ends.end()) ends.push_back(id);
  }
  if (ends.size() == named) return std::nullopt;
  settings["eos_token_id"] = ends;
  return settings.dump(2) + "\n";
}

std::vector<std::string> KnownFiles() {
  std::vector<std::string> known = {"config.json", "model.safetensors"};
  known.insert(known.end(), std::begin(kCopiedFiles), std::end(kCopiedFiles));
  return known;
}

}  // namespace

void CheckFusedPlace(const std::string& out, bool overwrite) {
  CheckReplaceable(out, KnownFiles());
  std::error_code error;
  const std::filesystem::directory_iterator first(out, error);
  if (overwrite || error || first == std::filesystem::directory_iterator()) return;
  ThrowUser("--out '", out, "' is a folder that holds a model already (", first->path().filename().string(),
            "); name another folder, or replace it with --overwrite");
}

void WriteFusedFolder(const BaseModel& base, const LoraAdapter& adapter, const std::string& out) {
  PITH_CHECK(base.gguf() == nullptr, base.path());
  AtomicFolder folder(out, KnownFiles());
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
  const auto settings = GenerationConfig(base.path());
  if (settings) WriteFile(folder.path() + "/generation_config.json", *settings);
  for (const char* file : kCopiedFiles) {
    if (settings && std::string_view(file) == "generation_config.json") continue;
    const std::string from = base.path() + "/" + file;
    if (FileExists(from)) WriteFile(folder.path() + "/" + file, ReadFile(from));
  }
  folder.Commit();
}

}  // namespace pith
