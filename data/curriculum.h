// A curriculum by pass rate: problems that are always or never solved teach a group-relative method nothing, so they are drawn
// less often, and come back when that changes.
//
// Each problem has an exponential mean of its groups' pass rates (m ← ema·m + (1 − ema)·x, the first x itself) and a count of
// visits. Its pool: fresh (never drawn), solved (≥ `visits` visits and m > solved_above), hopeless (≥ `visits` visits and
// m < hopeless_below), else learning.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "configs/train_config.h"

namespace pith {

enum class Pool { kFresh, kLearning, kSolved, kHopeless };
constexpr int kNumPools = 4;

class Curriculum {
 public:
  // ids: the problems, unique; a problem's index is its place in them.
  Curriculum(const CurriculumSettings& settings, std::vector<std::string> ids);

  // n problems of step `step`, distinct while there are enough: each place is one for a revisit (solved or hopeless) with
  // probability `revisit`, else for one of fresh or learning; a place that its pools cannot fill is filled from the others. Those
  // visited least come first, in random order among equals. Depends on (seed, step) and the state alone, and
  // the first n of more places are the same. UserError when nothing
  // but solved and hopeless problems is left and `revisit` is 0.
  std::vector<size_t> Draw(uint64_t seed, int64_t step, int64_t n) const;
  // What became of a drawn problem: the share of its group that was right.
  void Observe(size_t problem, double pass_rate);

  Pool PoolOf(size_t problem) const;
  std::array<int64_t, kNumPools> Counts() const;  // by Pool

  // The state as JSON text, by problem id. Load: a problem that the text lacks is fresh, one that is no longer there is left
  // out; UserError for a text that is none of Save's, and where it knows none of the problems: all that was learned would be forgotten
  // without a word.
  std::string Save() const;
  void Load(const std::string& text);

 private:
  struct Record {
    int64_t visits = 0;
    double pass_rate = 0;
  };
  CurriculumSettings settings_;
  std::vector<std::string> ids_;
  std::vector<Record> records_;
};

}  // namespace pith
