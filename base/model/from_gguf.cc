// A description from a GGUF's metadata, and back.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/model/family.h"
#include "base/model/gguf_rope.h"
#include "base/model/model_config_checks.h"

namespace pith {
namespace {

constexpr char kScale[] = "attention.scale", kWindow[] = "attention.sliding_window", kPattern[] = "attention.sliding_window_pattern";
constexpr char kScoreCap[] = "attn_logit_softcapping", kLogitCap[] = "final_logit_softcapping";

const Family& FamilyOfArch(const std::string& path, const std::string& arch) {
  std::string known;
  for (const Family* family : Families()) {
    if (arch == family->arch) return *family;
    if (known.find(family->arch) == std::string::npos) known += Str(known.empty() ? "" : ", ", family->arch);
  }
  ThrowUser("'", path, "' is of architecture '", arch, "', which pith does not run; expected one of ", known);
}

void RefuseGgufOptions(const GgufFields& fields) {
  for (const char* name : {"expert_count", "attention.clamp_kqv", "attention.max_alibi_bias"}) fields.RefuseNumber(name, {0});
  for (const char* name : {"logit_scale", "residual_scale", "embedding_scale"}) fields.RefuseNumber(name, {0, 1});
  if (!fields.Find<bool>("attention.causal").value_or(true)) fields.Refuse("attention.causal", "false");
}

// In every layer, or in those that the pattern marks.
void ReadWindows(const GgufFields& fields, ModelConfig* c) {
  const int64_t window = fields.Find<int64_t>(kWindow).value_or(0);
  std::vector<bool> slides(static_cast<size_t>(c->num_layers), true);
  if (fields.file().IsArray(fields.Key(kPattern))) slides = fields.Get<std::vector<bool>>(kPattern);
  if (static_cast<int64_t>(slides.size()) != c->num_layers) {
    ThrowUser("'", fields.path(), "': ", fields.Key(kPattern), " has ", slides.size(), " values, but the model has ", c->num_layers, " layers");
  }
  SetWindows(window, slides, c);
}

double ReadCap(const GgufFields& fields, const char* name) {
  const double cap = fields.Find<double>(name).value_or(0);
  if (!std::isfinite(cap) || cap < 0) fields.Refuse(name, Str(cap));
  return cap;
}

}  // namespace

ModelConfig ModelConfigFromGguf(const GgufFile& file) {
  ModelConfig c;
  const std::string& path = file.path();
  if (file.Has("general.type") && file.Find<std::string>("general.type") == "adapter") {
    ThrowUser("'", path, "' is an adapter, not a base; name the base's file here, and this one as the adapter");
  }
  c.arch = file.Get<std::string>("general.architecture");
  const Family& family = FamilyOfArch(path, c.arch);
  const GgufFields fields(file, c.arch);
  c.name = file.Find<std::string>("general.name").value_or("");
  c.num_layers = fields.Get<int64_t>("block_count");
  c.d_model = fields.Get<int64_t>("embedding_length");
  c.num_heads = fields.GetPerLayer("attention.head_count", c.num_layers);
  c.num_kv_heads = fields.FindPerLayer("attention.head_count_kv", c.num_layers).value_or(c.num_heads);
  const auto head_dim = [&](const char* name) {
    const std::optional<int64_t> given = fields.Find<int64_t>(name);
    return given ? *given : HeadDimFor(path, c.d_model, c.num_heads);
  };
  c.head_dim = head_dim("attention.key_length");
  c.value_head_dim = head_dim("attention.value_length");
  c.d_ff = fields.GetPerLayer("feed_forward_length", c.num_layers);
  c.context_length = fields.Get<int64_t>("context_length");
  c.rms_norm_eps = fields.Get<double>("attention.layer_norm_rms_epsilon");
  const GgufTensor* embedding = file.FindTensor("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2) {
    ThrowUser("'", path, "' has no matrix token_embd.weight, so it is not a model; name the base model's file");
  }
  c.vocab_size = embedding->shape[1];
  CheckModelSizes(path, c);
  RefuseGgufOptions(fields);
  c.rotary_dim = fields.Find<int64_t>("rope.dimension_count").value_or(c.head_dim);
  if (c.rotary_dim < 2 || c.rotary_dim % 2 != 0 || c.rotary_dim > c.head_dim) fields.Refuse("rope.dimension_count", Str(c.rotary_dim));
  c.rotaries = {ReadGgufRotary(fields, c.context_length, c.rotary_dim)};
  c.attention_scale = fields.Find<double>(kScale).value_or(0);
  c.attention_soft_cap = ReadCap(fields, kScoreCap);
  c.logit_soft_cap = ReadCap(fields, kLogitCap);
  c.tied_embeddings = file.FindTensor("output.weight") == nullptr;
  c.qkv_bias = file.FindTensor("blk.0.attn_q.bias") != nullptr;
  ReadWindows(fields, &c);
  family.from_gguf(fields, &c);
  c.rope = c.gguf_rope;
  c.tensors.hf_norm_offset = 0;
  c.Finish();
  CheckModelConfig(path, c);
  return c;
}

void WriteModelMetadata(const ModelConfig& c, GgufWriter* writer) {
  const auto set = [&](const char* name, const GgufValue& value) { writer->Set(c.arch + "." + name, value); };
  writer->Set("general.architecture", c.arch);
  writer->Set("general.type", std::string("model"));
  if (!c.name.empty()) writer->Set("general.name", c.name);
  set("block_count", c.num_layers);
  const int64_t stated_context = c.stated_context != 0 ? c.stated_context : c.context_length;
  set("context_length", stated_context);
  set("embedding_length", c.d_model);
  set("feed_forward_length", c.d_ff);
  set("attention.head_count", c.num_heads);
  set("attention.head_count_kv", c.num_kv_heads);
  set("attention.key_length", c.head_dim);
  set("attention.value_length", c.value_head_dim);
  set("attention.layer_norm_rms_epsilon", c.rms_norm_eps);
  set("rope.dimension_count", c.rotary_dim);
  set("vocab_size", c.vocab_size);
  WriteGgufRotary(c.arch, c.rotaries.front(), writer);
  if (c.attention_scale != 1 / std::sqrt(static_cast<double>(c.head_dim))) set(kScale, c.attention_scale);
  if (c.attention_soft_cap != 0) set(kScoreCap, c.attention_soft_cap);
  if (c.logit_soft_cap != 0) set(kLogitCap, c.logit_soft_cap);
  int64_t window = 0;
  std::vector<bool> slides;
  for (const LayerConfig& layer : c.layers) {
    window = std::max(window, layer.window);
    slides.push_back(layer.window != 0);
  }
  const Family& family = FamilyOfArch(c.name, c.arch);
  if (window != 0 || family.always_names_window) set(kWindow, window != 0 ? window : stated_context);
  if (window != 0 && std::find(slides.begin(), slides.end(), false) != slides.end()) set(kPattern, slides);
  if (family.to_gguf != nullptr) family.to_gguf(c, writer);
}

std::vector<std::string> ModelTableNames(const ModelConfig& c) { return GgufDivisorNames(c.rotaries.front()); }

void WriteModelTables(const ModelConfig& c, GgufWriter* writer) { WriteGgufDivisors(c.rotaries.front(), writer); }

}  // namespace pith
