// chat: a conversation in the terminal; modes, budgets and chains are changed within it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <iostream>
#include <unistd.h>

#include "base/error.h"
#include "base/model_path.h"
#include "runtime/generation/scheduler.h"
#include "runtime/programs/auto_option.h"
#include "runtime/programs/budget_options.h"
#include "runtime/programs/command_line.h"
#include "runtime/programs/commands.h"
#include "runtime/programs/line_editor.h"
#include "runtime/programs/speculate_option.h"
#include "runtime/session/conversation.h"
#include "runtime/session/vote.h"

namespace pith {
namespace {

volatile std::sig_atomic_t interrupted = 0;  // by Ctrl-C, since it was last looked at

class Chat {
 public:
  Chat(Engine& engine, const Prompter& prompter, std::vector<NamedAdapter> adapters, const BudgetOptions& closing, const CLI::App& app, TurnOptions options,
       VoteKind vote, const std::string& system, std::unique_ptr<AutoMode> automatic, double switch_cost, std::shared_ptr<Drafter> drafter)
      : engine_(engine), prompter_(prompter), words_(prompter.tokenizer()), adapters_(std::move(adapters)), closing_(closing), app_(app), options_(std::move(options)), vote_(vote),
        automatic_(std::move(automatic)), switch_cost_(switch_cost), conversation_(prompter, system), scheduler_(engine, words_, {.drafter = std::move(drafter)}) {
    if (!adapters_.empty()) options_.mode = adapters_[0];
    SetBudget();
  }

  // False when the user goes.
  bool Take(const std::string& line) {
    if (line.empty()) return true;
    try {
      if (line[0] == '/') return Command(line);
      Answer(line);
    } catch (const UserError& error) {  // a turn that cannot be: the conversation goes on
      std::cerr << error.what() << "\n";
    }
    return true;
  }
  std::string Prompt() const { return automatic_ ? Str(kAutoMode, "> ") : options_.mode.name + (closing_.budget.tokens > 0 && options_.budget ? Str(" ", closing_.budget.tokens) : "") + "> "; }

 private:
  static constexpr const char* kHelp =
      "/reason [NAME]   answer with the adapter     /base        answer with the base\n"
      "/auto            the adapter's switcher chooses between the two, and the budget\n"
      "/budget N        tokens to spend; 0: none    /chains N    answers sampled, and a vote\n"
      "/undo            forget the last turn        /new         forget all turns\n"
      "/quit            go (or Ctrl-D); Ctrl-C stops an answer\n";

  void SetBudget() {
    options_.budget = closing_.Make(app_, words_);
    options_.budget_sentence = closing_.budget.tokens > 0 ? BudgetSentence(closing_.budget) : "";
  }

  bool Command(const std::string& line) {
    const size_t space = line.find(' ');
    const std::string name = line.substr(1, space - 1);
    const std::string given = line.substr(std::min(line.find_first_not_of(' ', space), line.size()));
    if (name == "quit" || name == "exit") return false;
    if (name == "base") {
      options_.mode = {"base", nullptr};
      automatic_.reset();
    } else if (name == "auto") {
      automatic_ = SwitchedBy(given);
    } else if (name == "reason") {
      Reason(given);
    } else if (name == "budget") {
      if (automatic_) ThrowUser("/budget has no effect under /auto, which chooses the budget; say /reason or /base before it");
      const auto tokens = ParseNumber<int64_t>("/budget", given == "none" ? "0" : given, BudgetTokens());
      const BudgetOptions before = closing_;
      closing_.budget.tokens = tokens;
      closing_.think = closing_.answer = 0;
      try {
        SetBudget();
        if (options_.budget) CheckDecodeBudget(*options_.budget, std::max(tokens, options_.max_tokens));
      } catch (const UserError&) {
        closing_ = before;
        SetBudget();
        throw;
      }
    } else if (name == "chains") {
      options_.chains = ParseNumber<int>("/chains", given, Between(1, 32));
      if (options_.chains > 1 && options_.sampling.temperature == 0) options_.sampling.temperature = 0.8;  // else all would say the same
    } else if (name == "undo") {
      conversation_.DropLast();
    } else if (name == "new") {
      conversation_.Forget();
    } else {
      std::cout << kHelp;
      if (name != "help") ThrowUser("/", name, " is no command");
    }
    return true;
  }

  // The first adapter where there is no name.
  const NamedAdapter& Find(const char* command, const std::string& name) const {
    if (adapters_.empty()) ThrowUser(command, " wants an adapter; start with --adapter FILE");
    const auto found = name.empty() ? adapters_.begin() : std::find_if(adapters_.begin(), adapters_.end(), [&](const NamedAdapter& a) { return a.name == name; });
    if (found == adapters_.end()) ThrowUser("no adapter is called '", name, "'; the first is '", adapters_[0].name, "'");
    return *found;
  }

  void Reason(const std::string& name) {
    options_.mode = Find("/reason", name);
    automatic_.reset();
  }

  std::unique_ptr<AutoMode> SwitchedBy(const std::string& name) const {
    auto made = std::make_unique<AutoMode>(Find("/auto", name), adapters_, "/auto", words_);
    if (switch_cost_ > 0) made->SetMeanTokens(switch_cost_);
    return made;
  }

  // Of mode auto: the request of the arm that is chosen, whose prompt the base has encoded by then. Nothing: the user stopped it.
  std::optional<GenerateRequest> Choose(const std::string& user, std::optional<SwitchChoice>* choice) {
    AutoRequests routes = AskAuto(conversation_, user, options_, *automatic_, words_);
    std::vector<Completion> asked;
    RequestCallbacks callbacks;
    callbacks.on_done = [&](std::vector<Completion> completions) { asked = std::move(completions); };
    const RequestId id = scheduler_.Submit(routes.question, callbacks);
    while (scheduler_.Step()) {
      if (interrupted) scheduler_.Cancel(id);
    }
    if (asked.at(0).hidden.empty()) return {};
    *choice = automatic_->Choose(asked[0].hidden);
    return std::move(routes.arms[(*choice)->arm]);
  }

  void Answer(const std::string& user) {
    interrupted = 0;
    options_.announcement = AnnouncementOf(options_.mode, closing_.announcement, options_.budget_sentence);
    const bool several = options_.chains > 1, weighted = several && vote_ == VoteKind::kWeighted && options_.mode.adapter && !automatic_;  // the base has no verifier
    options_.check = weighted ? CheckOf(options_.mode, "--vote weighted") : ResponseCheck();
    const auto start = std::chrono::steady_clock::now();
    std::optional<SwitchChoice> choice;
    const std::optional<GenerateRequest> chosen = automatic_ ? Choose(user, &choice) : conversation_.Ask(user, options_);
    if (!chosen) return;
    GenerateRequest request = *chosen;
    const double choosing_ms = choice ? std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count() : 0;
    if (app_.count("--max-tokens") == 0 && !request.budget) request.max_tokens = DefaultTokens(request, engine_.config().context_length);
    Vote vote(static_cast<size_t>(options_.chains), weighted ? VoteKind::kWeighted : VoteKind::kMajority);
    std::vector<Completion> done;
    RequestId id = 0;
    bool thinking = false;
    RequestCallbacks callbacks;
    callbacks.on_token = [&](const TokenEvent& event) {
      if (several) return;
      const bool thinks = event.part == ResponsePart::kThinking;
      if (thinks != thinking && isatty(STDOUT_FILENO)) std::cout << (thinks ? "\x1b[2m" : "\x1b[0m");
      thinking = thinks;
      std::cout << event.text << std::flush;
    };
    callbacks.on_completion = [&](int sample, const Completion& completion) {
      if (!several) return;
      vote.Add(static_cast<size_t>(sample), JudgedText(words_, completion), completion.score.value_or(1));
      if (vote.Decided()) scheduler_.Cancel(id);
    };
    callbacks.on_done = [&](std::vector<Completion> completions) { done = std::move(completions); };
    id = scheduler_.Submit(request, callbacks);
    while (scheduler_.Step()) {
      if (interrupted) scheduler_.Cancel(id);
    }
    if (thinking && isatty(STDOUT_FILENO)) std::cout << "\x1b[0m";
    const Vote::Result winner = several ? vote.Winner() : Vote::Result();
    Completion& kept = done.at(winner.chain);
    kept.ttft_ms += choosing_ms;
    kept.wall_ms += choosing_ms;
    if (several) std::cout << ResponseText(words_, kept);
    std::cout << "\n";
    if (choice) std::cerr << "[" << ChoiceText(*automatic_, *choice) << "]\n";
    Tell(done, kept, winner);
    conversation_.Keep(user, kept);
    // While the user reads, the base encodes what is kept: the next turn costs what is new alone.
    GenerateRequest known;
    known.prompt = conversation_.KnownPrompt();
    known.invocation_start = static_cast<int64_t>(known.prompt.size());
    known.encode_only = true;
    if (known.prompt.empty() || interrupted) return;
    scheduler_.Submit(known, {});
    while (scheduler_.Step()) {
    }
  }

  void Tell(const std::vector<Completion>& all, const Completion& kept, const Vote::Result& winner) const {
    int64_t tokens = 0;
    for (const Completion& c : all) tokens += static_cast<int64_t>(c.tokens.size());
    const Usage& usage = kept.usage;
    std::cerr << "[" << kept.tokens.size() << " tokens";
    if (usage.thinking_tokens > 0) std::cerr << ", " << usage.thinking_tokens << " of them thinking";
    if (all.size() > 1) std::cerr << "; " << winner.votes << " of " << all.size() << " chains agree, " << tokens << " tokens in all";
    if (usage.accepted_tokens > 0) std::cerr << "; " << usage.accepted_tokens << " of " << usage.drafted_tokens << " drafted tokens were right";
    char score[32] = "";
    if (kept.score) std::snprintf(score, sizeof score, "; score %.2f", *kept.score);
    std::cerr << score;
    if (usage.forced_by != ForcedBy::kNone) std::cerr << "; closed by " << (usage.forced_by == ForcedBy::kBudget ? "the budget" : ForcedByName(usage.forced_by));
    if (kept.finish != Finish::kStop) std::cerr << "; " << (kept.finish == Finish::kCancelled ? "stopped" : "cut off");
    char times[64];
    std::snprintf(times, sizeof(times), "; first after %.2f s, %.1f s]", kept.ttft_ms / 1e3, kept.wall_ms / 1e3);
    std::cerr << times << "\n";
  }

  Engine& engine_;
  const Prompter& prompter_;
  const Tokenizer& words_;
  std::vector<NamedAdapter> adapters_;
  BudgetOptions closing_;
  const CLI::App& app_;
  TurnOptions options_;
  VoteKind vote_;
  std::unique_ptr<AutoMode> automatic_;  // under /auto
  const double switch_cost_;             // 0: as it was fitted
  Conversation conversation_;
  Scheduler scheduler_;
};

}  // namespace

int ChatCommand(const Arguments& args) {
  ModelOptions model;
  BudgetOptions closing;
  TurnOptions options;
  std::string system;
  TemplateOptionsOfRun told;
  SpeculateOption speculate;
  AutoOption automatic;
  int64_t context = 0;
  VoteKind kind = VoteKind::kMajority;
  CLI::App app("A conversation in the terminal: /help tells its commands. Lines come from standard input where that is no terminal.", "chat");
  model.AddTo(app, /*many_adapters=*/true);
  app.add_option("--system", system, "system message");
  told.AddTo(app);
  closing.AddTo(app);
  automatic.AddTo(app, "auto: begin under /auto, where the adapter's switcher chooses for each turn whether the base or the adapter answers, and the budget");
  AddNumber(app, "--chains", &options.chains, Between(1, 32), "answers sampled over one prompt, and a vote");
  AddVote(app, &kind);
  AddSampling(app, &options.sampling.temperature, "0: greedy (default)", &options.sampling);
  AddNumber(app, "--max-tokens", &options.max_tokens, TokenCount(), "most tokens of an answer without a budget");
  speculate.AddTo(app, SpeculateOption::kNgram);
  AddNumber(app, "--context", &context, TokenCount(), "tokens of the conversation (default 4096, or the model's context where that is less)");
  if (!ParseArguments(app, args)) return 0;
  CheckSamplingOptions(app, options.sampling);
  automatic.Check(app);
  if (options.chains > 1 && options.sampling.temperature == 0) ThrowUser("chat: ", options.chains, " chains at temperature 0 would all be the same; give --temperature");

  const std::string path = ResolveModelPath(model.model);
  const std::shared_ptr<const BaseModel> base = BaseModel::Load(path);
  auto adapters = LoadAdapters(model, *base);
  closing.Complete(app, adapters);
  if (!closing.limited()) TakeStoredBudget(app, adapters, closing.announcement, &closing.budget);  // for /budget
  const auto prompter = LoadPrompter(app, path, adapters, told);
  const int64_t tokens = std::min(context > 0 ? context : 4096, base->config().context_length);
  int64_t check = 0;  // tokens of the longest
  if (kind == VoteKind::kWeighted) {  // found now, not at the first answer; /reason may name any of them
    if (adapters.empty()) CheckOf({"base", nullptr}, "chat: --vote weighted");
    for (const NamedAdapter& mode : adapters) check = std::max(check, static_cast<int64_t>(CheckOf(mode, "chat: --vote weighted").ids.size()));
  }
  int64_t arms = 0;  // the largest budget that a switcher may choose
  for (const NamedAdapter& mode : adapters) {
    if (!mode.adapter->switcher()) continue;
    for (const SwitchArm& arm : mode.adapter->switcher()->arms) arms = std::max(arms, arm.budget_tokens);
  }
  auto switcher = automatic.Make(app, adapters, prompter->tokenizer());
  Engine engine(base, model.Engine(2 * tokens + std::max(options.chains, 8) * (std::max({options.max_tokens, closing.budget.tokens, arms}) + check + 64)));
  Chat chat(engine, *prompter, std::move(adapters), closing, app, std::move(options), kind, system, std::move(switcher), automatic.switch_cost, speculate.Make(engine, prompter->tokenizer()));
  struct sigaction action = {};
  action.sa_handler = [](int) { interrupted = 1; };
  action.sa_flags = SA_RESTART;  // what is being written then is written all the same
  sigaction(SIGINT, &action, nullptr);  // stops an answer, not the program
  LineEditor editor;
  for (std::string line; editor.Read(chat.Prompt(), &line);) {
    if (!chat.Take(line)) break;
  }
  return 0;
}

}  // namespace pith
