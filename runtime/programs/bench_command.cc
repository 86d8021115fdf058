// bench: prefill, decode in batches over one shared prompt, adapter cost; a JSON line per measurement.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/model_path.h"
#include "runtime/programs/command_line.h"
#include "runtime/programs/commands.h"
#include "runtime/programs/stats.h"

namespace pith {
namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::time_point since) { return std::chrono::duration<double>(Clock::now() - since).count(); }

class Bench {
 public:
  Bench(Engine& engine, int64_t prompt, int64_t gen, int reps, bool json, AdapterRef adapter, std::string mode)
      : engine_(engine), prompt_(prompt), gen_(gen), reps_(reps), json_(json), adapter_(std::move(adapter)), mode_(std::move(mode)),
        logits_(static_cast<size_t>(engine.config().vocab_size)) {}

  // One sequence of `prompt` tokens, logits of the last.
  void Prefill() {
    std::vector<double> rates;
    for (int rep = 0; rep <= reps_; ++rep) {  // the first warms up
      const SequenceId sequence = engine_.NewSequence();
      engine_.SetAdapter(sequence, adapter_);
      const auto start = Clock::now();
      engine_.Prefill(sequence, PromptIds(), logits_.data());
      if (rep > 0) rates.push_back(static_cast<double>(prompt_) / Seconds(start));
      engine_.Free(sequence);
    }
    Print("prefill", 1, prompt_, rates);
  }

  // `batch` sequences that share one prompt's KV, one token each per step, `gen` steps.
  void Decode(int64_t batch) {
    std::vector<double> rates;
    std::vector<float> logits(static_cast<size_t>(engine_.config().vocab_size * batch));
    for (int rep = 0; rep < reps_; ++rep) {
      std::vector<SequenceId> sequences = {engine_.NewSequence()};
      engine_.SetAdapter(sequences[0], adapter_);
      engine_.Prefill(sequences[0], PromptIds(), logits_.data());
      for (int64_t i = 1; i < batch; ++i) sequences.push_back(engine_.Fork(sequences[0]));
      std::vector<ForwardRow> rows(static_cast<size_t>(batch));
      const auto start = Clock::now();
      for (int64_t step = 0; step < gen_; ++step) {
        for (int64_t i = 0; i < batch; ++i) rows[i] = {sequences[i], Id(step * 31 + i * 17), true};
        engine_.Forward(rows, logits.data());
      }
      rates.push_back(static_cast<double>(batch * gen_) / Seconds(start));
      for (SequenceId sequence : sequences) engine_.Free(sequence);
    }
    Print("decode", batch, batch * gen_, rates);
  }

 private:
  int32_t Id(int64_t n) const { return static_cast<int32_t>(n % std::min<int64_t>(200, engine_.config().vocab_size)); }

  std::vector<int32_t> PromptIds() const {
    std::vector<int32_t> ids;
    for (int64_t i = 0; i < prompt_; ++i) ids.push_back(Id(i * 7919 + 1));
    return ids;
  }

  void Print(const char* test, int64_t batch, int64_t tokens, const std::vector<double>& rates) const {
    const ProcessMemory memory = ReadProcessMemory();
    const double rate = Quantile(rates, 0.5);
    if (json_) {
      std::cout << nlohmann::ordered_json{{"test", test}, {"batch", batch}, {"tokens", tokens}, {"tok_per_s", rate},
                                          {"rss_mb", memory.rss_mb}, {"anon_mb", memory.anon_mb}, {"mode", mode_}}
                       .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                << std::endl;
    } else {
      std::printf("%-8s %-12s batch %3lld  %9.1f tokens/s   resident %lld MB, anonymous %lld MB\n", test, mode_.c_str(),
                  static_cast<long long>(batch), rate, static_cast<long long>(memory.rss_mb), static_cast<long long>(memory.anon_mb));
      std::fflush(stdout);
    }
  }

  Engine& engine_;
  int64_t prompt_, gen_;
  int reps_;
  bool json_;
  AdapterRef adapter_;
  std::string mode_;
  std::vector<float> logits_;
};

}  // namespace

int BenchCommand(const Arguments& args) {
  ModelOptions model;
  int64_t prompt = 512, gen = 64;
  int reps = 3;
  std::string batches_text = "1,4,8,16";
  bool json = false;
  CLI::App app("Speed and memory; medians over --reps. With --adapter everything is measured with it, too.", "bench");
  model.AddTo(app, /*many_adapters=*/false);
  app.add_option("--prompt", prompt, "tokens of the prompt")->check(CLI::PositiveNumber);
  app.add_option("--gen", gen, "tokens decoded per sequence")->check(CLI::PositiveNumber);
  app.add_option("--batch", batches_text, "numbers of sequences decoded together");
  app.add_option("--reps", reps)->check(CLI::Range(1, 100));
  app.add_flag("--json", json, "a JSON line per measurement");
  if (!ParseArguments(app, args)) return 0;
  const std::vector<int64_t> batches = ParseNumbers(batches_text, "--batch");
  for (int64_t batch : batches) {
    if (batch < 1 || batch > 1024) ThrowUser("--batch wants numbers from 1 to 1024, got ", batch);
  }
  const std::shared_ptr<const BaseModel> base = BaseModel::Load(ResolveModelPath(model.model));
  if (prompt + gen > base->config().context_length) {
    ThrowUser("--prompt ", prompt, " and --gen ", gen, " pass the model's context of ", base->config().context_length, " tokens");
  }
  std::vector<NamedAdapter> modes = LoadAdapters(model, *base);
  modes.insert(modes.begin(), {"base", nullptr});
  const int64_t most = *std::max_element(batches.begin(), batches.end());
  EngineOptions options = model.Engine(prompt + most * (gen + 64) + 64);
  options.share_prefixes = false;  // every prefill is to be computed
  Engine engine(base, options);
  for (const NamedAdapter& mode : modes) {
    Bench bench(engine, prompt, gen, reps, json, mode.adapter, mode.name);
    bench.Prefill();
    for (int64_t batch : batches) bench.Decode(batch);
  }
  return 0;
}

}  // namespace pith
