// Regular expressions as the tokenizers library reads them (Oniguruma's Ruby dialect), for the patterns by which a
// tokenizer.json cuts and replaces text. Ours, because the dialect matters: brackets nest inside of classes, && intersects
// them, ^ and $ stand at every line, \h is a hexadecimal digit.
//
// Known: alternation, groups (?:…) (…) (?<n>…) (?i:…) (?m:…) (?>…), look-ahead and look-behind, * + ? {n,m} greedy, lazy
// and possessive, classes with ranges, \p{…}, POSIX names and &&, . ^ $ \A \z \Z \b \B \s \S \d \D \w \W \h \H \R and
// escapes. Not known, and refused by name: back references, conditions, absent operators, \X, \G, \K.
//
// Bytes that are not UTF-8 are single characters of no category: a negated class holds them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/added_tokens.h"

namespace pith {

// Immutable and thread-safe.
class Regex {
 public:
  // UserError when `pattern` is not one, or has what pith lacks.
  explicit Regex(std::string_view pattern);
  ~Regex();

  // All matches, leftmost first, none overlapping; an empty one only where the last match did not end. UserError when the
  // pattern backtracks beyond reason on this text.
  void FindAll(std::string_view text, std::vector<TextRange>& matches) const;

 private:
  struct Program;
  std::unique_ptr<Program> program_;
};

}  // namespace pith
