// Whole runs on the tiny model, for the tests of this room.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "train/rl/rl_run.h"
#include "train/supervised/distill.h"
#include "train/supervised/sft.h"

namespace pith::testing {

struct Scratch {
  std::string path = (std::filesystem::temp_directory_path() / ("pith-run-test-" + std::to_string(getpid()))).string();
  Scratch() {
    std::filesystem::remove_all(path);
    MakeFolders(path);
    std::string lines;
    for (int i = 0; i < 12; ++i) {
      lines += nlohmann::json{{"question", "Tom has " + std::to_string(i) + " apples and buys 4 more. How many?"},
                              {"answer", std::to_string(i + 4)},
                              {"solution", std::to_string(i) + " + 4 = " + std::to_string(i + 4) + "\n#### " + std::to_string(i + 4)}}
                   .dump() + "\n";
    }
    WriteFile(path + "/sums.jsonl", lines);
  }
  ~Scratch() { std::filesystem::remove_all(path); }
};

inline TrainConfig TinyConfig(const Scratch& scratch, const std::string& stage, const std::string& name) {
  TrainConfig c;
  c.run.stage = stage;
  c.run.name = name;
  c.run.folder = scratch.path + "/" + name;
  c.run.seed = 11;
  c.run.threads = 1;  // tiny products: threads would only wait for one another
  c.model.path = std::string(PITH_TEST_GOLDEN) + "/tiny-llama";
  c.adapter.rank = 4;
  c.adapter.alpha = 8;
  c.data.dataset = scratch.path + "/sums.jsonl";
  c.sft.epochs = 2;
  c.sft.batch_size = 4;
  c.sft.micro_batch_size = 3;
  c.rl.steps = 4;
  c.rl.prompts_per_step = 2;
  c.rl.group_size = 8;
  c.rl.micro_batch_size = 3;
  c.rl.kl_beta = 0.02;
  c.rl.updates_per_rollout = 2;
  c.rollout.max_completion_tokens = 64;
  c.rollout.max_batch = 16;
  RewardTerm brevity;
  brevity.kind = "free_then_falling";  // something that differs between samples of an untrained model
  brevity.always = true;
  brevity.free_tokens = 2;
  brevity.fall_tokens = 70;  // an untrained model ends now and then only
  c.reward.plus = {brevity};
  c.optimizer.learning_rate = 5e-3;
  c.optimizer.schedule = "cosine";
  c.log.save_every = 2;
  return c;
}

inline void Execute(const TrainConfig& config, const RunOptions& options) {
  PrepareProcess(config.run.threads);
  const Session session = OpenSession(config);
  if (config.run.stage == "sft") RunSft(session, options);
  if (config.run.stage == "distill") RunDistill(session, options);
  if (config.run.stage == "rl") RunRl(session, options);
}

inline std::vector<nlohmann::json> MetricsOf(const std::string& folder) {
  std::istringstream in(ReadFile(folder + "/metrics.jsonl"));
  std::vector<nlohmann::json> out;
  for (std::string line; std::getline(in, line);) {
    const nlohmann::json whole = nlohmann::json::parse(line);
    nlohmann::json kept;
    for (const auto& [name, value] : whole.items()) {
      const bool clock = name == "tokens_per_second" || name == "step_time" || name == "wall_time" || name.starts_with("time/");
      if (!clock) kept[name] = value;
    }
    out.push_back(std::move(kept));
  }
  return out;
}

// Without stop: to the end.
inline void Execute(const TrainConfig& config, FolderMode mode = FolderMode::kNew, int64_t stop_after_step = 0) {
  RunOptions options;
  options.mode = mode;
  options.stop_after_step = stop_after_step;
  options.quiet = true;
  Execute(config, options);
}

// The sentence of the UserError that `body` throws; empty when it throws none.
template <class Body>
std::string Refusal(const Body& body) {
  try {
    body();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

}  // namespace pith::testing
