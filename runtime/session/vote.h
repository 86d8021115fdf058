// The answer that most of several chains give.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace pith {

class Vote {
 public:
  explicit Vote(size_t num_chains) : answers_(num_chains) {}

  // The judged text of one chain that has come to its end; in any order.
  void Add(size_t chain, const std::string& text);
  // Whether the chains that are still to come cannot change the winning answer, however they vote.
  bool Decided() const;

  struct Result {
    size_t chain = 0;    // the first in number that gives the answer; 0 where none gives one
    std::string answer;  // empty: none
    size_t votes = 0;
    size_t voters = 0;   // chains that gave an answer
  };
  // Of equal votes the answer of the first chain wins.
  Result Winner() const;

 private:
  struct Tally {
    size_t chain;
    size_t votes = 0;
  };
  std::vector<Tally> Count() const;  // distinct answers, by their first chain

  std::vector<std::optional<std::string>> answers_;  // of chains that gave one
  size_t added_ = 0;
};

}  // namespace pith
