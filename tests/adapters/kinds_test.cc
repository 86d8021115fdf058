// Rank and alpha patterns, DoRA and PiSSA as files: what PEFT writes, what pith writes, and the GGUF that llama.cpp reads.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "adapters/lora_names.h"
#include "adapters/lora_plan.h"
#include "adapters/module_pattern.h"
#include "adapters/packed_adapter.h"
#include "adapters/peft.h"
#include "base/file.h"
#include "base/gguf.h"
#include "base/safetensors.h"
#include "tests/adapters/random_adapter.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::RandomAdapter;
using testing::Refusal;
using testing::TinyConfig;

const std::string kGolden = std::string(PITH_TEST_GOLDEN) + "/adapters";

TEST(ModulePattern, MatchesWhatPeftMatches) {
  const json golden = json::parse(ReadFile(kGolden + "/patterns.json"));
  int64_t matches = 0;
  for (const json& row : golden["keys"]) {
    std::vector<int64_t> got;
    for (size_t i = 0; i < golden["modules"].size(); ++i) {
      if (MatchesModule(row["key"], golden["modules"][i].get<std::string>())) got.push_back(static_cast<int64_t>(i));
    }
    matches += static_cast<int64_t>(got.size());
    EXPECT_EQ(got, row["matches"].get<std::vector<int64_t>>()) << row["key"];
  }
  EXPECT_GT(matches, 200);
}

// Keys of letters and dots alone go another way than those with other signs.
TEST(ModulePattern, NamesFitAsTheirExpressionsDo) {
  Rng rng(3);
  int matches = 0;
  for (int trial = 0; trial < 3000; ++trial) {
    const std::string module = ModuleName({rng.Int(0, 40), static_cast<int>(rng.Int(0, kNumLinearKinds - 1))});
    std::string key = module.substr(static_cast<size_t>(rng.Int(0, static_cast<int64_t>(module.size()) - 1)));
    if (trial % 3 == 0) key[static_cast<size_t>(rng.Int(0, static_cast<int64_t>(key.size()) - 1))] = ".aj1"[rng.Int(0, 3)];
    if (trial % 7 == 0) key = "." + key;
    const bool fits = MatchesModule(key, module);
    matches += fits;
    EXPECT_EQ(fits, MatchesModule("(?:" + key + ")", module)) << key << " of " << module;
  }
  EXPECT_GT(matches, 300);
  EXPECT_LT(matches, 2000);
}

TEST(ModulePattern, RefusesWhatItDoesNotUnderstand) {
  for (const char* key : {"", "(", ")", "a)", "(?=x)q", "(?P<n>q)", "(?i)q", "[a", "[z-a]", "*", "+q", "a**", "a{", "a{2", "a{3,2}", "a{x}", "a{2000}",
                          "\\1", "\\zq", "[\\b]", "q\\", "a++"}) {
    EXPECT_NE(Refusal([&] { MatchesModule(key, "model.layers.0.mlp.up_proj"); }).find("pattern"), std::string::npos) << key;
  }
  EXPECT_NE(Refusal([] { MatchesModule(std::string(100, '('), "q_proj"); }), "");
  EXPECT_NE(Refusal([] { MatchesModule(std::string(1001, 'a'), "q_proj"); }), "");
}

TEST(ModulePattern, WholeNamesAndWords) {
  const std::string module = "model.layers.1.mlp.up_proj";
  EXPECT_TRUE(MatchesModule("up_proj", module));
  EXPECT_FALSE(MatchesWholeModule("up_proj", module));
  EXPECT_TRUE(MatchesWholeModule(".*up_proj", module));
  EXPECT_TRUE(MatchesWholeModule("model.layers.1.mlp.up_proj", module));
  EXPECT_TRUE(MatchesWholeModule("\\bmodel\\.layers\\.[\\d]{1,}\\.(?:mlp|attn)\\.(?:(?:q_proj|up_proj))\\b", module));
  for (const char* key : {".*\\bproj", ".*_\\bproj", "\\Bmodel.*", ".*.\\b"}) EXPECT_EQ(MatchesWholeModule(key, module), key == std::string(".*.\\b")) << key;
  EXPECT_TRUE(MatchesWholeModule(".*\\Bproj", module));
}

TEST(ModulePattern, TakesNoLongerForHostileKeys) {
  // Exponential for a matcher that tries one way after another.
  EXPECT_FALSE(MatchesModule("((((((.*)*)*)*)*)*)*x", "model.layers.0.self_attn.q_proj"));
  EXPECT_TRUE(MatchesModule("((((((.?){900}){900}){900}){900}){900}){900}", "model.layers.0.self_attn.q_proj"));
}

TEST(ModulePattern, TheFirstThatFitsCounts) {
  const ModulePatterns<int64_t> patterns = {{"layers.1.mlp.up_proj", 1}, {"up_proj", 2}, {".*", 3}};
  EXPECT_EQ(*FindPattern(patterns, "model.layers.1.mlp.up_proj"), 1);
  EXPECT_EQ(*FindPattern(patterns, "model.layers.0.mlp.up_proj"), 2);
  EXPECT_EQ(*FindPattern(patterns, "model.layers.0.mlp.down_proj"), 3);
  EXPECT_EQ(FindPattern(ModulePatterns<int64_t>{{"up_proj", 2}}, "model.layers.0.mlp.down_proj"), nullptr);
}

TEST(LoraPlan, NamesEveryPairAndRefusesKeysWithoutEffect) {
  LoraPlan plan{{"q_proj", "down_proj"}, 8, 16, {{"layers.1.mlp.down_proj", 4}, {"down_proj", 2}}, {{"q_proj", 3}}};
  const auto pairs = PlanPairs(plan, TinyConfig());
  ASSERT_EQ(pairs.size(), 4u);
  EXPECT_EQ(pairs.at("blk.0.attn_q.weight").rank, 8);
  EXPECT_EQ(pairs.at("blk.0.attn_q.weight").alpha, 3);
  EXPECT_EQ(pairs.at("blk.0.ffn_down.weight").rank, 2);
  EXPECT_EQ(pairs.at("blk.1.ffn_down.weight").rank, 4);
  EXPECT_EQ(pairs.at("blk.1.ffn_down.weight").alpha, 16);
  plan.rank_pattern.push_back({"layers.0.mlp.down_proj", 6});  // "down_proj" has decided already
  EXPECT_NE(Refusal([&] { PlanPairs(plan, TinyConfig()); }).find("'layers.0.mlp.down_proj'"), std::string::npos);
  plan.rank_pattern = {};
  plan.alpha_pattern = {{"up_proj", 2}};  // no target
  EXPECT_NE(Refusal([&] { PlanPairs(plan, TinyConfig()); }).find("adapter.alpha_pattern has the key 'up_proj'"), std::string::npos);
  plan.targets = {"lm_head"};
  EXPECT_NE(Refusal([&] { PlanPairs(plan, TinyConfig()); }).find("lm_head"), std::string::npos);
}

// A feed-forward without a gate.
TEST(LoraPlan, ALayerThatTheBaseLacksIsRefusedByName) {
  ModelConfig plain = TinyConfig();
  plain.feed_forward = FeedForward::kReluSquared;
  EXPECT_EQ(ShownTargets(plain), "q_proj, k_proj, v_proj, o_proj, up_proj or down_proj");
  EXPECT_EQ(PlanPairs({{"q_proj", "up_proj", "down_proj"}, 8, 16, {}, {}}, plain).size(), 6u);
  EXPECT_NE(Refusal([&] { PlanPairs({{"up_proj", "gate_proj"}, 8, 16, {}, {}}, plain); })
                .find("adapter.targets names 'gate_proj', which this base does not have; expected q_proj"),
            std::string::npos);
  const LoraAdapter gated = RandomAdapter(TinyConfig(), 2, 1);
  EXPECT_NE(Refusal([&] { CheckAdapterFits(gated, plain); }).find("the adapter acts on gate_proj, and a base of architecture"), std::string::npos);
  EXPECT_FALSE(ParseGgufFileName(plain, "blk.0.ffn_gate.weight"));
}

class KindsTest : public ::testing::Test {
 protected:
  KindsTest() : folder_((fs::temp_directory_path() / ("pith-kinds-" + std::to_string(::getpid()))).string()) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~KindsTest() override { fs::remove_all(folder_); }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  // A folder whose configuration has `key` changed; the sentence of reading it.
  std::string ReadWith(const std::string& from, const std::string& key, const json& value) {
    fs::remove_all(Path("copy"));
    fs::copy(from, Path("copy"), fs::copy_options::recursive);
    auto config = json::parse(ReadFile(Path("copy/adapter_config.json")));
    config[key] = value;
    WriteFile(Path("copy/adapter_config.json"), config.dump());
    return Refusal([&] { ReadPeft(Path("copy")); });
  }

  std::string folder_;
};

void Expect(const LoraAdapter& got, const LoraAdapter& wanted) {
  EXPECT_TRUE(SameForm(got, wanted));
  EXPECT_EQ(got.rank, wanted.rank);
  EXPECT_EQ(got.alpha, wanted.alpha);
  ASSERT_EQ(got.pairs.size(), wanted.pairs.size());
  for (const auto& [name, pair] : wanted.pairs) {
    const LoraPair& other = got.pairs.at(name);
    EXPECT_EQ(other.a, pair.a) << name;
    EXPECT_EQ(other.b, pair.b) << name;
    EXPECT_EQ(other.magnitude, pair.magnitude) << name;
    EXPECT_EQ(other.start_a, pair.start_a) << name;
    EXPECT_EQ(got.scale(other), wanted.scale(pair)) << name;
  }
}

LoraAdapter Mixed(uint64_t seed) {
  const ModelConfig config = TinyConfig();
  LoraAdapter adapter = RandomAdapter(config, 4, seed);
  const LoraAdapter wide = RandomAdapter(config, 32, seed + 1), narrow = RandomAdapter(config, 3, seed + 2);
  for (const int64_t layer : {0, 1}) {
    const std::string down = WeightName({layer, 6});
    adapter.pairs.at(down) = wide.pairs.at(down);
  }
  adapter.pairs.at("blk.1.attn_q.weight") = narrow.pairs.at("blk.1.attn_q.weight");
  adapter.pairs.at("blk.0.attn_v.weight").alpha = 1.25;
  adapter.pairs.at("blk.1.attn_v.weight").alpha = 1.25;
  adapter.pairs.at("blk.1.attn_k.weight").alpha = 3;
  return adapter;
}

TEST_F(KindsTest, PatternsOfPeftGiveEveryPairItsRankAndScale) {
  const LoraAdapter adapter = ReadPeft(kGolden + "/peft-patterns");
  CheckAdapterFits(adapter, TinyConfig());
  const json golden = json::parse(ReadFile(kGolden + "/peft-patterns.json"));
  ASSERT_EQ(adapter.pairs.size(), golden["scales"].size());
  for (const auto& [name, pair] : adapter.pairs) {
    EXPECT_EQ(adapter.scale(pair), golden["scales"][ModuleName(*ParseWeightName(name))].get<double>()) << name;
  }
  EXPECT_EQ(adapter.pairs.at("blk.1.ffn_down.weight").rank, 5);
  EXPECT_EQ(adapter.pairs.at("blk.0.attn_q.weight").rank, 3);
  EXPECT_EQ(adapter.pairs.at("blk.1.attn_q.weight").rank, 2);
  EXPECT_EQ(adapter.pairs.at("blk.0.ffn_up.weight").rank, 1);
}

TEST_F(KindsTest, PatternsSurviveARoundTrip) {
  for (const bool rslora : {false, true}) {
    LoraAdapter written = Mixed(3);
    written.rslora = rslora;
    WritePeft(written, Path("mixed"));
    Expect(ReadPeft(Path("mixed")), written);
    const json config = json::parse(ReadFile(Path("mixed/adapter_config.json")));
    EXPECT_EQ(config["rank_pattern"], (json{{"down_proj", 32}, {"model.layers.1.self_attn.q_proj", 3}}));
    EXPECT_EQ(config["alpha_pattern"], (json{{"v_proj", 1.25}, {"model.layers.1.self_attn.k_proj", 3}}));
  }
  WritePeft(ReadPeft(kGolden + "/peft-patterns"), Path("again"));
  Expect(ReadPeft(Path("again")), ReadPeft(kGolden + "/peft-patterns"));
}

TEST_F(KindsTest, PatternsThatDoNotFitAreRefused) {
  const std::string from = kGolden + "/peft-patterns";
  EXPECT_EQ(ReadWith(from, "r", 3), "");
  EXPECT_NE(ReadWith(from, "rank_pattern", {{"down_proj", 4}}).find("do not fit rank"), std::string::npos);
  EXPECT_NE(ReadWith(from, "rank_pattern", {{"down_proj", 0}}).find("rank_pattern['down_proj']"), std::string::npos);
  EXPECT_NE(ReadWith(from, "rank_pattern", {{"down_proj", "5"}}).find("rank_pattern['down_proj']"), std::string::npos);
  EXPECT_NE(ReadWith(from, "rank_pattern", json::array({5})).find("rank_pattern"), std::string::npos);
  EXPECT_NE(ReadWith(from, "rank_pattern", {{"(?=x)", 5}}).find("(?=x)"), std::string::npos);
  EXPECT_NE(ReadWith(from, "alpha_pattern", {{"down_proj", -1}}).find("alpha_pattern['down_proj']"), std::string::npos);
  EXPECT_NE(ReadWith(from, "alpha_pattern", {{"down_proj", 1e300}}), "nothing") << "is read";
  EXPECT_NE(Refusal([&] { CheckAdapterFits(ReadPeft(Path("copy")), TinyConfig()); }).find("alpha of the adapter's 'blk.0.ffn_down.weight'"),
            std::string::npos);
}

// s · B · A of a packed pair, and of a pair as trained, in double precision.
std::vector<double> Product(const std::vector<float>& a, const std::vector<float>& b, int64_t rank, double scale) {
  const size_t r = static_cast<size_t>(rank), in = a.size() / r, out = b.size() / r;
  std::vector<double> w(out * in);
  for (size_t o = 0; o < out; ++o) {
    for (size_t k = 0; k < r; ++k) {
      for (size_t i = 0; i < in; ++i) w[o * in + i] += scale * b[o * r + k] * a[k * in + i];
    }
  }
  return w;
}

TEST_F(KindsTest, GgufOfPatternsMeansTheSameToReadersOfOneAlpha) {
  const ModelConfig config = TinyConfig(RopeLayout::kHalves);
  ModelConfig other = config;
  other.arch = "qwen2";
  other.gguf_rope = RopeLayout::kHalves;  // so that rows compare directly
  for (const bool rslora : {false, true}) {
    LoraAdapter lora = Mixed(5);
    lora.rslora = rslora;
    PackedAdapter::FromLora(lora, other, TensorType::kF32)->WriteGguf(Path("a.gguf"));
    const auto read = PackedAdapter::FromGguf(Path("a.gguf"), other);
    EXPECT_EQ(read->rank(), 32);
    const double alpha = GgufFile(Path("a.gguf")).Get<double>("adapter.lora.alpha");
    for (const auto& [name, pair] : lora.pairs) {
      const LinearPlace place = *ParseWeightName(name);
      const PackedPair& packed = read->pair(place.layer, place.kind);
      ASSERT_EQ(packed.a.rows, pair.rank) << name;
      EXPECT_EQ(packed.scale, static_cast<float>(alpha) / static_cast<float>(pair.rank)) << "llama.cpp's: alpha / rows of lora_a";
      const auto wanted = Product(pair.a, pair.b, pair.rank, lora.scale(pair));
      const auto got = Product(packed.a.ToF32(), packed.b.ToF32(), pair.rank, packed.scale);
      for (size_t i = 0; i < wanted.size(); ++i) ASSERT_NEAR(got[i], wanted[i], 3e-7 * (1 + std::abs(wanted[i]))) << name;
      if (!rslora && !pair.alpha) {
        EXPECT_EQ(packed.b.ToF32(), pair.b) << "nothing to fold: to the last bit";
      }
    }
  }
}

TEST_F(KindsTest, GgufTypesGoByThePairsOwnRank) {
  LoraAdapter lora = Mixed(5);
  const auto packed = PackedAdapter::FromLora(lora, TinyConfig(), TensorType::kQ8_0);
  EXPECT_EQ(packed->pair(0, 6).b.type, TensorType::kQ8_0) << "rank 32";
  EXPECT_EQ(packed->pair(0, 0).b.type, TensorType::kF16) << "rank 4";
  EXPECT_EQ(packed->pair(0, 0).a.type, TensorType::kQ8_0);
}

TEST_F(KindsTest, DoraOfPeftIsReadAndWritten) {
  const LoraAdapter adapter = ReadPeft(kGolden + "/peft-dora");
  CheckAdapterFits(adapter, TinyConfig());
  EXPECT_TRUE(adapter.dora);
  const SafetensorsFile file(kGolden + "/peft-dora/adapter_model.safetensors");
  for (const auto& [name, pair] : adapter.pairs) {
    const SafeTensor* m = file.Find("base_model.model." + ModuleName(*ParseWeightName(name)) + ".lora_magnitude_vector");
    ASSERT_NE(m, nullptr) << name;
    const auto* values = reinterpret_cast<const float*>(m->data);
    EXPECT_EQ(pair.magnitude, std::vector<float>(values, values + pair.out)) << name;
    EXPECT_EQ(pair.num_trained(), pair.rank * (pair.in + pair.out) + pair.out);
  }
  WritePeft(adapter, Path("dora"));
  Expect(ReadPeft(Path("dora")), adapter);
  EXPECT_NE(ReadWith(kGolden + "/peft-dora", "use_dora", false).find("lora_magnitude_vector"), std::string::npos);
  EXPECT_NE(ReadWith(kGolden + "/peft-rslora", "use_dora", true).find("lora_magnitude_vector"), std::string::npos);
}

TEST_F(KindsTest, DoraIsRefusedWhereItCannotGo) {
  LoraAdapter adapter = ReadPeft(kGolden + "/peft-dora");
  EXPECT_NE(Refusal([&] { PackedAdapter::FromLora(adapter, TinyConfig(), TensorType::kF16); }).find("pith-export fuse"), std::string::npos);
  adapter.activation = Activation::kInvocation;
  adapter.invocation = {1};
  EXPECT_NE(Refusal([&] { CheckAdapterFits(adapter, TinyConfig()); }).find("only act always"), std::string::npos);
}

// A rank-4 LoRA that says it is rank 2 from a start.
LoraAdapter Started() {
  LoraAdapter adapter = RandomAdapter(TinyConfig(), 4, 8);
  for (auto& [name, pair] : adapter.pairs) {
    const auto half = static_cast<int64_t>(pair.a.size() / 2);
    pair.start_a.assign(pair.a.begin(), pair.a.begin() + half);
    for (int64_t i = 0; i < half; ++i) pair.a[static_cast<size_t>(i)] = pair.start_a[static_cast<size_t>(i)] + pair.a[static_cast<size_t>(half + i)];
  }
  return adapter;
}

TEST_F(KindsTest, PissaStartsSurviveARoundTrip) {
  const LoraAdapter written = Started();
  EXPECT_EQ(written.pairs.begin()->second.num_trained(), 2 * (64 + 32));
  WritePeft(written, Path("started"));
  Expect(ReadPeft(Path("started")), written);
  WritePeft(written, Path("started"));  // an older one is replaced
  json own = json::parse(ReadFile(Path("started/pith.json")));
  EXPECT_EQ(own["start"], "pissa");
  // Without the mark: a plain LoRA of rank 4, as it is to everybody else.
  own.erase("start");
  WriteFile(Path("started/pith.json"), own.dump());
  EXPECT_FALSE(ReadPeft(Path("started")).pissa());
  EXPECT_EQ(ReadPeft(Path("started")).pairs.begin()->second.a, written.pairs.begin()->second.a);
}

TEST_F(KindsTest, PissaStartsOfOtherFilesAreRefused) {
  WritePeft(Started(), Path("started"));
  const auto refusal = [&] { return Refusal([&] { ReadPeft(Path("started")); }); };
  const std::string start = Path("started/pith_start.safetensors"), good = ReadFile(start);
  std::string changed = good;
  changed[changed.size() - 2] ^= 1;
  WriteFile(start, changed);
  EXPECT_NE(refusal().find("was changed since"), std::string::npos);
  WriteFile(start, good.substr(0, good.size() / 2));
  EXPECT_NE(refusal(), "");
  fs::remove(start);
  EXPECT_NE(refusal().find("is missing"), std::string::npos);
  WriteFile(start, good);
  EXPECT_EQ(refusal(), "");
  WriteFile(Path("started/pith.json"), "{\"start\": \"olora\"}");
  EXPECT_NE(refusal().find("olora"), std::string::npos);
  LoraAdapter odd = RandomAdapter(TinyConfig(), 3, 8);
  WritePeft(odd, Path("odd"));
  WriteFile(Path("odd/pith.json"), "{\"start\": \"pissa\"}");
  fs::copy(start, Path("odd/pith_start.safetensors"));
  EXPECT_NE(Refusal([&] { ReadPeft(Path("odd")); }).find("not half of lora_A"), std::string::npos);
}

TEST(SameForm, SeesEveryDifference) {
  const LoraAdapter good = Mixed(1);
  EXPECT_TRUE(SameForm(good, Mixed(2))) << "values may differ";
  const auto differs = [&](const std::function<void(LoraAdapter&)>& change) {
    LoraAdapter other = good;
    change(other);
    return !SameForm(good, other);
  };
  EXPECT_TRUE(differs([](LoraAdapter& a) { a.rslora = true; }));
  EXPECT_TRUE(differs([](LoraAdapter& a) { a.dora = true; }));
  EXPECT_TRUE(differs([](LoraAdapter& a) { a.alpha = 1; }));
  EXPECT_TRUE(differs([](LoraAdapter& a) { a.activation = Activation::kInvocation; }));
  EXPECT_TRUE(differs([](LoraAdapter& a) { a.invocation = {1}; }));
  EXPECT_TRUE(differs([](LoraAdapter& a) { a.pairs.erase("blk.1.ffn_up.weight"); }));
  EXPECT_TRUE(differs([](LoraAdapter& a) { a.pairs.at("blk.1.ffn_up.weight").rank = 5; }));
  EXPECT_TRUE(differs([](LoraAdapter& a) { a.pairs.at("blk.1.ffn_up.weight").alpha = 5; }));
  EXPECT_TRUE(differs([](LoraAdapter& a) { a.pairs.at("blk.1.ffn_up.weight").start_a = {1}; }));
  EXPECT_FALSE(differs([](LoraAdapter& a) { a.pairs.at("blk.1.ffn_up.weight").alpha = 8; })) << "the adapter's own, said again";
}

}  // namespace
}  // namespace pith
