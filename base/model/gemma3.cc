// Gemma 3's text models (270M, 1B): queries and keys normed per head; five layers with a window and short rotary waves, then one without
// and with long ones.
#include <algorithm>

#include "base/error.h"
#include "base/model/family.h"
#include "base/model/gemma.h"
#include "base/model/gguf_rope.h"
#include "base/model/hf_rope.h"

namespace pith {
namespace {

constexpr int64_t kGlobalStep = 6;
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
  const int64_t step = config.Int("sliding_window_pattern", config.Int("_sliding_window_pattern", kGlobalStep));
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
  const int64_t window = fields.Find<int64_t>("attention.sliding_window").value_or(0);
  std::vector<bool> slides(static_cast<size_t>(c->num_layers), false);  // without a window there are no local layers: as llama.cpp has it
  if (window > 0) slides = GemmaSlides(fields, kGlobalStep, c->num_layers);
  SetWindows(window, slides, c);
  SetRotaryByLayer(slides, c);
}

// Which layers are local is said by the window and its pattern: also where the window is as wide as the context.
void Gemma3ToGguf(const ModelConfig& c, GgufWriter* writer) {
  int64_t window = 0;
  std::vector<bool> is_local;
  bool usual = true;
  for (const LayerConfig& layer : c.layers) {
    window = std::max(window, layer.window);
    is_local.push_back(layer.rotary == kLocal);
    usual &= is_local.back() == (is_local.size() % kGlobalStep != 0);
  }
  const bool any = std::find(is_local.begin(), is_local.end(), true) != is_local.end();
  if (any && window == 0) writer->Set(c.arch + ".attention.sliding_window", c.context_length);
  if (any && !usual) writer->Set(c.arch + ".attention.sliding_window_pattern", is_local);
  writer->Set(c.arch + ".rope.freq_base_swa", c.rotaries[kLocal].theta);
}

}  // namespace

const Family kGemma3 = {"gemma3", "gemma3_text", "Gemma3ForCausalLM", {.context = 131072, .tied_embeddings = true, .head_dim = 256},
                        Gemma3FromHf, Gemma3FromGguf, Gemma3ToGguf};

}  // namespace pith
