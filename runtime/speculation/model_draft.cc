#include "runtime/speculation/model_draft.h"

#include <algorithm>

#include "base/error.h"

namespace pith {

void CheckSameVocabulary(const Tokenizer& tokenizer, const Tokenizer& draft, const std::string& name) {
  constexpr const char* kAdvice = "; take a draft of the same family";
  if (draft.vocab_size() != tokenizer.vocab_size()) {
    ThrowUser("the draft ", name, " has a vocabulary of ", draft.vocab_size(), " tokens, and the model one of ", tokenizer.vocab_size(), kAdvice);
  }
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    if (draft.TokenBytes(id) == tokenizer.TokenBytes(id) && draft.IsControl(id) == tokenizer.IsControl(id)) continue;
    ThrowUser("the draft ", name, " has another vocabulary than the model: its token ", id, " is '", std::string(draft.TokenBytes(id)), "', the model's '",
              std::string(tokenizer.TokenBytes(id)), "'", kAdvice);
  }
}

ModelDraft::ModelDraft(std::shared_ptr<const BaseModel> base, const EngineOptions& options, const Tokenizer& tokenizer) : engine_(std::move(base), options) {
  if (engine_.config().vocab_size < tokenizer.vocab_size()) {
    ThrowUser("the draft has logits for ", engine_.config().vocab_size, " tokens, and the vocabulary ", tokenizer.vocab_size(), "; take another draft");
  }
  logits_.resize(static_cast<size_t>(engine_.config().vocab_size));
}

// Brings the draft's sequence to all tokens but the last, which the first row of the draft runs; false where there is no room.
bool ModelDraft::CatchUp(DraftChain& chain, Own& own) {
  const auto wanted = static_cast<int64_t>(chain.tokens.size()) - 1;
  const int64_t most = wanted + chain.most;
  if (own.sequence < 0) own.sequence = engine_.NewSequence();
  const auto same = std::mismatch(own.tokens.begin(), own.tokens.end(), chain.tokens.begin(), chain.tokens.begin() + wanted).first - own.tokens.begin();
  engine_.Truncate(own.sequence, same);
  own.tokens.resize(static_cast<size_t>(same));
  if (most > engine_.config().context_length || engine_.PagesToGrow(own.sequence, most) > engine_.kv_tokens_free() / Engine::kPageTokens) return false;
  engine_.Prefill(own.sequence, chain.tokens.subspan(static_cast<size_t>(same), static_cast<size_t>(wanted - same)), nullptr);
  own.tokens.assign(chain.tokens.begin(), chain.tokens.begin() + wanted);
  return true;
}

void ModelDraft::Draft(std::span<DraftChain> chains) {
  const auto vocab = static_cast<size_t>(engine_.config().vocab_size);
  std::vector<std::pair<DraftChain*, Own*>> open;
  rows_.clear();
  for (DraftChain& chain : chains) {
    chain.draft.clear();
    chain.evidence = 0;
    if (chain.most < 1) continue;
    Own& own = chains_[chain.sequence];
    if (!CatchUp(chain, own)) continue;
    open.push_back({&chain, &own});
    rows_.push_back({own.sequence, chain.tokens.back(), true});
  }
  while (!open.empty()) {
    if (logits_.size() < open.size() * vocab) logits_.resize(open.size() * vocab);
    int64_t pages = 0;
    for (const auto& [chain, own] : open) pages += engine_.PagesToGrow(own->sequence, engine_.Length(own->sequence) + 1);
    if (pages > engine_.kv_tokens_free() / Engine::kPageTokens) return;
    engine_.Forward(rows_, logits_.data());
    for (size_t i = 0; i < open.size(); ++i) open[i].second->tokens.push_back(rows_[i].token);
    rows_.clear();
    const float* next = logits_.data();
    std::erase_if(open, [&](const auto& pair) {
      DraftChain& chain = *pair.first;
      const int32_t token = chain.draw(next, chain.draft);
      next += vocab;
      if (token < 0) return true;
      chain.draft.push_back(token);
      if (static_cast<int64_t>(chain.draft.size()) == chain.most) return true;
      rows_.push_back({pair.second->sequence, token, true, true});
      return false;
    });
  }
}

void ModelDraft::Forget(SequenceId sequence) {
  const auto found = chains_.find(sequence);
  if (found == chains_.end()) return;
  if (found->second.sequence >= 0) engine_.Free(found->second.sequence);
  chains_.erase(found);
}

}  // namespace pith
