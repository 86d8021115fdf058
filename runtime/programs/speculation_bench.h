// What drafts bring: answers that repeat their prompt, and ordinary ones, decoded plainly and with drafts in turn.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/template/prompt.h"
#include "runtime/engine.h"
#include "runtime/generation/request.h"
#include "runtime/session/mode.h"
#include "runtime/speculation/drafter.h"

namespace pith {

class SpeculationBench {
 public:
  struct Text {
    std::string name;                        // of the kind
    std::vector<GenerateRequest> questions;  // each with one greedy answer of at most `gen` tokens
  };
  // The questions of each kind. UserError where one and its answer do not fit the context.
  static std::vector<Text> Texts(const Prompter& prompter, const NamedAdapter& mode, int64_t gen, int64_t context);
  static int64_t KvTokens(const std::vector<Text>& texts);  // room for all of them

  // Both must outlive it.
  SpeculationBench(Engine& engine, const Tokenizer& tokenizer) : engine_(engine), tokenizer_(tokenizer) {}

  struct Figures {
    int64_t tokens = 0;                        // of the answers of one round
    double plain = 0, speculating = 0;         // tokens per second behind the first token, medians
    double ratio = 0, lowest = 0, highest = 0; // of the two within a round: median, least, most
    int64_t drafted = 0, accepted = 0, passes = 0;  // of the last round
  };
  // An answer that drafts have changed is a programmer's mistake, and aborts.
  Figures Measure(const Text& text, const std::shared_ptr<Drafter>& drafter, bool always, int rounds);

 private:
  struct Answered {
    double ms = 0;  // behind the first token
    int64_t drafted = 0, accepted = 0, passes = 0;
    std::vector<int32_t> tokens;
  };
  Answered Answer(const GenerateRequest& question, const std::shared_ptr<Drafter>& drafter, bool always);

  Engine& engine_;
  const Tokenizer& tokenizer_;
};

}  // namespace pith
