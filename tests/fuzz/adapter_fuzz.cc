// Adapter files. An input that begins with "GGUF" is a GGUF LoRA, read for a small llama and a small qwen2; any other is a PEFT
// folder: adapter_config.json, then, between lines "====", the header and the data of its safetensors, pith.json, and the header and
// the data of PiSSA's start. Either refused in a sentence, or its numbers can be read, and what the writers make of it reads back
// the same.
#include <cmath>
#include <filesystem>

#include "adapters/packed_adapter.h"
#include "adapters/peft.h"
#include "base/model/base_model.h"
#include "tests/fuzz/framed_tensors.h"
#include "tests/fuzz/reading.h"

namespace pith::fuzz {
namespace {

constexpr size_t kMostBytes = 1 << 16, kPadding = 1 << 12;

ModelConfig Base(const std::string& arch) {
  ModelConfig c;
  c.arch = arch;
  c.num_layers = 2;
  c.d_model = c.d_ff = 32;
  c.num_heads = 4;
  c.num_kv_heads = 2;
  c.head_dim = 8;
  c.vocab_size = 64;
  c.context_length = 128;
  c.rope = c.gguf_rope = arch == "llama" ? RopeLayout::kInterleaved : RopeLayout::kHalves;
  c.Finish();
  return c;
}

// What two adapters that come from one another have in common, to the bit.
void ExpectSame(const PackedAdapter& a, const PackedAdapter& b, const ModelConfig& base) {
  PITH_FUZZ_EXPECT(a.invocation() == b.invocation() && a.activation() == b.activation() && a.base_sha256() == b.base_sha256());
  PITH_FUZZ_EXPECT(a.budget() == b.budget() && a.rank() == b.rank() && a.rank() >= 1);
  for (int64_t layer = 0; layer < base.num_layers; ++layer) {
    for (int kind = 0; kind < kNumLinearKinds; ++kind) {
      const PackedPair &p = a.pair(layer, kind), &q = b.pair(layer, kind);
      PITH_FUZZ_EXPECT(static_cast<bool>(p.a) == static_cast<bool>(q.a) && p.scale == q.scale);
      if (!p.a) continue;
      PITH_FUZZ_EXPECT(std::isfinite(p.scale) && p.a.type == q.a.type && p.b.type == q.b.type);
      PITH_FUZZ_EXPECT(SameFloats(p.a.ToF32(), q.a.ToF32()) && SameFloats(p.b.ToF32(), q.b.ToF32()));
    }
  }
}

void WalkPacked(const PackedAdapter& adapter, const ModelConfig& base, const ScratchFolder& folder) {
  adapter.WriteGguf(folder / "copy.gguf");
  ExpectSame(adapter, *PackedAdapter::FromGguf(folder / "copy.gguf", base), base);
}

void WalkPeft(const LoraAdapter& adapter, const ScratchFolder& folder) {
  for (const auto& [name, pair] : adapter.pairs) PITH_FUZZ_EXPECT(adapter.scale(pair) >= 0 && std::isfinite(adapter.scale(pair)) && pair.num_trained() > 0);
  WritePeft(adapter, folder / "copy");
  const LoraAdapter again = ReadPeft(folder / "copy");
  PITH_FUZZ_EXPECT(SameForm(adapter, again) && adapter.rank == again.rank && adapter.alpha == again.alpha);
  PITH_FUZZ_EXPECT(adapter.base_sha256 == again.base_sha256 && adapter.base_path == again.base_path && adapter.dropout == again.dropout);
  PITH_FUZZ_EXPECT(adapter.budget == again.budget);
  for (const auto& [name, pair] : adapter.pairs) {
    const LoraPair& other = again.pairs.at(name);
    PITH_FUZZ_EXPECT(SameFloats(pair.a, other.a) && SameFloats(pair.b, other.b) && SameFloats(pair.magnitude, other.magnitude) &&
                     SameFloats(pair.start_a, other.start_a));
  }
  for (const char* arch : {"llama", "qwen2"}) {
    const ModelConfig base = Base(arch);
    for (const TensorType type : {TensorType::kF32, TensorType::kF16, TensorType::kQ8_0, TensorType::kQ4_0}) {
      Holds([&] { WalkPacked(*PackedAdapter::FromLora(adapter, base, type), base, folder); });
    }
  }
}

}  // namespace
}  // namespace pith::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pith;
  using namespace pith::fuzz;
  static const ScratchFolder folder, peft;
  if (size > kMostBytes) return 0;
  const std::string input(reinterpret_cast<const char*>(data), size);
  if (input.starts_with("GGUF")) {
    const std::string path = folder.Put("input.gguf", input + std::string(kPadding, '\x3c'));
    for (const char* arch : {"llama", "qwen2"}) {
      const ModelConfig base = Base(arch);
      Holds([&] { WalkPacked(*PackedAdapter::FromGguf(path, base), base, folder); });
    }
    return 0;
  }
  const std::vector<std::string> parts = Parts(input);
  const auto part = [&](size_t i) { return i < parts.size() ? parts[i] : std::string(); };
  peft.Put("adapter_config.json", part(0));
  peft.Put("adapter_model.safetensors", FramedTensors(part(1), part(2)));
  parts.size() > 3 ? (void)peft.Put("pith.json", part(3)) : peft.Remove("pith.json");
  parts.size() > 4 ? (void)peft.Put("pith_start.safetensors", FramedTensors(part(4), part(5))) : peft.Remove("pith_start.safetensors");
  Holds([&] { WalkPeft(ReadPeft(peft.path()), folder); });
  return 0;
}
