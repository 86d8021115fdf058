// The vocabulary of generated everyday requests.
#pragma once

#include <span>

namespace pith {

struct EverydayFact {
  const char* about;
  const char* question;      // one of two ways to ask
  const char* other;
  const char* answer;        // alternatives parted by |
};

std::span<const EverydayFact> EverydayFacts();
std::span<const char* const> SpelledWords();

}  // namespace pith
