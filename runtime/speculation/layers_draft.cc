#include "runtime/speculation/layers_draft.h"

#include "base/error.h"

namespace pith {

LayersDraft::LayersDraft(Engine& engine, int64_t num_layers) : engine_(engine), num_layers_(num_layers) {
  const int64_t all = engine.config().num_layers;
  if (num_layers < 1 || num_layers >= all) ThrowUser("a draft by ", num_layers, " layers of a model of ", all, " is none; give 1 to ", all - 1);
}

void LayersDraft::Draft(std::span<DraftChain> chains) {
  const auto vocab = static_cast<size_t>(engine_.config().vocab_size);
  std::vector<DraftChain*> open;
  rows_.clear();
  for (DraftChain& chain : chains) {
    chain.draft.clear();
    chain.evidence = 0;
    if (chain.most < 1) continue;
    const auto begin = static_cast<size_t>(engine_.Length(chain.sequence));
    for (size_t i = begin; i < chain.tokens.size(); ++i) rows_.push_back({chain.sequence, chain.tokens[i], i + 1 == chain.tokens.size()});
    open.push_back(&chain);
  }
  while (!open.empty()) {
    if (logits_.size() < open.size() * vocab) logits_.resize(open.size() * vocab);
    engine_.ForwardDraft(rows_, num_layers_, logits_.data());
    rows_.clear();
    const float* next = logits_.data();
    std::erase_if(open, [&](DraftChain* chain) {
      const int32_t token = chain->draw(next, chain->draft);
      next += vocab;
      if (token < 0) return true;
      chain->draft.push_back(token);
      if (static_cast<int64_t>(chain->draft.size()) == chain->most) return true;
      rows_.push_back({chain->sequence, token, true});
      return false;
    });
  }
  engine_.EndDraft();
}

}  // namespace pith
