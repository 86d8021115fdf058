// Drafts out of what plain decoding said, in which errors are sown: right and wrong tokens at every place of a draft, as often as wanted.
#pragma once

#include <map>
#include <vector>

#include "base/rng.h"
#include "runtime/generation/request.h"
#include "runtime/speculation/drafter.h"

namespace pith::testing {

class SownDraft : public Drafter {
 public:
  // `errors`: share of drafted tokens that are wrong. Behind a wrong one the draft goes on as if it were right.
  SownDraft(const std::vector<GenerateRequest>& requests, const std::vector<std::vector<Completion>>& plain, double errors) : errors_(errors) {
    for (size_t i = 0; i < requests.size(); ++i) {
      for (const Completion& completion : plain[i]) {
        texts_.push_back(requests[i].prompt);
        texts_.back().insert(texts_.back().end(), completion.tokens.begin(), completion.tokens.end());
      }
    }
  }

  bool costs_passes() const override { return false; }

  void Draft(std::span<DraftChain> chains) override {
    for (DraftChain& chain : chains) {
      chain.draft.clear();
      chain.evidence = kMostEvidence;
      for (const std::vector<int32_t>& text : texts_) {
        const size_t size = chain.tokens.size();
        if (text.size() <= size || !std::equal(chain.tokens.begin(), chain.tokens.end(), text.begin())) continue;
        for (size_t i = size; i < text.size() && static_cast<int64_t>(chain.draft.size()) < chain.most; ++i) {
          const bool wrong = rng_.Uniform() < errors_;
          chain.draft.push_back(wrong ? (text[i] + static_cast<int32_t>(rng_.Int(1, 200))) % 320 : text[i]);
        }
        break;
      }
    }
  }

 private:
  double errors_;
  std::vector<std::vector<int32_t>> texts_;
  Rng rng_{1};
};

}  // namespace pith::testing
