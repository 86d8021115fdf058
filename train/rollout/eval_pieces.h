// An evaluation that ranks share: each answers its part, and hears what the others have answered.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "runtime/evaluation/eval.h"
#include "train/ranks/ranks.h"

namespace pith {

class EvalPieces : public EvalKeeper {
 public:
  const EvalPiece* Find(size_t row, size_t problem) const override;
  void Keep(size_t row, size_t problem, const EvalPiece& piece) override { pieces_[{row, problem}] = piece; }
  void Settle() override {}

  // To be called by all ranks: the pieces of each become those of all.
  void Exchange(const Ranks& ranks);
  size_t size() const { return pieces_.size(); }

 private:
  std::map<std::pair<size_t, size_t>, EvalPiece> pieces_;  // by row and problem
};

}  // namespace pith
