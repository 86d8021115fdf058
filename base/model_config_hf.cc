#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_text.h"
#include "base/model_config_checks.h"

namespace pith {
namespace {

using Json = nlohmann::json;

// One typed value of config.json; null counts as absent.
const Json* FindJson(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found == json.end() || found->is_null() ? nullptr : &*found;
}

int64_t JsonInt(const std::string& path, const Json& json, const char* key, std::optional<int64_t> missing = {}) {
  const Json* value = FindJson(json, key);
  if (value == nullptr) {
    if (missing) return *missing;
    ThrowUser("'", path, "' lacks ", key);
  }
  const bool fits = value->is_number_integer() && !(value->is_number_unsigned() && value->get<uint64_t>() >> 63 != 0);
  if (!fits) ThrowUser("'", path, "': ", key, " is ", value->dump(), ", expected an integer");
  return value->get<int64_t>();
}

double JsonNumber(const std::string& path, const Json& json, const char* key, double missing) {
  const Json* value = FindJson(json, key);
  if (value == nullptr) return missing;
  if (!value->is_number()) ThrowUser("'", path, "': ", key, " is ", value->dump(), ", expected a number");
  return value->get<double>();
}

bool JsonBool(const std::string& path, const Json& json, const char* key, bool missing) {
  const Json* value = FindJson(json, key);
  if (value == nullptr) return missing;
  if (!value->is_boolean()) ThrowUser("'", path, "': ", key, " is ", value->dump(), ", expected true or false");
  return value->get<bool>();
}

std::string JsonText(const std::string& path, const Json& json, const char* key, const std::string& missing) {
  const Json* value = FindJson(json, key);
  if (value == nullptr) return missing;
  if (!value->is_string()) ThrowUser("'", path, "': ", key, " is ", value->dump(), ", expected a string");
  return value->get<std::string>();
}

// As transformers chooses: by model_type. Files that give none, or one of their own that names the family ("house_llama"), say by the
// class that made them, which is what llama.cpp's converter goes by. Where the two name different families, neither is believed.
std::string Architecture(const std::string& path, const Json& json) {
  const std::string type = JsonText(path, json, "model_type", "");
  if (type == "llama" || type == "qwen2") return type;
  std::string name;
  const Json* list = FindJson(json, "architectures");
  if (list != nullptr && !(list->is_array() && list->empty() && !type.empty())) {
    if (!list->is_array() || list->empty() || !list->front().is_string()) {
      ThrowUser("'", path, "': architectures is ", list->dump(), ", expected a list of one name");
    }
    name = list->front().get<std::string>();
  }
  const std::string family = name == "LlamaForCausalLM" ? "llama" : name == "Qwen2ForCausalLM" ? "qwen2" : "";
  if (!family.empty() && (type.empty() || type.find(family) != std::string::npos)) return family;
  if (!family.empty()) {
    ThrowUser("'", path, "': model_type is '", type, "' but architectures says ", name, "; let model_type be '", family,
              "' where the model is one");
  }
  ThrowUser("'", path, "' is of architecture '", name, "' (model_type '", type,
            "'), expected LlamaForCausalLM or Qwen2ForCausalLM (llama or qwen2)");
}

// Whether a scaling of rotary positions leaves them as they are: by 1, or only beyond the context that the file names, where pith
// stops.
bool IsNeutralScaling(const std::string& path, const Json& rope, const std::string& type) {
  if (type == "default" || type == "dynamic") return true;
  if (type != "linear" && type != "yarn" && type != "llama3") return false;
  return JsonNumber(path, rope, "factor", 0.0) == 1 && JsonNumber(path, rope, "attention_factor", 1.0) == 1;
}

// Rotary settings: at the top level (rope_theta, rope_scaling), and since transformers 5 inside rope_parameters, which an older
// rope_scaling overrides.
double RopeTheta(const std::string& path, const Json& json) {
  const double theta = JsonNumber(path, json, "rope_theta", 10000.0);
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const Json* rope = FindJson(json, key);
    if (rope == nullptr || (rope->is_object() && rope->empty())) continue;
    if (!rope->is_object()) ThrowUser("'", path, "': ", key, " is ", rope->dump(), ", expected an object");
    for (const auto& [name, value] : rope->items()) {
      if (value.is_object()) RefuseOption(path, Str(key, ".", name), "rotary positions of its own for some layers");
    }
    const std::string type = JsonText(path, *rope, "rope_type", JsonText(path, *rope, "type", "default"));
    if (!IsNeutralScaling(path, *rope, type)) RefuseOption(path, Str(key, ".rope_type"), type);
    if (JsonNumber(path, *rope, "partial_rotary_factor", 1.0) != 1.0) {
      RefuseOption(path, "partial_rotary_factor", rope->dump());
    }
    return JsonNumber(path, *rope, "rope_theta", theta);
  }
  return theta;
}

// As transformers' Qwen2Config: the layers from max_window_layers on slide, where layer_types does not say which.
void RefuseSlidingWindows(const std::string& path, const Json& json, const ModelConfig& c) {
  const Json* layers = FindJson(json, "layer_types");
  const bool slides = JsonBool(path, json, "use_sliding_window", false);
  if (c.arch == "qwen2") {
    const bool is_off = FindJson(json, "sliding_window") == nullptr && json.contains("sliding_window");
    if (is_off || JsonInt(path, json, "sliding_window", 4096) >= c.context_length) return;
    if (layers == nullptr && slides && JsonInt(path, json, "max_window_layers", 28) >= c.num_layers) return;
  }
  if (slides && layers == nullptr) RefuseOption(path, "use_sliding_window", "true");
  if (layers == nullptr) return;
  for (const Json& type : *layers) {
    if (type != "full_attention") RefuseOption(path, "layer_types", type.dump());
  }
}

void RefuseOptions(const std::string& path, const Json& json, const ModelConfig& c) {
  const std::string activation = JsonText(path, json, "hidden_act", "silu");
  if (activation != "silu" && activation != "swish") RefuseOption(path, "hidden_act", activation);
  for (const char* key : {"attention_bias", "mlp_bias"}) {  // Qwen2 has its biases where it has them, whatever stands there
    if (JsonBool(path, json, key, false) && c.arch != "qwen2") RefuseOption(path, key, "true");
  }
  if (JsonBool(path, json, "rope_interleaved", false)) RefuseOption(path, "rope_interleaved", "true");
  const double rotary_share = JsonNumber(path, json, "partial_rotary_factor", 1.0);
  if (rotary_share != 1.0) RefuseOption(path, "partial_rotary_factor", Str(rotary_share));
  for (const char* key : {"quantization_config", "compression_config"}) {
    if (FindJson(json, key) != nullptr) RefuseOption(path, key, "a quantised checkpoint");
  }
  RefuseSlidingWindows(path, json, c);
}

}  // namespace

ModelConfig ModelConfigFromHf(const std::string& config_json_path) {
  const std::string& path = config_json_path;
  const std::string text = PythonJson(ReadFile(path, kMaxJsonBytes));
  if (const std::string problem = JsonObjectProblem(text, kMaxJsonDepth, RepeatedKeys::kLastCounts); !problem.empty()) ThrowUser("'", path, "' ", problem);
  const Json json = Json::parse(text);

  ModelConfig c;
  c.arch = Architecture(path, json);
  c.name = JsonText(path, json, "_name_or_path", "");
  if (c.name.empty() || std::string("/.~").find(c.name[0]) != std::string::npos)  // none, or a place on its maker's machine
    c.name = std::filesystem::absolute(path).parent_path().filename().string();
  c.num_layers = JsonInt(path, json, "num_hidden_layers");
  c.d_model = JsonInt(path, json, "hidden_size");
  c.num_heads = JsonInt(path, json, "num_attention_heads");
  c.num_kv_heads = JsonInt(path, json, "num_key_value_heads", c.num_heads);
  c.head_dim = FindJson(json, "head_dim") ? JsonInt(path, json, "head_dim") : HeadDimFor(path, c.d_model, c.num_heads);
  c.d_ff = JsonInt(path, json, "intermediate_size");
  c.vocab_size = JsonInt(path, json, "vocab_size");
  c.context_length = JsonInt(path, json, "max_position_embeddings", c.arch == "llama" ? 2048 : 32768);
  c.rope_theta = RopeTheta(path, json);
  c.rms_norm_eps = JsonNumber(path, json, "rms_norm_eps", 1e-6);
  c.tied_embeddings = JsonBool(path, json, "tie_word_embeddings", false);
  c.qkv_bias = c.arch == "qwen2";
  c.rope = RopeLayout::kHalves;
  RefuseOptions(path, json, c);
  CheckModelConfig(path, c);
  return c;
}

}  // namespace pith
