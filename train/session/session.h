// What every stage of training starts from: the base, its tokenizer and template, the problems, the adapter.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "adapters/lora.h"
#include "base/model/base_model.h"
#include "configs/train_config.h"
#include "data/dataset.h"
#include "data/problem.h"
#include "data/template/prompt.h"
#include "rewards/verifiers.h"
#include "runtime/generation/decode_budget.h"
#include "train/model/model.h"
#include "train/session/missing_inputs.h"

namespace pith {

// A problem as the model sees it. Of a conversation each turn of the assistant is one: its id is the conversation's with "/2" for the second turn, its prompt all that was
// said before.
struct PreparedProblem {
  Problem problem;
  Prompt prompt;                  // invocation_start 0 where the adapter always acts
  int64_t budget_tokens = 0;      // B of this prompt; 0: none
  std::vector<int32_t> announcement;  // of B, with which each response begins (budget.announcement): forced tokens, not learned from; empty: it is not announced
  size_t source = 0;              // index in config.data.sources; 0 without a mix
  // What SFT and distillation on logits learn: the tokens of the solution, or of the turn, with the one that ends it. Empty where there is no solution, and elsewhere.
  std::vector<int32_t> said;

  // What is said takes more than B, which is the largest that there is: learned from, it would teach to break it.
  bool breaks_budget() const { return budget_tokens > 0 && static_cast<int64_t>(announcement.size() + said.size()) > budget_tokens; }
};

struct Session {
  TrainConfig config;               // as given, with optimizer.learning_rate, data.now and rl.steps (of rl.epochs) resolved
  std::shared_ptr<const BaseModel> base;
  std::unique_ptr<Prompter> prompter;
  std::vector<int32_t> invocation;  // the configured one, else the template's; empty where the adapter always acts
  // The sources of a mix one after another; ids then begin with the source's name ("short/…").
  // RL: each problem once per entry of budget.choices (once without), side by side: problem p under choice c is entry
  // p · num_variants() + c. SFT: each once, under the smallest of them that its solution keeps.
  std::vector<PreparedProblem> problems;
  std::vector<std::optional<DecodeBudget>> closings;  // of each variant: how its budget closes completions; nothing: they are left open
  LoraAdapter initial;            // what the run starts from, with the card of what it will become; of stages verifier and switcher as it is
  std::shared_ptr<Verifiers> verifiers;  // of the kinds of all problems, where answers to them are judged (train/session/judging.h)
  bool fresh = true;              // no init_adapter: the starting policy is the base itself
  // Inputs::kAnnounced alone: what is not there yet. Without an init_adapter `initial` is then a fresh adapter of its shape;
  // without one of the data sets there are no problems.
  std::vector<MissingInput> missing;

  size_t num_variants() const { return config.run.stage != "rl" || config.budget.choices.empty() ? 1 : config.budget.choices.size(); }
  const std::optional<DecodeBudget>& closing(size_t entry) const { return closings[entry % num_variants()]; }  // of an entry of problems
  size_t num_problems() const { return problems.size() / num_variants(); }
  // The source of each of the num_problems().
  std::vector<size_t> sources() const;
};

enum class Inputs { kDemanded, kAnnounced };

// Loads all but the model. UserError for settings of `adapter` that an init_adapter contradicts, tokens that the model has no
// embedding for, kinds of problems that nothing judges, and lengths beyond its context. Prompts that are too long are dropped, with a warning that counts them
// (train/session/prepare.h). Warns of sampling that the trainer's ratios would not know of, and of
// rates and batches that are known to collapse (train/advice/rate_check.h).
Session OpenSession(const TrainConfig& config, Inputs inputs = Inputs::kDemanded);
std::unique_ptr<Model> MakeModel(const Session& session);

// UserError when one of `ids`, of `what`, has no row in the model's embedding.
void CheckIds(const Session& session, std::span<const int32_t> ids, const std::string& what);
// The token that ends an assistant's turn: <|im_end|>, <|eot_id|>, <|end|>, <end_of_turn>, else eos.
int32_t EndOfTurn(const Tokenizer& tokenizer);
DatasetSpec SpecOf(const DatasetSettings& data);
// The user's turn: the question, and the budget's sentence where there is one.
std::string UserText(const TrainConfig& config, const std::string& question);
// RL: from problems (each below num_problems()) to entries of session.problems: the problem at places first_place, first_place + 1, … of
// step `step` gets the budget that is drawn for (seed, step, place).
std::vector<size_t> WithBudgets(const Session& session, int64_t step, int64_t first_place, std::vector<size_t> problems);

// Threads of the trainer, and memory that stays with the process instead of being faulted in again by every tensor.
void PrepareProcess(int threads);

}  // namespace pith
