// A question with a known answer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/template/chat_message.h"

namespace pith {

struct Problem {
  std::string id;        // unique within its data set: "gsm8k-train-17"; of a file by its content: "sums.jsonl-9f86d081884c7d65"
  std::string question;
  std::string answer;    // gold: "12", or LaTeX for MATH
  std::string solution;  // worked text for SFT, ending in the answer's form; empty when the data has none
  std::string kind = "math";  // which verifier judges answers to it (rewards/verifier.h)
  std::string payload = "";   // JSON text for that verifier: tests of a program, a rubric; empty: none
  // What evaluations break their rows down by; empty: the data do not say.
  std::string domain = "";    // "Algebra"; of SVAMP its operation
  std::string level = "";     // "3"; of generated problems their steps
  std::string place = "";     // where a file has it, for people: "data/sums.jsonl, line 3"; empty: it comes from none of the user's
  std::vector<ChatMessage> messages = {};  // a conversation, whose assistant's turns are learned; question, answer and solution are then empty. Of one such turn: what was said before it
};

// As messages call it: "problem sums.jsonl-9f86d081884c7d65 (data/sums.jsonl, line 3)".
inline std::string NameOf(const Problem& problem) {
  return "problem " + problem.id + (problem.place.empty() ? "" : " (" + problem.place + ")");
}

}  // namespace pith
