// fit: what memory a model takes with its adapters and chains, against what the system has left.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/model_path.h"
#include "base/process_memory.h"
#include "runtime/generation/scheduler.h"
#include "runtime/kv_cache.h"
#include "runtime/programs/command_line.h"
#include "runtime/programs/commands.h"

namespace pith {
namespace {

using Json = nlohmann::ordered_json;

int64_t FileBytes(const std::vector<std::string>& files) {
  int64_t bytes = 0;
  for (const std::string& file : files) bytes += static_cast<int64_t>(std::filesystem::file_size(file));
  return bytes;
}

// What a prompt and its chains have this process take beside the files and the cache: a short one is answered, and the largest step is run.
int64_t WorkingBytes(Engine& engine, const Tokenizer& tokenizer, const AdapterRef& adapter, int chains) {
  GenerateRequest request;
  for (int32_t i = 0; i < 256; ++i) request.prompt.push_back(i % static_cast<int32_t>(std::min<int64_t>(engine.config().vocab_size, tokenizer.vocab_size())));
  request.invocation_start = 250;
  request.adapter = adapter;
  request.sampling.temperature = chains > 1 ? 1 : 0;
  request.num_samples = chains;
  request.max_tokens = 2;
  Scheduler scheduler(engine, tokenizer, {.max_batch = chains});
  scheduler.Submit(request, {});
  while (scheduler.Step()) {
  }
  engine.Trim();
  return ReadProcessMemory().anon_bytes - engine.memory().kv_bytes;
}

}  // namespace

int FitCommand(const Arguments& args) {
  ModelOptions model;
  int chains = 1;
  int64_t prompt = 1000, max_tokens = 512;
  bool json = false;
  CLI::App app("What memory it takes, against what the system has left; exit code 1 where it does not fit.", "fit");
  model.AddTo(app, /*many_adapters=*/true);
  AddNumber(app, "--chains", &chains, Between(1, 256), "chains over one prompt");
  AddNumber(app, "--prompt", &prompt, TokenCount(), "tokens of the prompt, or of a conversation (default 1000)");
  AddNumber(app, "--max-tokens", &max_tokens, TokenCount(), "tokens of a response (default 512)");
  app.add_flag("--json", json, "one JSON object");
  if (!ParseArguments(app, args)) return 0;

  const int64_t available = AvailableBytes().value_or(0);  // 0: it does not say
  const std::string path = ResolveModelPath(model.model);
  const std::shared_ptr<const BaseModel> base = BaseModel::Load(path);
  if (prompt + max_tokens > base->config().context_length) {
    ThrowUser("fit: --prompt ", prompt, " and --max-tokens ", max_tokens, " pass the model's context of ", base->config().context_length, " tokens");
  }
  const auto adapters = LoadAdapters(model, *base);
  const auto tokenizer = Tokenizer::Load(path);
  EngineOptions options = model.Engine(512 + 64 * chains);
  options.kv_max_bytes = 0;  // what is measured is not what is asked about
  Engine engine(base, options);
  const int64_t working = WorkingBytes(engine, *tokenizer, adapters.empty() ? nullptr : adapters[0].adapter, chains);
  const int64_t weights = FileBytes(base->files());
  int64_t adapter_bytes = 0;
  for (const std::string& given : model.adapters) adapter_bytes += FileBytes({ParseAdapterArgument(model, given).path});
  const int64_t page = KvCache::PageBytes(base->config(), options.kv_type), page_tokens = KvCache::kPageTokens;
  // The prompt once, and each chain's own tokens; of a page that the prompt ends in, each has a copy.
  const int64_t kv = page * (KvCache::PagesFor(prompt) + chains * (KvCache::PagesFor(prompt % page_tokens + max_tokens)));
  const int64_t needed = weights + adapter_bytes + working + kv;
  const bool bounded = model.kv_max_bytes > 0, holds = !bounded || kv <= model.kv_max_bytes;
  const bool fits = (available == 0 || needed <= available) && holds;
  const auto mb = [](int64_t bytes) { return static_cast<double>(bytes * 10 >> 20) / 10; };
  Json out = {{"mapped_mb", mb(weights + adapter_bytes)},
              {"weights_mb", mb(weights)},
              {"adapters_mb", mb(adapter_bytes)},
              {"anon_mb", mb(working)},
              {"kv_mb_per_1k_tokens", mb(page * 1000 / page_tokens)},
              {"kv_mb", mb(kv)},
              {"kv_max_mb", bounded ? Json(mb(model.kv_max_bytes)) : Json(nullptr)},
              {"chains", chains},
              {"needed_mb", mb(needed)},
              {"available_mb", available > 0 ? Json(mb(available)) : Json(nullptr)},
              {"fits", fits}};
  if (json) {
    std::cout << out.dump() << "\n";
    return fits ? 0 : 1;
  }
  const auto line = [&](const char* what, const char* key, const std::string& note) {
    std::printf("%-22s %8.1f MB  %s\n", what, out[key].get<double>(), note.c_str());
  };
  line("weights", "weights_mb", "mapped: the system may drop and read them again");
  line("adapters", "adapters_mb", "mapped");
  line("working memory", "anon_mb", "tokenizer, activations, logits");
  line("KV cache", "kv_mb", Str("a prompt of ", prompt, " tokens and ", chains, chains == 1 ? " response" : " responses", " of ", max_tokens));
  line("  per 1,000 tokens", "kv_mb_per_1k_tokens", "in " + model.kv);
  line("needed", "needed_mb", "");
  if (bounded) line("  allowed at most", "kv_max_mb", holds ? "by --kv-max-bytes: it fits" : "by --kv-max-bytes: it does not fit; fewer chains, shorter responses, or --kv int8");
  if (available > 0) line("the system has left", "available_mb", needed <= available ? "it fits" : "it does not fit: fewer chains, --kv int8, or a smaller type");
  return fits ? 0 : 1;
}

}  // namespace pith
