#include "train/rollout/eval_pieces.h"

#include <cstring>

#include "train/rollout/exchange.h"

namespace pith {
namespace {

struct PieceHead {
  uint64_t row, problem;
  int64_t tokens;
  double seconds;
};

}  // namespace

const EvalPiece* EvalPieces::Find(size_t row, size_t problem) const {
  const auto found = pieces_.find({row, problem});
  return found == pieces_.end() ? nullptr : &found->second;
}

void EvalPieces::Exchange(const Ranks& ranks) {
  std::string mine;
  for (const auto& [place, piece] : pieces_) {
    const PieceHead head = {place.first, place.second, piece.tokens, piece.seconds};
    mine.append(reinterpret_cast<const char*>(&head), sizeof head);
    mine += PackCompletions(piece.completions);
  }
  for (const std::string& bytes : ranks.Gather(mine)) {
    for (size_t at = 0; at < bytes.size();) {
      PieceHead head;
      std::memcpy(&head, bytes.data() + at, sizeof head);
      at += sizeof head;
      pieces_[{head.row, head.problem}] = {UnpackCompletions(bytes, &at), head.tokens, head.seconds};
    }
  }
}

}  // namespace pith
