#include "train/session/prepare.h"

#include <algorithm>
#include <exception>
#include <iterator>

#include "base/error.h"
#include "base/log.h"
#include "base/thread_pool.h"
#include "configs/data_sources.h"
#include "data/template/check_turn.h"
#include "data/template/turns.h"
#include "train/session/told_budgets.h"

namespace pith {
namespace {

using Variants = std::vector<PreparedProblem>;  // one problem under each budget

bool LearnsSolutions(const TrainConfig& config) { return config.run.stage == "sft" || (config.run.stage == "distill" && config.distill.mode == "logits"); }

// Makes of a problem what the model sees of it. Threads share one.
class Preparer {
 public:
  Preparer(const Session& session, size_t source)
      : s_(session), config_(session.config), source_(source), budgets_(config_.budget, session.prompter->tokenizer()) {
    if (LearnsSolutions(config_)) end_ = EndOfTurn(s_.prompter->tokenizer());
    for (const ToldBudget& told : budgets_.all()) CheckIds(s_, told.announcement, "budget.announcement");
  }

  // A problem, or each turn of a conversation.
  std::vector<Variants> Prepare(const Problem& problem) const {
    if (!problem.messages.empty()) return Turns(problem);
    std::vector<ChatMessage> messages;
    if (!config_.data.system.empty()) messages.push_back({"system", config_.data.system});
    messages.push_back({"user", problem.question});
    Variants variants;
    if (LearnsSolutions(config_)) {
      const std::vector<int32_t> said = Solution(problem);
      variants.push_back(Asked(problem, messages, budgets_.KeptBy(static_cast<int64_t>(said.size()))));
      variants.back().said = said;
    } else {
      for (const ToldBudget& told : budgets_.all()) variants.push_back(Asked(problem, messages, told));
    }
    std::vector<Variants> one;
    one.push_back(std::move(variants));
    return one;
  }

 private:
  std::vector<int32_t> Solution(const Problem& problem) const {
    if (problem.solution.empty()) return {};
    std::vector<int32_t> said = s_.prompter->tokenizer().Encode(problem.solution);
    said.push_back(end_);
    CheckIds(s_, said, Str("the solution of ", NameOf(problem), " with its end of turn"));
    return said;
  }

  PreparedProblem Asked(const Problem& problem, std::vector<ChatMessage> messages, const ToldBudget& told) const {
    TellInPrompt(told.budget, &messages);
    PreparedProblem p;
    p.budget_tokens = told.budget.tokens;
    p.announcement = told.announcement;
    p.prompt = s_.prompter->Build(messages, s_.invocation);
    if (s_.invocation.empty()) p.prompt.invocation_start = 0;  // the adapter always acts
    CheckIds(s_, p.prompt.ids, Str("the prompt of ", NameOf(problem)));
    p.problem = problem;
    p.source = source_;
    return p;
  }

  std::vector<Variants> Turns(const Problem& conversation) const {
    std::vector<ChatMessage> messages = conversation.messages;
    if (messages.front().role != "system" && !config_.data.system.empty()) messages.insert(messages.begin(), {"system", config_.data.system});
    std::vector<Variants> turns;
    for (size_t turn : AssistantTurns(messages)) {
      const std::vector<ChatMessage> before = MessagesBefore(messages, turn);
      const size_t number = turns.size() + 1;
      Problem problem;
      problem.id = conversation.id + (number > 1 ? Str("/", number) : "");
      problem.place = conversation.place;
      problem.question = before.empty() ? "" : before.back().content;
      problem.messages = before;
      problem.solution = messages[turn].content;
      try {
        PreparedProblem p = Asked(problem, before, {});
        p.said = SaidTokens(*s_.prompter, before, messages[turn], p.prompt.ids, end_);
        CheckIds(s_, p.said, "what is said");
        std::vector<int32_t> said = std::move(p.said);
        p = Asked(problem, before, budgets_.KeptBy(static_cast<int64_t>(said.size())));  // what is said is the same, whatever was told
        p.said = std::move(said);
        turns.emplace_back().push_back(std::move(p));
      } catch (const UserError& error) {
        ThrowUser(conversation.place, ", the assistant's turn ", number, ": ", error.what());
      }
    }
    return turns;
  }

  const Session& s_;
  const TrainConfig& config_;
  const size_t source_;
  const ToldBudgets budgets_;
  int32_t end_ = -1;
};

// Keeps what is short enough, and counts.
class PromptBound {
 public:
  PromptBound(const Session& session, size_t source)
      : config_(session.config), source_(source), settings_(SourceSettings(config_.data, source)), context_(session.base->config().context_length),
        // Elsewhere the context bounds prompt and response together (sft.max_length).
        limit_(PromptLimit(settings_, Room(session))) {}

  bool Keeps(const Variants& variants) {
    int64_t tokens = 0;
    for (const PreparedProblem& p : variants) tokens = std::max(tokens, static_cast<int64_t>(p.prompt.ids.size()));
    shortest_ = std::min(shortest_, tokens);
    longest_ = std::max(longest_, tokens);
    ++(tokens > limit_ ? dropped_ : kept_);
    return tokens <= limit_;
  }

  // Says what was dropped; UserError where that is all.
  void Report() const {
    if (dropped_ == 0) return;
    const bool mix = !config_.data.sources.empty(), given = settings_.max_prompt_tokens > 0 && limit_ == settings_.max_prompt_tokens;
    const std::string of_source = mix ? " of source " + SourceName(config_.data.sources[source_]) : "";
    const std::string bound = given ? Str(mix ? "" : "data.", "max_prompt_tokens = ", limit_)
                                    : config_.run.stage == "verifier" ? Str("the ", std::max<int64_t>(0, limit_), " that check.max_tokens = ", config_.check.max_tokens, " and the check leave of the model's context of ", context_)
                                    : config_.run.stage == "switcher" ? Str("the ", std::max<int64_t>(0, limit_), " that answers of up to ", config_.switcher.longest_answer(), " tokens leave of the model's context of ", context_)
                                    : Str("the ", std::max<int64_t>(0, limit_), " that rollout.max_completion_tokens = ", config_.rollout.max_completion_tokens,
                                          " leaves of the model's context of ", context_);
    if (kept_ == 0) {
      ThrowUser("no problem is left", of_source, ": the prompts of all ", dropped_, " have more tokens than ", bound, "; ", given ? "raise" : "lower",
                " that (the shortest has ", shortest_, ")");
    }
    LogWarning(Str(dropped_, " of ", kept_ + dropped_, " problems", of_source, " are left out: their prompts have more tokens than ", bound,
                   " (the longest has ", longest_, ")"));
  }

 private:
  // What the response, and a check behind it, leave of the context.
  static int64_t Room(const Session& session) {
    const TrainConfig& config = session.config;
    const int64_t context = session.base->config().context_length;
    if (config.run.stage == "rl") return context - config.rollout.max_completion_tokens;
    if (config.run.stage == "switcher") return context - config.switcher.longest_answer();
    if (config.run.stage == "verifier") return context - config.check.max_tokens - static_cast<int64_t>(MakeCheckTurn(*session.prompter, config.check.text).ids.size()) - 1;
    return INT64_MAX;
  }

  const TrainConfig& config_;
  const size_t source_;
  const DatasetSettings& settings_;
  const int64_t context_, limit_;
  int64_t kept_ = 0, dropped_ = 0, shortest_ = INT64_MAX, longest_ = 0;
};

// In the order of the problems, by all cores. Of several that are at fault the first is named, as if they had been taken one by one.
std::vector<std::vector<Variants>> PrepareAll(const Preparer& preparer, const std::vector<Problem>& problems, ThreadPool* pool) {
  std::vector<std::vector<Variants>> prepared(problems.size());
  std::vector<std::exception_ptr> faults(problems.size());
  pool->ParallelFor(static_cast<int64_t>(problems.size()), /*grain=*/16, [&](int64_t begin, int64_t end, int) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      try {
        prepared[i] = preparer.Prepare(problems[i]);
      } catch (const UserError&) {
        faults[i] = std::current_exception();
      }
    }
  });
  for (const std::exception_ptr& fault : faults) {
    if (fault) std::rethrow_exception(fault);
  }
  return prepared;
}

}  // namespace

int64_t PromptLimit(const DatasetSettings& data, int64_t room) { return data.max_prompt_tokens > 0 ? std::min(data.max_prompt_tokens, room) : room; }

void PrepareProblems(Session* session) {
  const TrainConfig& config = session->config;
  const DataSettings& data = config.data;
  const bool judged = config.run.stage == "rl" || config.run.stage == "verifier" || config.run.stage == "switcher" || (config.run.stage == "distill" && config.distill.mode == "traces");
  ThreadPool pool(config.run.threads);
  for (size_t source = 0; source < NumSources(data); ++source) {
    const DatasetSettings& settings = SourceSettings(data, source);
    DatasetSpec spec = SpecOf(settings);
    spec.conversations = LearnsSolutions(config);
    std::vector<Problem> problems = LoadProblems(spec);
    if (problems.empty()) ThrowUser("data: ", settings.dataset, " (", settings.split, ") has no problems");
    for (Problem& problem : problems) {
      if (!data.sources.empty()) problem.id = SourceName(data.sources[source]) + "/" + problem.id;  // two may be drawn from one data set
      if (judged) session->verifiers->CheckKind(problem.kind, NameOf(problem));
    }
    PromptBound bound(*session, source);
    for (std::vector<Variants>& prepared : PrepareAll(Preparer(*session, source), problems, &pool)) {
      for (Variants& variants : prepared) {
        if (bound.Keeps(variants)) std::move(variants.begin(), variants.end(), std::back_inserter(session->problems));
      }
    }
    bound.Report();
  }
}

}  // namespace pith
