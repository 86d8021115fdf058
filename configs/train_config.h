// The typed configuration of a training run: what a YAML file may say. Each struct's fields are declared once, in the
// table of the same name in configs/*_fields.cc (key, unit, doc, rule); from it come loading, --set, --help, the resolved
// dump and docs/config-reference.md.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pith {

struct RunConfig {
  std::string name = "run";
  std::string folder;                  // default: runs/<name>
  std::string stage = "sft";           // sft | rl | distill | verifier | switcher
  std::string init_adapter;            // PEFT folder that this stage starts from; empty: fresh
  uint64_t seed = 0;
  int threads = 0;                     // 0: all cores

  bool operator==(const RunConfig&) const = default;
};

struct ModelSettings {
  std::string path;                    // as base/model_path.h takes it
  std::string dtype = "bfloat16";      // of the frozen base in training: bfloat16 | float32
  bool gradient_checkpointing = false; // a layer's activations are made anew for its gradients instead of kept

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

// One data set: fields as DatasetSpec in data/dataset.h.
struct DatasetSettings {
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
  int64_t max_prompt_tokens = 0;       // longer prompts are dropped, with a count; 0: no bound
  int64_t min_response_tokens = 0, max_response_tokens = 0;  // SFT keeps solutions of so many; max 0: no bound

  bool operator==(const DatasetSettings&) const = default;
};

// One source of a mix: whole in itself, whatever `data` says beside `sources`.
struct DataSource : DatasetSettings {
  std::string name;                    // in metrics; empty: after the data set (SourceName, configs/data_sources.h)
  double weight = 1.0;                 // relative to the others'

  bool operator==(const DataSource&) const = default;
};

struct DataSettings : DatasetSettings {
  std::string system;                  // system message; empty: what the template inserts
  std::string chat_template_kwargs;    // variables that the chat template is given, a JSON object; empty: init_adapter's, else none
  std::string now;                     // time that the chat template tells (base/iso_time.h); empty: when the run starts
  std::vector<DataSource> sources;     // a weighted mix instead of the one data set; empty: no mix

  bool operator==(const DataSettings&) const = default;
};

struct SftSettings {
  int64_t epochs = 1;
  int64_t batch_size = 16;             // examples per optimiser step
  int64_t micro_batch_size = 8;        // examples per forward pass at most; changes rounding (and dropout's masks) only
  int64_t micro_batch_tokens = 4096;   // likewise; one longer example is run alone
  int64_t max_length = 512;            // tokens of prompt + solution; longer examples are dropped, with a count

  bool operator==(const SftSettings&) const = default;
};

// Learning from a teacher (train/supervised/distill.h, train/supervised/traces.h).
struct DistillSettings {
  std::string teacher;                 // as base/model_path.h takes it
  std::string teacher_adapter;         // PEFT folder; empty: the bare teacher
  std::string mode = "logits";         // logits | traces
  std::string divergence = "forward";  // logits: forward, KL(teacher ‖ student) | reverse, KL(student ‖ teacher)
  double temperature = 1.0;            // logits: of both distributions
  std::string traces;                  // traces: JSONL file of the samples; empty: RUN.traces.jsonl beside the run's folder
  int64_t samples = 4;                 // per problem
  double sampling_temperature = 0.7;
  int64_t max_tokens = 256;            // of a trace; longer ones are dropped
  std::string keep = "shortest";       // shortest | correct | all
  std::string reading = "strict";      // strict | lenient: of a trace's answer
  int max_batch = 32;                  // sequences decoded together

  bool operator==(const DistillSettings&) const = default;
};

// How answers are sampled as the phone gives them, and a head fitted to which of them are right.
struct HeadSettings {
  std::string type = "q8_0";           // as the adapter is exported
  std::string activations = "int8";    // int8 | bf16 | f32
  std::string kv_type = "f16";         // f16 | int8 | f32
  int64_t samples = 4;                 // per problem
  double temperature = 0.7;
  double top_p = 1.0;
  int64_t max_tokens = 256;            // of an answer
  std::string reading = "lenient";     // strict | lenient
  int64_t problems_per_step = 32;
  int max_batch = 32;                  // sequences decoded together
  double held_out = 0.25;              // share of the problems
  std::optional<double> l2;            // nothing: by cross-validation

  bool operator==(const HeadSettings&) const = default;
};

// A verifier fitted to what a trained adapter answers (train/heads/verifier.h).
struct CheckSettings : HeadSettings {
  std::string text = "Is this answer right?";  // of the user's turn behind an answer
  std::string reader = "adapter";      // adapter | base

  bool operator==(const CheckSettings&) const = default;
};

// A switcher fitted to what the base and a trained adapter answer (train/heads/switcher.h).
struct SwitchSettings : HeadSettings {
  SwitchSettings() {
    samples = 1;
    temperature = 0;
  }
  std::vector<int64_t> budgets = {0};  // the adapter has an arm under each; 0: none
  int64_t longest_answer() const { return std::max(max_tokens, budgets.empty() ? 0 : *std::max_element(budgets.begin(), budgets.end())); }  // of any arm
  double cost = 0;                     // mean tokens of an answer that the price is solved for; 0: those of the arm that is right most often

  bool operator==(const SwitchSettings&) const = default;
};

struct RlSettings {
  int64_t steps = 30;
  double epochs = 0;                   // passes over the problems, in place of steps; 0: steps counts. A session resolves it into steps
  int64_t prompts_per_step = 8;
  int64_t group_size = 8;              // completions per prompt
  int64_t micro_batch_size = 16;       // completions per forward pass at most; changes the result by rounding only
  int64_t micro_batch_tokens = 4096;   // likewise; one longer completion is run alone
  int64_t updates_per_rollout = 1;     // passes over a step's completions
  int64_t minibatches = 1;             // optimiser steps per pass
  bool dynamic_sampling = false;       // draw more problems until enough groups are neither all right nor all wrong
  int64_t max_resample_rounds = 10;    // of prompts_per_step problems
  std::string advantage = "group";     // group | rloo | reinforce_pp | reinforce_pp_baseline (train/policy/advantages.h)
  std::string scale_rewards = "batch"; // group | batch | none: what advantages are divided by (standard deviation)
  std::string loss = "dapo";           // grpo | bnpo | dr_grpo | dapo | cispo | gspo (train/policy/policy_loss.h)
  std::string importance_sampling_level = "token";  // token | sequence: whose ratio the loss takes; gspo: sequence
  double clip_epsilon_low = 0.2;
  double clip_epsilon_high = 0.28;
  double delta = 0.0;                  // cap of the ratio where clipping leaves it free; 0: off
  double kl_beta = 0.0;                // weight of the KL to the policy that RL started from; 0: off
  std::string kl_estimator = "k3";     // k1 | k2 | k3 (train/policy/kl.h)
  std::string kl_in = "loss";          // loss | reward
  bool use_bias_correction_kl = false; // multiply the loss's KL by the ratio
  double entropy_coef = 0.0;           // entropy bonus; 0: off
  double top_entropy_quantile = 1.0;   // learn from this share of tokens, those of the highest entropy; 1: all
  int64_t steps_ahead = 0;                            // 1: a step is sampled while the one before is learned from (train/rl/ahead.h)
  std::string sampler_correction = "token_truncate";  // none | {token,sequence}_{truncate,mask} (train/policy/sampler_correction.h)
  double importance_cap = 2.0;         // of the correction's weights
  double importance_floor = 0.0;
  bool mask_truncated = false;         // leave completions without an end out of the loss

  int64_t updates_per_step() const { return updates_per_rollout * minibatches; }
  bool operator==(const RlSettings&) const = default;
};

struct RolloutSettings {
  int64_t max_completion_tokens = 160;
  int64_t min_completion_tokens = 0;   // no token that ends a completion is drawn before
  double temperature = 1.0;
  int64_t top_k = 0;
  double top_p = 1.0;
  double min_p = 0.0;
  std::string activations = "bf16";    // f32 | bf16 | int8: precision of the sampler
  std::string kv_type = "auto";        // auto | f32 | f16 | int8: keys and values of the sampler's cache
  std::string close = "open";          // open | forced: whether a budget closes completions, as it does at decode time
  int64_t answer_tokens = 0;           // forced: of B, the answer's, apart from thinking; 0: B is for both
  int max_batch = 64;                  // sequences decoded together

  bool operator==(const RolloutSettings&) const = default;
};

struct BudgetSettings {                // rewards/budget.h
  int64_t tokens = 0;                  // B; 0: no budget
  double window = 0.25;
  double floor = 0.0;
  int64_t reserve_tokens = 32;
  std::string close_text = "\n#### ";
  std::string sentence, announcement;  // not both
  std::vector<int64_t> choices;        // rl: B of each prompt and step is drawn from these (0: none); sft: an example has the smallest that it keeps; empty: `tokens`

  bool operator==(const BudgetSettings&) const = default;
};

// One term of the reward. Only the fields that belong to `kind` may be set; DefaultRewardTerm (configs/reward_kinds.h) knows
// the values that a kind's paper uses.
struct RewardTerm {
  std::string kind;                    // one of RewardKinds()
  double weight = 1.0;                 // plus: terms only
  bool always = false;                 // plus: terms only: pay it on wrong answers too
  int64_t free_tokens = 0, fall_tokens = 0;   // free_then_falling
  double floor = 0.0;                         // free_then_falling
  int64_t max_tokens = 0, cache_tokens = 0;   // soft_overlong
  double alpha = 0.0;                         // l1_exact, l1_max, sigmoid
  double delta = 0.0;                         // l1_max
  int64_t norm_tokens = 0;                    // alp; 0: rollout.max_completion_tokens
  int64_t limit_tokens = 0;                   // truncation; 0: rollout.max_completion_tokens
  int64_t start_tokens = 0;                   // laser_d; 0: rollout.max_completion_tokens
  int64_t grid_tokens = 0;                    // laser_d; 0: a sixteenth of rollout.max_completion_tokens
  int64_t update_every = 10, window_steps = 10;  // laser_d, in steps

  bool operator==(const RewardTerm&) const = default;
};

// A judge of the user's (rewards/external/): a command or a URL; neither: mathematics alone.
struct VerifierSettings {
  std::vector<std::string> command;    // program and arguments of a process that judges JSON lines
  std::string url;                     // http://host:port/path that judges JSON lists
  std::vector<std::string> kinds;      // of problems that it judges; empty: every kind
  int workers = 2;                     // processes, or requests at a time
  double timeout_seconds = 30;         // for an attempt (command), for a request (url)
  double max_error_share = 0.05;       // of the last 100 attempts; more end the run

  bool enabled() const { return !command.empty() || !url.empty(); }
  bool operator==(const VerifierSettings&) const = default;
};

struct RewardSettings {
  std::string reading = "strict";      // strict | lenient: which reading of the answer is paid
  std::string form = "finished";       // finished | any: whether an answer with work left in it is paid
  VerifierSettings verifier;
  std::vector<RewardTerm> times;       // correct × Π …
  std::vector<RewardTerm> plus;        // + Σ weight × …

  bool operator==(const RewardSettings&) const = default;
};

// Adapts how much the length terms of the reward weigh (rewards/controller.h).
struct ControllerSettings {
  int64_t target_tokens = 0;           // mean length to hold; 0: off
  double accuracy_floor = 0.0;         // or: as short as this accuracy allows; 0: off
  double gain = 0.1;
  double ema = 0.8;                    // share of the past in the running mean
  double start_weight = 1.0, min_weight = 0.0, max_weight = 1.0;

  bool enabled() const { return target_tokens > 0 || accuracy_floor > 0; }
  bool operator==(const ControllerSettings&) const = default;
};

// Which problems are drawn, by how often they were solved (data/curriculum.h).
struct CurriculumSettings {
  bool enabled = false;
  double solved_above = 0.95, hopeless_below = 0.02;
  int64_t visits = 2;                  // before a problem may leave the pool that is learned from
  double revisit = 0.1;                // share of a step's places for solved and hopeless problems
  double ema = 0.5;

  bool operator==(const CurriculumSettings&) const = default;
};

// When a run goes wrong (train/alarms.h). A threshold of 0 switches its alarm off.
struct AlarmSettings {
  int64_t patience = 3;                // steps in a row
  std::vector<std::string> stop;       // names of alarms that end the run …
  std::vector<std::string> roll_back;  // … or take it back to the best checkpoint; the others warn
  double truncated = 0.5;
  double repetition = 0.3;
  double entropy_low = 0.05;
  double entropy_rise = 3.0;           // times the start
  double no_signal = 0.8;
  double wrong_longer = 2.0;           // times the right answers' length
  double after_close = 3.0;            // times the start
  double accuracy_drop = 0.2;          // below the best so far

  bool operator==(const AlarmSettings&) const = default;
};

struct OptimizerSettings {
  std::optional<double> learning_rate;  // nothing: by stage, model and adapter (train/advice/rate_check.h)
  double beta1 = 0.9, beta2 = 0.99;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
  double max_grad_norm = 1.0;          // 0: no clipping
  std::string schedule = "constant";   // constant | linear | cosine, after the warm-up
  double min_ratio = 0.0;              // share of the rate that linear and cosine end at
  int64_t warmup_steps = 0;
  double warmup_ratio = 0.0;           // or: share of the run's optimiser steps

  bool operator==(const OptimizerSettings&) const = default;
};

struct EvaluationSettings {            // of the adapter, while it is trained
  int64_t every = 0;                   // steps; 0: none
  std::string dataset;                 // empty: as data
  std::string split = "test";
  int64_t limit = 100;
  uint64_t seed = 0;
  std::vector<int64_t> budgets = {0};  // 0: none
  int chains = 1;
  double temperature = 0;
  int64_t max_tokens = 256;            // without a budget
  int max_batch = 32;
  double max_share = 0.2;              // of the run's time
  int64_t patience = 0;                // evaluations without progress after which the run ends; 0: never (train/run/plateau.h)
  std::string watch;                   // metric that progress is measured by; empty: accuracy under the first budget
  std::string watch_mode = "max";      // max | min
  double min_delta = 0.0;              // less is no progress

  bool operator==(const EvaluationSettings&) const = default;
};

struct LogSettings {
  int64_t save_every = 10;             // optimiser steps between checkpoints; 0: only the end
  double save_minutes = 0;             // and after so long without one; 0: never
  int64_t keep_checkpoints = 2;
  std::string best_metric;             // of metrics.jsonl: the checkpoint that is best by it is kept too; empty: none
  std::string best_mode = "max";       // max | min
  bool completions = true;             // write completions/step-N.jsonl
  bool tensorboard = true;             // write events.out.tfevents.*
  std::vector<std::string> command;    // program and arguments of a process that reads each line of metrics (train/run/metrics_feed.h)

  bool operator==(const LogSettings&) const = default;
};

struct TrainConfig {
  RunConfig run;                       // its keys stand at the top level of the file
  ModelSettings model;
  AdapterSettings adapter;
  DataSettings data;
  SftSettings sft;
  DistillSettings distill;
  CheckSettings check;
  SwitchSettings switcher;             // its section is called switch
  RlSettings rl;
  RolloutSettings rollout;
  BudgetSettings budget;
  RewardSettings reward;
  ControllerSettings controller;
  CurriculumSettings curriculum;
  AlarmSettings alarms;
  OptimizerSettings optimizer;
  EvaluationSettings eval;
  LogSettings log;

  bool operator==(const TrainConfig&) const = default;
};

}  // namespace pith
