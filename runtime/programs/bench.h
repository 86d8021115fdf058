// What users ask about speed, measured on one engine: prefill, decoding alone and in batches, the cost of an adapter and of
// changing it, loading, how near decoding comes to the memory bandwidth of the machine, and what is left of the speed after minutes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/engine.h"

namespace pith {

struct BenchSettings {
  int64_t prompt = 512, gen = 64;  // tokens; gen per sequence
  int reps = 3;                    // a figure is the median of so many runs
};

// A part of a long decoding.
struct BenchInterval {
  double end;   // seconds since the beginning
  double rate;  // tokens per second within it
};

// Rates in tokens per second, counted over all sequences; medians.
class Bench {
 public:
  Bench(Engine& engine, const BenchSettings& settings);

  // One sequence of `prompt` tokens, logits of the last.
  double Prefill(const AdapterRef& adapter);
  // `batch` sequences that share one prompt's KV, one token each per pass, `gen` passes.
  double Decode(int64_t batch, const AdapterRef& adapter);
  // Decodes without a pause for so many seconds and calls `each` at the end of every part of them, as far as passes end in so many different
  // parts. Sequences begin again behind the prompt after `gen` tokens, so that every pass costs about the same.
  std::vector<BenchInterval> Sustain(int64_t batch, const AdapterRef& adapter, double seconds, int parts,
                                     const std::function<void(const BenchInterval&)>& each);
  // Decoding with the adapter takes so much longer than without: 0.05 is 5 %. Pairs of runs in turn, median of the ratios.
  double AdapterCost(int64_t batch, const AdapterRef& adapter);
  // Microseconds of SetAdapter() in the middle of a sequence of `prompt` tokens (a forward pass between two changes).
  double SwapMicroseconds(const AdapterRef& adapter);

 private:
  double DecodeOnce(int64_t batch, const AdapterRef& adapter);
  std::vector<SequenceId> Begin(int64_t batch, const AdapterRef& adapter);
  void Pass(const std::vector<SequenceId>& sequences, int64_t step);
  int32_t Id(int64_t n) const;
  std::vector<int32_t> PromptIds() const;

  Engine& engine_;
  BenchSettings settings_;
  std::vector<float> logits_, batch_logits_;
  std::vector<ForwardRow> rows_;
};

// Bytes per second that the engine's threads together read from a buffer of `bytes`: the best of `reps` sweeps. A buffer
// smaller than the last cache measures the cache.
double ReadBandwidth(ThreadPool& pool, int64_t bytes, int reps);

// Milliseconds from opening the file to the first token of a prompt of 16 tokens; the median of `reps`.
double LoadMilliseconds(const std::string& path, const EngineOptions& options, int reps);

}  // namespace pith
