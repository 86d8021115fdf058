// The part of a pattern's grammar that names sets of characters: classes in brackets, escapes, properties.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "data/text/regex_program.h"

namespace pith {

// Reads the text of a pattern from left to right; RegexParser does the rest of the grammar.
class RegexClassParser {
 protected:
  static constexpr int kMaxDepth = 200;

  explicit RegexClassParser(std::string_view pattern) : text_(pattern) {}

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
  bool any_case_ = false;

  template <class... Args>
  [[noreturn]] void Fail(const Args&... args) const {
    ThrowUser("the pattern '", text_, "' has ", args..., " at byte ", at_);
  }

  bool End() const { return at_ >= text_.size(); }
  bool Is(std::string_view what) const { return text_.substr(std::min(at_, text_.size())).starts_with(what); }
  bool Skip(std::string_view what) {
    if (!Is(what)) return false;
    at_ += what.size();
    return true;
  }
  int32_t Take();  // the next character

  RegexSet EscapedSet();  // \s, \p{L}, \n, \x{41}, \[ … as a set
  RegexSet Class();       // at its '['

 private:
  int32_t EscapedCharacter(int32_t c);
  int32_t Hex(int most, bool braced);
  void Property(RegexSet& set);
  bool PosixName(RegexSet& set);
  RegexSet EscapedSetInClass();
};

}  // namespace pith
