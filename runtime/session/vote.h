// The answer that most of several chains give, or that most speaks for.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace pith {

enum class VoteKind {
  kMajority,  // each chain has one vote
  kWeighted,  // as many as its score: how likely it is right, 0 to 1 (the voting verifier of Li et al., arXiv 2206.02336)
};
const char* VoteKindName(VoteKind kind);  // "majority" | "weighted"

class Vote {
 public:
  explicit Vote(size_t num_chains, VoteKind kind = VoteKind::kMajority) : kind_(kind), answers_(num_chains), weights_(num_chains) {}

  // The judged text of one chain that has come to its end, with its score, which a majority does not look at; in any order.
  void Add(size_t chain, const std::string& text, double score = 1);
  // The same of what was read out of that text already; nothing: it gives no answer.
  void AddAnswer(size_t chain, std::optional<std::string> answer, double score = 1);
  // Whether the chains that are still to come cannot change the winning answer, however they vote and are scored.
  bool Decided() const;

  struct Result {
    // Of the chains that give the answer the first in number; of a weighted vote the one with the highest score. 0 where none gives one.
    size_t chain = 0;
    std::string answer;    // empty: none
    size_t votes = 0;      // chains that give it
    double weight = 0;     // of these, the sum of their votes
    size_t voters = 0;     // chains that gave an answer
    double all_weight = 0; // of these
  };
  // Of equal votes the answer of the first chain wins.
  Result Winner() const;
  VoteKind kind() const { return kind_; }

 private:
  struct Tally {
    size_t chain, best;  // the first, and the one of the highest score
    size_t votes = 0;
    double weight = 0;
  };
  std::vector<Tally> Count() const;  // distinct answers, by their first chain

  VoteKind kind_;
  std::vector<std::optional<std::string>> answers_;  // of chains that gave one
  std::vector<double> weights_;
  size_t added_ = 0;
};

}  // namespace pith
