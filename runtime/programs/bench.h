// What users ask about speed, measured on one engine: prefill, decoding alone and in batches, the cost of an adapter and of
// changing it, loading, and how near decoding comes to the memory bandwidth of the machine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/engine.h"

namespace pith {

struct BenchSettings {
  int64_t prompt = 512, gen = 64;  // tokens; gen per sequence
  int reps = 3;                    // a figure is the median of so many runs
};

// Rates in tokens per second, counted over all sequences; medians.
class Bench {
 public:
  Bench(Engine& engine, const BenchSettings& settings);

  // One sequence of `prompt` tokens, logits of the last.
  double Prefill(const AdapterRef& adapter);
  // `batch` sequences that share one prompt's KV, one token each per pass, `gen` passes.
  double Decode(int64_t batch, const AdapterRef& adapter);
  // Decoding with the adapter takes so much longer than without: 0.05 is 5 %. Pairs of runs in turn, median of the ratios.
  double AdapterCost(int64_t batch, const AdapterRef& adapter);
  // Microseconds of SetAdapter() in the middle of a sequence of `prompt` tokens (a forward pass between two changes).
  double SwapMicroseconds(const AdapterRef& adapter);

 private:
  double DecodeOnce(int64_t batch, const AdapterRef& adapter);
  int32_t Id(int64_t n) const;
  std::vector<int32_t> PromptIds() const;

  Engine& engine_;
  BenchSettings settings_;
  std::vector<float> logits_;
};

// Bytes per second that the engine's threads together read from a buffer of `bytes`: the best of `reps` sweeps. A buffer
// smaller than the last cache measures the cache.
double ReadBandwidth(ThreadPool& pool, int64_t bytes, int reps);

// Milliseconds from opening the file to the first token of a prompt of 16 tokens; the median of `reps`.
double LoadMilliseconds(const std::string& path, const EngineOptions& options, int reps);

}  // namespace pith
