// What a regular expression is compiled to: sets of characters, and instructions of a backtracking machine.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/unicode_class.h"

namespace pith {

// Characters: the union of its parts, taken with every set in `and_also`, then perhaps negated.
struct RegexSet {
  struct Range {
    int32_t first, last;
  };
  std::vector<Range> ranges;
  CategoryMask categories = 0;
  bool word = false, space = false, alphabetic = false;
  std::vector<std::string> scripts;
  std::vector<RegexSet> nested, and_also;
  bool negated = false, any_case = false;
  std::array<uint64_t, 2> ascii{};  // filled in by Finish

  void Finish();
  bool Has(int32_t c) const {
    if (c >= 0 && c < 128) return (ascii[static_cast<size_t>(c >> 6)] >> (c & 63) & 1) != 0;
    return Test(c);
  }
  bool Test(int32_t c) const;  // the definition, without the table

 private:
  bool InParts(int32_t c) const;
};

struct RegexOp {
  enum Kind : uint8_t {
    kSet,       // one character of sets[a]
    kRun,       // b to c characters of sets[a] (c < 0: any number), by `greed`
    kSplit,     // go on at a; if that fails, at b
    kJump,      // to a
    kLook,      // the program from the next op to its kAccept must match here (behind: end here); go on at a
    kAtomic,    // as kLook, and what it matched is taken
    kAssert,    // `what`
    kMark,      // remember the place in register a
    kProgress,  // go on only if the place is not that of register a, else jump to b
    kAccept,
  };
  enum Greed : uint8_t { kGreedy, kLazy, kPossessive };
  enum What : uint8_t { kLineBegin, kLineEnd, kTextBegin, kTextEnd, kTextEndOrBreak, kWordEdge, kNoWordEdge };
  Kind kind = kAccept;
  Greed greed = kGreedy;
  What what = kLineBegin;
  bool negated = false, behind = false;
  int32_t a = 0, b = 0, c = 0;
};

struct RegexCode {
  std::vector<RegexSet> sets;
  std::vector<RegexOp> ops;
  int32_t registers = 0;
  std::array<uint64_t, 4> first{};  // bytes with which a match can begin
  bool may_be_empty = false;
};

// UserError: see regex.h.
RegexCode CompileRegex(std::string_view pattern);

}  // namespace pith
