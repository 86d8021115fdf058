// Generated grade-school word problems: a story with its arithmetic, and worked solutions of it at four lengths.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/rng.h"
#include "data/dataset.h"
#include "data/problem.h"

namespace pith {

// One operation of the derivation: value = a op b. In results "{S}" stands for the main person (name or
// pronoun) and "{v}" for the value, or for the whole equation.
struct StoryStep {
  char op;                // + - * /
  int64_t a, b, value;    // all at least 2, so every noun is a plural
  std::string result;     // "{S} has {v} apples left"
  std::string aim;        // "how many apples Mia has left"
  int fact;               // index of the fact that it follows from
};

struct Story {
  std::vector<std::string> sentences;  // of the question, in order
  std::string question;                // its last sentence
  std::vector<std::string> facts;      // clauses that state what matters: "Mia gives 5 of the apples to Tom"
  std::vector<StoryStep> steps;        // the last value is the answer
  std::string subject, pronoun;        // what {S} stands for
  std::string distraction;             // "the number of pencils"; empty: every number of the question matters

  std::string Text() const;            // sentences and question, as one paragraph
  int64_t answer() const { return steps.back().value; }
};

// A story of exactly `steps` operations; numbers in its text lie in [2, max_number]. Uses `rng` alone.
// Empty `steps` in the result: the draw led nowhere, draw again.
Story MakeStory(Rng& rng, int steps, int64_t max_number, bool distractor);

// 0: equations alone; 1: plain sentences; 2: restates the problem, explains each step, checks the last one;
// 3: also goes over the whole result again. Ends in "\n#### answer". Every equation in it is true.
std::string WriteSolution(const Story& story, int level, Rng& rng);

// The key that separates and identifies questions: lower-case words and numbers, with every name replaced by one word,
// so that two problems never differ in names alone.
std::string NormaliseQuestion(const std::string& question);

// True when this normalised question belongs to split "test" (one in four), whatever the seed: train and test sets of
// any two seeds and settings are disjoint.
bool IsTestQuestion(const std::string& normalised);

// Exactly spec.limit problems, all different. A larger limit continues a smaller one; the questions do not depend on
// the style of the solutions. UserError: a setting out of its range, or too few different problems under the settings.
std::vector<Problem> GenerateProblems(const DatasetSpec& spec);

}  // namespace pith
