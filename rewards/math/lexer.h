// An answer in LaTeX, plain text or a mixture, as tokens. Dress is dropped here: $…$, \left, \displaystyle, thin spaces, **.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rewards/math/work.h"

namespace pith {

struct Token {
  enum Kind {
    kNumber,   // digits, "0.1(6)" for a repeating decimal, "1.2e5"; thousands are joined
    kBased,    // digits of 101_2; `base` holds the other
    kLetter,   // a variable: one letter, or a dressed one ("mathbf:v")
    kWord,     // words in text: as written
    kCommand,  // name without the backslash; Unicode signs and plain words (sqrt, pi, <=) give the same names
    kSign,     // one character: + - * / ^ _ ( ) [ ] { } | , ; : = < > ! % & '
    kEnd,
  };
  Kind kind = kEnd;
  std::string text;
  int base = 0;
  bool space = false;  // white space in front
  bool in_text = false;  // from \text{…}
  bool Is(Kind k, std::string_view t) const { return kind == k && text == t; }
};

struct LexerOptions {
  bool thousands = true;  // "1,234" outside brackets is one number; else a list of two
};

// Always ends with kEnd. Stops early (with kEnd) when the work runs out. Linear.
std::vector<Token> Tokenize(std::string_view text, const LexerOptions& options, Work* work);

}  // namespace pith
