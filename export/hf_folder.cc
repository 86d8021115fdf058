#include "export/hf_folder.h"

#include <algorithm>
#include <filesystem>
#include <list>
#include <nlohmann/json.hpp>
#include <optional>

#include "adapters/atomic_folder.h"
#include "base/model/base_tensors.h"
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

// In bfloat16, with the adapter in it.
std::vector<uint8_t> BytesOf(const BaseModel& base, const ExpectedTensor& tensor, const LoraAdapter& adapter) {
  const float offset = base.config().tensors.hf_norm_offset;
  if (!tensor.is_norm || offset == 0) return WeightRows(base, tensor.name, RopeLayout::kHalves, &adapter).ToBytes(TensorType::kBF16);
  std::vector<float> values = base.Tensor(tensor.name).ToF32();
  for (float& value : values) value -= offset;
  std::vector<uint8_t> bytes(RowBytes(TensorType::kBF16, tensor.cols));
  Quantise(TensorType::kBF16, values.data(), bytes.data(), tensor.cols);
  return bytes;
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
  const std::vector<ExpectedTensor> all = ExpectedTensors(base.config());
  for (size_t first = 0, end = 0; first < all.size(); first = end) {
    std::vector<uint8_t>& whole = bytes.emplace_back();
    for (; end < all.size() && all[end].hf.name == all[first].hf.name; ++end) {
      const std::vector<uint8_t> part = BytesOf(base, all[end], adapter);
      whole.insert(whole.end(), part.begin(), part.end());
    }
    std::vector<int64_t> shape{all[first].cols};
    if (all[first].rows != 1) shape.insert(shape.begin(), all[first].hf.rows);
    tensors.push_back({all[first].hf.name, shape, TensorType::kBF16, whole.data()});
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
