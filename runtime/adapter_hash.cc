#include "runtime/adapter_hash.h"

#include "base/base_identity.h"
#include "base/error.h"
#include "base/model/base_model.h"
#include "base/sha256.h"

namespace pith {

std::string AdapterContentHash(const PackedAdapter& adapter, const ModelConfig& base) {
  Sha256 hash;
  hash.Update(Str("pith adapter 1 ", adapter.activation() == Activation::kInvocation ? "invocation" : "always", "\n"));
  for (int64_t layer = 0; layer < base.num_layers; ++layer) {
    for (int kind = 0; kind < kNumLinearKinds; ++kind) {
      const PackedPair& pair = adapter.pair(layer, kind);
      if (!pair.a) continue;
      const std::string name = Str("blk.", layer, ".", kLinearKinds[kind].gguf);
      hash.Update(&pair.scale, sizeof(pair.scale));
      hash.Update(TensorLine(name + ".lora_a", pair.a));
      hash.Update(pair.a.data, pair.a.bytes());
      hash.Update(TensorLine(name + ".lora_b", pair.b));
      hash.Update(pair.b.data, pair.b.bytes());
    }
  }
  return hash.HexDigest();
}

}  // namespace pith
