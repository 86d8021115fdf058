// How many drafted tokens are worth running, by what was measured while decoding; none where they do not pay.
//
// A pass of n rows takes t(n) (pass_times.h). Without drafts b chains get b tokens from a pass of r rows. A drafted token that is right with probability p, all
// before it in its draft being right too, adds p tokens and a row. So tokens are taken in order of p, over all chains, as many as make
//   (b + Σ p) / (t(r + k) + k · d)        d: what drafting a token takes
// the largest, and none unless that is kMargin above b / t(r).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "runtime/speculation/drafter.h"
#include "runtime/speculation/pass_times.h"

namespace pith {

// How often a chain's drafts are right, by evidence: learned from each token that came, also where its draft was not run. The latest count
// most; before there were any, a guess does.
class Acceptance {
 public:
  Acceptance();
  double Rate(int evidence) const;  // of the next drafted token; evidence past kMostEvidence is that
  void Note(int evidence, bool right);

 private:
  std::array<double, kMostEvidence + 1> right_, seen_;
};

class DraftRule {
 public:
  static constexpr int64_t kMostTokens = 15;  // drafted for one chain and pass
  static constexpr int64_t kMostRows = 32;    // drafted for all chains of a pass
  static constexpr double kMargin = 0.05;

  // costs_passes: as the drafter's. always: all that can be drafted is run, whether it pays or not.
  DraftRule(bool costs_passes, bool always) : costs_passes_(costs_passes), always_(always) {}

  void NotePass(int64_t rows, double ms) { times_.Note(rows, ms); }
  void NoteDraft(int64_t tokens, double ms);

  struct Chain {
    const Acceptance* acceptance;
    int evidence;
    int64_t most;       // tokens that it could have
    int64_t count = 0;  // Choose(): that it gets
  };
  // `rows`: of the pass without drafts. Drafts that cost passes are tried now and then where they do not seem to pay, since nothing else tells whether they do.
  void Choose(std::span<Chain> chains, int64_t rows);

 private:
  bool costs_passes_, always_;
  PassTimes times_;
  double draft_ms_ = 0;  // of a token; 0: none was drafted yet
  int64_t tries_ = 4, idle_passes_ = 0;
};

}  // namespace pith
