// A run of SFT whose examples are told budgets, for the tests of this room.
#pragma once

#include <functional>

#include "tests/train/tiny_run.h"

namespace pith::testing {

inline constexpr char kAnnouncement[] = "budget {budget}:", kSentence[] = "Use {budget} tokens.";

// Twelve problems whose solutions grow by some tokens from one to the next.
inline std::string GrowingSolutions(const Scratch& scratch) {
  std::string lines;
  for (int i = 0; i < 12; ++i) {
    std::string solution;
    for (int k = 0; k < i; ++k) solution += Str(k, " + 1 = ", k + 1, ". ");
    lines += nlohmann::json{{"question", Str("What is ", i, " + 4?")}, {"answer", std::to_string(i + 4)}, {"solution", Str(solution, "\n#### ", i + 4)}}.dump() + "\n";
  }
  WriteFile(scratch.path + "/growing.jsonl", lines);
  return scratch.path + "/growing.jsonl";
}

inline TrainConfig ToldConfig(const Scratch& scratch, const std::string& name, bool announced = true) {
  PrepareProcess(1);
  TrainConfig c = TinyConfig(scratch, "sft", name);
  c.data.dataset = GrowingSolutions(scratch);
  c.data.shuffle = false;
  c.model.dtype = "float32";
  c.budget.tokens = 48;
  c.budget.reserve_tokens = 8;
  (announced ? c.budget.announcement : c.budget.sentence) = announced ? kAnnouncement : kSentence;
  return c;
}

inline std::string Stderr(const std::function<void()>& body) {
  ::testing::internal::CaptureStderr();
  body();
  return ::testing::internal::GetCapturedStderr();
}

}  // namespace pith::testing
