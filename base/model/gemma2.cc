// Gemma 2: soft caps on attention's scores and on the logits, a window in every other layer.
#include <cmath>

#include "base/error.h"
#include "base/model/family.h"
#include "base/model/gemma.h"

namespace pith {

void SetGemmaShape(ModelConfig* c) {
  c->post_norms = true;
  c->feed_forward = FeedForward::kGeGlu;
  c->embedding_scale = static_cast<double>(std::sqrt(static_cast<float>(c->d_model)));
  c->tensors.hf_ffn_norm = "pre_feedforward_layernorm";
  c->tensors.hf_norm_offset = 1;
}

void ReadGemmaHf(const HfFields& config, ModelConfig* c) {
  RefuseHfBiases(config);
  config.RefuseTrue("use_bidirectional_attention");
  const std::string activation = config.Text("hidden_activation", "gelu_pytorch_tanh");
  if (activation != "gelu_pytorch_tanh") config.Refuse("hidden_activation", activation);
  SetGemmaShape(c);
  const double divisor = config.Number("query_pre_attn_scalar", 256.0);
  if (!std::isfinite(divisor) || divisor <= 0) config.Refuse("query_pre_attn_scalar", Str(divisor));
  c->attention_scale = 1 / std::sqrt(divisor);
}

void ReadGemmaGgufScale(const GgufFields& fields, int64_t depth_of_largest, ModelConfig* c) {
  if (fields.Find<double>("attention.scale").value_or(0) != 0) return;
  if (c->num_layers == depth_of_largest) c->attention_scale = 1 / std::sqrt(static_cast<double>(c->d_model) / static_cast<double>(c->num_heads));
}

std::vector<bool> GemmaSlides(const GgufFields& fields, int64_t step, int64_t num_layers) {
  constexpr char kPattern[] = "attention.sliding_window_pattern";
  if (fields.file().IsArray(fields.Key(kPattern))) return fields.Get<std::vector<bool>>(kPattern);  // as many as layers: from_gguf.cc
  const int64_t period = fields.Find<int64_t>(kPattern).value_or(step);
  if (period < 1) fields.Refuse(kPattern, Str(period));
  std::vector<bool> slides;
  for (int64_t i = 0; i < num_layers; ++i) slides.push_back((i + 1) % period != 0);
  return slides;
}

namespace {

constexpr int64_t kStep = 2;

void Gemma2FromHf(const HfFields& config, ModelConfig* c) {
  ReadGemmaHf(config, c);
  ReadUsualHfRotary(config, c);
  c->attention_soft_cap = config.HasNull("attn_logit_softcapping") ? 0 : config.Number("attn_logit_softcapping", 50.0);
  c->logit_soft_cap = config.HasNull("final_logit_softcapping") ? 0 : config.Number("final_logit_softcapping", 30.0);
  SetHfWindows(config, config.Int("sliding_window", 4096), [](int64_t layer) { return (layer + 1) % kStep != 0; }, c);
}

void Gemma2FromGguf(const GgufFields& fields, ModelConfig* c) {
  SetGemmaShape(c);
  ReadGemmaGgufScale(fields, 46, c);
  SetWindows(fields.Find<int64_t>("attention.sliding_window").value_or(4096), GemmaSlides(fields, kStep, c->num_layers), c);
}

}  // namespace

const Family kGemma2 = {"gemma2", "gemma2", "Gemma2ForCausalLM", {.context = 8192, .tied_embeddings = true, .head_dim = 256},
                        Gemma2FromHf, Gemma2FromGguf, nullptr, /*always_names_window=*/true};

}  // namespace pith
