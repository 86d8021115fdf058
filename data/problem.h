// A question with a known answer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pith {

struct Problem {
  std::string id;        // unique within its data set: "gsm8k-train-17"
  std::string question;
  std::string answer;    // gold: "12", or LaTeX for MATH
  std::string solution;  // worked text for SFT, ending in the answer's form; empty when the data has none
};

}  // namespace pith
