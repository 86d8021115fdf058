// The ready configurations of a folder, one line each: pith-train --list.
#pragma once

#include <string>
#include <vector>

namespace pith {

struct ReadyConfig {
  std::string path;   // as it is given to pith-train
  std::string about;  // the first sentence of the comment that the file begins with
  std::string model, data;
  std::string takes;  // "about 4 minutes on two cores": what stands behind "Takes " in that comment; empty: it does not say
};

// Of all .yaml files below `folder`, by path. UserError where there is none, or one that does not load.
std::vector<ReadyConfig> ListReady(const std::string& folder);

// As a table of text for people.
std::string ReadyTable(const std::vector<ReadyConfig>& configs);

}  // namespace pith
