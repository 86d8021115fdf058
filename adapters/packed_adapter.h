// A LoRA adapter as the runtime reads it: typed factors, rows in the order of the base's file, scale folded out.
// Immutable; shared between sequences and threads.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/lora.h"
#include "base/tensor_view.h"

namespace pith {

class GgufFile;

struct PackedPair {
  TensorView a;  // R × in; empty view when the adapter does not act on this layer
  TensorView b;  // out × R
  float scale = 0;  // s: alpha / R, R this pair's own
};

class PackedAdapter {
 public:
  // A GGUF LoRA, mapped and used in place. Its rows are in the order of GGUF bases of its architecture, whoever wrote it; for a
  // base of another order (a Hugging Face folder) those of q and k are put into that.
  static std::shared_ptr<const PackedAdapter> FromGguf(const std::string& path, const ModelConfig& base);
  static std::shared_ptr<const PackedAdapter> FromGguf(std::unique_ptr<GgufFile> file, const ModelConfig& base);
  // From training's factors: converted to `type` (q8_0, q4_0, f16, bf16, f32) and permuted to `base.rope` where needed.
  // With a quantised type whose block does not divide a pair's rank, its lora_b is kept in F16. The file has one alpha for all pairs:
  // where s · R of a pair differs from it (alpha patterns; rsLoRA with rank patterns), lora_b takes the difference up. In types that know F16 a
  // small lora_b is stored larger by a power of two, and alpha smaller. UserError for DoRA, which no GGUF adapter can hold.
  // scaled: lora_b becomes s · B before it is converted, as training multiplies it, and every scale is 1.
  static std::shared_ptr<const PackedAdapter> FromLora(const LoraAdapter& adapter, const ModelConfig& base, TensorType type, bool scaled = false);
  // `adapter` with each pair's scale times `factor`; itself where that is 1. It shares the tensors, but is a writer of its own to the
  // KV cache. It cannot be written to a file.
  static std::shared_ptr<const PackedAdapter> Scaled(std::shared_ptr<const PackedAdapter> adapter, float factor);
  ~PackedAdapter();

  const std::string& name() const;                     // file stem, or "trainer"
  Activation activation() const;
  const std::vector<int32_t>& invocation() const;
  const std::string& base_sha256() const;              // empty when unknown
  const std::optional<AdapterBudget>& budget() const;  // what it was trained under; nothing: without one
  const std::optional<AdapterCard>& card() const;      // nothing: its maker left none
  const std::string& template_now() const;             // time that its chat template told in training; empty: none
  const std::string& template_kwargs() const;          // variables that it was given in training, a JSON object; empty: none
  const std::optional<AdapterProof>& proof() const;    // nothing: its maker left none
  const std::optional<VerifierHead>& verifier() const; // nothing: none was fitted, or the scale is another
  const std::optional<SwitcherHead>& switcher() const; // likewise
  const PackedPair& pair(int64_t layer, int kind) const;  // kind: of kNumLinearKinds
  const PackedPair& module_pair(int64_t layer, int kind) const;  // as the file has them; kind: of ModuleKinds()
  int64_t rank() const;                                // the largest of all pairs
  int64_t bytes() const;                               // of its tensors
  // Writes a GGUF LoRA that llama.cpp loads: general.type=adapter, adapter.type=lora, adapter.lora.alpha,
  // adapter.alora.invocation_tokens, <base tensor>.lora_a/.lora_b, pith.base.sha256; pith.template.now and
  // pith.template.kwargs where there are any; of a budget what adapter_budget.h says, of a card what card.h, of a proof what proof.h, of a verifier
  // what verifier_head.h, of a switcher what switcher_head.h does.
  void WriteGguf(const std::string& path) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  PackedAdapter();
};

// UserError when the adapter names another base than `base_sha256`, unless `any_base`, which warns instead. One that names none is
// warned about, whatever `base_sha256` is.
void CheckSameBase(const PackedAdapter& adapter, const std::string& base_sha256, bool any_base);
// The same for who calls the adapter `name`, and whose users have another way than pith-run's: how they are told of it, and what it is
// called.
void CheckSameBase(const PackedAdapter& adapter, const std::string& base_sha256, bool any_base, const std::string& name,
                   const std::string& advice, const std::string& override_name);

}  // namespace pith
