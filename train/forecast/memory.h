// What memory a run takes at its peak, said before it runs; and which one setting would make it fit where it does not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "train/forecast/shapes.h"

namespace pith {

// Resident bytes at the peak. By arithmetic over what the trainer holds (train/model/model.cc says what a layer keeps), but for `process`.
struct MemoryForecast {
  int64_t process = 0;      // this program as it stands, its libraries, compiled products, and holes in its heap
  int64_t file = 0;         // the base as it is mapped
  int64_t base = 0;         // the base as the trainer holds it
  int64_t teacher = 0;      // of who sets it
  int64_t adapter = 0;      // masters, gradients, moments, the values it started from, what computes
  int64_t activations = 0;  // of the largest micro-batch, with the head's and with the prompts' keys and values of a step
  int64_t sampler = 0;      // cache and logits of rollouts and evaluations
  int64_t total() const { return process + file + base + teacher + adapter + activations + sampler; }
};

// `process_bytes`: what this process holds now (ReadProcessMemory().rss_mb).
MemoryForecast ForecastMemory(const TrainConfig& config, const RunShapes& shapes, int64_t process_bytes);
// Of a base as the trainer holds it.
int64_t WeightBytes(const ModelConfig& model, int64_t element_bytes);

// One setting with which the run would take at most `limit_bytes`, as `key: value`: of those that suffice the one that costs least (the same
// result before another speed, another speed before another result), and its largest value. Nothing where no one alone suffices.
struct Remedy {
  std::string key, value;
  int64_t bytes = 0;  // that the run then takes
};
// `now`: the forecast of the run as it is.
std::optional<Remedy> WhatWouldFit(const TrainConfig& config, const RunShapes& shapes, const MemoryForecast& now, int64_t limit_bytes);

}  // namespace pith
