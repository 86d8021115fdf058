// What an evaluation has answered so far, in a file that a process may die over at any moment.
//
// Text, a line each, behind the CRC-32C of the rest of the line (8 hex digits and a space), only ever appended to:
//   {"pith_evaluation": 1, "facts": [[name, value], …]}   first: all that the answers depend on
//   {"go": …}                                             a process that worked on it: when, on what machine
//   {"set", "row", "problem", "tokens", "seconds", "answers": […]}   a problem of a row, with all its chains; of a switcher's row also the "arm"
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/evaluation/eval.h"

namespace pith {

// One of the things that decide results. `name` stands in a sentence: "with another NAME".
struct EvalFact {
  std::string name, value;
  bool operator==(const EvalFact&) const = default;
};

struct EvalShape {
  struct Set {
    size_t rows, problems;
  };
  std::vector<Set> sets;
  int chains = 1;
  int64_t vocab = 0;  // ids of tokens are below it
  int arms = 0;       // of a switcher; 0: there is none
};

class EvalJournal {
 public:
  // A new one, in the place of any that is there. UserError where it cannot be written.
  static std::unique_ptr<EvalJournal> Begin(const std::string& path, const std::vector<EvalFact>& facts, const EvalShape& shape);
  // Goes on with the one that is there. What a process left half-written at its end is dropped. UserError naming the first fact that differs, and for a
  // file that is no such journal.
  static std::unique_ptr<EvalJournal> Resume(const std::string& path, const std::vector<EvalFact>& facts, const EvalShape& shape);
  // What the journal at `path` has as this fact; nothing where there is none that can be read.
  static std::optional<std::string> FactOf(const std::string& path, const std::string& name);
  ~EvalJournal();  // one that holds no answer yet is removed: nothing would be gone on with

  EvalKeeper* Set(size_t set);  // of one data set; lives as long as the journal
  int64_t num_kept() const;     // completions that were found
  bool empty() const;           // holds no answer, of this go or an earlier one

  void AddGo(const std::string& json);                 // a JSON value of the caller's
  const std::vector<std::string>& goes() const;        // all, this process's as well
  void Remove();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  EvalJournal();
};

}  // namespace pith
