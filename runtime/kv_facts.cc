// What KV depends on.
#include <algorithm>

#include "base/error.h"
#include "base/sha256.h"
#include "runtime/kv_file.h"

namespace pith {

namespace {

const char* NameOf(KvType type) {
  switch (type) {
    case KvType::kF32: return "f32";
    case KvType::kF16: return "f16";
    case KvType::kInt8: return "int8";
  }
  return "";
}

// A base's identity is that of its tensors; how they are computed with stands in its metadata, which can be edited.
std::string FormHash(const ModelConfig& c) {
  Sha256 hash;
  const auto add = [&hash](double value) { hash.Update(&value, sizeof(value)); };
  hash.Update(Str("pith form 1 ", c.arch, "\n"));
  for (const int64_t number : {c.num_layers, c.d_model, c.num_heads, c.num_kv_heads, c.head_dim, c.value_head_dim, c.d_ff, c.vocab_size,
                               c.rotary_dim, static_cast<int64_t>(c.feed_forward), static_cast<int64_t>(c.rope), int64_t{c.qkv_bias},
                               int64_t{c.qk_norm}, int64_t{c.post_norms}}) {
    add(static_cast<double>(number));
  }
  for (const double number : {c.rms_norm_eps, c.attention_scale, c.attention_soft_cap, c.embedding_scale}) add(number);
  for (const LayerConfig& layer : c.layers) {
    add(layer.rotary);
    add(static_cast<double>(layer.window));
  }
  for (const Rotary& rotary : c.rotaries) {
    add(rotary.magnitude);
    add(static_cast<double>(rotary.frequencies.size()));
    for (const double frequency : rotary.frequencies) add(frequency);
  }
  return hash.HexDigest();
}

}  // namespace

std::vector<KvFact> KvFacts(const BaseModel& base, KvType type, ActivationType activations) {
  const ModelConfig& c = base.config();
  return {{"the KV's type", NameOf(type)},
          {"the type of activations", ActivationTypeName(activations)},
          {"the number of layers", Str(c.num_layers)},
          {"the number of KV heads", Str(c.num_kv_heads)},
          {"the size of a key", Str(c.head_dim)},
          {"the size of a value", Str(c.value_head_dim)},
          {"the number of tokens in a page", Str(kKvPageTokens)},
          {"the base (SHA-256 of its tensors)", base.Identity()},
          {"the base's architecture (SHA-256 of its numbers)", FormHash(c)}};
}

void CheckKvFacts(const std::string& path, std::span<const KvFact> file, std::span<const KvFact> engine) {
  for (size_t i = 0; i < std::min(file.size(), engine.size()); ++i) {
    if (file[i].name != engine[i].name) break;
    if (file[i].value == engine[i].value) continue;
    ThrowUser("'", path, "': ", file[i].name, " is ", file[i].value, ", this engine's is ", engine[i].value,
              "; run the model and the settings that it was saved with, or compute the prompt anew");
  }
  const auto same_name = [](const KvFact& a, const KvFact& b) { return a.name == b.name; };
  if (std::equal(file.begin(), file.end(), engine.begin(), engine.end(), same_name)) return;
  ThrowUser("'", path, "' does not say what this version of pith asks of a KV file; compute the prompt anew, and save it again");
}

}  // namespace pith
