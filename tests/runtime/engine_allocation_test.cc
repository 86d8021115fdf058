// Changing the adapter in the middle of a sequence is a pointer change: nothing is allocated, then or in the passes after it.
#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/runtime/tiny.h"

namespace {
std::atomic<int64_t> allocations{0};
}

#if !defined(__SANITIZE_ADDRESS__)  // which keeps books of its own
void* operator new(size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
#endif

namespace pith::testing {
namespace {

TEST(EngineAllocation, SwappingAnAdapterInMidSequenceAllocatesNothing) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "allocations are not counted under AddressSanitizer";
#endif
  const AdapterRef adapters[] = {TinyAdapter("tiny-lora", TensorType::kQ8_0), nullptr, TinyAdapter("tiny-alora", TensorType::kF16)};
  EngineOptions options;
  options.num_threads = 2;
  options.kv_tokens = 512;
  Engine engine(TinyBase(), options);
  std::vector<float> logits(static_cast<size_t>(engine.config().vocab_size));
  const SequenceId sequence = engine.NewSequence();
  engine.Prefill(sequence, RandomTokens(1, 40), logits.data());
  const auto step = [&](int i) {
    engine.SetAdapter(sequence, adapters[i % 3]);
    const ForwardRow row{sequence, 5 + i, true};
    engine.Forward({&row, 1}, logits.data());
  };
  for (int i = 0; i < 60; ++i) step(i);  // every buffer has seen its largest use
  int64_t swaps = 0, passes_with = 0;
  for (int i = 60; i < 120; ++i) {
    const int64_t before = allocations;
    engine.SetAdapter(sequence, adapters[i % 3]);
    swaps += allocations - before;
    step(i);
    passes_with += allocations != before;
  }
  EXPECT_EQ(swaps, 0);
  // The lists of a sequence's tokens, pages and writers double now and then.
  EXPECT_LE(passes_with, 6);
  EXPECT_GT(allocations, 0) << "nothing is counted: this test compares nothing";
}

}  // namespace
}  // namespace pith::testing
