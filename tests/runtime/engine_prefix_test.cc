// Prefixes of several writers, writers that are gone, and what a sequence is charged for.
#include <set>

#include "base/error.h"
#include "tests/runtime/tiny.h"

namespace pith::testing {
namespace {

EngineOptions Options(int64_t kv_tokens = 1024) {
  EngineOptions options;
  options.activations = ActivationType::kBF16;
  options.kv_tokens = kv_tokens;
  options.num_threads = 1;
  return options;
}

// `tokens` by the base up to `switch_at`, from there on by `adapter`.
std::vector<WriterSpan> Switched(const std::vector<int32_t>& tokens, int64_t switch_at, const AdapterRef& adapter) {
  return {{switch_at, nullptr}, {static_cast<int64_t>(tokens.size()), adapter}};
}

std::vector<float> Prefilled(Engine& engine, SequenceId id, const std::vector<int32_t>& tokens, const std::vector<WriterSpan>& writers) {
  std::vector<float> logits(static_cast<size_t>(engine.config().vocab_size));
  engine.Prefill(id, tokens, writers, logits.data());
  return logits;
}

std::vector<float> Cold(const std::vector<int32_t>& tokens, const std::vector<WriterSpan>& writers) {
  std::vector<Part> parts;
  int64_t begin = 0;
  for (const WriterSpan& writer : writers) {
    if (writer.end > begin) parts.push_back({{tokens.begin() + begin, tokens.begin() + writer.end}, writer.adapter});
    begin = writer.end;
  }
  return Fresh(Options(), parts);
}

int64_t Adopted(Engine& engine, const std::vector<int32_t>& tokens, const std::vector<WriterSpan>& writers) {
  const SequenceId id = engine.NewSequence();
  const int64_t length = engine.AdoptPrefix(id, tokens, writers);
  EXPECT_EQ(engine.Length(id), length);
  engine.Free(id);
  return length;
}

void PrefillAndFree(Engine& engine, const std::vector<int32_t>& tokens, const std::vector<WriterSpan>& writers) {
  const SequenceId id = engine.NewSequence();
  engine.Prefill(id, tokens, writers, nullptr);
  engine.Free(id);
}

TEST(EnginePrefix, MixedWritersAreTakenUpAgain) {
  const AdapterRef one = TinyAdapter("tiny-lora");
  Engine engine(TinyBase(), Options());
  const std::vector<int32_t> tokens = RandomTokens(1, 70);
  const auto writers = Switched(tokens, 40, one);  // inside the third page
  PrefillAndFree(engine, tokens, writers);
  const SequenceId id = engine.NewSequence();
  EXPECT_EQ(engine.AdoptPrefix(id, tokens, writers), 70);
  const auto segments = engine.Segments(id);
  ASSERT_EQ(segments.size(), 2u);
  EXPECT_EQ(segments[0].writer, nullptr);
  EXPECT_EQ(segments[0].end, 40);
  EXPECT_EQ(segments[1].writer, one.get());
  EXPECT_EQ(segments[1].end, 70);
  engine.SetAdapter(id, one);
  const std::vector<int32_t> more = RandomTokens(91, 9);
  std::vector<int32_t> longer = tokens;
  longer.insert(longer.end(), more.begin(), more.end());
  EXPECT_TRUE(SameBits(Last(engine, RunTokens(engine, id, more)), Cold(longer, Switched(longer, 40, one))));
  // A prefix may end in the middle of what was cached.
  for (const int64_t length : {69, 57, 48, 41, 15, 1}) {
    const std::vector<int32_t> some(tokens.begin(), tokens.begin() + length);
    const auto some_writers = Switched(some, std::min<int64_t>(length, 40), one);
    EXPECT_EQ(Adopted(engine, some, some_writers), length);
    EXPECT_TRUE(SameBits(Prefilled(engine, engine.NewSequence(), some, some_writers), Cold(some, some_writers))) << length;
  }
}

// llama.cpp's issue 26207: a slot's prompt that was computed under one adapter was taken up by a request with another.
TEST(EnginePrefix, AnotherAdaptersKvIsNeverTakenUp) {
  const AdapterRef one = TinyAdapter("tiny-lora"), two = TinyAdapter("tiny-alora");
  const std::vector<int32_t> tokens = RandomTokens(2, 70);
  const int64_t all = 70;
  struct Case {
    std::vector<WriterSpan> writers;
    int64_t adopted;
  };
  const Case cases[] = {
      {{{all, one}}, 70},              // the very same
      {{{all, two}}, 0},               // another adapter
      {{{all, nullptr}}, 0},           // none
      {{{20, nullptr}, {all, one}}, 0},
      {{{40, one}, {all, two}}, 40},   // the same until within the third page
      {{{47, one}, {all, nullptr}}, 47},
      {{{48, one}, {all, nullptr}}, 48},
      {{{30, one}, {31, two}, {all, one}}, 30},
  };
  for (const Case& c : cases) {
    Engine engine(TinyBase(), Options());
    PrefillAndFree(engine, tokens, {{all, one}});
    EXPECT_EQ(Adopted(engine, tokens, c.writers), c.adopted);
    const SequenceId id = engine.NewSequence();
    EXPECT_TRUE(SameBits(Prefilled(engine, id, tokens, c.writers), Cold(tokens, c.writers)));
    EXPECT_EQ(engine.Length(id), all);
  }
  // The same adapter, cached from one place of switch on and asked for from another.
  for (const int64_t switch_at : {0, 32, 39, 40, 41, 48, 70}) {
    Engine engine(TinyBase(), Options());
    PrefillAndFree(engine, tokens, Switched(tokens, 40, one));
    const auto writers = Switched(tokens, switch_at, one);
    EXPECT_EQ(Adopted(engine, tokens, writers), switch_at == 40 ? 70 : std::min<int64_t>(switch_at, 40)) << switch_at;
    EXPECT_TRUE(SameBits(Prefilled(engine, engine.NewSequence(), tokens, writers), Cold(tokens, writers))) << switch_at;
  }
}

TEST(EnginePrefix, AnAdapterThatNeverWroteMatchesNothing) {
  Engine engine(TinyBase(), Options());
  const std::vector<int32_t> tokens = RandomTokens(3, 40);
  PrefillAndFree(engine, tokens, {{40, nullptr}});
  const AdapterRef stranger = TinyAdapter("tiny-lora");
  EXPECT_EQ(Adopted(engine, tokens, Switched(tokens, 20, stranger)), 20);
  EXPECT_EQ(Adopted(engine, tokens, Switched(tokens, 0, stranger)), 0);
}

TEST(EnginePrefix, PrefillOfSeveralWritersLeavesTheLastOne) {
  const AdapterRef one = TinyAdapter("tiny-lora"), two = TinyAdapter("tiny-alora");
  const std::vector<int32_t> tokens = RandomTokens(4, 300), more = RandomTokens(5, 3);
  const std::vector<WriterSpan> writers = {{10, one}, {10, two}, {290, nullptr}, {300, two}};
  Engine engine(TinyBase(), Options());
  const SequenceId id = engine.NewSequence();
  EXPECT_TRUE(SameBits(Prefilled(engine, id, tokens, writers), Cold(tokens, writers)));
  ASSERT_EQ(engine.Segments(id).size(), 3u);
  std::vector<int32_t> longer = tokens;
  longer.insert(longer.end(), more.begin(), more.end());
  const auto cold = Cold(longer, {{10, one}, {290, nullptr}, {303, two}});
  EXPECT_TRUE(SameBits(Last(engine, RunTokens(engine, id, more)), cold));
  // One that fails leaves the tokens and the adapter as they were.
  const std::vector<int32_t> too_long = RandomTokens(6, 300);
  EXPECT_THROW(engine.Prefill(id, too_long, Switched(too_long, 200, one), nullptr), UserError);
  EXPECT_EQ(engine.Length(id), 303);
  engine.Truncate(id, 300);
  EXPECT_TRUE(SameBits(Last(engine, RunTokens(engine, id, more)), cold));
}

// An adapter is freed and another made, often in its place, while its pages are still parked.
TEST(EnginePrefix, APrefixOutlivesItsWriterInVain) {
  Engine engine(TinyBase(), Options());
  const std::vector<int32_t> tokens = RandomTokens(7, 40);
  LoraAdapter lora = ReadPeft(Golden("tiny-lora"));
  std::set<const PackedAdapter*> addresses;
  for (int step = 0; step < 20; ++step) {
    for (auto& [name, pair] : lora.pairs) pair.b[0] += 0.05f;
    const AdapterRef adapter = PackedAdapter::FromLora(lora, TinyBase()->config(), TensorType::kF32);
    addresses.insert(adapter.get());
    const auto writers = Switched(tokens, 20, adapter);
    EXPECT_EQ(Adopted(engine, tokens, writers), step == 0 ? 0 : 20);  // the base's tokens alone
    const SequenceId id = engine.NewSequence();
    ASSERT_TRUE(SameBits(Prefilled(engine, id, tokens, writers), Cold(tokens, writers))) << "step " << step;
    engine.Free(id);
  }
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which keep freed memory back
  EXPECT_LT(addresses.size(), 20u) << "no address came again: this test compares little";
#endif
}

TEST(EnginePrefix, PagesOfAGoneWriterAreEvictedFirst) {
  Engine engine(TinyBase(), Options(160));  // ten pages
  AdapterRef one = TinyAdapter("tiny-lora");
  const AdapterRef two = TinyAdapter("tiny-alora");
  const std::vector<int32_t> oldest = RandomTokens(8, 32), gone = RandomTokens(9, 64), newest = RandomTokens(10, 32), big = RandomTokens(11, 80);
  PrefillAndFree(engine, oldest, {{32, two}});
  PrefillAndFree(engine, gone, {{20, nullptr}, {40, one}, {64, nullptr}});  // a page of the base, two mixed ones, one that follows
  PrefillAndFree(engine, newest, {{32, nullptr}});
  EXPECT_EQ(engine.kv_tokens_free(), 160);
  one = nullptr;
  const SequenceId id = engine.NewSequence();  // five pages: two that are free, and the three that nothing can match
  EXPECT_TRUE(SameBits(Prefilled(engine, id, big, {{80, nullptr}}), Cold(big, {{80, nullptr}})));
  EXPECT_EQ(Adopted(engine, oldest, {{32, two}}), 32);
  EXPECT_EQ(Adopted(engine, gone, {{64, nullptr}}), 16);
  EXPECT_EQ(Adopted(engine, newest, {{32, nullptr}}), 32);
  // One more page, and the oldest prefix goes as ever; what was asked for above is younger now.
  EXPECT_TRUE(engine.PagesToGrow(id, 96) == 1 && engine.kv_tokens_free() == 80);
  RunTokens(engine, id, RandomTokens(12, 16));
  EXPECT_EQ(Adopted(engine, oldest, {{32, two}}), 16);
  EXPECT_EQ(Adopted(engine, newest, {{32, nullptr}}), 32);
}

// Whoever truncates inside a full page and goes on makes the pages that followed it unreachable.
TEST(EnginePrefix, PagesThatFollowAChangedOneAreEvictedFirst) {
  Engine engine(TinyBase(), Options(112));  // seven pages
  const std::vector<int32_t> oldest = RandomTokens(13, 32), tokens = RandomTokens(14, 64), other = RandomTokens(15, 3), more = RandomTokens(16, 30);
  PrefillAndFree(engine, oldest, {{32, nullptr}});
  const SequenceId id = engine.NewSequence();
  engine.Prefill(id, tokens, nullptr);
  engine.Truncate(id, 20);
  RunTokens(engine, id, other);  // changes the second page; the third and the fourth are parked
  EXPECT_EQ(Adopted(engine, tokens, {{64, nullptr}}), 16);
  const SequenceId b = engine.NewSequence();
  RunTokens(engine, b, more);    // one page that is free, and one of the unreachable
  EXPECT_EQ(Adopted(engine, oldest, {{32, nullptr}}), 32);
}

// What a sequence takes is what was said.
TEST(EnginePrefix, PagesToGrowIsWhatGrowingTakes) {
  Engine engine(TinyBase(), Options());
  const SequenceId a = engine.NewSequence();
  EXPECT_EQ(engine.PagesToGrow(a, 0), 0);
  EXPECT_EQ(engine.PagesToGrow(a, 1), 1);
  EXPECT_EQ(engine.PagesToGrow(a, 33), 3);
  engine.Prefill(a, RandomTokens(17, 40), nullptr);
  EXPECT_EQ(engine.PagesToGrow(a, 20), 0);
  EXPECT_EQ(engine.PagesToGrow(a, 48), 0);
  EXPECT_EQ(engine.PagesToGrow(a, 49), 1);
  const SequenceId b = engine.Fork(a), c = engine.Fork(a);
  for (const SequenceId id : {a, b, c}) {
    EXPECT_EQ(engine.PagesToGrow(id, 40), 0);
    EXPECT_EQ(engine.PagesToGrow(id, 41), 1);  // the copy
    EXPECT_EQ(engine.PagesToGrow(id, 49), 2);
  }
  Rng rng(18);
  std::vector<SequenceId> ids = {a, b, c};
  for (int step = 0; step < 60; ++step) {
    const SequenceId id = ids[static_cast<size_t>(rng.Int(0, 2))];
    if (rng.Int(0, 3) == 0) {
      engine.Truncate(id, rng.Int(1, engine.Length(id)));
      const SequenceId from = ids[static_cast<size_t>(rng.Int(0, 2))];
      const SequenceId fork = engine.Fork(from);
      engine.Free(id);
      *std::find(ids.begin(), ids.end(), id) = fork;
      continue;
    }
    const int64_t length = std::min<int64_t>(engine.Length(id) + rng.Int(1, 40), 300);
    if (length <= engine.Length(id)) continue;
    const int64_t before = engine.kv_tokens_free(), pages = engine.PagesToGrow(id, length);
    RunTokens(engine, id, RandomTokens(100 + static_cast<uint64_t>(step), length - engine.Length(id)));
    ASSERT_EQ(before - engine.kv_tokens_free(), pages * Engine::kPageTokens) << "step " << step;
    ASSERT_EQ(engine.PagesToGrow(id, length), 0);
  }
}

// A system prompt that many requests share is charged once: so many that were charged for it each would never fit.
TEST(EnginePrefix, ASharedSystemPromptIsChargedOnce) {
  const std::vector<int32_t> system = RandomTokens(19, 96);
  Engine engine(TinyBase(), Options(96 + 6 * 32));
  PrefillAndFree(engine, system, {{96, nullptr}});
  const int64_t limit = 128;  // of each: the system prompt, ten tokens of its own, and an answer
  std::vector<SequenceId> running;
  const auto left = [&] {
    int64_t pages = engine.kv_tokens_free() / Engine::kPageTokens;
    for (const SequenceId id : running) pages -= engine.PagesToGrow(id, limit);
    return pages;
  };
  for (uint64_t request = 0; request < 20; ++request) {
    std::vector<int32_t> prompt = system;
    for (const int32_t token : RandomTokens(20 + request, 10)) prompt.push_back(token);
    const SequenceId id = engine.NewSequence();
    engine.AdoptPrefix(id, std::span(prompt).first(105));
    if (engine.PagesToGrow(id, limit) > left()) {  // without what this one still needs
      engine.Free(id);
      continue;
    }
    running.push_back(id);
    RunTokens(engine, id, std::span(prompt).subspan(static_cast<size_t>(engine.Length(id))));
  }
  EXPECT_EQ(running.size(), 6u);
  EXPECT_EQ(left(), 0);
  for (int64_t length = 106; length < limit; ++length) {
    for (const SequenceId id : running) RunTokens(engine, id, RandomTokens(static_cast<uint64_t>(length * 100 + id), 1));
    ASSERT_EQ(left(), 0);
  }
  EXPECT_EQ(engine.kv_tokens_free(), 0);
}

// To the token: of the page where two prompts part, and of the last one of a sequence that went.
TEST(EnginePrefix, IsTakenUpWithinAPage) {
  const std::vector<int32_t> tokens = RandomTokens(81, 70), more = {7};
  std::vector<int32_t> parted = tokens;
  for (size_t i = 41; i < parted.size(); ++i) parted[i] = 3 + (parted[i] + 1) % 300;
  for (const bool freed : {false, true}) {
    for (const auto& [wanted, length] : {std::pair(parted, 41), std::pair(tokens, freed ? 70 : 64)}) {
      Engine engine(TinyBase(), Options());
      const SequenceId first = engine.NewSequence(), id = engine.NewSequence();
      engine.Prefill(first, tokens, nullptr);
      if (freed) engine.Free(first);
      EXPECT_EQ(engine.AdoptPrefix(id, wanted), length) << freed;
      std::vector<int32_t> all = wanted;
      all.insert(all.end(), more.begin(), more.end());
      const auto rest = std::span(all).subspan(static_cast<size_t>(engine.Length(id)));
      EXPECT_TRUE(SameBits(Last(engine, RunTokens(engine, id, rest)), Fresh(Options(), {{all, nullptr}})));
      // The page it was copied from is as it was.
      if (!freed) {
        EXPECT_TRUE(SameBits(Last(engine, RunTokens(engine, first, more)), Fresh(Options(), {{tokens, nullptr}, {more, nullptr}})));
      }
      // Not what another wrote.
      const SequenceId other = engine.NewSequence();
      engine.SetAdapter(other, TinyAdapter("tiny-lora"));
      EXPECT_EQ(engine.AdoptPrefix(other, parted), 0);
    }
  }
}

// What a page holds past its tokens is none: numbers that are no tokens meet nothing there, and are refused as ever.
TEST(EnginePrefix, NothingIsFoundPastALastPagesTokens) {
  Engine engine(TinyBase(), Options());
  std::vector<int32_t> tokens = RandomTokens(82, 20);
  PrefillAndFree(engine, tokens, {{20, nullptr}});
  for (const int32_t token : {-1, 0}) {
    std::vector<int32_t> longer = tokens;
    longer.resize(40, token);
    EXPECT_EQ(Adopted(engine, longer, {{40, nullptr}}), 20) << token;
    EXPECT_EQ(Adopted(engine, longer, Switched(longer, 20, TinyAdapter("tiny-lora"))), 20) << token;
  }
  tokens.resize(40, -1);
  const SequenceId id = engine.NewSequence();
  EXPECT_THROW(engine.Prefill(id, tokens, nullptr), UserError);
  EXPECT_EQ(engine.Length(id), 0);
}

// The copy takes the page unused longest, never the one it is made from; where there is none, the prefix ends with a whole page.
TEST(EnginePrefix, ACopyMakesRoomOrGoesWithout) {
  const std::vector<int32_t> other = RandomTokens(83, 16), tokens = RandomTokens(84, 40), more = RandomTokens(85, 8);
  std::vector<int32_t> all = tokens;
  all.insert(all.end(), more.begin(), more.end());
  for (const bool held : {false, true}) {
    Engine engine(TinyBase(), Options(64));  // four pages
    SequenceId first = engine.NewSequence();
    RunTokens(engine, first, other);
    PrefillAndFree(engine, tokens, {{40, nullptr}});
    if (!held) {
      engine.Free(first);
      const std::vector<int32_t> some(tokens.begin(), tokens.begin() + 35);
      EXPECT_EQ(Adopted(engine, some, {{35, nullptr}}), 35);
      EXPECT_EQ(Adopted(engine, other, {{16, nullptr}}), 0) << "the copy was to take its page";
      EXPECT_EQ(Adopted(engine, tokens, {{40, nullptr}}), 40);
      EXPECT_EQ(engine.kv_counters().evicted_pages, 1);
      EXPECT_EQ(engine.kv_counters().parked_pages, 3) << "a copy that held no more than its page was kept";
      first = engine.NewSequence();
      RunTokens(engine, first, other);
    }
    const int64_t left = engine.kv_tokens_free();
    const SequenceId id = engine.NewSequence();
    EXPECT_EQ(left, 48);
    EXPECT_EQ(engine.AdoptPrefix(id, tokens), 32);
    EXPECT_EQ(engine.kv_tokens_free(), 16);
    EXPECT_EQ(engine.PagesToGrow(id, 48), 1);
    const auto rest = std::span(all).subspan(32);
    EXPECT_TRUE(SameBits(Last(engine, RunTokens(engine, id, rest)), Fresh(Options(), {{all, nullptr}})));
    EXPECT_EQ(engine.kv_tokens_free(), 0);
    EXPECT_EQ(engine.kv_counters().hit_tokens, 32);
    EXPECT_EQ(engine.kv_counters().miss_tokens, 40 + 8);  // when it was computed first, and now
    engine.Free(id);
    engine.Free(first);
    EXPECT_EQ(engine.kv_tokens_free(), 64);
  }
}

// A fork goes on in the page that the freed one's tokens were known by: they are there no more, or to the end.
TEST(EnginePrefix, AForkGoesOnInAPageThatWasLeft) {
  const std::vector<int32_t> tokens = RandomTokens(86, 40), left = RandomTokens(87, 20), right = RandomTokens(88, 3);
  Engine engine(TinyBase(), Options());
  const SequenceId a = engine.NewSequence();
  RunTokens(engine, a, tokens);
  const SequenceId b = engine.Fork(a), c = engine.Fork(a);
  engine.Free(a);
  EXPECT_EQ(Adopted(engine, tokens, {{40, nullptr}}), 40);  // while two use it
  RunTokens(engine, b, left);                               // copies
  EXPECT_EQ(Adopted(engine, tokens, {{40, nullptr}}), 40);
  engine.Truncate(c, 35);
  RunTokens(engine, c, right);                              // alone in it, changes it
  std::vector<int32_t> all = tokens;
  all.insert(all.end(), left.begin(), left.end());
  EXPECT_EQ(Adopted(engine, all, {{60, nullptr}}), 48);     // of b's, which came to its end
  EXPECT_TRUE(SameBits(Prefilled(engine, engine.NewSequence(), all, {{60, nullptr}}), Cold(all, {{60, nullptr}})));
  std::vector<int32_t> changed(tokens.begin(), tokens.begin() + 35);
  changed.insert(changed.end(), right.begin(), right.end());
  engine.Free(c);
  EXPECT_EQ(Adopted(engine, changed, {{38, nullptr}}), 38);
  changed.push_back(9);
  EXPECT_TRUE(SameBits(Prefilled(engine, engine.NewSequence(), changed, {{39, nullptr}}), Cold(changed, {{39, nullptr}})));
}

}  // namespace
}  // namespace pith::testing
