// What the subcommands of pith-run share: options that several take, parsing that ends in a UserError, and loading.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/packed_adapter.h"
#include "base/base_model.h"
#include "data/text/prompt.h"
#include "rewards/budget.h"
#include "runtime/engine.h"
#include "runtime/generate.h"

namespace CLI {
class App;
}

namespace pith {

// --model, --adapter (also NAME=FILE), --threads, --activations, --kv, --any-base.
struct ModelOptions {
  std::string model;
  std::vector<std::string> adapters;
  int threads = 0;
  std::string activations = "int8";
  std::string kv = "f16";
  bool any_base = false;

  void AddTo(CLI::App& app, bool many_adapters);
  EngineOptions Engine(int64_t kv_tokens) const;
};

// Parses; a wrong command line becomes a UserError that names the subcommand. Returns false when --help was printed.
bool ParseArguments(CLI::App& app, const std::vector<std::string>& args);

struct NamedAdapter {
  std::string name;  // "base" when adapter is null
  AdapterRef adapter;
};

// Each adapter given as FILE or NAME=FILE, checked against the identity of the base. UserError tells how to pack a PEFT
// folder.
std::vector<NamedAdapter> LoadAdapters(const ModelOptions& options, const BaseModel& base);

// Where `mode` begins to act in `prompt`: at the last match of the adapter's own invocation, which need not be the one
// that the chat template ends with. UserError when the prompt lacks it. prompt.invocation_start for any other mode.
int64_t FindSwitch(const NamedAdapter& mode, const Prompt& prompt, const Tokenizer& tokenizer);

// UserError for the first of `options` that was given: it has no effect `because` ("without --budget").
void RefuseUnused(const CLI::App& app, const std::vector<std::string>& options, const std::string& because);
// UserError for an option of sampling that draws nothing at `temperature`. The seed may stay.
void CheckSamplingOptions(const CLI::App& app, const SamplingParams& sampling);

// "1,2,3" → numbers. UserError names `option`.
std::vector<int64_t> ParseNumbers(const std::string& text, const std::string& option);
// "64,128,none" → {64, 128, 0}.
std::vector<int64_t> ParseBudgets(const std::string& text);

// The decode-time side of a budget. The reasoning is closed by budget.close_text when it was given by the user (special
// tokens in it count as such), else by </think> where the vocabulary has it as one token, else by budget.close_text.
// UserError when B < 2R.
DecodeBudget MakeDecodeBudget(const Budget& budget, bool close_text_given, const Tokenizer& tokenizer);

struct ProcessMemory {
  int64_t rss_mb, anon_mb;
};
ProcessMemory ReadProcessMemory();  // from /proc/self/smaps_rollup; zeros where there is none

}  // namespace pith
