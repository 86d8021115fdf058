// What is known of the question that is answered, and says how to read and to compare. Of the gold answer it knows the words, and not the value.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace pith {

// Both texts may be empty, and must outlive it. Looked up when something is asked for; not thread-safe.
class Question {
 public:
  Question(std::string_view question, std::string_view gold) : question_(question), gold_(gold) {}

  std::string_view text() const { return question_; }
  // Whether the question or the gold answer has the word, which may then stand behind a number as its unit. Lower case; a plural's s is read over.
  bool Has(std::string_view word) const;
  bool OffersChoices() const;      // it lists (A) and (B)
  bool AsksForRounding() const;    // or for a decimal
  std::string AskedThing() const;  // "hour" of "How many hours …?", the last such; empty: none

 private:
  std::string_view question_, gold_;
  mutable std::optional<std::set<std::string, std::less<>>> words_;
};

// "cherry" of "cherries", "hour" of "hours".
std::string Singular(std::string_view word);

}  // namespace pith
