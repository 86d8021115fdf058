// Generated everyday requests that need no arithmetic: greetings, sentences to be copied, names to be read out of a sentence, short facts, texts in capitals, words to be spelled. What a base model does
// without an adapter, and an adapter that was trained on mathematics may have unlearned; each is judged as text (rewards/text_verifier.h).
#pragma once

#include <string>
#include <vector>

#include "base/rng.h"
#include "data/dataset.h"
#include "data/problem.h"

namespace pith {

// One request of a family, and what it is about: requests about the same thing lie in the same split, whatever their words.
struct EverydayRequest {
  std::string question, answer, kind;
  std::string family;   // "greeting", "copy", "name", "fact", "capitals", "spelling"
  std::string about;    // "fact france", "copy the green boat sails at noon"
};

// Uses `rng` alone.
EverydayRequest MakeEverydayRequest(Rng& rng);

// Exactly spec.limit requests, all different; of spec the split, the limit and the seed count. A larger limit continues a smaller one; what train and test are about is disjoint for
// all seeds. UserError: a limit that is missing, or above kMostEveryday.
std::vector<Problem> GenerateEveryday(const DatasetSpec& spec);
inline constexpr int64_t kMostEveryday = 100'000;

}  // namespace pith
