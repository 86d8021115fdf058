// Rows that may be taken back, and passes of the first layers alone: nothing of them stays.
#include "base/error.h"
#include "tests/runtime/tiny.h"

namespace pith::testing {
namespace {

EngineOptions DraftEngineOptions(ActivationType activations = ActivationType::kBF16) {
  EngineOptions options;
  options.activations = activations;
  options.kv_tokens = 512;
  options.num_threads = 1;
  return options;
}

std::vector<float> DraftRows(Engine& engine, SequenceId sequence, std::span<const int32_t> tokens, int64_t layers) {
  std::vector<ForwardRow> rows;
  for (const int32_t token : tokens) rows.push_back({sequence, token, true});
  std::vector<float> logits(tokens.size() * static_cast<size_t>(engine.config().vocab_size));
  engine.ForwardDraft(rows, layers, logits.data());
  return logits;
}

TEST(EngineDraft, AllLayersGiveTheLogitsOfAPassAndLeaveNothing) {
  const std::vector<int32_t> prompt = RandomTokens(1, 29), more = RandomTokens(2, 21);
  const AdapterRef adapters[] = {nullptr, TinyAdapter("tiny-alora", TensorType::kBF16)};
  for (const ActivationType activations : {ActivationType::kInt8, ActivationType::kBF16, ActivationType::kF32}) {
    for (const AdapterRef& adapter : adapters) {
      Engine engine(TinyBase(), DraftEngineOptions(activations));
      const SequenceId sequence = engine.NewSequence();
      engine.Prefill(sequence, prompt, nullptr);
      engine.SetAdapter(sequence, adapter);
      const int64_t free = engine.kv_tokens_free();
      std::vector<float> drafted;
      for (size_t begin = 0; begin < more.size(); begin += 7) {  // in three calls, each behind the one before
        const std::vector<float> part = DraftRows(engine, sequence, std::span(more).subspan(begin, 7), 2);
        drafted.insert(drafted.end(), part.begin(), part.end());
      }
      EXPECT_EQ(engine.Length(sequence), 29);
      engine.EndDraft();
      EXPECT_EQ(engine.kv_tokens_free(), free);
      DraftRows(engine, sequence, std::span(more).first(3), 1);  // ended by what follows, and seen by nobody
      EXPECT_TRUE(SameBits(RunTokens(engine, sequence, more), drafted));
      EXPECT_EQ(engine.Length(sequence), 50);
    }
  }
}

TEST(EngineDraft, ADraftsErrorsLeaveTheSequenceAsItWas) {
  Engine engine(TinyBase(), DraftEngineOptions());
  const SequenceId sequence = engine.NewSequence(), other = engine.NewSequence();
  const std::vector<int32_t> prompt = RandomTokens(1, 40), rest = RandomTokens(2, 460);
  engine.Prefill(sequence, prompt, nullptr);
  const int64_t free = engine.kv_tokens_free();
  DraftRows(engine, sequence, std::span(rest).first(300), 1);
  EXPECT_THROW(DraftRows(engine, sequence, std::span(rest).first(200), 1), UserError) << "the cache is full";
  EXPECT_EQ(engine.kv_tokens_free(), free);
  EXPECT_THROW(DraftRows(engine, sequence, std::vector<int32_t>{400}, 1), UserError);
  DraftRows(engine, other, std::span(rest).first(30), 2);
  engine.Free(other);  // in the middle of it
  EXPECT_EQ(engine.kv_tokens_free(), free);
  Engine cold(TinyBase(), DraftEngineOptions());
  const SequenceId fresh = cold.NewSequence();
  cold.Prefill(fresh, prompt, nullptr);
  EXPECT_TRUE(SameBits(RunTokens(engine, sequence, std::span(rest).first(20)), RunTokens(cold, fresh, std::span(rest).first(20))));
}

// A page that drafts fill is found by nobody while it can be taken back, and by everybody once a row that is no draft stands behind it.
TEST(EngineDraft, PagesOfDraftsAreFoundOnceTheyAreSure) {
  Engine engine(TinyBase(), DraftEngineOptions());
  const std::vector<int32_t> tokens = RandomTokens(1, 48);
  const auto adopted = [&](size_t length) {
    const SequenceId id = engine.NewSequence();
    const int64_t same = engine.AdoptPrefix(id, std::span(tokens).first(length));
    engine.Free(id);
    return same;
  };
  const SequenceId sequence = engine.NewSequence();
  std::vector<ForwardRow> rows;
  for (size_t i = 0; i < 40; ++i) rows.push_back({sequence, tokens[i], false, /*drafted=*/i >= 10});
  engine.Forward(rows, nullptr);
  EXPECT_EQ(engine.Length(sequence), 40);
  EXPECT_EQ(adopted(48), 0);
  engine.Truncate(sequence, 36);
  engine.Forward(std::vector<ForwardRow>{{sequence, tokens[36], false}}, nullptr);
  EXPECT_EQ(adopted(48), 32) << "what was kept is sure now";

  // What is taken back is forgotten: its pages are free, and not kept for prefixes.
  const int64_t parked = engine.kv_counters().parked_pages, free = engine.kv_counters().free_pages;
  rows.clear();
  for (int32_t i = 0; i < 60; ++i) rows.push_back({sequence, 5 + i, false, true});
  engine.Forward(rows, nullptr);
  engine.Truncate(sequence, 37);
  EXPECT_EQ(engine.kv_counters().parked_pages, parked);
  EXPECT_EQ(engine.kv_counters().free_pages, free);

  // Of a sequence that goes, drafts that were left in it are kept as anything else is.
  rows.clear();
  for (size_t i = 37; i < 48; ++i) rows.push_back({sequence, tokens[i], false, true});
  engine.Forward(rows, nullptr);
  EXPECT_EQ(adopted(48), 32);
  engine.Free(sequence);
  EXPECT_EQ(adopted(48), 48);
}

}  // namespace
}  // namespace pith::testing
