// Whether these tests run on an emulated processor, where an instruction takes a hundred: then loops over sizes take the few that differ in kind.
#pragma once

#include <cstdlib>
#include <vector>

namespace pith {

inline bool Emulated() {
  static const bool emulated = std::getenv("PITH_TEST_BEST_ISA") != nullptr;  // set where the processor is (cmake/aarch64_tests.cmake)
  return emulated;
}

template <class T>
std::vector<T> Sizes(std::vector<T> all, std::vector<T> emulated) {
  return Emulated() ? emulated : all;
}

}  // namespace pith
