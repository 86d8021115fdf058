// Problems as published, from $PITH_DATA or downloaded once with checksums; any JSONL by field names; generated ones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/problem.h"

namespace pith {

struct DatasetSpec {
  std::string name;           // gsm8k | math | math500 | svamp | synthetic | everyday | FILE.jsonl
  std::string split = "train";  // train | test (generated ones: also disjoint); ignored for math500 and files
  int64_t limit = 0;          // first so many after shuffling; 0: all (generated ones: required)
  uint64_t seed = 0;          // of the generator, and of the shuffle
  bool shuffle = false;       // generated ones: no effect, their order is random already
  bool conversations = false; // JSONL files: a record without a question may be a conversation (data/conversation.h)
  // JSONL files only: names of the fields.
  std::string question_field = "question", answer_field = "answer", solution_field = "solution";
  // synthetic only.
  int min_steps = 1, max_steps = 3;   // arithmetic steps
  int64_t max_number = 30;            // size of the numbers that appear in the question
  double distractor_rate = 0.3;       // share of problems with a number that does not matter
  double brief_rate = 0.0;            // share of solutions in the briefest style
  std::string verbosity = "mixed";    // verbose (explained, checked) | mixed (also plain) | short (all brief)
};

// Throws UserError: unknown name, file missing and not downloadable, malformed line (with its number), missing field.
std::vector<Problem> LoadProblems(const DatasetSpec& spec);

}  // namespace pith
