// SmolLM3: Llama, in which every fourth layer is told no positions.
#include "base/error.h"
#include "base/model/family.h"

namespace pith {
namespace {

constexpr int64_t kStep = 4;

// What llama.cpp takes for granted.
bool TurnsByDefault(int64_t layer) { return (layer + 1) % kStep != 0; }

void SmolLm3FromHf(const HfFields& config, ModelConfig* c) {
  RefuseHfBiases(config);
  ReadUsualHfRotary(config, c, 2000000.0);
  c->gguf_rope = RopeLayout::kInterleaved;
  const int64_t interval = config.Int("no_rope_layer_interval", kStep);
  if (interval < 1) config.Refuse("no_rope_layer_interval", Str(interval));
  const nlohmann::json* turning = config.Find("no_rope_layers");  // 1 for a layer that is told positions
  if (turning != nullptr && (!turning->is_array() || static_cast<int64_t>(turning->size()) != c->num_layers)) {
    ThrowUser("'", config.path(), "': no_rope_layers is no list of ", c->num_layers, " numbers, one for each layer");
  }
  const auto turns = [&](int64_t layer) { return turning == nullptr ? (layer + 1) % interval != 0 : turning->at(static_cast<size_t>(layer)) != 0; };
  const bool slides = config.Bool("use_sliding_window", false) && config.Has("sliding_window");
  SetHfWindows(config, slides ? config.Int("sliding_window") : 0, [&](int64_t layer) { return !turns(layer); }, c);
  for (int64_t i = 0; i < c->num_layers; ++i) c->layers[static_cast<size_t>(i)].rotary = turns(i) ? 0 : -1;
}

void SmolLm3FromGguf(const GgufFields&, ModelConfig* c) {
  c->gguf_rope = RopeLayout::kInterleaved;
  for (int64_t i = 0; i < c->num_layers; ++i) c->layers[static_cast<size_t>(i)].rotary = TurnsByDefault(i) ? 0 : -1;
}

void SmolLm3ToGguf(const ModelConfig& c, GgufWriter*) {
  for (int64_t i = 0; i < c.num_layers; ++i) {
    if ((c.layers[static_cast<size_t>(i)].rotary >= 0) == TurnsByDefault(i)) continue;
    ThrowUser("a GGUF of architecture ", c.arch, " has positions in all layers but every fourth, and this model in others; use the Hugging Face folder as it is");
  }
}

}  // namespace

const Family kSmolLm3 = {"smollm3", "smollm3", "SmolLM3ForCausalLM", {.context = 32768, .tied_embeddings = true},
                         SmolLm3FromHf, SmolLm3FromGguf, SmolLm3ToGguf};

}  // namespace pith
