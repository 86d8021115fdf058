// The length budget: one object read by the prompt, the reward, the decode-time cap and the evaluation sweep.
//
// Length L counts every token after the generation prompt: thinking, tags, forced tokens, the end-of-turn token.
#pragma once

#include <cstdint>
#include <string>

namespace pith {

struct Budget {
  int64_t tokens = 0;             // B; 0: no budget
  double window = 0.25;           // m, in [0, 1): the reward falls from (1−m)B to (1+m)B
  double floor = 0.0;             // p, in [0, 1]: what is left beyond (1+m)B
  int64_t reserve_tokens = 32;    // R: kept for closing the reasoning and answering, at decode time. B < 2R is refused
  std::string close_text = "\n#### ";  // closes the reasoning of a model without </think>
  // How the model is told B, which takes the place of "{budget}"; empty: it is not. Not both.
  std::string sentence;           // ends the user's turn, so that the prompt is another for each B
  std::string announcement;       // begins the response: forced tokens, so that one prompt serves all (data/text/announcement.h)

  double falls_from() const { return (1.0 - window) * static_cast<double>(tokens); }
  double falls_to() const { return (1.0 + window) * static_cast<double>(tokens); }
};

// Which of `num_choices` budgets the prompt at `place` of step `step` gets: by (seed, step, place) alone.
size_t DrawBudget(size_t num_choices, uint64_t seed, int64_t step, int64_t place);

// The sentence with each "{budget}" replaced by B.
std::string BudgetSentence(const Budget& budget);
// The user's turn: the question, and behind it the sentence where there is a budget that has one.
std::string UserTurn(const std::string& question, const Budget& budget);

// Throws UserError when the values contradict each other (B < 2R for decoding, window outside [0,1), told twice, …).
void CheckBudget(const Budget& budget, bool for_decoding);
// For whoever trains under a budget that decoding would refuse, which an adapter would carry in vain; empty: it would not.
std::string DecodingWarning(const Budget& budget);

}  // namespace pith
