// A sequence of three writers, saved to a file.
#pragma once

#include "tests/base/temp_folder.h"
#include "tests/runtime/tiny.h"

namespace pith::testing {

inline EngineOptions Options(int64_t kv_tokens = 1024) {
  EngineOptions options;
  options.activations = ActivationType::kBF16;
  options.kv_tokens = kv_tokens;
  options.num_threads = 1;
  return options;
}

inline AdapterRef ChangedAdapter(float by) {
  LoraAdapter lora = ReadPeft(Golden("tiny-lora"));
  lora.pairs.begin()->second.b[0] += by;
  return PackedAdapter::FromLora(lora, TinyBase()->config(), TensorType::kF32);
}

// 20 tokens by the base, 30 by tiny-lora, 5 by tiny-alora, which goes on.
inline const std::vector<int32_t>& Tokens() {
  static const std::vector<int32_t> tokens = RandomTokens(1, 55);
  return tokens;
}
inline std::vector<WriterSpan> TokenWriters(const AdapterRef& one, const AdapterRef& two) { return {{20, nullptr}, {50, one}, {55, two}}; }

// In the file, adapters of its own, which are gone when this returns.
inline void Save(const std::string& path, const EngineOptions& options = Options()) {
  Engine engine(TinyBase(), options);
  const SequenceId id = engine.NewSequence();
  engine.Prefill(id, Tokens(), TokenWriters(TinyAdapter("tiny-lora"), TinyAdapter("tiny-alora")), nullptr);
  engine.SaveKv(id, path);
}

}  // namespace pith::testing
