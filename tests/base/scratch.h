// A file of this process alone: tests of one program run side by side, each in a process of its own.
#pragma once

#include <string>

#include "tests/base/temp_folder.h"

namespace pith {

inline std::string Scratch(const std::string& name) {
  static const TempFolder folder;
  return folder / name;
}

}  // namespace pith
