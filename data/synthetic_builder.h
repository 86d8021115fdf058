// How a story is put together: sentences with placeholders, and the operations they imply. Private to the generator.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "data/synthetic.h"

namespace pith {

// What an operation has found: the statement ("{S} has {v} apples left"), the aim ("how many apples …") and questions.
struct Frame {
  std::string result, aim;
  std::vector<std::string> questions;
};

class StoryBuilder {
 public:
  StoryBuilder(Rng& rng, int64_t max_number);

  Rng& rng() { return rng_; }
  int64_t value() const { return value_; }          // the running quantity
  void SetValue(int64_t value) { value_ = value; }
  int64_t cap() const { return max_number_ * 10; }  // no intermediate value above this
  int64_t max_number() const { return max_number_; }
  int64_t max_factor() const;                       // largest number of boxes, days, friends, …

  void Set(const std::string& name, const std::string& text) { words_[name] = text; }
  void Set(const std::string& name, int64_t number) { words_[name] = std::to_string(number); }
  // Replaces every {name} that was Set; others ({S}, {v}) stay.
  std::string Fill(std::string_view pattern) const;
  std::string Pick(std::initializer_list<const char*> options);
  // Uniform in [low, high]; an empty range makes the story fail.
  int64_t Draw(int64_t low, int64_t high);
  // A divisor of `of` in [2, max_factor] with a quotient of at least 2; none makes the story fail.
  int64_t DrawDivisor(int64_t of);
  void Fail() { failed_ = true; }
  bool failed() const { return failed_; }

  // A sentence of the question that matters; its clause is kept as a fact. `later` may put "Then" or so before it.
  void Say(std::string_view clause, bool later = false);
  void Scene(std::string_view clause);              // a sentence without numbers
  void Distract(std::string_view clause, const std::string& topic);
  void Compute(char op, int64_t a, int64_t b, const Frame& frame);
  // Asks for the last frame; `join` may merge the last clause into it: "If …, how many …?"
  void Finish(bool join);

  Story story;

 private:
  Rng& rng_;
  int64_t max_number_;
  int64_t value_ = 0;
  bool failed_ = false, name_next_ = true;
  std::map<std::string, std::string, std::less<>> words_;
  std::vector<std::string> questions_;              // of the last frame
  std::string last_adverb_, last_clause_;
  std::string Resolve(std::string text, bool name) const;
  bool MentionsOthers(std::string_view clause) const;
};

// The families of stories. Each sets its words, then serves Start (the beginning, `steps` operations: 0 to 3), Event
// (one more thing happens) and End (the closing turn, 1 or 2 operations). A family that cannot do so calls Fail().
class StoryFamily {
 public:
  virtual ~StoryFamily() = default;
  virtual int max_start() const = 0;
  virtual int max_end() const = 0;
  virtual void Start(StoryBuilder& b, int steps) = 0;
  virtual int Event(StoryBuilder& b, int max_steps) = 0;  // returns the operations it took
  virtual void End(StoryBuilder& b, int steps) = 0;
};

StoryFamily& PickFamily(StoryBuilder& b);  // sets the family's words in `b` too
StoryFamily& MoneyFamily(StoryBuilder& b);
StoryFamily& CrowdFamily(StoryBuilder& b);
StoryFamily& ProgressFamily(StoryBuilder& b);

// Comparison and total with somebody else: the closing turn that every family of owners shares.
struct Comparison {
  std::string has;            // the verb phrase
  std::string question;       // "How many {items} does {E} have?"
  std::string together, together_aim, together_question;
};

void CompareAtEnd(StoryBuilder& b, const Comparison& comparison, int steps);

inline const char* TimesWord(int64_t factor) {  // factor in [2, 4]
  return factor == 2 ? "twice" : factor == 3 ? "3 times" : "4 times";
}

std::string Capitalised(std::string text);

}  // namespace pith
