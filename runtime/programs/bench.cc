#include "runtime/programs/bench.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "runtime/evaluation/stats.h"

namespace pith {
namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::time_point since) { return std::chrono::duration<double>(Clock::now() - since).count(); }

}  // namespace

Bench::Bench(Engine& engine, const BenchSettings& settings)
    : engine_(engine), settings_(settings), logits_(static_cast<size_t>(engine.config().vocab_size)) {}

int32_t Bench::Id(int64_t n) const { return static_cast<int32_t>(n % std::min<int64_t>(200, engine_.config().vocab_size)); }

std::vector<int32_t> Bench::PromptIds() const {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < settings_.prompt; ++i) ids.push_back(Id(i * 7919 + 1));
  return ids;
}

double Bench::Prefill(const AdapterRef& adapter) {
  std::vector<double> rates;
  for (int rep = 0; rep <= settings_.reps; ++rep) {  // the first warms up
    const SequenceId sequence = engine_.NewSequence();
    engine_.SetAdapter(sequence, adapter);
    const auto start = Clock::now();
    engine_.Prefill(sequence, PromptIds(), logits_.data());
    if (rep > 0) rates.push_back(static_cast<double>(settings_.prompt) / Seconds(start));
    engine_.Free(sequence);
  }
  return Quantile(rates, 0.5);
}

// Sequences that share the prompt.
std::vector<SequenceId> Bench::Begin(int64_t batch, const AdapterRef& adapter) {
  std::vector<SequenceId> sequences = {engine_.NewSequence()};
  engine_.SetAdapter(sequences[0], adapter);
  engine_.Prefill(sequences[0], PromptIds(), logits_.data());
  for (int64_t i = 1; i < batch; ++i) sequences.push_back(engine_.Fork(sequences[0]));
  batch_logits_.resize(static_cast<size_t>(engine_.config().vocab_size * batch));
  rows_.resize(static_cast<size_t>(batch));
  return sequences;
}

void Bench::Pass(const std::vector<SequenceId>& sequences, int64_t step) {
  for (size_t i = 0; i < sequences.size(); ++i) rows_[i] = {sequences[i], Id(step * 31 + static_cast<int64_t>(i) * 17), true};
  engine_.Forward(rows_, batch_logits_.data());
}

double Bench::DecodeOnce(int64_t batch, const AdapterRef& adapter) {
  const std::vector<SequenceId> sequences = Begin(batch, adapter);
  const auto start = Clock::now();
  for (int64_t step = 0; step < settings_.gen; ++step) Pass(sequences, step);
  const double rate = static_cast<double>(batch * settings_.gen) / Seconds(start);
  for (SequenceId sequence : sequences) engine_.Free(sequence);
  return rate;
}

double Bench::Decode(int64_t batch, const AdapterRef& adapter) {
  std::vector<double> rates;
  for (int rep = 0; rep < settings_.reps; ++rep) rates.push_back(DecodeOnce(batch, adapter));
  return Quantile(rates, 0.5);
}

std::vector<BenchInterval> Bench::Sustain(int64_t batch, const AdapterRef& adapter, double seconds, int parts,
                                          const std::function<void(const BenchInterval&)>& each) {
  const std::vector<SequenceId> sequences = Begin(batch, adapter);
  std::vector<BenchInterval> intervals;
  const auto start = Clock::now();
  double begun = 0;
  int64_t passes = 0;
  for (int64_t step = 0; begun < seconds; ++step) {
    if (step == settings_.gen) {
      for (SequenceId sequence : sequences) engine_.Truncate(sequence, settings_.prompt);
      step = 0;
    }
    Pass(sequences, step);
    ++passes;
    const double now = Seconds(start), length = seconds / parts;
    if (now < (std::floor(begun / length) + 1) * length) continue;
    intervals.push_back({now, static_cast<double>(passes * batch) / (now - begun)});
    each(intervals.back());
    begun = now;
    passes = 0;
  }
  for (SequenceId sequence : sequences) engine_.Free(sequence);
  return intervals;
}

double Bench::AdapterCost(int64_t batch, const AdapterRef& adapter) {
  std::vector<double> ratios;
  for (int rep = 0; rep < settings_.reps; ++rep) {
    const double without = DecodeOnce(batch, nullptr);
    ratios.push_back(without / DecodeOnce(batch, adapter));
  }
  return Quantile(ratios, 0.5) - 1.0;
}

double Bench::SwapMicroseconds(const AdapterRef& adapter) {
  const SequenceId sequence = engine_.NewSequence();
  engine_.Prefill(sequence, PromptIds(), logits_.data());
  std::vector<double> times;
  for (int64_t i = 0; i < settings_.gen; ++i) {
    const auto start = Clock::now();
    engine_.SetAdapter(sequence, i % 2 == 0 ? adapter : nullptr);
    times.push_back(1e6 * Seconds(start));
    const ForwardRow row{sequence, Id(i), true};
    engine_.Forward({&row, 1}, logits_.data());
  }
  engine_.Free(sequence);
  return Quantile(times, 0.5);
}

double ReadBandwidth(ThreadPool& pool, int64_t bytes, int reps) {
  constexpr int64_t kWords = 8;
  const int64_t lines = std::max<int64_t>(1, bytes / 64);
  const std::vector<uint64_t> data(static_cast<size_t>(lines * kWords), 1);
  std::vector<uint64_t> sums(static_cast<size_t>(pool.num_threads()) * kWords);
  double best = 0;
  for (int rep = 0; rep < std::max(1, reps); ++rep) {
    const auto start = Clock::now();
    pool.ParallelFor(lines, 1 << 10, [&](int64_t begin, int64_t end, int thread) {
      uint64_t sum[kWords] = {};
      for (int64_t i = begin; i < end; ++i) {
        for (int64_t j = 0; j < kWords; ++j) sum[j] += data[static_cast<size_t>(i * kWords + j)];
      }
      for (int64_t j = 0; j < kWords; ++j) sums[static_cast<size_t>(thread * kWords + j)] += sum[j];
    });
    best = std::max(best, static_cast<double>(lines * 64) / Seconds(start));
  }
  uint64_t total = 0;
  for (uint64_t sum : sums) total += sum;
  return total == 0 ? 0 : best;  // the sums are used, so that the reads are not left out
}

double LoadMilliseconds(const std::string& path, const EngineOptions& options, int reps) {
  std::vector<double> times;
  for (int rep = 0; rep < reps; ++rep) {
    const auto start = Clock::now();
    Engine engine(BaseModel::Load(path), options);
    std::vector<float> logits(static_cast<size_t>(engine.config().vocab_size));
    std::vector<int32_t> ids;
    for (int32_t i = 0; i < 16; ++i) ids.push_back(i % static_cast<int32_t>(engine.config().vocab_size));
    engine.Prefill(engine.NewSequence(), ids, logits.data());
    times.push_back(1e3 * Seconds(start));
  }
  return Quantile(times, 0.5);
}

}  // namespace pith
