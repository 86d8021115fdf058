// What is drafted: by prompt lookup, by the model's first layers, by another model.
#include <filesystem>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "runtime/generation/sampler.h"
#include "runtime/speculation/layers_draft.h"
#include "runtime/speculation/model_draft.h"
#include "runtime/speculation/ngram_draft.h"
#include "tests/base/temp_folder.h"
#include "tests/runtime/scheduler_requests.h"

namespace pith::testing {
namespace {

// By definition: the longest end of the text that stands in it once more before, from the longest looked for to the shortest.
EarlierPlace EarlierByDefinition(const std::vector<int32_t>& tokens) {
  const auto size = static_cast<int64_t>(tokens.size());
  for (int matched = kMostEvidence; matched > 0; --matched) {
    for (int64_t next = size - 1; next >= matched; --next) {
      if (std::equal(tokens.end() - matched, tokens.end(), tokens.begin() + next - matched)) return {next, matched};
    }
  }
  return {};
}

TEST(NgramDraft, FindsTheLongestEndThatStoodBefore) {
  int found = 0, longest = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    const std::vector<int32_t> tokens = RandomTokens(seed, 1 + static_cast<int64_t>(seed % 90), 5 + static_cast<int64_t>(seed % 40));
    const EarlierPlace place = FindEarlier(tokens), expected = EarlierByDefinition(tokens);
    ASSERT_EQ(place.next, expected.next) << seed;
    ASSERT_EQ(place.matched, expected.matched) << seed;
    found += place.next >= 0;
    longest = std::max(longest, place.matched);
  }
  EXPECT_GT(found, 200);
  EXPECT_GT(longest, 3);
  EXPECT_EQ(FindEarlier({}).next, -1);
  const std::vector<int32_t> same(50, 7);
  EXPECT_EQ(FindEarlier(same).next, 49) << "the latest";
  EXPECT_EQ(FindEarlier(same).matched, kMostEvidence);
}

std::vector<int32_t> DraftOf(Drafter& drafter, const std::vector<int32_t>& tokens, int64_t most, int* evidence = nullptr) {
  DraftChain chain{.tokens = tokens, .most = most};
  drafter.Draft({&chain, 1});
  if (evidence) *evidence = chain.evidence;
  return chain.draft;
}

TEST(NgramDraft, SaysWhatFollowed) {
  NgramDraft ngrams;
  int evidence = -1;
  EXPECT_EQ(DraftOf(ngrams, {9, 1, 2, 3, 4, 5, 8, 1, 2}, 3, &evidence), (std::vector<int32_t>{3, 4, 5}));
  EXPECT_EQ(evidence, 2);
  EXPECT_EQ(DraftOf(ngrams, {1, 2, 3, 1, 2, 4, 1, 2}, 1), (std::vector<int32_t>{4})) << "the latest";
  EXPECT_EQ(DraftOf(ngrams, {9, 1, 2, 3, 1, 2}, 8, &evidence), (std::vector<int32_t>{3, 1, 2, 3, 1, 2, 3, 1})) << "round in circles";
  EXPECT_EQ(DraftOf(ngrams, {1, 2, 3}, 8, &evidence), std::vector<int32_t>());
  EXPECT_EQ(evidence, 0);
  EXPECT_EQ(DraftOf(ngrams, {1, 1}, 0), std::vector<int32_t>());
}

// The tiny model's folder with its first layers alone: what a draft by them is to give.
class FirstLayers {
 public:
  explicit FirstLayers(int64_t layers) {
    for (const auto& entry : std::filesystem::directory_iterator(Golden("tiny-llama"))) std::filesystem::copy(entry.path(), folder_.path());
    nlohmann::json config = nlohmann::json::parse(ReadFile(folder_ / "config.json"));
    config["num_hidden_layers"] = layers;
    WriteFile(folder_ / "config.json", config.dump());
    base_ = BaseModel::Load(folder_.path());
  }
  std::shared_ptr<const BaseModel> base() const { return base_; }

 private:
  TempFolder folder_;
  std::shared_ptr<const BaseModel> base_;
};

int32_t Greedy(const float* logits, std::span<const int32_t>) { return Sample(logits, TinyBase()->config().vocab_size, {}, 0, 0).id; }

// What a model goes on with, token by token.
std::vector<int32_t> Continued(const std::shared_ptr<const BaseModel>& base, std::vector<int32_t> tokens, size_t count) {
  EngineOptions options;
  options.activations = ActivationType::kBF16;
  options.num_threads = 1;
  Engine engine(base, options);
  const SequenceId sequence = engine.NewSequence();
  std::vector<float> logits = Last(engine, RunTokens(engine, sequence, tokens));
  std::vector<int32_t> out;
  while (out.size() < count) {
    out.push_back(Greedy(logits.data(), {}));
    logits = RunTokens(engine, sequence, {&out.back(), 1});
  }
  return out;
}

TEST(LayersDraft, IsWhatTheFirstLayersAloneWouldSay) {
  const FirstLayers first(1);
  const auto engine = NewEngine();
  LayersDraft drafter(*engine, 1);
  EXPECT_TRUE(drafter.costs_passes());
  std::vector<std::vector<int32_t>> texts;
  std::vector<DraftChain> chains;
  for (uint64_t i = 0; i < 4; ++i) texts.push_back(RandomTokens(i, 20 + 9 * static_cast<int64_t>(i)));
  const int64_t most[] = {5, 0, 1, 17}, pending[] = {1, 1, 4, 2};
  for (size_t i = 0; i < texts.size(); ++i) {
    const SequenceId sequence = engine->NewSequence();
    engine->Prefill(sequence, std::span(texts[i]).first(texts[i].size() - static_cast<size_t>(pending[i])), nullptr);
    chains.push_back({.sequence = sequence, .tokens = texts[i], .most = most[i], .draw = Greedy});
  }
  const int64_t free = engine->kv_tokens_free();
  drafter.Draft(chains);
  int differ = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    EXPECT_EQ(chains[i].draft, Continued(first.base(), texts[i], static_cast<size_t>(most[i]))) << i;
    EXPECT_EQ(engine->Length(chains[i].sequence), static_cast<int64_t>(texts[i].size()) - pending[i]);
    differ += chains[i].draft != Continued(TinyBase(), texts[i], static_cast<size_t>(most[i]));
  }
  EXPECT_EQ(engine->kv_tokens_free(), free);
  EXPECT_GT(differ, 0) << "so that it matters which layers ran";
}

TEST(LayersDraft, RefusesNoLayersAndAll) {
  const auto engine = NewEngine();
  for (const int64_t layers : {int64_t{-1}, int64_t{0}, int64_t{2}, int64_t{99}}) {
    try {
      LayersDraft(*engine, layers);
      ADD_FAILURE() << layers;
    } catch (const UserError& error) {
      EXPECT_EQ(std::string(error.what()), Str("a draft by ", layers, " layers of a model of 2 is none; give 1 to 1"));
    }
  }
}

EngineOptions DraftOptions(int64_t kv_tokens = 2048) {
  EngineOptions options;
  options.activations = ActivationType::kBF16;
  options.num_threads = 1;
  options.kv_tokens = kv_tokens;
  return options;
}

TEST(ModelDraft, FollowsItsChainsWhateverBecameOfItsDrafts) {
  const FirstLayers first(1);
  ModelDraft drafter(first.base(), DraftOptions(), Words());
  const int64_t free = drafter.engine().kv_tokens_free();
  Rng rng(5);
  std::vector<std::vector<int32_t>> texts = {RandomTokens(1, 30), RandomTokens(2, 3), RandomTokens(3, 80)};
  for (int round = 0; round < 12; ++round) {
    std::vector<DraftChain> chains;
    for (size_t i = 0; i < texts.size(); ++i) chains.push_back({.sequence = static_cast<SequenceId>(10 * i), .tokens = texts[i], .most = rng.Int(0, 6), .draw = Greedy});
    drafter.Draft(chains);
    for (size_t i = 0; i < texts.size(); ++i) {
      ASSERT_EQ(chains[i].draft, Continued(first.base(), texts[i], static_cast<size_t>(chains[i].most))) << round << ", " << i;
      const auto kept = std::min<size_t>(chains[i].draft.size(), static_cast<size_t>(rng.Int(0, 6)));
      const std::vector<int32_t> draft = chains[i].draft;
      texts[i].insert(texts[i].end(), draft.begin(), draft.begin() + static_cast<std::ptrdiff_t>(kept));
      texts[i].push_back(static_cast<int32_t>(rng.Int(3, 300)));
      if (round == 5 && i == 0) texts[i] = RandomTokens(77, 25);  // another chain, in the same sequence
    }
  }
  for (const SequenceId id : {0, 10, 20, 30}) drafter.Forget(id);
  EXPECT_EQ(drafter.engine().kv_tokens_free(), free);
}

TEST(ModelDraft, LeavesOutWhatHasNoRoom) {
  ModelDraft drafter(TinyBase(), DraftOptions(64), Words());
  const std::vector<int32_t> longer = RandomTokens(1, 100), shorter = RandomTokens(2, 30);
  std::vector<DraftChain> chains = {{.sequence = 0, .tokens = longer, .most = 4, .draw = Greedy}, {.sequence = 1, .tokens = shorter, .most = 4, .draw = Greedy}};
  drafter.Draft(chains);
  EXPECT_TRUE(chains[0].draft.empty());
  EXPECT_EQ(chains[1].draft.size(), 4u);
  const std::vector<int32_t> context = RandomTokens(3, 510);  // of 512
  ModelDraft wide(TinyBase(), DraftOptions(), Words());
  DraftChain chain{.sequence = 0, .tokens = context, .most = 4, .draw = Greedy};
  wide.Draft({&chain, 1});
  EXPECT_TRUE(chain.draft.empty());
  chain.most = 3;
  wide.Draft({&chain, 1});
  EXPECT_EQ(chain.draft.size(), 3u);
  chain.draw = [](const float*, std::span<const int32_t> drafted) { return drafted.empty() ? 5 : -1; };
  wide.Draft({&chain, 1});
  EXPECT_EQ(chain.draft, std::vector<int32_t>{5}) << "logits that are broken end it";
}

// A copy of the tiny tokenizer in which one token has another text.
TEST(ModelDraft, WantsTheSameVocabulary) {
  const TempFolder folder;
  nlohmann::json json = nlohmann::json::parse(ReadFile(Golden("tiny-llama") + "/tokenizer.json"));
  const auto load = [&] {
    WriteFile(folder / "tokenizer.json", json.dump());
    return Tokenizer::Load(folder / "tokenizer.json");
  };
  const auto refusal = [&](const Tokenizer& draft) {
    try {
      CheckSameVocabulary(Words(), draft, "'small.gguf'");
    } catch (const UserError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(refusal(*load()), "");
  nlohmann::json& vocabulary = json["model"]["vocab"];
  std::string last;
  for (const auto& [text, id] : vocabulary.items()) {
    if (last.empty() || id > vocabulary[last]) last = text;
  }
  const int id = vocabulary[last];
  vocabulary.erase(last);
  json["model"]["merges"] = nlohmann::json::array();
  vocabulary["qqqq"] = id;
  EXPECT_EQ(refusal(*load()), Str("the draft 'small.gguf' has another vocabulary than the model: its token ", id, " is 'qqqq', the model's '",
                                  std::string(Words().TokenBytes(id)), "'; take a draft of the same family"));
  vocabulary["rrrr"] = Words().vocab_size();
  EXPECT_EQ(refusal(*load()), Str("the draft 'small.gguf' has a vocabulary of ", Words().vocab_size() + 1, " tokens, and the model one of ", Words().vocab_size(),
                                  "; take a draft of the same family"));
}

}  // namespace
}  // namespace pith::testing
