// Phi-3, Phi-3.5 and Phi-4 mini: Llama with fused tensors; some with longrope, and Phi-4 mini turns a part of each head.
#include "base/error.h"
#include "base/model/family.h"
#include "base/model/hf_rope.h"

namespace pith {
namespace {

void SetPhi3Shape(ModelConfig* c) {
  c->tensors.fused_qkv = c->tensors.fused_gate_up = true;
  const RopeScaling& scaling = c->rotaries.front().scaling;
  if (scaling.kind == RopeScaling::Kind::kLongRope && scaling.original_context < c->context_length) {
    c->stated_context = c->context_length;
    c->context_length = scaling.original_context;
  }
}

void Phi3FromHf(const HfFields& config, ModelConfig* c) {
  RefuseHfBiases(config);
  c->rotary_dim = static_cast<int64_t>(static_cast<double>(c->head_dim) * ReadHfRotaryShare(config));
  if (c->rotary_dim < 2 || c->rotary_dim % 2 != 0 || c->rotary_dim > c->head_dim) config.Refuse("partial_rotary_factor", Str(ReadHfRotaryShare(config)));
  c->rotaries = {ReadHfRotary(config, c->context_length, c->rotary_dim)};
  SetHfWindows(config, config.Int("sliding_window", 0), [](int64_t) { return true; }, c);
  SetPhi3Shape(c);
}

void Phi3FromGguf(const GgufFields&, ModelConfig* c) { SetPhi3Shape(c); }

}  // namespace

const Family kPhi3 = {"phi3", "phi3", "Phi3ForCausalLM", {.context = 4096, .rms_norm_eps = 1e-5}, Phi3FromHf, Phi3FromGguf, nullptr,
                      /*always_names_window=*/true};

}  // namespace pith
