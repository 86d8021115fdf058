// Keeping a user's text from becoming control tokens while it passes through a chat template.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/text/added_tokens.h"

namespace pith {

// Chosen for a set of texts; see Prompter::Build.
class TextGuard {
 public:
  // `control_texts`: the texts of all control tokens. UserError when `texts` use up all private characters.
  TextGuard(std::vector<std::string_view> control_texts, const std::vector<std::string_view>& texts);
  // `text` with its dangerous characters swapped for private ones.
  std::string Protect(std::string_view text);
  // `rendered` with the characters put back, and where they stand.
  std::string Restore(std::string_view rendered, std::vector<TextRange>* literal) const;

 private:
  std::vector<std::string_view> control_texts_;
  std::vector<std::string> free_;                               // private characters not in use yet
  std::vector<std::pair<std::string, std::string>> swapped_;    // original, private
  const std::string& PrivateFor(const std::string& original);
};

}  // namespace pith
