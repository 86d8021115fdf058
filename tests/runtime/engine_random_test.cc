// Whatever a small cache has been through, its engine gives the bits of one that computes everything anew.
#include <array>
#include <map>

#include "base/error.h"
#include "tests/base/temp_folder.h"
#include "tests/runtime/tiny.h"

namespace pith::testing {
namespace {

constexpr int64_t kCacheTokens = 640, kLongest = 160;

// What a sequence is to hold: its tokens, the writer of each, and who writes next.
struct Expected {
  std::vector<int32_t> tokens;
  std::vector<AdapterRef> writers;
  AdapterRef adapter;
};

class RandomEngine {
 public:
  RandomEngine(uint64_t seed, ActivationType activations, KvType kv_type) : rng_(seed) {
    EngineOptions options;
    options.activations = activations;
    options.kv_type = kv_type;
    options.num_threads = 1;
    options.kv_tokens = kCacheTokens;
    engine_ = std::make_unique<Engine>(TinyBase(), options);
    options.kv_tokens = kLongest;
    options.share_prefixes = false;
    cold_ = std::make_unique<Engine>(TinyBase(), options);
    for (uint64_t i = 0; i < 2; ++i) texts_.push_back(RandomTokens(seed * 10 + i, kLongest));
    for (size_t i = 0; i < adapters_.size(); ++i) ReplaceAdapter(i);
  }

  void Step() {
    switch (Below(18)) {
      case 0: case 1: case 2: case 16: case 17: return Prompt();
      case 3: case 4: case 5: case 6: return Decode();
      case 7: return Fork();
      case 8: return Truncate();
      case 9: return sequences_.size() > 2 ? Free() : Prompt();
      case 10: return SetAdapter();
      case 12: engine_->Trim(rng_.Int(0, 40) * 4096); return;
      case 13: return SaveAndRestore();
      case 14: case 15: return Draft();
      case 11: return Below(6) == 0 ? ReplaceAdapter(Below(adapters_.size())) : Free();
    }
  }

  void CheckNothingIsLost() {
    while (!sequences_.empty()) Free();
    EXPECT_EQ(engine_->kv_tokens_free(), kCacheTokens);
    EXPECT_EQ(engine_->kv_counters().shared_pages, 0);
    engine_->Trim();
    EXPECT_EQ(engine_->memory().kv_bytes, 0);
  }

  int64_t num_compared = 0, num_adopted = 0, num_mixed = 0, num_full = 0, num_restored = 0, num_partial = 0;

 private:
  size_t Below(size_t n) { return static_cast<size_t>(rng_.Int(0, static_cast<int64_t>(n) - 1)); }
  AdapterRef AnyAdapter() { return Below(4) == 0 ? nullptr : adapters_[Below(adapters_.size())]; }
  SequenceId Any() { return std::next(sequences_.begin(), static_cast<ptrdiff_t>(Below(sequences_.size())))->first; }

  // The old one is gone once no sequence holds it; the new one often lies in its place.
  void ReplaceAdapter(size_t i) {
    LoraAdapter lora = ReadPeft(Golden(i == 0 ? "tiny-lora" : "tiny-alora"));
    for (auto& [name, pair] : lora.pairs) pair.b[0] += 0.1f * static_cast<float>(++num_adapters_);
    adapters_[i] = nullptr;
    adapters_[i] = PackedAdapter::FromLora(lora, TinyBase()->config(), TensorType::kF32);
  }

  // A text's beginning, by the base up to one of few places and by an adapter from there on, so that many agree in part.
  void Prompt() {
    const std::vector<int32_t>& text = texts_[Below(texts_.size())];
    const int64_t length = rng_.Int(1, 100);
    std::vector<int32_t> tokens(text.begin(), text.begin() + length);
    if (Below(3) == 0) tokens.back() = 5;
    const int64_t places[] = {0, 20, 20, 20, 39, length};
    const int64_t switch_at = std::min(length, places[Below(6)]);
    const std::vector<WriterSpan> writers = {{switch_at, nullptr}, {length, AnyAdapter()}};
    const SequenceId id = engine_->NewSequence();
    const int64_t adopted = engine_->AdoptPrefix(id, tokens, writers);
    num_adopted += adopted > 0;
    num_partial += adopted % Engine::kPageTokens != 0;
    ASSERT_EQ(engine_->Length(id), adopted);
    if (Below(4) == 0) {  // gone again, with what it took over, or kept, to be computed on
      if (adopted == 0 || Below(2) == 0) return engine_->Free(id);
      sequences_[id] = {{tokens.begin(), tokens.begin() + adopted}, {}, nullptr};
      for (int64_t t = 0; t < adopted; ++t) sequences_[id].writers.push_back(t < switch_at ? nullptr : writers[1].adapter);
      return;
    }
    num_mixed += adopted > switch_at && switch_at > 0 && writers[1].adapter != nullptr;
    engine_->Truncate(id, 0);
    Expected& s = sequences_[id];
    std::vector<float> logits(static_cast<size_t>(engine_->config().vocab_size));
    try {
      engine_->Prefill(id, tokens, writers, logits.data());
    } catch (const UserError&) {
      ++num_full;
      ASSERT_EQ(engine_->Length(id), 0);
      sequences_.erase(id);
      engine_->Free(id);
      return;
    }
    s.tokens = tokens;
    s.writers.assign(static_cast<size_t>(switch_at), nullptr);
    s.writers.resize(tokens.size(), writers[1].adapter);
    s.adapter = writers[1].adapter;
    Compare(id, logits);
  }

  // Some tokens of some sequences in one batch.
  void Decode() {
    if (sequences_.empty()) return Prompt();
    std::vector<ForwardRow> rows;
    std::vector<SequenceId> ids;
    int64_t pages = 0;
    for (auto& [id, s] : sequences_) {
      const size_t more = std::min(Below(20), static_cast<size_t>(kLongest) - s.tokens.size());
      if (Below(2) == 0 || more == 0) continue;
      ids.push_back(id);
      pages += engine_->PagesToGrow(id, static_cast<int64_t>(s.tokens.size() + more));
      for (size_t i = 0; i < more; ++i) {
        rows.push_back({id, static_cast<int32_t>(rng_.Int(3, 6)), i + 1 == more});  // of few, so that twins arise
      }
    }
    const int64_t left = engine_->kv_tokens_free() / Engine::kPageTokens;
    std::vector<float> logits(ids.size() * static_cast<size_t>(engine_->config().vocab_size));
    try {
      engine_->Forward(rows, logits.data());
    } catch (const UserError&) {
      ++num_full;
      ASSERT_GT(pages, left) << "there was room";
      for (const auto& [id, s] : sequences_) ASSERT_EQ(engine_->Length(id), static_cast<int64_t>(s.tokens.size()));
      return Free();
    }
    for (const ForwardRow& row : rows) {
      Expected& s = sequences_[row.sequence];
      s.tokens.push_back(row.token);
      s.writers.push_back(s.adapter);
    }
    const auto vocab = static_cast<ptrdiff_t>(engine_->config().vocab_size);
    for (size_t i = 0; i < ids.size(); ++i) {
      const auto row = logits.begin() + static_cast<ptrdiff_t>(i) * vocab;
      Compare(ids[i], {row, row + vocab});
    }
  }

  // Passes of the first layers, and rows that are taken back in part: nothing of them is to be seen afterwards.
  void Draft() {
    if (sequences_.empty()) return Prompt();
    const SequenceId id = Any();
    Expected& s = sequences_[id];
    std::vector<float> logits(static_cast<size_t>(engine_->config().vocab_size));
    std::vector<ForwardRow> rows;
    const int64_t most = std::min<int64_t>(40, kLongest - static_cast<int64_t>(s.tokens.size())), count = most > 0 ? rng_.Int(0, most) : 0;
    for (int64_t i = 0; i < count; ++i) rows.push_back({id, static_cast<int32_t>(rng_.Int(3, 6)), i + 1 == count, /*drafted=*/i > 0});
    if (rows.empty()) return;
    try {
      if (Below(2) == 0) engine_->ForwardDraft(rows, rng_.Int(1, 2), logits.data());
      engine_->Forward(rows, logits.data());
    } catch (const UserError&) {
      ++num_full;
      return Free();
    }
    const auto kept = static_cast<size_t>(rng_.Int(1, count));
    engine_->Truncate(id, static_cast<int64_t>(s.tokens.size() + kept));
    for (size_t i = 0; i < kept; ++i) {
      s.tokens.push_back(rows[i].token);
      s.writers.push_back(s.adapter);
    }
    if (kept == rows.size()) Compare(id, logits);
  }

  void Fork() {
    if (sequences_.empty()) return;
    const SequenceId from = Any();
    const Expected copy = sequences_[from];
    sequences_[engine_->Fork(from)] = copy;
  }

  void Truncate() {
    if (sequences_.empty()) return;
    const SequenceId id = Any();
    Expected& s = sequences_[id];
    const size_t length = Below(s.tokens.size() + 1);
    engine_->Truncate(id, static_cast<int64_t>(length));
    s.tokens.resize(length);
    s.writers.resize(length);
  }

  void Free() {
    if (sequences_.empty()) return;
    const SequenceId id = Any();
    engine_->Free(id);
    sequences_.erase(id);
  }

  // In the place of itself, or beside.
  void SaveAndRestore() {
    if (sequences_.empty() || Below(2) == 0) return;
    const SequenceId id = Any();
    const Expected s = sequences_[id];
    engine_->SaveKv(id, folder_ / "kv");
    if (Below(2) == 0) {
      engine_->Free(id);
      sequences_.erase(id);
    }
    if (Below(2) == 0) engine_->Trim();
    std::vector<AdapterRef> adapters = s.writers;
    adapters.push_back(s.adapter);
    try {
      sequences_[engine_->RestoreKv(folder_ / "kv", adapters)] = s;
      ++num_restored;
    } catch (const UserError&) {
      ++num_full;
    }
  }

  void SetAdapter() {
    if (sequences_.empty()) return;
    const SequenceId id = Any();
    sequences_[id].adapter = AnyAdapter();
    engine_->SetAdapter(id, sequences_[id].adapter);
  }

  void Compare(SequenceId id, const std::vector<float>& logits) {
    const Expected& s = sequences_[id];
    ++num_compared;
    std::vector<float> cold;
    const SequenceId sequence = cold_->NewSequence();
    for (size_t begin = 0, end = 0; begin < s.tokens.size(); begin = end) {
      while (end < s.tokens.size() && s.writers[end] == s.writers[begin]) ++end;
      cold_->SetAdapter(sequence, s.writers[begin]);
      cold = Last(*cold_, RunTokens(*cold_, sequence, std::span(s.tokens).subspan(begin, end - begin)));
    }
    cold_->Free(sequence);
    ASSERT_TRUE(SameBits(logits, cold)) << "sequence " << id << " of " << s.tokens.size();
    for (const KvSegment& segment : engine_->Segments(id)) {
      for (int64_t t = segment.begin; t < segment.end; ++t) ASSERT_EQ(segment.writer, s.writers[static_cast<size_t>(t)].get()) << t;
    }
  }

  Rng rng_;
  TempFolder folder_;
  std::unique_ptr<Engine> engine_, cold_;
  std::vector<std::vector<int32_t>> texts_;
  std::array<AdapterRef, 2> adapters_;
  int num_adapters_ = 0;
  std::map<SequenceId, Expected> sequences_;
};

TEST(EngineRandom, AnyHistoryGivesTheBitsOfAColdEngine) {
  struct Case {
    ActivationType activations;
    KvType kv_type;
  };
  uint64_t seed = 1;
  for (const Case& c : {Case{ActivationType::kBF16, KvType::kF16}, {ActivationType::kInt8, KvType::kF16}, {ActivationType::kF32, KvType::kF32}}) {
    RandomEngine engine(seed++, c.activations, c.kv_type);
    for (int step = 0; step < 1800; ++step) {
      engine.Step();
      if (HasFatalFailure()) FAIL() << "at step " << step << " of seed " << seed - 1;
    }
    engine.CheckNothingIsLost();
    EXPECT_GT(engine.num_compared, 300);
    EXPECT_GT(engine.num_adopted, 30);
    EXPECT_GT(engine.num_mixed, 8);
    EXPECT_GT(engine.num_partial, 100);
    EXPECT_GT(engine.num_full, 10);
    EXPECT_GT(engine.num_restored, 20);
  }
}

}  // namespace
}  // namespace pith::testing
