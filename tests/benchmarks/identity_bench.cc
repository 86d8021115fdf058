// Speed of the hashes that name a base: SHA-256 by each method on one core, and the tree on all of them.
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "base/base_identity.h"
#include "base/sha256.h"

namespace pith {
namespace {

constexpr int64_t kRows = 16384, kCols = 4096;  // 256 MiB of f32

const std::vector<uint8_t>& Weights() {
  static const std::vector<uint8_t> weights = [] {
    std::vector<uint8_t> bytes(static_cast<size_t>(kRows * kCols) * 4);
    std::mt19937 random(1);
    for (size_t i = 0; i < bytes.size(); i += 4096) bytes[i] = static_cast<uint8_t>(random());
    return bytes;
  }();
  return weights;
}

void Count(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(Weights().size()));
}

void Sequential(benchmark::State& state, const Sha256Method& method) {
  for (auto _ : state) {
    Sha256 hash(method);
    hash.Update(Weights().data(), Weights().size());
    benchmark::DoNotOptimize(hash.HexDigest());
  }
  Count(state);
}

void Tree(benchmark::State& state) {
  const TensorViews views = {{"w", {TensorType::kF32, kRows, kCols, Weights().data()}}};
  for (auto _ : state) benchmark::DoNotOptimize(HashTensorTree(views, ""));
  Count(state);
}

void Register() {
  for (const Sha256Method& method : Sha256Methods()) {
    benchmark::RegisterBenchmark(method.name, [method](benchmark::State& state) { Sequential(state, method); });
  }
  benchmark::RegisterBenchmark("tree", Tree)->UseRealTime();
}

}  // namespace
}  // namespace pith

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  pith::Register();
  benchmark::RunSpecifiedBenchmarks();
}
