#include "runtime/programs/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <iostream>

#include "base/error.h"
#include "base/file.h"

namespace pith {
namespace {

std::string FileStem(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  const size_t dot = name.find_last_of('.');
  return dot == std::string::npos || dot == 0 ? name : name.substr(0, dot);
}

}  // namespace

void ModelOptions::AddTo(CLI::App& app, bool many_adapters) {
  app.add_option("--model", model, "GGUF file or Hugging Face folder; demo: the demo model")->required();
  auto* option = app.add_option("--adapter", adapters, "GGUF LoRA, FILE or NAME=FILE");
  if (!many_adapters) option->expected(1);
  app.add_option("--threads", threads, "0: all cores")->check(CLI::Range(0, 1024));
  app.add_option("--activations", activations, "f32 | bf16 | int8")->check(CLI::IsMember({"f32", "bf16", "int8"}));
  app.add_option("--kv", kv, "keys and values: f16 | int8 | f32")->check(CLI::IsMember({"f16", "int8", "f32"}));
  app.add_flag("--any-base", any_base, "use an adapter that was trained on another base, with a warning");
}

EngineOptions ModelOptions::Engine(int64_t kv_tokens) const {
  EngineOptions options;
  options.num_threads = threads;
  options.activations = activations == "f32"    ? ActivationType::kF32
                        : activations == "bf16" ? ActivationType::kBF16
                                                : ActivationType::kInt8;
  options.kv_type = kv == "f16" ? KvType::kF16 : kv == "int8" ? KvType::kInt8 : KvType::kF32;
  options.kv_tokens = kv_tokens;
  return options;
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

std::vector<NamedAdapter> LoadAdapters(const ModelOptions& options, const BaseModel& base) {
  if (options.any_base && options.adapters.empty()) ThrowUser("--any-base has no effect without --adapter");
  std::vector<NamedAdapter> loaded;
  for (const std::string& given : options.adapters) {
    const size_t equals = given.find('=');
    const bool named = equals != std::string::npos && equals > 0 && !FileExists(given) && !IsFolder(given);
    const std::string path = named ? given.substr(equals + 1) : given;
    if (FileExists(path + "/adapter_config.json")) {
      ThrowUser("--adapter '", path, "' is a PEFT folder, and a GGUF LoRA is wanted; pack it first: pith-export adapter --adapter ", path,
                " --base ", options.model, " --out adapter.gguf");
    }
    NamedAdapter entry{named ? given.substr(0, equals) : FileStem(path), PackedAdapter::FromGguf(path, base.config())};
    CheckSameBase(*entry.adapter, base.Identity(), options.any_base);
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

void TakeStoredBudget(const CLI::App& app, const std::vector<NamedAdapter>& adapters, Budget* budget) {
  for (const NamedAdapter& mode : adapters) {
    if (!mode.adapter || !mode.adapter->budget()) continue;
    const AdapterBudget& stored = *mode.adapter->budget();
    if (app.count("--reserve") == 0 && stored.reserve_tokens > 0) budget->reserve_tokens = stored.reserve_tokens;
    if (app.count("--close-text") == 0 && !stored.close_text.empty()) budget->close_text = stored.close_text;
    if (app.count("--sentence") == 0) budget->sentence = stored.sentence;
    return;
  }
}

std::unique_ptr<Prompter> LoadPrompter(const CLI::App& app, const std::string& path, const std::vector<NamedAdapter>& adapters,
                                       const std::string& now) {
  std::string told = now;
  for (const NamedAdapter& mode : adapters) {
    if (told.empty() && mode.adapter) told = mode.adapter->template_now();
  }
  auto prompter = Prompter::Load(path, told);
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

std::vector<int64_t> ParseNumbers(const std::string& text, const std::string& option) {
  std::vector<int64_t> numbers;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find(',', begin), text.size());
    int64_t value = 0;
    const auto [rest, error] = std::from_chars(text.data() + begin, text.data() + end, value);
    if (error != std::errc() || rest != text.data() + end) {
      ThrowUser(option, " wants whole numbers separated by commas, got '", text, "'");
    }
    numbers.push_back(value);
    begin = end + 1;
  }
  return numbers;
}

std::vector<int64_t> ParseBudgets(const std::string& text) {
  std::vector<int64_t> budgets;
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t end = std::min(text.find(',', begin), text.size());
    const std::string item = text.substr(begin, end - begin);
    int64_t budget = 0;
    if (item != "none") {
      budget = ParseNumbers(item, "--budgets (e.g. 64,128,none)")[0];
      if (budget <= 0) ThrowUser("--budgets wants positive numbers of tokens or 'none', got '", item, "'");
    }
    if (std::find(budgets.begin(), budgets.end(), budget) != budgets.end()) {
      ThrowUser("--budgets names '", item, "' twice");
    }
    budgets.push_back(budget);
    begin = end + 1;
  }
  return budgets;
}

}  // namespace pith
