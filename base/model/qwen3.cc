// Qwen3, the dense ones: queries and keys normed per head, no biases, a head size apart from width / heads.
#include "base/model/family.h"
#include "base/model/qwen.h"

namespace pith {
namespace {

void Qwen3FromHf(const HfFields& config, ModelConfig* c) {
  RefuseHfBiases(config);
  c->qk_norm = true;
  ReadUsualHfRotary(config, c);
  ReadQwenWindows(config, c);
}

void Qwen3FromGguf(const GgufFields&, ModelConfig* c) { c->qk_norm = true; }

}  // namespace

const Family kQwen3 = {"qwen3", "qwen3", "Qwen3ForCausalLM", {.context = 32768, .head_dim = 128}, Qwen3FromHf, Qwen3FromGguf};

}  // namespace pith
