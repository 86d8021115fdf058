// Arcee's AFM-4.5B: Llama with a feed-forward of two matrices, relu(W_up h)², and its context stretched by YaRN.
#include "base/model/family.h"

namespace pith {
namespace {

void ArceeFromHf(const HfFields& config, ModelConfig* c) {
  RefuseHfBiases(config);
  ReadUsualHfRotary(config, c);
  c->gguf_rope = RopeLayout::kInterleaved;
}

void ArceeFromGguf(const GgufFields&, ModelConfig* c) {
  c->feed_forward = FeedForward::kReluSquared;
  c->gguf_rope = RopeLayout::kInterleaved;
}

}  // namespace

const Family kArcee = {"arcee", "arcee", "ArceeForCausalLM", {.context = 4096, .rms_norm_eps = 1e-5, .hidden_act = "relu2"}, ArceeFromHf, ArceeFromGguf};

}  // namespace pith
