#include "configs/trl_table.h"

namespace pith {
namespace {

std::vector<TrlName> MakeTable() {
  std::vector<TrlName> table;
  const auto same = [&](const char* name, const char* ours, const char* how = "") { table.push_back({name, ours, ours, how}); };
  const auto rl_only = [&](const char* name, const char* ours, const char* how = "") { table.push_back({name, "", ours, how}); };
  const auto refused = [&](const char* name, const char* how) { table.push_back({name, "", "", how}); };
  const auto dropped = [&](const char* name, std::vector<std::pair<std::string, std::string>> values, const char* how) {
    table.push_back({name, "", "", how, std::move(values), /*dropped=*/true});
  };
  const auto counted = [&](const char* name, const char* sft, const char* rl, const char* how) {
    table.push_back({name, sft, rl, how, {}, false, false, /*counts_updates=*/true});
  };
  const auto waits = [&](const char* name, const char* how) { table.push_back({name, "", "", how, {}, false, /*waits=*/true}); };

  same("run_name", "name");
  same("output_dir", "folder");
  same("seed", "seed");
  same("model_name_or_path", "model.path");
  same("dtype", "model.dtype");
  same("torch_dtype", "model.dtype");
  same("gradient_checkpointing", "model.gradient_checkpointing");
  dropped("bf16", {{"true", ""}}, "model.dtype says how the frozen base is kept, bfloat16 unless it is set; the adapter is float32");
  dropped("fp16", {{"false", ""}}, "model.dtype has bfloat16 and float32");

  same("r", "adapter.rank");
  same("lora_r", "adapter.rank");
  same("lora_alpha", "adapter.alpha");
  same("lora_dropout", "adapter.dropout");
  same("use_rslora", "adapter.rslora");
  same("use_dora", "adapter.dora");
  table.push_back({"init_lora_weights", "adapter.init", "adapter.init", "", {{"true", "default"}, {"pissa", "pissa"}}});
  same("target_modules", "adapter.targets", "all-linear is the default, so it is left out");
  same("lora_target_modules", "adapter.targets", "likewise");
  refused("modules_to_save", "an adapter here has no whole layers; name linear layers in adapter.targets");

  same("dataset_name", "data.dataset", "by our names of data sets");
  same("shuffle_dataset", "data.shuffle");
  refused("data_seed", "data.seed shuffles before data.limit is taken, and seed orders the training");
  refused("max_prompt_length", "prompts are never cut here: one that is too long is dropped, with a count (data.max_prompt_tokens)");
  refused("max_seq_length", "sft.max_length, which drops longer examples where TRL cuts them");
  refused("max_length", "sft.max_length, which drops longer examples where TRL cuts them");
  dropped("packing", {{"false", ""}}, "several examples share a forward pass by sft.micro_batch_tokens, without seeing one another");
  dropped("completion_only_loss", {{"true", ""}}, "the loss is on the response alone, always");
  dropped("assistant_only_loss", {{"true", ""}}, "likewise");

  table.push_back({"num_train_epochs", "sft.epochs", "rl.epochs", "in SFT a whole number"});
  counted("max_steps", "", "rl.steps", "in SFT: sft.epochs");
  waits("per_device_train_batch_size", "per optimiser step, SFT: sft.batch_size is this × gradient_accumulation_steps; RL: rl.prompts_per_step is this × steps_per_generation / "
        "num_generations (steps_per_generation is gradient_accumulation_steps where it is not given). It is micro_batch_size, too. One device's: with several ranks a batch here is that of all");
  waits("gradient_accumulation_steps", "with per_device_train_batch_size; in RL rl.minibatches is steps_per_generation / this");
  refused("generation_batch_size", "rl.prompts_per_step is this / num_generations, and rl.minibatches the optimiser steps that one pass over them takes");

  same("learning_rate", "optimizer.learning_rate");
  same("weight_decay", "optimizer.weight_decay");
  same("max_grad_norm", "optimizer.max_grad_norm");
  same("adam_beta1", "optimizer.beta1");
  same("adam_beta2", "optimizer.beta2");
  same("adam_epsilon", "optimizer.epsilon");
  dropped("optim", {{"adamw_torch", ""}, {"adamw_torch_fused", ""}}, "AdamW is the one optimiser");
  table.push_back({"lr_scheduler_type", "optimizer.schedule", "optimizer.schedule", "constant there leaves a warm-up out, so the two together are refused",
                   {{"linear", "linear"}, {"cosine", "cosine"}, {"constant", "constant"}, {"constant_with_warmup", "constant"}, {"cosine_with_min_lr", "cosine"}}});
  waits("lr_scheduler_kwargs", "{min_lr_rate: x} is optimizer.min_ratio, {min_lr: x} is that times the learning_rate, which must then be a number");
  same("warmup_steps", "optimizer.warmup_steps", "the first step runs at 1/(n + 1) of the rate, not at 0");
  same("warmup_ratio", "optimizer.warmup_ratio", "likewise");

  rl_only("scale_rewards", "rl.scale_rewards", "true is group, false is none");
  for (const char* name : {"delta", "importance_sampling_level", "top_entropy_quantile", "use_bias_correction_kl", "entropy_coef"}) {
    table.push_back({name, "", std::string("rl.") + name, ""});
  }
  for (const char* name : {"temperature", "top_k", "top_p", "min_p"}) table.push_back({name, "", std::string("rollout.") + name, ""});
  refused("repetition_penalty", "completions are sampled from the policy as it is, or the ratio of trainer to sampler would mean nothing");
  refused("reward_funcs", "reward.times, reward.plus and reward.verifier");
  refused("reward_weights", "the weight of each of reward.plus");
  dropped("sync_ref_model", {{"false", ""}}, "the reference of the KL is the policy that RL started from, always");
  dropped("disable_dropout", {{"true", ""}}, "RL has none; in SFT adapter.dropout");

  counted("save_steps", "log.save_every", "log.save_every", "");
  same("save_total_limit", "log.keep_checkpoints", "the best one is kept besides");
  counted("eval_steps", "eval.every", "eval.every", "");
  dropped("save_strategy", {{"steps", ""}}, "log.save_every; 0 saves at the end alone");
  dropped("eval_strategy", {{"steps", ""}}, "eval.every; 0 is never");
  refused("metric_for_best_model", "log.best_metric, a name of metrics.jsonl such as eval/accuracy");
  refused("greater_is_better", "log.best_mode: max or min");
  dropped("load_best_model_at_end", {{"false", ""}}, "log.best_metric keeps the best checkpoint; name its adapter folder where you go on");
  same("early_stopping_patience", "eval.patience");
  same("early_stopping_threshold", "eval.min_delta");
  dropped("logging_steps", {{"1", ""}}, "every step has its line in metrics.jsonl");
  dropped("report_to", {{"none", ""}}, "log.tensorboard, and log.command for W&B, MLflow and others");
  dropped("use_vllm", {{"false", ""}}, "completions are sampled by the runtime that ships");
  dropped("push_to_hub", {{"false", ""}}, "the run's adapter folder can be pushed as it is");
  return table;
}

}  // namespace

const std::vector<TrlName>& TrlTable() {
  static const std::vector<TrlName>* const table = new std::vector<TrlName>(MakeTable());
  return *table;
}

}  // namespace pith
