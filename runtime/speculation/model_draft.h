// A smaller model with the same vocabulary drafts for a larger one (Leviathan et al. 2023). It runs without adapters, in an engine with a KV cache of its own, and
// keeps a sequence for each chain.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "base/model/base_model.h"
#include "data/text/tokenizer.h"
#include "runtime/speculation/drafter.h"

namespace pith {

// UserError where the two vocabularies are not the same, token by token: it names the first that differs. `name`: of the draft, for the sentence.
void CheckSameVocabulary(const Tokenizer& tokenizer, const Tokenizer& draft, const std::string& name);

class ModelDraft : public Drafter {
 public:
  // `options`: of its engine. UserError where the draft has no logits for all ids of `tokenizer`'s, whose vocabulary is also its own.
  ModelDraft(std::shared_ptr<const BaseModel> base, const EngineOptions& options, const Tokenizer& tokenizer);
  bool costs_passes() const override { return true; }
  // Chains that do not fit its context or its cache get no draft.
  void Draft(std::span<DraftChain> chains) override;
  void Forget(SequenceId sequence) override;
  const Engine& engine() const { return engine_; }

 private:
  struct Own {
    SequenceId sequence = -1;
    std::vector<int32_t> tokens;  // whose KV it has
  };
  bool CatchUp(DraftChain& chain, Own& own);

  Engine engine_;
  std::map<SequenceId, Own> chains_;
  std::vector<ForwardRow> rows_;
  std::vector<float> logits_;
};

}  // namespace pith
