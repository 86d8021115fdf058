#include "runtime/programs/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <iterator>

#include "base/cpu_clusters.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

namespace pith {
namespace {

std::string FileStem(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  const size_t dot = name.find_last_of('.');
  return dot == std::string::npos || dot == 0 ? name : name.substr(0, dot);
}

std::vector<int> UsableCpus(const std::string& what, const std::string& text) {
  if (text == "all") return {};
  const std::vector<int> cpus = ParseCpus(what, text), allowed = AllowedCpus();
  for (int cpu : cpus) {
    if (!std::binary_search(allowed.begin(), allowed.end(), cpu)) ThrowUser(what, ": this process may not use CPU ", cpu, "; it has ", CpusText(allowed));
  }
  return cpus;
}

}  // namespace

void ModelOptions::AddTo(CLI::App& app, bool many_adapters) {
  app.add_option("--model", model, "GGUF file, Hugging Face folder, or org/name from its cache; demo: the demo model")->required();
  auto* option = app.add_option("--adapter", adapters, "GGUF LoRA, FILE or NAME=FILE");
  if (!many_adapters) option->expected(1);
  AddNumber(app, "--threads", &threads, Between(0, 1024), "0: one for every CPU of --cpus");
  app.add_option_function<std::string>("--cpus", [this, what = app.get_name() + ": --cpus"](const std::string& text) { cpus = UsableCpus(what, text); },
                                       "where they run, e.g. 4-7 or 0,2; all (default: where cores differ the fast ones, else all)")->type_name("LIST");
  app.add_option("--activations", activations, "f32 | bf16 | int8")->check(CLI::IsMember({"f32", "bf16", "int8"}));
  app.add_option("--kv", kv, "keys and values: f16 | int8 | f32")->check(CLI::IsMember({"f16", "int8", "f32"}));
  AddNumber(app, "--kv-max-bytes", &kv_max_bytes, Between(0, 1e15), "memory that keys and values may take; 0: as much as the tokens at hand need");
  app.add_flag("--any-base", any_base, "use an adapter that was trained on another base, with a warning");
}

EngineOptions ModelOptions::Engine(int64_t kv_tokens) const {
  const std::vector<int> chosen = cpus ? *cpus : CpusForThreads(threads, AllowedCpus());
  if (!chosen.empty() && !RunOn(chosen)) LogWarning(Str("the system does not let threads choose CPUs ", CpusText(chosen), "; going on without"));
  EngineOptions options;
  options.num_threads = threads;
  options.activations = activations == "f32"    ? ActivationType::kF32
                        : activations == "bf16" ? ActivationType::kBF16
                                                : ActivationType::kInt8;
  options.kv_type = kv == "f16" ? KvType::kF16 : kv == "int8" ? KvType::kInt8 : KvType::kF32;
  options.kv_tokens = kv_tokens;
  options.kv_max_bytes = kv_max_bytes;
  return options;
}

template <class T>
void AddNumber(CLI::App& app, const std::string& name, T* value, const NumberRule& rule, const std::string& doc) {
  const auto read = [what = app.get_name() + ": " + name, value, rule](const std::string& text) { *value = ParseNumber<T>(what, text, rule); };
  const std::string type = std::is_floating_point_v<T> ? "NUMBER" : "INTEGER";
  app.add_option_function<std::string>(name, read, doc)->type_name(NumberWords(type, rule.words));
}
template void AddNumber(CLI::App&, const std::string&, int*, const NumberRule&, const std::string&);
template void AddNumber(CLI::App&, const std::string&, int64_t*, const NumberRule&, const std::string&);
template void AddNumber(CLI::App&, const std::string&, uint64_t*, const NumberRule&, const std::string&);
template void AddNumber(CLI::App&, const std::string&, double*, const NumberRule&, const std::string&);

NumberRule TokenCount() { return Between(1, 1048576); }
NumberRule BudgetTokens() { return Between(0, 100000000); }

void AddSampling(CLI::App& app, double* temperature, const std::string& temperature_doc, SamplingParams* sampling) {
  AddNumber(app, "--temperature", temperature, Between(0, 100), temperature_doc);
  AddNumber(app, "--top-k", &sampling->top_k, Between(0, 1000000000), "sample among the likeliest so many; 0: all");
  AddNumber(app, "--top-p", &sampling->top_p, AboveUpTo(0, 1), "sample among the likeliest that hold this share of probability");
  AddNumber(app, "--min-p", &sampling->min_p, FromBelow(0, 1), "sample among those at least this times as likely as the likeliest");
  AddNumber(app, "--seed", &sampling->seed, AnyNumber(), "of the samples");
  AddNumber(app, "--repetition-penalty", &sampling->repetition_penalty, AboveUpTo(0, 10), "divides the logits of tokens in prompt and response; 1: off");
  AddNumber(app, "--presence-penalty", &sampling->presence_penalty, Between(-2, 2), "taken from the logits of tokens that the response has");
  AddNumber(app, "--frequency-penalty", &sampling->frequency_penalty, Between(-2, 2), "the same, times how often it has them");
  const auto add_bias = [name = app.get_name(), sampling](const std::vector<std::string>& given) {
    for (const std::string& text : given) {
      const size_t equals = text.find('=');
      if (equals == std::string::npos) ThrowUser(name, ": --logit-bias '", text, "' is not ID=BIAS, such as 42=-100");
      const auto id = ParseNumber<int64_t>(name + ": --logit-bias", text.substr(0, equals), Between(0, 2147483647));
      sampling->logit_bias.emplace_back(static_cast<int32_t>(id), ParseNumber<double>(name + ": --logit-bias", text.substr(equals + 1), Between(-100, 100)));
    }
  };
  app.add_option_function<std::vector<std::string>>("--logit-bias", add_bias, "added to the logit of a token; may be given more than once")->type_name("ID=BIAS");
}

void AddVote(CLI::App& app, VoteKind* kind) {
  const auto read = [kind](const std::string& text) { *kind = text == VoteKindName(VoteKind::kWeighted) ? VoteKind::kWeighted : VoteKind::kMajority; };
  app.add_option_function<std::string>("--vote", read, "majority: the answer that most chains give (default); weighted: chains count as likely as the adapter's verifier thinks them right")
      ->check(CLI::IsMember({"majority", "weighted"}));
}

bool ParseArguments(CLI::App& app, const std::vector<std::string>& args) {
  std::vector<std::string> reversed(args.rbegin(), args.rend());  // CLI11 takes them from the back
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return false;
  } catch (const CLI::ParseError& error) {
    ThrowUser(app.get_name(), ": ", error.what(), "; see pith-run ", app.get_name(), " --help");
  }
  return true;
}

AdapterArgument ParseAdapterArgument(const ModelOptions& options, const std::string& given) {
  const size_t equals = given.find('=');
  const bool named = equals != std::string::npos && equals > 0 && !FileExists(given) && !IsFolder(given);
  const std::string path = named ? given.substr(equals + 1) : given;
  if (FileExists(path + "/adapter_config.json")) {
    ThrowUser("--adapter '", path, "' is a PEFT folder, and a GGUF LoRA is wanted; pack it first: pith-export adapter --adapter ", path,
              " --base ", options.model, " --out adapter.gguf");
  }
  return {named ? given.substr(0, equals) : FileStem(path), path};
}

std::vector<NamedAdapter> LoadAdapters(const ModelOptions& options, const BaseModel& base) {
  if (options.any_base && options.adapters.empty()) ThrowUser("--any-base has no effect without --adapter");
  std::vector<NamedAdapter> loaded;
  for (const std::string& given : options.adapters) {
    const auto [name, path] = ParseAdapterArgument(options, given);
    NamedAdapter entry{name, PackedAdapter::FromGguf(path, base.config())};
    const bool names_base = !entry.adapter->base_sha256().empty();  // else the identity, which may cost seconds, tells nothing
    CheckSameBase(*entry.adapter, names_base ? base.Identity() : "", options.any_base);
    for (const NamedAdapter& other : loaded) {
      if (other.name == entry.name) {
        ThrowUser("two adapters are called '", entry.name, "'; tell them apart with --adapter NAME=FILE");
      }
    }
    if (entry.name == "base") ThrowUser("an adapter cannot be called 'base'; rename it with --adapter NAME=", path);
    loaded.push_back(std::move(entry));
  }
  return loaded;
}

void TakeStoredBudget(const CLI::App& app, const std::vector<NamedAdapter>& adapters, const std::optional<std::string>& announcement, Budget* budget) {
  for (const NamedAdapter& mode : adapters) {
    if (!mode.adapter || !mode.adapter->budget()) continue;
    const AdapterBudget& stored = *mode.adapter->budget();
    if (app.count("--reserve") == 0 && stored.reserve_tokens > 0) budget->reserve_tokens = stored.reserve_tokens;
    if (app.count("--close-text") == 0 && !stored.close_text.empty()) budget->close_text = stored.close_text;
    if (app.count("--sentence") == 0 && announcement.value_or("").empty()) budget->sentence = stored.sentence;
    return;
  }
}

void AddAnnouncement(CLI::App& app, std::optional<std::string>* announcement) {
  app.add_option("--announcement", *announcement, "tells an adapter its budget by forced tokens at the response's beginning; {budget} becomes the budget (default: the adapter's own; '': none)");
}

void CheckAnnouncementOption(const CLI::App& app, const std::vector<NamedAdapter>& adapters) {
  if (adapters.empty()) RefuseUnused(app, {"--announcement"}, "without --adapter: the base has learned none");
  if (app.count("--sentence") > 0 && app.count("--announcement") > 0) ThrowUser(app.get_name(), ": --sentence and --announcement both tell the budget; give one of them");
}

void TemplateOptionsOfRun::AddTo(CLI::App& app) {
  app.add_option("--now", now, "time that the chat template tells, e.g. 2024-07-26T10:00:00 (default: the first adapter's, else the real one)");
  app.add_option("--chat-template-kwargs", kwargs_json,
                 "variables that the chat template is given, e.g. '{\"enable_thinking\": false}' (default: the first adapter's, else none)");
}

std::unique_ptr<Prompter> LoadPrompter(const CLI::App& app, const std::string& path, const std::vector<NamedAdapter>& adapters,
                                       const TemplateOptionsOfRun& options) {
  std::string told = options.now, kwargs = options.kwargs_json;
  for (const NamedAdapter& mode : adapters) {
    if (told.empty() && mode.adapter) told = mode.adapter->template_now();
    if (app.count("--chat-template-kwargs") == 0 && kwargs.empty() && mode.adapter) kwargs = mode.adapter->template_kwargs();
  }
  CheckTemplateKwargs(app.get_name(), "--chat-template-kwargs", kwargs);
  auto prompter = Prompter::Load(path, told, kwargs);
  const std::vector<std::string> unused = prompter->chat().UnusedKwargs();
  if (app.count("--chat-template-kwargs") > 0 && !unused.empty()) {
    ThrowUser(app.get_name(), ": --chat-template-kwargs gives ", unused.front(), ", which the model's chat template does not ask for; leave it away");
  }
  if (!prompter->chat().TellsTime()) RefuseUnused(app, {"--now"}, "with this model, whose chat template asks for no time");
  return prompter;
}

void RefuseUnused(const CLI::App& app, const std::vector<std::string>& options, const std::string& because) {
  for (const std::string& option : options) {
    if (app.count(option) > 0) ThrowUser(app.get_name(), ": ", option, " has no effect ", because);
  }
}

void CheckSamplingOptions(const CLI::App& app, const SamplingParams& sampling) {
  CheckSampling(sampling);
  if (sampling.temperature == 0) RefuseUnused(app, {"--top-k", "--top-p", "--min-p"}, "at temperature 0; give --temperature");
}

std::string ReadInput(const std::string& file) {
  if (file != "-") return ReadFile(file);
  std::string text(std::istreambuf_iterator<char>(std::cin), {});
  CheckStandardInput();
  return text;
}

void CheckStandardInput() {
  if (std::ferror(stdin) != 0 || std::cin.bad()) ThrowUser("standard input cannot be read; give a file, or pipe the text in");
}

std::vector<int64_t> ParseBudgets(const std::string& text) {
  const NumberRule rule = {"from 1 to 100000000, or none", Between(1, 100000000).holds};
  std::vector<int64_t> budgets;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string item = text.substr(begin, end - begin);
    const int64_t budget = item == "none" ? 0 : ParseNumber<int64_t>("--budgets (such as 64,128,none)", item, rule);
    if (std::find(budgets.begin(), budgets.end(), budget) != budgets.end()) {
      ThrowUser("--budgets names '", item, "' twice");
    }
    budgets.push_back(budget);
    begin = end + 1;
  }
  return budgets;
}

void VerifierOptions::AddTo(CLI::App& app) {
  app.add_option("--verifier", verifier, "judge of your own: a command such as 'python3 judge.py', or http://HOST:PORT/PATH (docs/verifiers.md)");
  app.add_option("--verifier-kinds", kinds, "kinds of problems that it judges, separated by commas (default: all)");
  AddNumber(app, "--verifier-workers", &settings.workers, Between(1, 256), "its processes, or requests at a time");
  AddNumber(app, "--verifier-timeout", &settings.timeout_seconds, AboveUpTo(0, 86400), "seconds that it may take: for an attempt, for a request to a URL");
}

std::shared_ptr<Verifiers> VerifierOptions::Make(const CLI::App& app, int threads) const {
  VerifiersOptions options;
  options.threads = threads;
  options.max_error_share = settings.max_error_share;
  auto verifiers = std::make_shared<Verifiers>(options);
  if (app.count("--verifier") == 0) {
    RefuseUnused(app, {"--verifier-kinds", "--verifier-workers", "--verifier-timeout"}, "without --verifier");
    return verifiers;
  }
  VerifierSettings judge = ParseVerifier(verifier);
  judge.workers = settings.workers;
  judge.timeout_seconds = settings.timeout_seconds;
  for (size_t at = 0; at < kinds.size();) {
    const size_t end = std::min(kinds.find(',', at), kinds.size());
    if (end > at) judge.kinds.push_back(kinds.substr(at, end - at));
    at = end + 1;
  }
  UseExternal(judge, /*pay_unsimplified=*/false, /*log=*/"", verifiers.get());
  return verifiers;
}

}  // namespace pith
