// Speed of Linear() and of attention for the shapes of SmolLM2-135M and Qwen2.5-0.5B.
//   kernels_bench --benchmark_filter='smollm2_ff_up/q4_1/bf16'     PITH_BENCH_THREADS=n (all cores)
//   PITH_BENCH_CACHED=1: one copy of each matrix, so that what fits in a cache is read from there
// "flops" counts 2·M·N·K; "bytes" are those of the weights, or of the cache, read once a pass.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "runtime/kernels/attention.h"
#include "runtime/kernels/linear.h"
#include "runtime/kernels/ops.h"
#include "tests/base/random_blocks.h"

namespace pith {
namespace {

struct Shape {
  const char* name;
  int64_t n, k;
};
constexpr Shape kShapes[] = {
    {"smollm2_q", 576, 576},      {"smollm2_kv", 192, 576},    {"smollm2_ff_up", 1536, 576}, {"smollm2_ff_down", 576, 1536},
    {"smollm2_head", 49152, 576}, {"qwen_q", 896, 896},        {"qwen_kv", 128, 896},        {"qwen_ff_up", 4864, 896},
    {"qwen_ff_down", 896, 4864},  {"qwen_head", 151936, 896}, {"tiny", 256, 1024},
};

ThreadPool& Pool() {
  static ThreadPool pool(std::getenv("PITH_BENCH_THREADS") ? std::atoi(std::getenv("PITH_BENCH_THREADS")) : 0);
  return pool;
}

std::vector<float> RandomFloats(int64_t count) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> out(static_cast<size_t>(count));
  for (float& v : out) v = normal(random);
  return out;
}

// Copies of one matrix, more than the last cache holds: a pass over a model finds no layer's weights in cache.
struct Weights {
  std::vector<uint8_t> bytes;
  std::vector<TensorView> views;
  Weights(TensorType type, int64_t n, int64_t k) {
    const size_t one = RowBytes(type, k) * static_cast<size_t>(n);
    const size_t copies = std::getenv("PITH_BENCH_CACHED") ? 1 : std::max<size_t>(1, (size_t{96} << 20) / one);
    std::vector<uint8_t> row(RowBytes(type, k));
    if (IsQuantised(type)) row = RandomBlocks(type, k, 0.5f, 1);
    else Quantise(type, RandomFloats(k).data(), row.data(), k);
    bytes.reserve(one * copies);
    for (size_t r = 0; r < static_cast<size_t>(n) * copies; ++r) bytes.insert(bytes.end(), row.begin(), row.end());
    for (size_t c = 0; c < copies; ++c) views.push_back({type, n, k, bytes.data() + c * one});
  }
};

void BenchLinear(benchmark::State& state, Shape shape, TensorType type, ActivationType precision, int64_t m, Isa isa) {
  const Weights weights(type, shape.n, shape.k);
  const std::vector<float> x = RandomFloats(m * shape.k);
  std::vector<float> y(static_cast<size_t>(m * shape.n));
  PreparedRows rows;
  size_t next = 0;
  for (auto _ : state) {
    rows.Prepare(x.data(), m, shape.k, shape.k, precision, isa);
    const LinearJob job{.w = weights.views[next], .x = &rows, .y = y.data(), .y_stride = shape.n};
    Linear(Pool(), {&job, 1});
    benchmark::DoNotOptimize(y.data());
    next = (next + 1) % weights.views.size();
  }
  const auto passes = static_cast<double>(state.iterations());
  state.counters["flops"] = benchmark::Counter(2.0 * static_cast<double>(m * shape.n * shape.k) * passes,
                                               benchmark::Counter::kIsRate);
  state.counters["bytes"] = benchmark::Counter(static_cast<double>(weights.views[0].bytes()) * passes,
                                               benchmark::Counter::kIsRate, benchmark::Counter::kIs1024);
}

// All cores read a buffer larger than the caches: the most that M = 1 can reach.
void BenchRead(benchmark::State& state) {
  const std::vector<uint64_t> data(size_t{32} << 20);
  for (auto _ : state) {
    Pool().ParallelFor(static_cast<int64_t>(data.size()), 1 << 16, [&](int64_t begin, int64_t end, int) {
      uint64_t sum[8] = {};
      for (int64_t i = begin; i < end; i += 8) {
        for (int j = 0; j < 8; ++j) sum[j] += data[static_cast<size_t>(i + j)];
      }
      benchmark::DoNotOptimize(sum);
    });
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * data.size() * 8));
}

void BenchAttend(benchmark::State& state, int64_t tokens, int64_t heads, int64_t head_dim, KvType type, int64_t length) {
  const int64_t pages = (length + kKvPageTokens - 1) / kKvPageTokens, bytes = KvPageBytes(type, head_dim);
  std::vector<uint8_t> memory(static_cast<size_t>(2 * pages * bytes));
  std::vector<const void*> k, v;
  for (int64_t p = 0; p < pages; ++p) {
    k.push_back(&memory[static_cast<size_t>(2 * p * bytes)]);
    v.push_back(&memory[static_cast<size_t>((2 * p + 1) * bytes)]);
  }
  const std::vector<float> q = RandomFloats(tokens * heads * head_dim), kv = RandomFloats(2 * length * head_dim);
  for (int64_t s = 0; s < length; ++s) {
    StoreKv(type, head_dim, head_dim, s % kKvPageTokens, &kv[static_cast<size_t>(2 * s * head_dim)], &kv[static_cast<size_t>((2 * s + 1) * head_dim)],
            const_cast<void*>(k[static_cast<size_t>(s / kKvPageTokens)]), const_cast<void*>(v[static_cast<size_t>(s / kKvPageTokens)]));
  }
  std::vector<float> scores(static_cast<size_t>(tokens * heads * length)), out(static_cast<size_t>(tokens * heads * head_dim));
  std::vector<AttendQuery> queries;
  for (int64_t t = 0; t < tokens; ++t) queries.push_back({q.data() + t * heads * head_dim, out.data() + t * heads * head_dim, 0, length - tokens + 1 + t});
  for (auto _ : state) {
    AttendHeads(queries, head_dim, heads, {k.data(), v.data(), type}, head_dim, head_dim, {0.125f}, scores.data(), head_dim);
    benchmark::DoNotOptimize(out.data());
  }
  state.counters["flops"] = benchmark::Counter(
      4.0 * static_cast<double>(tokens * heads * head_dim * length) * static_cast<double>(state.iterations()),
      benchmark::Counter::kIsRate);
  state.counters["bytes"] = benchmark::Counter(static_cast<double>(2 * pages * bytes) * static_cast<double>(state.iterations()),
                                               benchmark::Counter::kIsRate, benchmark::Counter::kIs1024);
}

void BenchSwiGlu(benchmark::State& state) {
  const std::vector<float> gate = RandomFloats(1536), up = RandomFloats(1536);
  std::vector<float> y(1536);
  for (auto _ : state) {
    SwiGlu(gate.data(), up.data(), y.data(), 1536);
    benchmark::DoNotOptimize(y.data());
  }
  state.SetItemsProcessed(state.iterations() * 1536);
}

void BenchLogSumExp(benchmark::State& state) {
  const std::vector<float> x = RandomFloats(49152);
  for (auto _ : state) benchmark::DoNotOptimize(LogSumExp(x.data(), 49152));
  state.SetItemsProcessed(state.iterations() * 49152);
}

void BenchRmsNorm(benchmark::State& state) {
  const std::vector<float> x = RandomFloats(576), w = RandomFloats(576);
  std::vector<float> y(576);
  for (auto _ : state) {
    RmsNorm(x.data(), w.data(), y.data(), 576, 1e-5f);
    benchmark::DoNotOptimize(y.data());
  }
  state.SetItemsProcessed(state.iterations() * 576);
}

void Register() {
  benchmark::RegisterBenchmark("read", BenchRead)->UseRealTime();
  benchmark::RegisterBenchmark("swiglu", BenchSwiGlu);
  benchmark::RegisterBenchmark("logsumexp", BenchLogSumExp);
  benchmark::RegisterBenchmark("rmsnorm", BenchRmsNorm);
  for (KvType kv : {KvType::kF32, KvType::kF16, KvType::kInt8}) {
    for (int64_t length : {64, 256, 1024, 8192}) {
      for (int64_t heads : {1, 3, 7}) {
        for (int64_t tokens : {int64_t{1}, kMostAttendRows / heads}) {
          const std::string name = "attend/tokens" + std::to_string(tokens) + "/heads" + std::to_string(heads) +
                                   (kv == KvType::kF32 ? "/f32/" : kv == KvType::kF16 ? "/f16/" : "/int8/") + std::to_string(length);
          benchmark::RegisterBenchmark(name.c_str(), BenchAttend, tokens, heads, int64_t{64}, kv, length);
        }
      }
    }
  }
  for (Isa isa : kIsas) {
    if (isa == Isa::kScalar || !IsaAvailable(isa)) continue;
    for (const Shape& shape : kShapes) {
      for (TensorType type : {TensorType::kQ4_0, TensorType::kQ4_1, TensorType::kIQ4_NL, TensorType::kQ8_0, TensorType::kF16, TensorType::kBF16,
                              TensorType::kQ5_0, TensorType::kQ4_K, TensorType::kQ5_K, TensorType::kQ6_K}) {
        if (shape.k % ValuesPerBlock(type) != 0) continue;
        for (ActivationType precision : {ActivationType::kBF16, ActivationType::kInt8, ActivationType::kF32}) {
          for (int64_t m : {1, 2, 4, 8, 16, 32, 64, 512}) {
            const std::string name = std::string(shape.name) + "/" + TypeName(type) + "/" +
                                     ActivationTypeName(precision) + "/" + IsaName(isa) + "/m" + std::to_string(m);
            benchmark::RegisterBenchmark(name.c_str(), BenchLinear, shape, type, precision, m, isa)->UseRealTime();
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace pith

int main(int argc, char** argv) {
  pith::Register();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
