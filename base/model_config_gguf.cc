#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "base/error.h"
#include "base/model_config_checks.h"

namespace pith {
namespace {

// Refuses the numeric option `key` unless absent or one of `neutral`.
void RefuseNumber(const GgufFile& file, const std::string& key, std::initializer_list<double> neutral) {
  const std::optional<double> value = file.Find<double>(key);
  if (value && std::find(neutral.begin(), neutral.end(), *value) == neutral.end()) RefuseOption(file.path(), key, Str(*value));
}

// A count that a file may give for each layer.
std::optional<int64_t> FindPerLayer(const GgufFile& file, const std::string& key, int64_t num_layers) {
  if (!file.IsArray(key)) return file.Find<int64_t>(key);
  const auto values = file.Get<std::vector<int64_t>>(key);
  if (values.empty() || static_cast<int64_t>(values.size()) != num_layers) {
    ThrowUser("'", file.path(), "': ", key, " has ", values.size(), " values, but the model has ", num_layers, " layers");
  }
  for (size_t layer = 1; layer < values.size(); ++layer) {
    if (values[layer] == values[0]) continue;
    RefuseOption(file.path(), key, Str(values[0], " in layer 0 and ", values[layer], " in layer ", layer));
  }
  return values[0];
}

int64_t GetPerLayer(const GgufFile& file, const std::string& key, int64_t num_layers) {
  const auto value = FindPerLayer(file, key, num_layers);
  return value ? *value : file.Get<int64_t>(key);
}

// Scaling by 1 is none. As in llama.cpp, a factor without a type is linear, and 0 is no factor.
void RefuseRopeScaling(const GgufFile& file, const std::string& arch) {
  const auto key = [&](const char* name) { return arch + ".rope." + name; };
  const std::string type = file.Find<std::string>(key("scaling.type")).value_or("linear");
  const std::string factor_key = key(file.Has(key("scaling.factor")) ? "scaling.factor" : "scale_linear");
  const double factor = file.Find<double>(factor_key).value_or(0);
  if (type != "none" && type != "linear" && !(type == "yarn" && factor == 1)) RefuseOption(file.path(), key("scaling.type"), type);
  if (type == "linear" && factor != 0 && factor != 1) RefuseOption(file.path(), factor_key, Str(factor));
  for (const char* name : {"scaling.attn_factor", "scaling.yarn_attn_factor"}) RefuseNumber(file, key(name), {1});
  if (file.FindTensor("rope_freqs.weight") == nullptr) return;
  for (const float divisor : file.Tensor("rope_freqs.weight").ToF32()) {
    if (divisor != 1) RefuseOption(file.path(), "rope scaling by tensor", "rope_freqs.weight");
  }
}

void RefuseOptions(const GgufFile& file, const ModelConfig& c) {
  const auto key = [&](const char* name) { return c.arch + "." + name; };
  RefuseRopeScaling(file, c.arch);
  for (const char* name : {"expert_count", "attention.clamp_kqv", "attention.max_alibi_bias", "attn_logit_softcapping",
                           "final_logit_softcapping"}) {
    RefuseNumber(file, key(name), {0});
  }
  for (const char* name : {"logit_scale", "residual_scale", "embedding_scale"}) RefuseNumber(file, key(name), {0, 1});
  const double scale = 1 / std::sqrt(static_cast<double>(c.head_dim));  // the usual one, as a file may spell it out
  RefuseNumber(file, key("attention.scale"), {0, scale, static_cast<double>(static_cast<float>(scale))});
  const int64_t window = file.Find<int64_t>(key("attention.sliding_window")).value_or(0);
  if (window > 0 && window < c.context_length) RefuseOption(file.path(), key("attention.sliding_window"), Str(window));
  if (!file.Find<bool>(key("attention.causal")).value_or(true)) RefuseOption(file.path(), key("attention.causal"), "false");
  const int64_t value_dim = file.Find<int64_t>(key("attention.value_length")).value_or(c.head_dim);
  if (value_dim != c.head_dim) RefuseOption(file.path(), key("attention.value_length"), Str(value_dim));
  const int64_t rotary_dim = file.Find<int64_t>(key("rope.dimension_count")).value_or(c.head_dim);
  if (rotary_dim != c.head_dim) RefuseOption(file.path(), key("rope.dimension_count"), Str(rotary_dim));
}

}  // namespace

RopeLayout GgufRopeLayout(std::string_view arch) {
  return arch == "llama" ? RopeLayout::kInterleaved : RopeLayout::kHalves;
}

ModelConfig ModelConfigFromGguf(const GgufFile& file) {
  ModelConfig c;
  const std::string& path = file.path();
  if (file.Has("general.type") && file.Find<std::string>("general.type") == "adapter") {
    ThrowUser("'", path, "' is an adapter, not a base; name the base's file here, and this one as the adapter");
  }
  c.arch = file.Get<std::string>("general.architecture");
  if (c.arch != "llama" && c.arch != "qwen2") {
    ThrowUser("'", path, "' is of architecture '", c.arch, "', expected llama or qwen2");
  }
  const auto key = [&](const char* name) { return c.arch + "." + name; };
  c.name = file.Find<std::string>("general.name").value_or("");
  c.num_layers = file.Get<int64_t>(key("block_count"));
  c.d_model = file.Get<int64_t>(key("embedding_length"));
  c.num_heads = GetPerLayer(file, key("attention.head_count"), c.num_layers);
  c.num_kv_heads = FindPerLayer(file, key("attention.head_count_kv"), c.num_layers).value_or(c.num_heads);
  const std::optional<int64_t> head_dim = file.Find<int64_t>(key("attention.key_length"));
  c.head_dim = head_dim ? *head_dim : HeadDimFor(path, c.d_model, c.num_heads);
  c.d_ff = GetPerLayer(file, key("feed_forward_length"), c.num_layers);
  c.context_length = file.Get<int64_t>(key("context_length"));
  c.rope_theta = file.Find<double>(key("rope.freq_base")).value_or(10000.0);
  c.rms_norm_eps = file.Get<double>(key("attention.layer_norm_rms_epsilon"));
  RefuseOptions(file, c);

  const GgufTensor* embedding = file.FindTensor("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2) {
    ThrowUser("'", path, "' has no matrix token_embd.weight, so it is not a model; name the base model's file");
  }
  c.vocab_size = embedding->shape[1];
  c.tied_embeddings = file.FindTensor("output.weight") == nullptr;
  c.qkv_bias = file.FindTensor("blk.0.attn_q.bias") != nullptr;
  c.rope = GgufRopeLayout(c.arch);
  CheckModelConfig(path, c);
  return c;
}

}  // namespace pith
