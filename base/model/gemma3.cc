// Gemma 3's text models (270M, 1B): queries and keys normed per head; five layers with a window and short rotary waves, then one without
// and with long ones.
#include "base/error.h"
#include "base/model/family.h"
#include "base/model/gemma.h"
#include "base/model/gguf_rope.h"
#include "base/model/hf_rope.h"

namespace pith {
namespace {

constexpr int64_t kStep = 6;
constexpr double kLocalTheta = 10000, kGlobalTheta = 1e6;
enum { kGlobal, kLocal };  // indices into rotaries

void SetRotaryByLayer(const std::vector<bool>& is_local, ModelConfig* c) {
  for (size_t i = 0; i < is_local.size(); ++i) c->layers[i].rotary = is_local[i] ? kLocal : kGlobal;
}

std::vector<Rotary> HfRotaries(const HfFields& config, const ModelConfig& c) {
  Rotary local;
  local.theta = config.Number("rope_local_base_freq", kLocalTheta);
  const auto by_kind = config.Part("rope_parameters");
  const auto full = by_kind ? by_kind->Part("full_attention") : std::nullopt;
  if (!full) return {ReadHfRotary(config, c.context_length, c.head_dim, kGlobalTheta), local};
  const auto sliding = by_kind->Part("sliding_attention");
  if (sliding) local = ReadHfRotary(config, *sliding, c.context_length, c.head_dim, local.theta);
  return {ReadHfRotary(config, *full, c.context_length, c.head_dim, kGlobalTheta), local};
}

void Gemma3FromHf(const HfFields& config, ModelConfig* c) {
  ReadGemmaHf(config, c);
  c->qk_norm = true;
  c->logit_soft_cap = config.Number("final_logit_softcapping", 0.0);
  c->rotaries = HfRotaries(config, *c);
  const int64_t step = config.Int("sliding_window_pattern", config.Int("_sliding_window_pattern", kStep));
  if (step < 1) config.Refuse("sliding_window_pattern", Str(step));
  std::vector<bool> is_local = HfSlidingLayers(config, c->num_layers);
  if (is_local.empty()) {
    for (int64_t i = 0; i < c->num_layers; ++i) is_local.push_back((i + 1) % step != 0);
  }
  SetHfWindows(config, config.Int("sliding_window", 4096), [&](int64_t layer) { return is_local[static_cast<size_t>(layer)]; }, c);
  SetRotaryByLayer(is_local, c);
}

void Gemma3FromGguf(const GgufFields& fields, ModelConfig* c) {
  SetGemmaShape(c);
  c->qk_norm = true;
  ReadGemmaGgufScale(fields, 62, c);
  Rotary local;
  local.theta = fields.Find<double>("rope.freq_base_swa").value_or(kLocalTheta);
  if (!fields.Has("rope.freq_base")) c->rotaries.front().theta = kGlobalTheta;
  c->rotaries.push_back(local);
  SetGemmaWindows(fields.Find<int64_t>("attention.sliding_window").value_or(1024), kStep, c);
  std::vector<bool> is_local;
  for (int64_t i = 0; i < c->num_layers; ++i) is_local.push_back((i + 1) % kStep != 0);
  SetRotaryByLayer(is_local, c);
}

void Gemma3ToGguf(const ModelConfig& c, GgufWriter* writer) {
  for (int64_t i = 0; i < c.num_layers; ++i) {
    if ((c.layers[static_cast<size_t>(i)].rotary == kLocal) == ((i + 1) % kStep != 0)) continue;
    ThrowUser("a GGUF of architecture ", c.arch, " slides in all layers but every sixth, and this model in others; use the Hugging Face folder as it is");
  }
  writer->Set(c.arch + ".rope.freq_base_swa", c.rotaries[kLocal].theta);
}

}  // namespace

const Family kGemma3 = {"gemma3", "gemma3_text", "Gemma3ForCausalLM", {.context = 131072, .tied_embeddings = true, .head_dim = 256},
                        Gemma3FromHf, Gemma3FromGguf, Gemma3ToGguf};

}  // namespace pith
