// The typed configuration of a training run: what a YAML file may say. Each struct's fields are declared once, in the
// table of the same name in configs/*_fields.cc (key, unit, doc, rule); from it come loading, --set, --help, the resolved
// dump and docs/config-reference.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pith {

struct RunConfig {
  std::string name = "run";
  std::string folder;                  // default: runs/<name>
  std::string stage = "sft";           // sft | rl
  std::string init_adapter;            // PEFT folder that this stage starts from; empty: fresh
  uint64_t seed = 0;
  int threads = 0;                     // 0: all cores

  bool operator==(const RunConfig&) const = default;
};

struct ModelSettings {
  std::string path;                    // GGUF or Hugging Face folder; "demo": the demo model that ./pith fetches
  std::string dtype = "bfloat16";      // of the frozen base in training: bfloat16 | float32

  bool operator==(const ModelSettings&) const = default;
};

struct AdapterSettings {
  int64_t rank = 32;
  double alpha = 64;
  bool rslora = false;
  double dropout = 0.0;
  std::vector<std::string> targets = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};
  std::string activation = "invocation";  // invocation | always
  std::vector<int64_t> invocation;        // token ids; empty: derived from the chat template
  std::vector<std::pair<std::string, int64_t>> rank_pattern;   // as PEFT's (adapters/module_pattern.h), in the order of the file
  std::vector<std::pair<std::string, double>> alpha_pattern;
  std::string init = "default";           // default | pissa
  bool dora = false;

  bool operator==(const AdapterSettings&) const = default;
};

struct DataSettings {                  // fields as DatasetSpec in data/dataset.h
  std::string dataset = "synthetic";
  std::string split = "train";
  int64_t limit = 0;
  uint64_t seed = 0;
  bool shuffle = true;
  std::string question_field = "question", answer_field = "answer", solution_field = "solution";
  int min_steps = 1, max_steps = 3;
  int64_t max_number = 30;
  double distractor_rate = 0.3;
  double brief_rate = 0.0;
  std::string verbosity = "mixed";
  std::string system;                  // system message; empty: what the template inserts

  bool operator==(const DataSettings&) const = default;
};

struct SftSettings {
  int64_t epochs = 1;
  int64_t batch_size = 16;             // examples per optimiser step
  int64_t micro_batch_size = 8;        // examples per forward pass at most; changes rounding (and dropout's masks) only
  int64_t max_length = 512;            // tokens of prompt + solution; longer examples are dropped, with a count

  bool operator==(const SftSettings&) const = default;
};

struct RlSettings {
  int64_t steps = 30;
  int64_t prompts_per_step = 8;
  int64_t group_size = 8;              // completions per prompt
  int64_t micro_batch_size = 16;       // completions per forward pass at most; changes the result by rounding only
  int64_t updates_per_rollout = 1;
  std::string scale_rewards = "batch"; // group | batch | none: what advantages are divided by (standard deviation)
  std::string loss = "dapo";           // dapo: Σ over tokens / tokens of the step
  double clip_epsilon_low = 0.2;
  double clip_epsilon_high = 0.28;
  double kl_beta = 0.0;                // weight of the k3 KL to the policy that RL started from; 0: off
  double importance_cap = 2.0;         // token-level truncated importance sampling (sampler correction); 0: off
  bool mask_truncated = false;         // leave completions without an end out of the loss

  bool operator==(const RlSettings&) const = default;
};

struct RolloutSettings {
  int64_t max_completion_tokens = 160;
  double temperature = 1.0;
  int64_t top_k = 0;
  double top_p = 1.0;
  double min_p = 0.0;
  std::string activations = "bf16";    // f32 | bf16 | int8: precision of the sampler
  int max_batch = 64;                  // sequences decoded together

  bool operator==(const RolloutSettings&) const = default;
};

struct BudgetSettings {                // rewards/budget.h
  int64_t tokens = 0;                  // B; 0: no budget
  double window = 0.25;
  double floor = 0.0;
  int64_t reserve_tokens = 32;
  std::string close_text = "\n#### ";
  std::string sentence;

  bool operator==(const BudgetSettings&) const = default;
};

// One term of the reward. Only the fields that belong to `kind` may be set.
struct RewardTerm {
  std::string kind;                    // budget | free_then_falling | soft_overlong | format
  double weight = 1.0;                 // plus: terms only
  bool always = false;                 // plus: terms only: pay it on wrong answers too
  int64_t free_tokens = 0, fall_tokens = 0;   // free_then_falling
  double floor = 0.0;                         // free_then_falling
  int64_t max_tokens = 0, cache_tokens = 0;   // soft_overlong

  bool operator==(const RewardTerm&) const = default;
};

struct RewardSettings {
  std::string reading = "strict";      // strict | lenient: which reading of the answer is paid
  std::vector<RewardTerm> times;       // correct × Π …
  std::vector<RewardTerm> plus;        // + Σ weight × …

  bool operator==(const RewardSettings&) const = default;
};

struct OptimizerSettings {
  std::optional<double> learning_rate;  // nothing: by stage, model and adapter (train/rate_check.h)
  double beta1 = 0.9, beta2 = 0.99;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
  double max_grad_norm = 1.0;          // 0: no clipping
  std::string schedule = "constant";   // constant | linear | cosine, after the warm-up
  int64_t warmup_steps = 0;

  bool operator==(const OptimizerSettings&) const = default;
};

struct LogSettings {
  int64_t save_every = 10;             // optimiser steps between checkpoints; 0: only the end
  int64_t keep_checkpoints = 2;
  bool completions = true;             // write completions/step-N.jsonl

  bool operator==(const LogSettings&) const = default;
};

struct TrainConfig {
  RunConfig run;                       // its keys stand at the top level of the file
  ModelSettings model;
  AdapterSettings adapter;
  DataSettings data;
  SftSettings sft;
  RlSettings rl;
  RolloutSettings rollout;
  BudgetSettings budget;
  RewardSettings reward;
  OptimizerSettings optimizer;
  LogSettings log;

  bool operator==(const TrainConfig&) const = default;
};

}  // namespace pith
