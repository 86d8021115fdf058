// The model's own first layers, then its norm and head, as a draft of the whole (early exit: Elhoushi et al. 2024, "LayerSkip"). They run under the
// chain's adapter and share the KV of these layers, so nothing but their passes is needed.
#pragma once

#include <cstdint>
#include <vector>

#include "runtime/speculation/drafter.h"

namespace pith {

class LayersDraft : public Drafter {
 public:
  // `engine` decodes the chains, and must outlive it. UserError: no layer, or all of them.
  LayersDraft(Engine& engine, int64_t num_layers);
  bool costs_passes() const override { return true; }
  void Draft(std::span<DraftChain> chains) override;

 private:
  Engine& engine_;
  int64_t num_layers_;
  std::vector<ForwardRow> rows_;
  std::vector<float> logits_;
};

}  // namespace pith
