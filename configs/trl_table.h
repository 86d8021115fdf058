// The table behind configs/trl_names.h.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace pith {

struct TrlName {
  std::string name;
  std::string sft, rl;   // our key when stage is sft or distill, and when it is rl; both empty: refused, or dropped
  std::string how;       // refused: our name and how to convert; else what there is to know
  // Values that mean something else here, or something only together with `dropped`: TRL's and ours. Empty: all, as they are.
  std::vector<std::pair<std::string, std::string>> values = {};
  bool dropped = false;         // with one of `values` it says what is so anyway; all else is refused
  bool waits = false;           // it means something together with others (TrlNames::Finish)
  bool counts_updates = false;  // in RL: optimiser steps, where our key counts steps that may take several

  bool refused() const { return sft.empty() && rl.empty() && !dropped && !waits; }
};

// Those that the field tables do not name as an alias.
const std::vector<TrlName>& TrlTable();

}  // namespace pith
