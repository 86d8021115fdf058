// sentencepiece's precompiled normalisation table: a double-array trie of byte strings, and what each becomes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pith {

class Charsmap {
 public:
  // UserError, naming `origin`, when the table is damaged, wherever in it: the sentencepiece library reads it unchecked.
  Charsmap(std::string_view blob, const std::string& origin);

  struct Match {
    size_t size = 0;  // bytes of the text; 0: none
    std::string_view replacement;
  };
  // The longest (or the shortest) entry that `text` begins with.
  Match Longest(std::string_view text) const { return Find(text, true); }
  Match Shortest(std::string_view text) const { return Find(text, false); }

  // As Hugging Face's tokenizers applies the table: grapheme by grapheme, by the shortest entry it begins with, else
  // character by character.
  std::string ApplyByGraphemes(std::string_view text) const;

 private:
  std::vector<uint32_t> units_;
  std::string replacements_;  // each ended by a zero byte
  std::string origin_;
  Match Find(std::string_view text, bool longest) const;
  void CheckAll() const;
  [[noreturn]] void Damaged() const;
};

}  // namespace pith
