// What the engine allocates, and what it is worth when an allocation fails.
#include <atomic>
#include <cstdlib>
#include <functional>
#include <new>

#include "base/error.h"
#include "tests/base/temp_folder.h"
#include "tests/runtime/tiny.h"

namespace {
std::atomic<int64_t> allocations{0};
std::atomic<int64_t> until_failure{0};  // the n-th allocation from now fails, on whatever thread; 0: none

[[maybe_unused]] void* Allocate(size_t bytes, size_t alignment) {
  ++allocations;
  if (until_failure > 0 && --until_failure == 0) throw std::bad_alloc();
  void* memory = alignment == 0 ? std::malloc(bytes) : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  return memory != nullptr ? memory : throw std::bad_alloc();
}
}  // namespace

#if !defined(__SANITIZE_ADDRESS__)  // which keeps books of its own
void* operator new(size_t bytes) { return Allocate(bytes, 0); }
void* operator new(size_t bytes, std::align_val_t alignment) { return Allocate(bytes, static_cast<size_t>(alignment)); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }
#endif

namespace pith::testing {
namespace {

// Changing the adapter in the middle of a sequence is a pointer change: nothing is allocated, then or in the passes after it.
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

// A scenario in steps, each of which can fail anywhere and be tried again.
struct Scenario {
  explicit Scenario(int threads, int64_t kv_tokens = 256)
      : adapters{TinyAdapter("tiny-lora", TensorType::kQ8_0), nullptr, TinyAdapter("tiny-alora", TensorType::kF16)} {
    EngineOptions options;
    options.num_threads = threads;
    options.kv_tokens = kv_tokens;
    engine = std::make_unique<Engine>(TinyBase(), options);
    logits.resize(4 * static_cast<size_t>(engine->config().vocab_size));
    const SequenceId warm = engine->NewSequence();  // leaves a prefix that can be taken over
    engine->Prefill(warm, RandomTokens(1, 40), logits.data());
    engine->Free(warm);
    results.clear();

    steps = {
        [this] { sequences.push_back(engine->NewSequence()); },
        [this] { sequences.push_back(engine->NewSequence()); },
        [this] { engine->SetAdapter(sequences[1], adapters[0]); },
        [this] {  // takes over a prefix
          const std::vector<int32_t> tokens = RandomTokens(1, 45);
          engine->Prefill(sequences[0], tokens, logits.data());
          Keep(1);
        },
        [this] { Forward({{1, 5, false}, {1, 6, true}, {0, 7, true}}); },  // two writers
        [this] { sequences.push_back(engine->Fork(sequences[0])); },
        [this] { engine->SetAdapter(sequences[2], adapters[2]); },
        [this] { Forward({{0, 8, true}, {2, 9, true}, {1, 10, true}}); },  // a shared page is copied; three writers
        [this] {  // many rows, and past the tables' length so far
          std::vector<ForwardRow> rows;
          for (const int32_t token : RandomTokens(3, 75)) rows.push_back({1, token, false});
          rows.back().want_logits = true;
          Forward(rows);
        },
        [this] { engine->Truncate(sequences[1], 33); },
        [this] { Forward({{1, 11, true}, {2, 12, true}}); },
        [this] {
          const SequenceId fork = engine->Fork(sequences[1]);
          engine->Free(sequences[2]);
          sequences[2] = fork;
        },
        [this] { Forward({{2, 13, true}, {0, 14, true}}); },
    };
  }

  // `rows` name sequences by their place.
  void Forward(std::vector<ForwardRow> rows) {
    for (ForwardRow& row : rows) row.sequence = sequences[static_cast<size_t>(row.sequence)];
    const auto wanted = std::count_if(rows.begin(), rows.end(), [](const ForwardRow& row) { return row.want_logits; });
    engine->Forward(rows, logits.data());
    Keep(static_cast<size_t>(wanted));
  }
  void Keep(size_t rows) {
    results.insert(results.end(), logits.begin(), logits.begin() + static_cast<ptrdiff_t>(rows) * engine->config().vocab_size);
  }

  // What can be seen of the sequences.
  std::string State() const {
    std::string text;
    for (const SequenceId id : sequences) {
      text += Str("sequence ", id, " of ", engine->Length(id), ":");
      for (const KvSegment& s : engine->Segments(id)) text += Str(" ", s.begin, "-", s.end, " by ", reinterpret_cast<uintptr_t>(s.writer));
      text += "\n";
    }
    return text;
  }

  AdapterRef adapters[3];
  std::unique_ptr<Engine> engine;
  std::vector<SequenceId> sequences;
  std::vector<float> logits, results;
  std::vector<std::function<void()>> steps;
};

std::vector<float> Undisturbed(int threads) {
  Scenario scenario(threads);
  for (const auto& step : scenario.steps) step();
  return scenario.results;
}

// Every allocation of the whole scenario fails once, in a run of its own; what is left of the run must give the same bits.
TEST(EngineAllocation, AFailureAnywhereLeavesTheSequencesAsTheyWere) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "allocations are not made to fail under AddressSanitizer";
#endif
  for (const int threads : {1, 3}) {
    const std::vector<float> expected = Undisturbed(threads);
    int64_t failures = 0;
    for (bool failed = true; failed;) {
      failed = false;
      Scenario scenario(threads);
      scenario.sequences.reserve(8);
      scenario.results.reserve(expected.size());
      const std::vector<float> garbage(scenario.logits.size(), 7.0f);
      int64_t left = failures + 1;  // the allocation that is to fail, counted over all steps
      for (size_t i = 0; i < scenario.steps.size(); ++i) {
        const std::string before = scenario.State();
        const std::vector<SequenceId> ids = scenario.sequences;
        if (!failed) until_failure = left;
        try {
          scenario.steps[i]();
          if (!failed) left = until_failure;
          until_failure = 0;
        } catch (const std::bad_alloc&) {
          until_failure = 0;
          ASSERT_FALSE(failed);
          failed = true;
          ++failures;
          ASSERT_EQ(scenario.sequences, ids);
          ASSERT_EQ(scenario.State(), before) << "allocation " << failures << ", step " << i;
          scenario.logits = garbage;
          --i;  // once more
        }
      }
      ASSERT_TRUE(SameBits(scenario.results, expected)) << "after allocation " << failures << " failed";
      for (const SequenceId id : scenario.sequences) scenario.engine->Free(id);
      ASSERT_EQ(scenario.engine->kv_tokens_free(), scenario.engine->options().kv_tokens) << "pages were lost";
    }
    EXPECT_GT(failures, 50) << "hardly anything was allocated: this test tries nothing";
  }
}

// A sequence that is restored while memory runs out, at any allocation, is not there, and nothing else has changed.
TEST(EngineAllocation, AFailureWhileRestoringChangesNothing) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "allocations are not made to fail under AddressSanitizer";
#endif
  const TempFolder folder;
  const std::vector<AdapterRef> adapters = {TinyAdapter("tiny-lora"), TinyAdapter("tiny-alora")};
  const std::vector<int32_t> tokens = RandomTokens(7, 70), shared(tokens.begin(), tokens.begin() + 20);
  const std::vector<WriterSpan> writers = {{20, nullptr}, {50, adapters[0]}, {70, adapters[1]}};
  EngineOptions options;
  options.num_threads = 1;
  options.kv_tokens = 128;
  std::vector<float> expected;
  {
    Engine engine(TinyBase(), options);
    const SequenceId id = engine.NewSequence();
    engine.Prefill(id, tokens, writers, nullptr);
    engine.SaveKv(id, folder / "kv");
    expected = RunTokens(engine, id, shared);
  }
  int64_t failures = 0;
  for (bool failed = true; failed;) {
    failed = false;
    Engine engine(TinyBase(), options);
    const SequenceId parked = engine.NewSequence();
    engine.Prefill(parked, shared, nullptr);
    engine.Free(parked);
    const int64_t before = engine.kv_tokens_free();
    until_failure = failures + 1;
    SequenceId id = -1;
    try {
      id = engine.RestoreKv(folder / "kv", adapters);
      if (until_failure == 0) {  // swallowed, where it did not matter
        failed = true;
        ++failures;
      }
      until_failure = 0;
    } catch (const std::exception&) {  // where a stream swallowed it, a text is wrong, and the file refused
      until_failure = 0;
      failed = true;
      ++failures;
      ASSERT_EQ(engine.kv_tokens_free(), before) << "allocation " << failures;
      id = engine.RestoreKv(folder / "kv", adapters);
    }
    ASSERT_EQ(engine.kv_tokens_free(), before - 5 * Engine::kPageTokens);
    ASSERT_TRUE(SameBits(RunTokens(engine, id, shared), expected));
    engine.Free(id);
    ASSERT_EQ(engine.kv_tokens_free(), before);
  }
  EXPECT_GT(failures, 30) << "hardly anything was allocated: this test tries nothing";
}

// A step that the cache has no room for, of one sequence or the other, changes neither.
TEST(EngineAllocation, AFullCacheLeavesTheSequencesAsTheyWere) {
  EngineOptions options;
  options.num_threads = 1;
  options.kv_tokens = 64;
  options.share_prefixes = false;
  Engine engine(TinyBase(), options);
  const SequenceId a = engine.NewSequence(), b = engine.NewSequence();
  std::vector<int32_t> tokens_a = RandomTokens(5, 30), tokens_b = RandomTokens(6, 16);
  RunTokens(engine, a, tokens_a);
  RunTokens(engine, b, tokens_b);
  std::vector<float> logits(40 * static_cast<size_t>(engine.config().vocab_size));
  const auto rows = [&](int64_t of_a, int64_t of_b) {
    std::vector<ForwardRow> all;
    for (int64_t i = 0; i < of_a; ++i) all.push_back({a, 20 + static_cast<int32_t>(i), true});
    for (int64_t i = 0; i < of_b; ++i) all.push_back({b, 30 + static_cast<int32_t>(i), true});
    return all;
  };
  for (const auto& [of_a, of_b] : {std::pair{3, 1}, {1, 17}, {20, 1}, {0, 40}, {20, 0}}) {
    EXPECT_THROW(engine.Forward(rows(of_a, of_b), logits.data()), UserError) << of_a << " and " << of_b;
    EXPECT_EQ(engine.Length(a), 30);
    EXPECT_EQ(engine.Length(b), 16);
    EXPECT_EQ(engine.kv_tokens_free(), 16);
  }
  engine.Forward(rows(1, 1), logits.data());
  const auto vocab = static_cast<ptrdiff_t>(engine.config().vocab_size);
  tokens_a.push_back(20);
  tokens_b.push_back(30);
  EXPECT_TRUE(SameBits({logits.begin(), logits.begin() + vocab}, Fresh(options, {{tokens_a, nullptr}})));
  EXPECT_TRUE(SameBits({logits.begin() + vocab, logits.begin() + 2 * vocab}, Fresh(options, {{tokens_b, nullptr}})));
}

}  // namespace
}  // namespace pith::testing
