// What a run's needs depend on, as far as it is known before it runs: how long its sequences are, and how many parameters it trains.
#pragma once

#include <cstdint>
#include <vector>

#include "train/model/batch.h"
#include "train/session/session.h"
#include "train/supervised/sft.h"

namespace pith {

struct RunShapes {
  ModelConfig model;
  int64_t trained = 0;           // parameters
  int64_t ranks = 0;             // of all pairs together
  int64_t file_bytes = 0;        // of the base, as it is mapped
  std::vector<int64_t> prompts;  // tokens of each problem's
  // The sequences of optimiser steps as the trainer will run them, without keys and values of their prefixes: those of the first steps of a run
  // that learns from examples; for rl a step with completions as long as they may be.
  std::vector<std::vector<TrainSequence>> steps;
  int64_t total_steps = 0;
};

// Of the stage's forward passes.
MicroBatchLimit LimitOf(const TrainConfig& config);
// Tokens of a step's prompts before the adapter acts; a group of completions shares its prompt's.
int64_t EncodedTokens(const TrainConfig& config, const std::vector<TrainSequence>& step);

// `examples`: of a run that learns from some. Where there are neither these nor problems: as of the description.
RunShapes ShapesOf(const Session& session, const std::vector<SftExample>& examples);
// Of a model's description, its adapter and prompts of `prompt_tokens`, where no data are there: all sequences as long as the configuration lets them be.
RunShapes ShapesOf(const TrainConfig& config, const ModelConfig& model, int64_t prompt_tokens);

}  // namespace pith
