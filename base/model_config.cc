#include "base/model_config.h"

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_text.h"

namespace pith {
namespace {

using Json = nlohmann::json;

// Far above any model of this family; small enough that products of two of them cannot overflow.
constexpr int64_t kMaxLayers = 4096;
constexpr int64_t kMaxWidth = int64_t{1} << 24;
constexpr int64_t kMaxContext = int64_t{1} << 32;

void CheckRange(const std::string& path, const char* what, int64_t value, int64_t max) {
  if (value < 1 || value > max) ThrowUser("'", path, "': ", what, " is ", value, ", expected 1 to ", max);
}

void CheckConfig(const std::string& path, const ModelConfig& c) {
  CheckRange(path, "the number of layers", c.num_layers, kMaxLayers);
  CheckRange(path, "the model width", c.d_model, kMaxWidth);
  CheckRange(path, "the number of heads", c.num_heads, kMaxWidth);
  CheckRange(path, "the number of KV heads", c.num_kv_heads, kMaxWidth);
  CheckRange(path, "the head size", c.head_dim, kMaxWidth);
  CheckRange(path, "the feed-forward width", c.d_ff, kMaxWidth);
  CheckRange(path, "the vocabulary size", c.vocab_size, kMaxWidth);
  CheckRange(path, "the context length", c.context_length, kMaxContext);
  CheckRange(path, "heads × head size", c.q_dim(), kMaxWidth);
  if (c.num_heads % c.num_kv_heads != 0) {
    ThrowUser("'", path, "': ", c.num_heads, " heads cannot share ", c.num_kv_heads, " KV heads evenly");
  }
  if (c.head_dim % 2 != 0) ThrowUser("'", path, "': head size ", c.head_dim, " is odd, rotary positions need pairs");
  if (!std::isfinite(c.rope_theta) || c.rope_theta <= 0) {
    ThrowUser("'", path, "': rope theta is ", c.rope_theta, ", expected a positive number");
  }
  if (!std::isfinite(c.rms_norm_eps) || c.rms_norm_eps < 0 || c.rms_norm_eps >= 1) {
    ThrowUser("'", path, "': the norms' epsilon is ", c.rms_norm_eps, ", expected a small positive number");
  }
}

int64_t HeadDimFor(const std::string& path, int64_t d_model, int64_t num_heads) {
  CheckRange(path, "the number of heads", num_heads, kMaxWidth);
  if (d_model % num_heads != 0) {
    ThrowUser("'", path, "': width ", d_model, " is not a multiple of ", num_heads, " heads and no head size is given");
  }
  return d_model / num_heads;
}

[[noreturn]] void Unsupported(const std::string& path, const std::string& option, const std::string& value) {
  ThrowUser("'", path, "' asks for ", option, " = ", value, ", which pith does not implement; use a model without it");
}

// Refuses the numeric option `key` unless absent or `neutral`.
void RefuseNumber(const GgufFile& file, const std::string& key, double neutral) {
  const std::optional<double> value = file.Find<double>(key);
  if (value && *value != neutral) Unsupported(file.path(), key, Str(*value));
}

void RefuseGgufOptions(const GgufFile& file, const std::string& arch) {
  const auto key = [&](const char* name) { return arch + "." + name; };
  const std::string scaling = file.Find<std::string>(key("rope.scaling.type")).value_or("none");
  if (scaling != "none") Unsupported(file.path(), key("rope.scaling.type"), scaling);
  RefuseNumber(file, key("rope.scale_linear"), 1);
  RefuseNumber(file, key("rope.scaling.factor"), 1);
  RefuseNumber(file, key("expert_count"), 0);
  RefuseNumber(file, key("attention.sliding_window"), 0);
  RefuseNumber(file, key("logit_scale"), 1);
  RefuseNumber(file, key("residual_scale"), 1);
  RefuseNumber(file, key("embedding_scale"), 1);
  if (file.Has(key("attention.scale"))) RefuseNumber(file, key("attention.scale"), 0);
  if (!file.Find<bool>(key("attention.causal")).value_or(true)) {
    Unsupported(file.path(), key("attention.causal"), "false");
  }
  if (file.FindTensor("rope_freqs.weight") != nullptr) {
    Unsupported(file.path(), "rope scaling by tensor", "rope_freqs.weight");
  }
}

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

// Rotary settings: at the top level (rope_theta, rope_scaling), and since transformers 5 inside rope_parameters.
double HfRopeTheta(const std::string& path, const Json& json) {
  double theta = JsonNumber(path, json, "rope_theta", 10000.0);
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const Json* rope = FindJson(json, key);
    if (rope == nullptr) continue;
    if (!rope->is_object()) ThrowUser("'", path, "': ", key, " is ", rope->dump(), ", expected an object");
    const std::string type = JsonText(path, *rope, "rope_type", JsonText(path, *rope, "type", "default"));
    if (type != "default") Unsupported(path, Str(key, ".rope_type"), type);
    if (JsonNumber(path, *rope, "partial_rotary_factor", 1.0) != 1.0) {
      Unsupported(path, "partial_rotary_factor", rope->dump());
    }
    theta = JsonNumber(path, *rope, "rope_theta", theta);
  }
  return theta;
}

void RefuseHfOptions(const std::string& path, const Json& json) {
  const std::string activation = JsonText(path, json, "hidden_act", "silu");
  if (activation != "silu") Unsupported(path, "hidden_act", activation);
  for (const char* key : {"attention_bias", "mlp_bias", "use_sliding_window", "rope_interleaved"}) {
    if (JsonBool(path, json, key, false)) Unsupported(path, key, "true");
  }
  const double rotary_share = JsonNumber(path, json, "partial_rotary_factor", 1.0);
  if (rotary_share != 1.0) Unsupported(path, "partial_rotary_factor", Str(rotary_share));
  if (FindJson(json, "quantization_config") != nullptr) {
    Unsupported(path, "quantization_config", "a quantised checkpoint");
  }
  if (const Json* layers = FindJson(json, "layer_types")) {
    for (const Json& type : *layers) {
      if (type != "full_attention") Unsupported(path, "layer_types", type.dump());
    }
  }
}

}  // namespace

RopeLayout GgufRopeLayout(std::string_view arch) {
  return arch == "llama" ? RopeLayout::kInterleaved : RopeLayout::kHalves;
}

ModelConfig ModelConfigFromGguf(const GgufFile& file) {
  ModelConfig c;
  const std::string& path = file.path();
  c.arch = file.Get<std::string>("general.architecture");
  if (c.arch != "llama" && c.arch != "qwen2") {
    ThrowUser("'", path, "' is of architecture '", c.arch, "', expected llama or qwen2");
  }
  const auto key = [&](const char* name) { return c.arch + "." + name; };
  RefuseGgufOptions(file, c.arch);

  c.name = file.Find<std::string>("general.name").value_or("");
  c.num_layers = file.Get<int64_t>(key("block_count"));
  c.d_model = file.Get<int64_t>(key("embedding_length"));
  c.num_heads = file.Get<int64_t>(key("attention.head_count"));
  c.num_kv_heads = file.Find<int64_t>(key("attention.head_count_kv")).value_or(c.num_heads);
  const std::optional<int64_t> head_dim = file.Find<int64_t>(key("attention.key_length"));
  c.head_dim = head_dim ? *head_dim : HeadDimFor(path, c.d_model, c.num_heads);
  c.d_ff = file.Get<int64_t>(key("feed_forward_length"));
  c.context_length = file.Get<int64_t>(key("context_length"));
  c.rope_theta = file.Find<double>(key("rope.freq_base")).value_or(10000.0);
  c.rms_norm_eps = file.Get<double>(key("attention.layer_norm_rms_epsilon"));

  const int64_t value_dim = file.Find<int64_t>(key("attention.value_length")).value_or(c.head_dim);
  if (value_dim != c.head_dim) Unsupported(path, key("attention.value_length"), Str(value_dim));
  const int64_t rotary_dim = file.Find<int64_t>(key("rope.dimension_count")).value_or(c.head_dim);
  if (rotary_dim != c.head_dim) Unsupported(path, key("rope.dimension_count"), Str(rotary_dim));

  const GgufTensor* embedding = file.FindTensor("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2) {
    ThrowUser("'", path, "' has no matrix token_embd.weight, so it is not a model; name the base model's file");
  }
  c.vocab_size = embedding->shape[1];
  c.tied_embeddings = file.FindTensor("output.weight") == nullptr;
  c.qkv_bias = file.FindTensor("blk.0.attn_q.bias") != nullptr;
  c.rope = GgufRopeLayout(c.arch);
  CheckConfig(path, c);
  return c;
}

ModelConfig ModelConfigFromHf(const std::string& config_json_path) {
  const std::string& path = config_json_path;
  const std::string text = ReadFile(path, kMaxJsonBytes);
  if (const std::string problem = JsonObjectProblem(text); !problem.empty()) ThrowUser("'", path, "' ", problem);
  const Json json = Json::parse(text);

  ModelConfig c;
  std::string architecture;
  if (const Json* list = FindJson(json, "architectures")) {
    if (!list->is_array() || list->empty() || !list->front().is_string()) {
      ThrowUser("'", path, "': architectures is ", list->dump(), ", expected a list of one name");
    }
    architecture = list->front().get<std::string>();
  }
  if (architecture == "LlamaForCausalLM") {
    c.arch = "llama";
  } else if (architecture == "Qwen2ForCausalLM") {
    c.arch = "qwen2";
  } else {
    ThrowUser("'", path, "' is of architecture '", architecture, "', expected LlamaForCausalLM or Qwen2ForCausalLM");
  }
  RefuseHfOptions(path, json);

  c.name = JsonText(path, json, "_name_or_path", "");
  if (c.name.empty()) c.name = std::filesystem::absolute(path).parent_path().filename().string();
  c.num_layers = JsonInt(path, json, "num_hidden_layers");
  c.d_model = JsonInt(path, json, "hidden_size");
  c.num_heads = JsonInt(path, json, "num_attention_heads");
  c.num_kv_heads = JsonInt(path, json, "num_key_value_heads", c.num_heads);
  c.head_dim = FindJson(json, "head_dim") ? JsonInt(path, json, "head_dim") : HeadDimFor(path, c.d_model, c.num_heads);
  c.d_ff = JsonInt(path, json, "intermediate_size");
  c.vocab_size = JsonInt(path, json, "vocab_size");
  c.context_length = JsonInt(path, json, "max_position_embeddings");
  c.rope_theta = HfRopeTheta(path, json);
  c.rms_norm_eps = JsonNumber(path, json, "rms_norm_eps", 1e-6);
  c.tied_embeddings = JsonBool(path, json, "tie_word_embeddings", false);
  c.qkv_bias = c.arch == "qwen2";
  c.rope = RopeLayout::kHalves;
  CheckConfig(path, c);
  return c;
}

}  // namespace pith
