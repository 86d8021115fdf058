// bench: the figures of bench.h as lines of text or of JSON.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/cpu_clusters.h"
#include "base/cpu_state.h"
#include "base/duration.h"
#include "base/error.h"
#include "base/model_path.h"
#include "base/process_memory.h"
#include "runtime/kernels/linear_plan.h"
#include "runtime/programs/bench.h"
#include "runtime/programs/command_line.h"
#include "runtime/programs/commands.h"
#include "runtime/programs/reasoning_bench.h"
#include "runtime/programs/speculate_option.h"
#include "runtime/programs/speculation_bench.h"

namespace pith {
namespace {

// A JSON line holds the figures as they are; a line of text the same, one after the other.
void Print(nlohmann::ordered_json figures, bool json) {
  const ProcessMemory memory = ReadProcessMemory();
  figures["rss_mb"] = memory.rss_mb;
  figures["anon_mb"] = memory.anon_mb;
  figures["mapped_mb"] = memory.rss_mb - memory.anon_mb;
  const auto text = [](const nlohmann::ordered_json& value) {  // an adapter's name need not be UTF-8
    return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  };
  if (json) {
    std::cout << text(figures) << std::endl;
    return;
  }
  std::string line;
  for (const auto& [name, value] : figures.items()) {
    if (!line.empty()) line += "  ";
    line += name + " " + (value.is_string() ? value.get<std::string>() : text(value));
  }
  std::cout << line << std::endl;
}

constexpr int kParts = 20;  // of a long decoding
constexpr int kChains = 8;
constexpr int64_t kBudgetGenerations = 1000, kSwaps = 10000;
constexpr int64_t kStallPrompt = 4096;  // or as many as the context has room for
constexpr double kMostStall = 3;        // plain steps
constexpr int kStalled[] = {1, 4};      // answers that run

double Round(double value, int digits) { return std::round(value * std::pow(10, digits)) / std::pow(10, digits); }

// A line at the end of each part, so that what was seen is there should the phone stop the program; then what is left of the speed.
void Sustain(Bench& bench, int64_t batch, const NamedAdapter& mode, double seconds, bool json) {
  const std::vector<int> cpus = AllowedCpus();
  int part = 0;
  const auto intervals = bench.Sustain(batch, mode.adapter, seconds, kParts, [&](const BenchInterval& interval) {
    nlohmann::ordered_json figures = {{"test", "sustained"}, {"part", ++part}, {"s", Round(interval.end, 2)}, {"batch", batch},
                                      {"tok_per_s", Round(interval.rate, 2)}, {"mode", mode.name}};
    if (const auto clocks = ReadClocks(cpus)) {
      figures["mhz_lowest"] = Round(clocks->lowest_mhz, 0);
      figures["mhz_highest"] = Round(clocks->highest_mhz, 0);
    }
    if (const auto heat = ReadHeat()) {
      figures["celsius"] = Round(heat->celsius, 1);
      figures["zone"] = heat->zone;
    }
    Print(figures, json);
  });
  const double first = intervals.front().rate, last = intervals.back().rate;
  double least = first;
  for (const BenchInterval& interval : intervals) least = std::min(least, interval.rate);
  Print({{"test", "sustained_whole"}, {"s", Round(intervals.back().end, 2)}, {"batch", batch}, {"first_tok_per_s", Round(first, 2)},
         {"last_tok_per_s", Round(last, 2)}, {"least_tok_per_s", Round(least, 2)}, {"last_of_first", Round(last / first, 3)},
         {"least_of_first", Round(least / first, 3)}, {"mode", mode.name}}, json);
}

void Reason(Engine& engine, const Tokenizer& tokenizer, const NamedAdapter& mode, const BenchSettings& settings, bool json) {
  ReasoningBench bench(engine, tokenizer, mode.adapter, settings.reps);
  const auto change = bench.MeasureSwitch(settings.prompt);
  Print({{"test", "switch"}, {"prompt_tokens", settings.prompt}, {"first_token_ms", Round(change.first_token_ms, 3)}, {"reencode_ms", Round(change.reencode_ms, 2)},
         {"decode_step_ms", Round(change.decode_step_ms, 3)}, {"invocation_ms", Round(change.invocation_ms, 3)}, {"mode", mode.name}}, json);
  const auto chains = bench.MeasureChains(settings.prompt, kChains, settings.gen);
  Print({{"test", "chains"}, {"n", kChains}, {"tokens", settings.gen}, {"total_ms", Round(chains.total_ms, 2)}, {"one_chain_ms", Round(chains.one_chain_ms, 2)},
         {"kv_bytes", chains.kv_bytes}, {"mode", mode.name}}, json);
  const int64_t long_prompt = std::min(kStallPrompt, engine.config().context_length - 64);
  for (const int running : kStalled) {
    const auto stall = bench.MeasureStall(long_prompt, running, kMostStall);
    Print({{"test", "stall"}, {"prompt_tokens", long_prompt}, {"running", running}, {"step_ms", Round(stall.step_ms, 3)}, {"longest_gap_ms", Round(stall.longest_gap_ms, 3)},
           {"p99_gap_ms", Round(stall.p99_gap_ms, 3)}, {"steps", stall.steps}, {"mode", mode.name}}, json);
  }
  const auto budgets = bench.MeasureBudgets(kBudgetGenerations);
  Print({{"test", "budget"}, {"generations", budgets.generations}, {"over", budgets.over}, {"mislabelled", budgets.mislabelled}, {"forced", budgets.forced}, {"announced", budgets.announced}, {"mode", mode.name}}, json);
  const auto swaps = bench.MeasureSwaps(kSwaps);
  Print({{"test", "swap"}, {"swaps", kSwaps}, {"median_us", Round(swaps.median_us, 3)}, {"grown_bytes", swaps.grown_bytes}, {"mode", mode.name}}, json);
}

// Plain decoding and drafts in turn, over one engine.
void Speculate(const std::shared_ptr<const BaseModel>& base, const ModelOptions& model, const Prompter& prompter, const NamedAdapter& mode, const SpeculateOption& option,
               const BenchSettings& settings, bool always, bool json) {
  const auto texts = SpeculationBench::Texts(prompter, mode, settings.gen, base->config().context_length);
  Engine engine(base, model.Engine(SpeculationBench::KvTokens(texts)));
  const std::shared_ptr<Drafter> drafter = option.Make(engine, prompter.tokenizer());
  Print({{"test", "threads"}, {"threads", engine.pool().num_threads()}, {"cpus", CpusText(AllowedCpus())}, {"isa", IsaName(BestIsa())}, {"processor", ProcessorName()}}, json);
  SpeculationBench bench(engine, prompter.tokenizer());
  for (const SpeculationBench::Text& text : texts) {
    const auto f = bench.Measure(text, drafter, always, settings.reps);
    Print({{"test", "speculation"}, {"draft", option.Text()}, {"text", text.name}, {"prompts", text.questions.size()}, {"tokens", f.tokens}, {"tok_per_s", Round(f.plain, 1)},
           {"drafted_tok_per_s", Round(f.speculating, 1)}, {"ratio", Round(f.ratio, 3)}, {"ratio_lowest", Round(f.lowest, 3)}, {"ratio_highest", Round(f.highest, 3)},
           {"drafted", f.drafted}, {"accepted", f.accepted}, {"passes", f.passes}, {"mode", mode.name}}, json);
  }
}

}  // namespace

int BenchCommand(const Arguments& args) {
  ModelOptions model;
  BenchSettings settings;
  std::string batches_text = "1,4,8,16";
  double sustained = 0;  // seconds
  bool json = false, reasoning = false, always = false;
  SpeculateOption speculate;
  CLI::App app("Speed and memory; medians over --reps. With --adapter everything is measured with it, too.", "bench");
  model.AddTo(app, /*many_adapters=*/false);
  AddNumber(app, "--prompt", &settings.prompt, TokenCount(), "tokens of the prompt");
  AddNumber(app, "--gen", &settings.gen, TokenCount(), "tokens decoded per sequence");
  app.add_option("--batch", batches_text, "numbers of sequences decoded together");
  AddNumber(app, "--reps", &settings.reps, Between(1, 100), "runs of which the median is taken");
  app.add_option_function<std::string>("--sustained", [&](const std::string& text) { sustained = ParseDuration("bench: --sustained", text); },
                                       "decode for so long, e.g. 30s or 10m, and nothing else: one sequence, or as --batch says")->type_name("TIME");
  app.add_flag("--reasoning", reasoning, "what switching modes, chains, budgets and swaps cost, and nothing else (--prompt 1000, --gen 128 unless given)");
  speculate.AddTo(app, SpeculateOption::kNone);
  app.add_flag("--draft-always", always, "with --speculate: drafts are run whether they pay or not");
  app.add_flag("--json", json, "a JSON line per measurement");
  if (!ParseArguments(app, args)) return 0;
  if (sustained > 0) {
    RefuseUnused(app, {"--reps"}, "with --sustained");
    if (app.count("--batch") == 0) batches_text = "1";
  }
  const bool drafts = speculate.kind != SpeculateOption::kNone;
  if (drafts) {
    RefuseUnused(app, {"--sustained", "--batch", "--reasoning", "--prompt"}, "with --speculate");
    if (app.count("--gen") == 0) settings.gen = 128;
  } else {
    RefuseUnused(app, {"--draft-always"}, "without --speculate");
  }
  if (reasoning) {
    RefuseUnused(app, {"--sustained", "--batch"}, "with --reasoning");
    if (app.count("--prompt") == 0) settings.prompt = 1000;
    if (app.count("--gen") == 0) settings.gen = 128;
  }
  const auto batches = ParseNumbers<int64_t>("bench: --batch", batches_text, Between(1, 1024));
  if (sustained > 0 && batches.size() > 1) ThrowUser("bench: --sustained decodes one number of sequences together; give one as --batch, not '", batches_text, "'");
  const std::string path = ResolveModelPath(model.model);
  const std::shared_ptr<const BaseModel> base = BaseModel::Load(path);
  if (!drafts && settings.prompt + settings.gen > base->config().context_length) {
    ThrowUser("--prompt ", settings.prompt, " and --gen ", settings.gen, " pass the model's context of ", base->config().context_length,
              " tokens");
  }
  std::vector<NamedAdapter> modes = LoadAdapters(model, *base);
  modes.insert(modes.begin(), {"base", nullptr});
  const int64_t most = *std::max_element(batches.begin(), batches.end());
  if (drafts) {
    Speculate(base, model, *Prompter::Load(path), modes.back(), speculate, settings, always, json);
    return 0;
  }
  if (reasoning) {
    const auto tokenizer = Tokenizer::Load(path);
    const int64_t stalled = kStallPrompt + *std::max_element(std::begin(kStalled), std::end(kStalled)) * (ReasoningBench::kStallTokens + 128);
    Engine engine(base, model.Engine(std::max(3 * (settings.prompt + 64) + std::max<int64_t>(kChains * (settings.gen + 64), 4096), stalled + 256)));
    Reason(engine, *tokenizer, modes.back(), settings, json);
    return 0;
  }
  EngineOptions options = model.Engine(settings.prompt + most * (settings.gen + 64) + 64);
  options.share_prefixes = false;  // every prefill is to be computed
  if (sustained == 0) Print({{"test", "load"}, {"ms", Round(LoadMilliseconds(path, options, settings.reps), 1)}}, json);
  Engine engine(base, options);
  Print({{"test", "threads"}, {"threads", engine.pool().num_threads()}, {"cpus", CpusText(AllowedCpus())}, {"isa", IsaName(BestIsa())}, {"processor", ProcessorName()}}, json);
  for (const auto& [key, plan] : KnownPlans()) Print({{"test", "plan"}, {"type", TypeName(key.type)}, {"cols", key.cols}, {"plan", PlanText(plan)}}, json);
  Bench bench(engine, settings);
  if (sustained > 0) {
    Sustain(bench, most, modes.back(), sustained, json);
    return 0;
  }
  const int64_t weights = engine.memory().weights_mapped_bytes;
  double read = 0;  // at the model's size: what decoding could reach at most
  for (const int64_t bytes : {std::max<int64_t>(int64_t{256} << 20, weights), weights}) {
    read = ReadBandwidth(engine.pool(), bytes, 5);
    Print({{"test", "read"}, {"mb", bytes >> 20}, {"gb_per_s", Round(read / 1e9, 2)}}, json);
  }
  for (const NamedAdapter& mode : modes) {
    Print({{"test", "prefill"}, {"batch", 1}, {"tokens", settings.prompt}, {"tok_per_s", Round(bench.Prefill(mode.adapter), 2)},
           {"mode", mode.name}}, json);
    for (int64_t batch : batches) {
      const double rate = bench.Decode(batch, mode.adapter);
      const double bytes = rate / static_cast<double>(batch) * static_cast<double>(weights);  // a pass reads all weights once
      Print({{"test", "decode"}, {"batch", batch}, {"tokens", batch * settings.gen}, {"tok_per_s", Round(rate, 2)},
             {"mode", mode.name}, {"weights_gb_per_s", Round(bytes / 1e9, 2)}, {"share_of_read", Round(bytes / read, 3)}}, json);
    }
    if (!mode.adapter) continue;
    for (int64_t batch : batches) {
      Print({{"test", "adapter_cost"}, {"batch", batch}, {"percent", Round(100 * bench.AdapterCost(batch, mode.adapter), 1)},
             {"mode", mode.name}}, json);
    }
    Print({{"test", "swap"}, {"us", Round(bench.SwapMicroseconds(mode.adapter), 3)}, {"mode", mode.name}}, json);
  }
  return 0;
}

}  // namespace pith
