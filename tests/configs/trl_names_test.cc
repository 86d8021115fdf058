// TRL's, Transformers' and PEFT's names: those that mean the same are taken, with their values; the others say what to write.
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "configs/load.h"
#include "configs/trl_table.h"
#include "tests/configs/yaml_path.h"

namespace pith {
namespace {

TrainConfig LoadTrl(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  const std::string path = testing::YamlPath();
  WriteFile(path, yaml);
  return LoadTrainConfig(path, overrides);
}

std::string TrlComplaint(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  try {
    LoadTrl(yaml, overrides);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

const std::string kTrlSft = "{stage: sft, model_name_or_path: m.gguf, data: {limit: 8}, ", kTrlRl = "{stage: rl, model_name_or_path: m.gguf, data: {limit: 8}, ";

TEST(TrlNames, ASupervisedRun) {
  const TrainConfig c = LoadTrl(kTrlSft +
                                "output_dir: out/x, run_name: mine, per_device_train_batch_size: 4, gradient_accumulation_steps: 8, num_train_epochs: 3, learning_rate: 2e-5, "
                                "lr_scheduler_type: cosine_with_min_lr, lr_scheduler_kwargs: {min_lr: 2e-6}, warmup_ratio: 0.03, weight_decay: 0.1, max_grad_norm: 0.5, adam_beta2: 0.95, "
                                "optim: adamw_torch, seed: 9, logging_steps: 1, save_steps: 50, save_total_limit: 3, eval_steps: 20, early_stopping_patience: 2, "
                                "early_stopping_threshold: 0.01, r: 16, lora_alpha: 32, lora_dropout: 0.05, target_modules: [q_proj], gradient_checkpointing: true, "
                                "completion_only_loss: true, bf16: true, packing: false, report_to: none}\n");
  EXPECT_EQ(c.model.path, "m.gguf");
  EXPECT_EQ(c.run.folder, "out/x");
  EXPECT_EQ(c.run.name, "mine");
  EXPECT_EQ(c.sft.batch_size, 32);
  EXPECT_EQ(c.sft.micro_batch_size, 4);
  EXPECT_EQ(c.sft.epochs, 3);
  EXPECT_EQ(c.optimizer.learning_rate, 2e-5);
  EXPECT_EQ(c.optimizer.schedule, "cosine");
  EXPECT_NEAR(c.optimizer.min_ratio, 0.1, 1e-12);
  EXPECT_EQ(c.optimizer.warmup_ratio, 0.03);
  EXPECT_EQ(c.optimizer.weight_decay, 0.1);
  EXPECT_EQ(c.optimizer.max_grad_norm, 0.5);
  EXPECT_EQ(c.optimizer.beta2, 0.95);
  EXPECT_EQ(c.run.seed, 9u);
  EXPECT_EQ(c.log.save_every, 50);
  EXPECT_EQ(c.log.keep_checkpoints, 3);
  EXPECT_EQ(c.eval.every, 20);
  EXPECT_EQ(c.eval.patience, 2);
  EXPECT_EQ(c.eval.min_delta, 0.01);
  EXPECT_EQ(c.adapter.rank, 16);
  EXPECT_EQ(c.adapter.alpha, 32);
  EXPECT_EQ(c.adapter.dropout, 0.05);
  EXPECT_EQ(c.adapter.targets, std::vector<std::string>{"q_proj"});
  EXPECT_TRUE(c.model.gradient_checkpointing);
}

TEST(TrlNames, AGrpoRun) {
  const TrainConfig c = LoadTrl(kTrlRl +
                                "per_device_train_batch_size: 8, gradient_accumulation_steps: 4, steps_per_generation: 8, num_generations: 16, max_completion_length: 99, beta: 0.04, "
                                "epsilon: 0.1, epsilon_high: 0.3, loss_type: bnpo, scale_rewards: false, mask_truncated_completions: true, temperature: 0.9, num_train_epochs: 1.5, "
                                "lr_scheduler_type: constant_with_warmup, warmup_steps: 1, target_modules: all-linear, lora_alpha: 16}\n");
  EXPECT_EQ(c.rl.prompts_per_step, 8 * 8 / 16);
  EXPECT_EQ(c.rl.minibatches, 2);
  EXPECT_EQ(c.rl.micro_batch_size, 8);
  EXPECT_EQ(c.rl.group_size, 16);
  EXPECT_EQ(c.rollout.max_completion_tokens, 99);
  EXPECT_EQ(c.rl.kl_beta, 0.04);
  EXPECT_EQ(c.rl.clip_epsilon_low, 0.1);
  EXPECT_EQ(c.rl.clip_epsilon_high, 0.3);
  EXPECT_EQ(c.rl.loss, "bnpo");
  EXPECT_EQ(c.rl.scale_rewards, "none");
  EXPECT_TRUE(c.rl.mask_truncated);
  EXPECT_EQ(c.rollout.temperature, 0.9);
  EXPECT_EQ(c.rl.epochs, 1.5);
  EXPECT_EQ(c.optimizer.schedule, "constant");
  EXPECT_EQ(c.adapter.targets, AdapterSettings().targets);
  EXPECT_EQ(LoadTrl(kTrlRl + "rl: {scale_rewards: true}}").rl.scale_rewards, "group");
  EXPECT_EQ(LoadTrl(kTrlRl + "steps_per_generation: 2}").rl.minibatches, 2);
  EXPECT_EQ(LoadTrl(kTrlRl + "max_steps: 12, save_steps: 3}").rl.steps, 12);
  // On the command line, over the file, wherever TRL would have them.
  const TrainConfig set = LoadTrl(kTrlRl + "rl: {group_size: 4, kl_beta: 0.1}}", {"num_generations=6", "rl.beta=0.2", "rollout.max_completion_length=77", "learning_rate=3e-6"});
  EXPECT_EQ(set.rl.group_size, 6);
  EXPECT_EQ(set.rl.kl_beta, 0.2);
  EXPECT_EQ(set.rollout.max_completion_tokens, 77);
  EXPECT_EQ(set.optimizer.learning_rate, 3e-6);
}

TEST(TrlNames, WhatMeansSomethingElseSaysWhatToWrite) {
  struct Case {
    const std::string& base;
    std::string extra, complaint;
  };
  const std::vector<Case> cases = {
      {kTrlSft, "gradient_accumulation_steps: 4", "gradient_accumulation_steps: says nothing here without per_device_train_batch_size; or write sft.batch_size, their product"},
      {kTrlSft, "per_device_train_batch_size: 4, sft: {batch_size: 8}", "sft.batch_size: is given twice, here as per_device_train_batch_size, its name in TRL; remove one"},
      {kTrlSft, "per_device_train_batch_size: x", "per_device_train_batch_size: got 'x', expected an integer from 1"},
      {kTrlSft, "max_steps: 5", "max_steps: is TRL's name of rl.steps, which has no effect when stage is sft; in SFT: sft.epochs"},
      {kTrlSft, "beta: 0.1", "rl.kl_beta: has no effect when stage is sft; remove it"},
      {kTrlSft, "packing: true", "packing: got 'true', of TRL's values this takes false: several examples share a forward pass"},
      {kTrlSft, "lr_scheduler_type: polynomial", "lr_scheduler_type: got 'polynomial', of TRL's values this takes linear, cosine, constant"},
      {kTrlSft, "lr_scheduler_type: constant, warmup_steps: 3", "lr_scheduler_type: is constant, which leaves out the warm-up in TRL, but optimizer.warmup_steps is 3"},
      {kTrlSft, "lr_scheduler_kwargs: {num_cycles: 2}", "lr_scheduler_kwargs: got a group of keys, of which {min_lr_rate: x}"},
      {kTrlSft, "lr_scheduler_type: cosine, lr_scheduler_kwargs: {min_lr: 1e-6}", "lr_scheduler_kwargs: min_lr needs a number as optimizer.learning_rate"},
      {kTrlSft, "optim: lion_32bit", "optim: got 'lion_32bit', of TRL's values this takes adamw_torch, adamw_torch_fused: AdamW is the one optimiser"},
      {kTrlSft, "logging_steps: 10", "logging_steps: got '10', of TRL's values this takes 1"},
      {kTrlSft, "report_to: wandb", "report_to: got 'wandb', of TRL's values this takes none: log.tensorboard, and log.command for W&B"},
      {kTrlSft, "max_length: 512", "max_length: is a setting of TRL that means nothing here; instead: sft.max_length, which drops longer examples"},
      {kTrlSft, "warmup_steps: 3, warmup_ratio: 0.1", "optimizer.warmup_ratio: and optimizer.warmup_steps are two lengths of the warm-up"},
      {kTrlSft, "lora_r: 8, adapter: {rank: 8}", "adapter.rank: is given twice, here as lora_r"},
      {kTrlRl, "num_train_epochs: 2, rl: {steps: 5}", "rl.steps: has no effect unless rl.epochs is 0"},
      {kTrlRl, "per_device_train_batch_size: 6", "per_device_train_batch_size: gives a step 6 x 1 completions, no multiple of num_generations = 8"},
      {kTrlRl, "per_device_train_batch_size: 8, gradient_accumulation_steps: 2, steps_per_generation: 3", "steps_per_generation: got 3, expected a multiple of gradient_accumulation_steps = 2"},
      {kTrlRl, "max_steps: 12, rl: {minibatches: 4}", "rl.steps: is given as max_steps, which counts optimiser steps; here a step takes 4 of them"},
      {kTrlRl, "save_steps: 12, num_iterations: 2", "log.save_every: is given as save_steps, which counts optimiser steps; here a step takes 2"},
      {kTrlRl, "optimizer: {beta: 0.9}", "optimizer.beta: unknown key; did you mean rl.kl_beta?"},
  };
  for (const Case& c : cases) {
    const std::string text = TrlComplaint(c.base + c.extra + "}\n");
    EXPECT_NE(text.find(c.complaint), std::string::npos) << c.extra << "\n" << text;
    EXPECT_EQ(text.find("problems in"), std::string::npos) << "one mistake, several complaints\n" << text;
  }
  EXPECT_EQ(TrlComplaint(kTrlRl + "max_steps: 12, rl: {minibatches: 4}}\n", {"rl.steps=3"}), "") << "replaced by our name";
}

// A row's key is one of ours, and its name is in the reference.
TEST(TrlNames, EveryRowIsSound) {
  const std::string reference = ConfigReference(), keys = ConfigKeys();
  for (const TrlName& row : TrlTable()) {
    for (const std::string& path : {row.sft, row.rl}) {
      EXPECT_TRUE(path.empty() || ("\n" + keys).find("\n" + path + " (") != std::string::npos) << row.name << " " << path;
    }
    EXPECT_NE(reference.find("| `" + row.name + "` | "), std::string::npos) << row.name;
    EXPECT_TRUE(!row.refused() || !row.how.empty()) << row.name;
  }
}

}  // namespace
}  // namespace pith
