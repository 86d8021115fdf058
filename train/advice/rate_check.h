// Learning rates that suit LoRA, and settings that are known to collapse or to waste the run.
//
// What is published: LoRA wants about ten times the rate of full fine-tuning, at any rank when the update is scaled by alpha / rank with
// alpha 32; wide models want less, 5e-5 · 10 · (2000 / d_model)^p with p 0.78 for Llama and 0.08 for Qwen; large batches cost LoRA more
// than full fine-tuning, at any rank; supervised learning wants as many trained values as trained tokens, RL next to none (Schulman et
// al., "LoRA Without Regret", Thinking Machines 2025, and their cookbook). PiSSA wants less than LoRA (arXiv 2602.04998).
//
// What is ours: p = ½ for every model; rate · s · rank as what stays the same when alpha, rank or rsLoRA change (Adam moves every entry of
// B by about the rate, in all ranks alike, so that the first update of W·x is as large as rate · s · rank); RL a tenth of SFT; PiSSA a tenth
// of LoRA; and all thresholds, which were set by runs of the quickstart.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pith {

struct RateFacts {
  std::string stage;              // sft | rl | distill
  int64_t d_model = 0;
  double scaled_rank = 0;         // the largest s · rank of the adapter's pairs: alpha, or alpha · √rank with rsLoRA
  bool pissa = false;
  double learning_rate = 0;
  int64_t batch_size = 0;         // sft, distill: examples per optimiser step; rl: completions per step
};

// 5e-4 · √(2000 / d_model) · 32 / scaled_rank for SFT, less for other stages and PiSSA, to two digits. Facts needed: all but the rate and
// the batch.
double SuitableLearningRate(const RateFacts& facts);

// Sentences about rate and batch, each with its cure.
std::vector<std::string> RateWarnings(const RateFacts& facts);

// SFT on `trained_tokens` (of one pass) with `trained_values` in the adapter; empty where they are enough.
std::string CapacityWarning(int64_t trained_values, int64_t trained_tokens);

}  // namespace pith
