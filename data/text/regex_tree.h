// The tree of a regular expression, between its text and its program.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "data/text/regex_program.h"

namespace pith {

struct RegexNode {
  enum Kind { kEmpty, kSet, kSequence, kChoice, kRepeat, kLook, kAtomic, kAssert } kind = kEmpty;
  RegexSet set;
  std::vector<std::unique_ptr<RegexNode>> items;
  int min = 0, max = -1;  // of kRepeat; −1: any number
  RegexOp::Greed greed = RegexOp::kGreedy;
  RegexOp::What what = RegexOp::kLineBegin;
  bool negated = false, behind = false;  // of kLook
};

// UserError: see regex.h.
std::unique_ptr<RegexNode> ParseRegex(std::string_view pattern);

}  // namespace pith
