// The engine in float32 against transformers and PEFT for every family: all tokens at once, and token by token from the cache.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/families/family_golden.h"
#include "tests/runtime/tiny.h"

namespace pith::testing {
namespace {

class EngineFamilies : public ::testing::TestWithParam<std::string> {
 protected:
  EngineFamilies() : golden_(GetParam()), ids_(golden_.ids()) {}

  Engine Open() const { return Open(golden_.WriteModel(folder_), ActivationType::kF32, KvType::kF32); }
  Engine Open(const std::string& model, ActivationType activations, KvType kv_type) const {
    EngineOptions options;
    options.activations = activations;
    options.kv_type = kv_type;
    options.kv_tokens = 256;
    return Engine(BaseModel::Load(model), options);
  }
  // The tokens in pieces of these lengths, over and over.
  std::vector<float> Run(Engine& engine, const AdapterRef& adapter, const std::vector<size_t>& lengths) const {
    const SequenceId sequence = engine.NewSequence();
    engine.SetAdapter(sequence, adapter);
    std::vector<float> logits;
    for (size_t begin = 0, piece = 0; begin < ids_.size(); ++piece) {
      const size_t length = std::min(lengths[piece % lengths.size()], ids_.size() - begin);
      const std::vector<float> rows = RunTokens(engine, sequence, std::span(ids_).subspan(begin, length));
      logits.insert(logits.end(), rows.begin(), rows.end());
      begin += length;
    }
    engine.Free(sequence);
    return logits;
  }

  FamilyGolden golden_;
  TempFolder folder_;
  std::vector<int32_t> ids_;
};

TEST_P(EngineFamilies, BaseAgreesWithTransformers) {
  Engine engine = Open();
  const std::vector<float> expected = golden_.Values("logits");
  EXPECT_LT(Distance(Run(engine, nullptr, {ids_.size()}), expected), kFamilyTolerance) << "all at once";
  EXPECT_LT(Distance(Run(engine, nullptr, {1}), expected), kFamilyTolerance) << "token by token";
  EXPECT_LT(Distance(Run(engine, nullptr, {17, 3, 1, 9}), expected), kFamilyTolerance) << "in pieces";
}

// What prefixes share is taken over, and what is dropped is computed again.
TEST_P(EngineFamilies, PrefixesAndTruncationLeaveLogitsAsTheyAre) {
  Engine engine = Open();
  const std::vector<float> expected = golden_.Values("logits");
  const auto vocab = static_cast<size_t>(engine.config().vocab_size);
  const size_t first = ids_.size() - 5, kept = ids_.size() - 19;
  for (const char* turn : {"first", "from the cache"}) {
    const SequenceId sequence = engine.NewSequence();
    std::vector<float> last(vocab);
    engine.Prefill(sequence, std::span(ids_).first(first), last.data());
    EXPECT_LT(Distance(last, std::span(expected).subspan((first - 1) * vocab, vocab)), kFamilyTolerance) << turn;
    engine.Truncate(sequence, static_cast<int64_t>(kept));
    const SequenceId fork = engine.Fork(sequence);
    for (const SequenceId id : {sequence, fork}) {
      EXPECT_LT(Distance(RunTokens(engine, id, std::span(ids_).subspan(kept)), std::span(expected).subspan(kept * vocab)), kFamilyTolerance) << turn;
      engine.Free(id);
    }
  }
}

// Of a page of one that went, all but the last tokens, in every kind of cache: to the bit what computing gives.
TEST_P(EngineFamilies, APageIsTakenOverInPart) {
  const std::string model = golden_.WriteModel(folder_, FamilyGolden::Config::kHub);
  const ModelConfig config = BaseModel::Load(model)->config();
  const bool takes_int8 = config.head_dim % 32 == 0 && config.value_head_dim % 32 == 0;
  const auto part = static_cast<int64_t>(ids_.size() - 3);
  ASSERT_NE(part % Engine::kPageTokens, 0);
  std::vector<int32_t> other(ids_.begin(), ids_.begin() + part);
  for (const int32_t token : {3, 4, 3}) other.push_back(token);
  for (const auto& [activations, kv] : {std::pair{ActivationType::kF32, KvType::kF32}, {ActivationType::kBF16, KvType::kF16},
                                        {ActivationType::kInt8, KvType::kInt8}}) {
    if (kv == KvType::kInt8 && !takes_int8) continue;
    Engine engine = Open(model, activations, kv), cold = Open(model, activations, kv);
    Run(engine, nullptr, {ids_.size()});
    std::vector<float> expected = RunTokens(cold, cold.NewSequence(), other);
    expected.erase(expected.begin(), expected.end() - 3 * config.vocab_size);
    const SequenceId sequence = engine.NewSequence();
    EXPECT_EQ(engine.AdoptPrefix(sequence, std::span(other).first(static_cast<size_t>(part))), part);
    EXPECT_TRUE(SameBits(RunTokens(engine, sequence, std::span(other).subspan(static_cast<size_t>(part))), expected)) << ActivationTypeName(activations);
  }
}

TEST_P(EngineFamilies, AdaptersAgreeWithPeft) {
  Engine engine = Open();
  const AdapterRef adapter = PackedAdapter::FromLora(ReadPeft(golden_.WriteAdapter(folder_)), engine.config(), TensorType::kF32);
  EXPECT_LT(golden_.AdapterDistance(Run(engine, adapter, {ids_.size()})), kFamilyTolerance) << "all at once";
  EXPECT_LT(golden_.AdapterDistance(Run(engine, adapter, {1})), kFamilyTolerance) << "token by token";
}

// Base and two adapters side by side, token by token: each as it is alone, to the bit.
TEST_P(EngineFamilies, SeveralAdaptersShareABatch) {
  Engine engine = Open();
  LoraAdapter lora = ReadPeft(golden_.WriteAdapter(folder_)), other = lora;
  for (auto& [name, pair] : other.pairs) std::ranges::reverse(pair.a);
  const std::vector<AdapterRef> adapters = {nullptr, PackedAdapter::FromLora(lora, engine.config(), TensorType::kF32),
                                            PackedAdapter::FromLora(other, engine.config(), TensorType::kF16)};
  std::vector<std::vector<float>> alone, together(adapters.size());
  for (const AdapterRef& adapter : adapters) alone.push_back(Run(engine, adapter, {1}));
  ASSERT_FALSE(SameBits(alone[0], alone[1]) || SameBits(alone[1], alone[2]));
  std::vector<SequenceId> sequences;
  for (const AdapterRef& adapter : adapters) {
    sequences.push_back(engine.NewSequence());
    engine.SetAdapter(sequences.back(), adapter);
  }
  const auto vocab = static_cast<size_t>(engine.config().vocab_size);
  for (const int32_t token : ids_) {
    std::vector<float> logits(adapters.size() * vocab);
    const ForwardRow rows[] = {{sequences[2], token, true}, {sequences[0], token, true}, {sequences[1], token, true}};
    engine.Forward(rows, logits.data());
    for (const auto& [row, which] : {std::pair<size_t, size_t>{0, 2}, {1, 0}, {2, 1}}) {
      together[which].insert(together[which].end(), &logits[row * vocab], &logits[row * vocab] + vocab);
    }
  }
  for (size_t i = 0; i < adapters.size(); ++i) EXPECT_TRUE(SameBits(together[i], alone[i])) << i;
}

// Each has attention of its own. Rounding moves logits by a hundredth of their size or so.
TEST_P(EngineFamilies, OtherPrecisionsAreNear) {
  const std::string model = golden_.WriteModel(folder_, FamilyGolden::Config::kHub);
  const std::vector<float> expected = golden_.Values("logits");
  const ModelConfig config = BaseModel::Load(model)->config();
  const bool takes_int8 = config.head_dim % 32 == 0 && config.value_head_dim % 32 == 0;
  for (const auto& [activations, kv] : {std::pair{ActivationType::kF32, KvType::kF16}, {ActivationType::kF32, KvType::kInt8},
                                        {ActivationType::kBF16, KvType::kF16}, {ActivationType::kInt8, KvType::kInt8}}) {
    if (kv == KvType::kInt8 && !takes_int8) continue;
    Engine engine = Open(model, activations, kv);
    for (const std::vector<size_t>& lengths : {std::vector{ids_.size()}, std::vector<size_t>{1}}) {
      EXPECT_LT(MeanDistance(Run(engine, nullptr, lengths), expected), 0.05)
          << ActivationTypeName(activations) << (kv == KvType::kInt8 ? ", int8" : ", f16") << " cache, pieces of " << lengths[0];
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, EngineFamilies, ::testing::ValuesIn(FamilyNames()), FamilyTestName);

}  // namespace
}  // namespace pith::testing
