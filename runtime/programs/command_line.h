// What the subcommands of pith-run share: options that several take, parsing that ends in a UserError, and loading.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/model/base_model.h"
#include "base/number_rule.h"
#include "data/template/prompt.h"
#include "rewards/budget.h"
#include "rewards/external/external.h"
#include "runtime/engine.h"
#include "runtime/session/mode.h"
#include "runtime/session/vote.h"

namespace CLI {
class App;
}

namespace pith {

// --model, --adapter (also NAME=FILE), --threads, --cpus, --activations, --kv, --kv-max-bytes, --any-base.
struct ModelOptions {
  std::string model;
  std::vector<std::string> adapters;
  int threads = 0;
  std::optional<std::vector<int>> cpus;  // nothing: as CpusForThreads() has it; empty: all
  std::string activations = "int8";
  std::string kv = "f16";
  int64_t kv_max_bytes = 0;  // 0: as the tokens need
  bool any_base = false;

  void AddTo(CLI::App& app, bool many_adapters);
  // Also takes this thread, and so all that it starts from now on, to the CPUs that it is to run on.
  EngineOptions Engine(int64_t kv_tokens) const;
};

// --verifier, --verifier-kinds, --verifier-workers, --verifier-timeout.
struct VerifierOptions {
  std::string verifier;               // a command or a URL; empty: mathematics alone
  std::string kinds;                  // separated by commas; empty: every kind
  VerifierSettings settings;

  void AddTo(CLI::App& app);
  // UserError for options that a missing --verifier leaves without effect.
  std::shared_ptr<Verifiers> Make(const CLI::App& app, int threads) const;
};

// An option whose text is a T that the rule allows. CLI11's own conversion takes 010 for 8 and an empty text for 0, and cuts
// what a type cannot hold down to its largest value. T: int, int64_t, uint64_t, double.
template <class T>
void AddNumber(CLI::App& app, const std::string& name, T* value, const NumberRule& rule, const std::string& doc = "");

// What several options may be.
NumberRule TokenCount();     // of an answer: at least one
NumberRule BudgetTokens();   // or its parts; 0: none
// --temperature, --top-k, --top-p, --min-p, --seed.
void AddSampling(CLI::App& app, double* temperature, const std::string& temperature_doc, SamplingParams* sampling);

// --vote majority | weighted.
void AddVote(CLI::App& app, VoteKind* kind);

// Parses; a wrong command line becomes a UserError that names the subcommand. Returns false when --help was printed.
bool ParseArguments(CLI::App& app, const std::vector<std::string>& args);

// The file of an adapter given as FILE or NAME=FILE. UserError for a PEFT folder, which tells how to pack it.
struct AdapterArgument {
  std::string name, path;  // name: as given, else the file's
};
AdapterArgument ParseAdapterArgument(const ModelOptions& options, const std::string& given);

// Each adapter given as FILE or NAME=FILE, checked against the identity of the base. UserError tells how to pack a PEFT
// folder.
std::vector<NamedAdapter> LoadAdapters(const ModelOptions& options, const BaseModel& base);

// UserError for the first of `options` that was given: it has no effect `because` ("without --budget").
void RefuseUnused(const CLI::App& app, const std::vector<std::string>& options, const std::string& because);
// UserError for an option of sampling that draws nothing at `temperature`. The seed may stay.
void CheckSamplingOptions(const CLI::App& app, const SamplingParams& sampling);

// --announcement TEXT, and whether it makes sense beside --sentence and these adapters: UserError.
void AddAnnouncement(CLI::App& app, std::optional<std::string>* announcement);
void CheckAnnouncementOption(const CLI::App& app, const std::vector<NamedAdapter>& adapters);
// Where the command line leaves --reserve, --close-text or --sentence open, the first adapter that was trained with a budget
// says: what it learned to be cut off and asked by. An announcement that was given takes the sentence's place.
void TakeStoredBudget(const CLI::App& app, const std::vector<NamedAdapter>& adapters, const std::optional<std::string>& announcement, Budget* budget);

// --now, --chat-template-kwargs: what the chat template is told. Where they are left open, the first adapter that was trained with one says, else
// the real time, and no variables.
struct TemplateOptionsOfRun {
  std::string now, kwargs_json;
  void AddTo(CLI::App& app);
};

// The prompter of the model at `path`. UserError for --now where the template asks for no time, and for variables that it does not ask for.
std::unique_ptr<Prompter> LoadPrompter(const CLI::App& app, const std::string& path, const std::vector<NamedAdapter>& adapters,
                                       const TemplateOptionsOfRun& options);

// The text of `file`, where "-" is standard input. UserError when it cannot be read.
std::string ReadInput(const std::string& file);
// For the end of a loop over std::cin: UserError where it ended because standard input cannot be read.
void CheckStandardInput();

// "64,128,none" → {64, 128, 0}.
std::vector<int64_t> ParseBudgets(const std::string& text);

}  // namespace pith
