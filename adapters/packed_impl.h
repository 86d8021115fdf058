// What a PackedAdapter holds: shared by the files that make one (packed_lora.cc, packed_gguf.cc) and those that read it. Not to be used elsewhere.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/lora_names.h"
#include "adapters/packed_adapter.h"
#include "base/gguf.h"

namespace pith {

struct PackedAdapter::Impl {
  std::string name, arch, base_sha256, template_now, template_kwargs;
  RopeLayout rope = RopeLayout::kHalves, gguf_rope = RopeLayout::kHalves;  // of the base's file, and of GGUF files of its family
  std::vector<int32_t> invocation;
  std::optional<AdapterBudget> budget;
  std::optional<AdapterCard> card;
  std::optional<AdapterProof> proof;
  std::optional<VerifierHead> verifier;
  std::optional<SwitcherHead> switcher;
  float alpha = 0;  // as llama.cpp reads it; 0: the scale is 1
  int64_t rank = 0;
  std::vector<int> modules;  // that an adapter for this base acts on
  std::vector<std::array<PackedPair, kNumModuleKinds>> layers;  // as the file has them; of fused modules also each layer's share
  std::shared_ptr<GgufFile> file;            // backs the views of FromGguf
  std::shared_ptr<const PackedAdapter> whole;  // backs those of Scaled
  std::vector<std::vector<uint8_t>> owned;   // backs the views of FromLora, and rows that FromGguf put into another order

  void ReadTensors(const ModelConfig& base);
  void CheckPairs(const ModelConfig& base) const;
  void ReorderRows(const ModelConfig& base);
  // What follows from alpha and the factors: each pair's scale, the largest rank, and the shares in fused modules: all of A, some rows of B.
  void Finish(const ModelConfig& base);
};

inline bool IsRotated(int kind) { return kind < 2; }  // attn_q, attn_k: rows in an order of their own

}  // namespace pith
