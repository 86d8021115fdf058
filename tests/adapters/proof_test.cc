#include "adapters/proof.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "adapters/packed_adapter.h"
#include "adapters/peft.h"
#include "adapters/proof_check.h"
#include "base/file.h"
#include "base/gguf.h"
#include "tests/adapters/random_adapter.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

using testing::RandomAdapter;
using testing::Refusal;
using testing::TinyConfig;

// The product in full, in double.
std::vector<double> Product(const LoraPair& pair, double scale) {
  std::vector<double> w(static_cast<size_t>(pair.out * pair.in));
  for (int64_t o = 0; o < pair.out; ++o) {
    for (int64_t r = 0; r < pair.rank; ++r) {
      for (int64_t i = 0; i < pair.in; ++i) {
        w[static_cast<size_t>(o * pair.in + i)] += scale * pair.b[static_cast<size_t>(o * pair.rank + r)] * pair.a[static_cast<size_t>(r * pair.in + i)];
      }
    }
  }
  return w;
}

AdapterProof SomeProof(const LoraAdapter& adapter) {
  AdapterProof proof;
  proof.policy = "trainer";
  proof.adapter_sha256 = AdapterHash(adapter);
  proof.base_sha256 = std::string(64, 'a');
  proof.template_sha256 = std::string(64, 'b');
  proof.prompts = {{{5, 6, 7, 8, 9, 10}, 2}, {{1, 2, 3, 4}, 0}};
  proof.pairs = MarksOf(adapter);
  proof.norms = {{"q_proj", 0.25}, {"up_proj", 0.5}};
  std::vector<float> policy(20), base(20);
  for (int row = 0; row < 8; ++row) {
    for (size_t i = 0; i < 20; ++i) {
      policy[i] = static_cast<float>((i * 7 + static_cast<size_t>(row)) % 20) / 3;
      base[i] = static_cast<float>(i) / 7;
    }
    AddProofRow(policy, base, &proof);
  }
  return proof;
}

void ExpectSame(const AdapterProof& a, const AdapterProof& b) {
  EXPECT_EQ(a.policy, b.policy);
  EXPECT_EQ(a.adapter_sha256, b.adapter_sha256);
  EXPECT_EQ(a.base_sha256, b.base_sha256);
  EXPECT_EQ(a.template_sha256, b.template_sha256);
  EXPECT_EQ(a.prompts, b.prompts);
  EXPECT_EQ(a.top_ids, b.top_ids);
  EXPECT_EQ(a.logits.policy, b.logits.policy);
  EXPECT_EQ(a.logits.base, b.logits.base);
  EXPECT_EQ(a.stored_logits, b.stored_logits);
  EXPECT_EQ(a.norms, b.norms);
  ASSERT_EQ(a.pairs.size(), b.pairs.size());
  for (size_t i = 0; i < a.pairs.size(); ++i) {
    EXPECT_EQ(a.pairs[i].weight, b.pairs[i].weight);
    EXPECT_NEAR(a.pairs[i].norm, b.pairs[i].norm, 1e-6 * a.pairs[i].norm);  // float32 in a GGUF
    for (size_t s = 0; s < kProofSketches; ++s) EXPECT_NEAR(a.pairs[i].sketches[s], b.pairs[i].sketches[s], 1e-6 * a.pairs[i].norm);
  }
}

TEST(Proof, NormIsThatOfTheProduct) {
  const LoraAdapter adapter = RandomAdapter(TinyConfig(), 4, 1);
  const std::vector<PairMark> marks = MarksOf(adapter);
  ASSERT_EQ(marks.size(), adapter.pairs.size());
  for (const PairMark& mark : marks) {
    const LoraPair& pair = adapter.pairs.at(mark.weight);
    double squares = 0;
    for (const double x : Product(pair, adapter.scale(pair))) squares += x * x;
    EXPECT_NEAR(mark.norm, std::sqrt(squares), 1e-9 * mark.norm) << mark.weight;
    double sketched = 0;  // each has the norm's square as its mean
    for (const double s : mark.sketches) sketched += s * s / kProofSketches;
    EXPECT_NEAR(std::sqrt(sketched) / mark.norm, 1, 0.7) << mark.weight;
  }
}

// Rounding to a type moves sketches by what its noise says: over all pairs and sketches the squares, in units of the noise, have a mean of about one.
TEST(Proof, NoiseIsThatOfTheType) {
  for (const RopeLayout rope : {RopeLayout::kInterleaved, RopeLayout::kHalves}) {
    const ModelConfig config = TinyConfig(rope);
    const LoraAdapter adapter = RandomAdapter(config, 32, 2);
    const std::vector<PairMark> marks = MarksOf(adapter);
    for (const TensorType type : {TensorType::kF16, TensorType::kBF16, TensorType::kQ8_0, TensorType::kQ4_0}) {
      const std::vector<StoredPair> stored = StoredPairs(*PackedAdapter::FromLora(adapter, config, type), config);
      ASSERT_EQ(stored.size(), marks.size());
      double squares = 0;
      for (size_t i = 0; i < marks.size(); ++i) {
        ASSERT_EQ(stored[i].mark.weight, marks[i].weight);
        for (size_t s = 0; s < kProofSketches; ++s) squares += std::pow((stored[i].mark.sketches[s] - marks[i].sketches[s]) / stored[i].sketch_noise[s], 2);
      }
      const double mean = squares / static_cast<double>(marks.size() * kProofSketches);
      EXPECT_GT(mean, 0.5) << TypeName(type);
      EXPECT_LT(mean, 1.7) << TypeName(type);
      EXPECT_TRUE(CheckPairs(marks, stored).empty()) << TypeName(type);
    }
    const std::vector<StoredPair> exact = StoredPairs(*PackedAdapter::FromLora(adapter, config, TensorType::kF32), config);
    EXPECT_EQ(exact[0].norm_noise, 0);
    EXPECT_TRUE(CheckPairs(marks, exact).empty());
  }
}

// After Adam's first step every value of B is plus or minus the rate, after the second many are about twice that: they round alike, and that is no other scale.
// A real one beside it is still seen.
TEST(Proof, ValuesThatRoundAlikeAreNoOtherScale) {
  const ModelConfig config = TinyConfig();
  for (const double rate : {1e-4, 3e-5, 5e-4, 1e-6, 2e-4 / 3}) {
    for (const bool second : {false, true}) {
      LoraAdapter adapter = RandomAdapter(config, 32, 8);
      for (auto& [name, pair] : adapter.pairs) {
        for (size_t i = 0; i < pair.b.size(); ++i) {
          const double size = second ? rate * (2 - 1e-3 * std::abs(std::sin(static_cast<double>(i)))) : rate;
          pair.b[i] = static_cast<float>(std::copysign(size, pair.b[i]));
        }
      }
      const std::vector<PairMark> marks = MarksOf(adapter);
      LoraAdapter other = adapter;
      other.alpha *= 1.01;
      for (const TensorType type : {TensorType::kF32, TensorType::kF16, TensorType::kBF16, TensorType::kQ8_0, TensorType::kQ4_0}) {
        const std::vector<ProofFinding> found = CheckPairs(marks, StoredPairs(*PackedAdapter::FromLora(adapter, config, type), config));
        EXPECT_TRUE(found.empty()) << TypeName(type) << ", rate " << rate << ": " << found[0].sentence;
        if (rate < 1e-5 || (type != TensorType::kF32 && type != TensorType::kF16)) continue;  // the type's steps are larger than the fault
        EXPECT_FALSE(CheckPairs(marks, StoredPairs(*PackedAdapter::FromLora(other, config, type), config)).empty()) << TypeName(type) << ", rate " << rate;
      }
    }
  }
}

TEST(Proof, AChangeOfZeroIsSeenWhateverTheFactorsAre) {
  LoraAdapter adapter = RandomAdapter(TinyConfig(), 4, 3);
  EXPECT_FALSE(HasNoEffect(MarksOf(adapter)));
  for (auto& [name, pair] : adapter.pairs) {  // as PiSSA starts: each factor has values where the other has none
    for (int64_t i = 0; i < pair.in * 2; ++i) pair.a[static_cast<size_t>(i)] = 0;
    for (int64_t o = 0; o < pair.out; ++o) pair.b[static_cast<size_t>(o * 4 + 2)] = pair.b[static_cast<size_t>(o * 4 + 3)] = 0;
  }
  EXPECT_TRUE(HasNoEffect(MarksOf(adapter)));
}

TEST(Proof, TheLikeliestTokensAreKept) {
  AdapterProof proof;
  proof.top = 3;
  AddProofRow(std::vector<float>{1, 5, 5, 9}, std::vector<float>{0, 10, 20, 30}, &proof);
  EXPECT_EQ(proof.top_ids, (std::vector<int32_t>{3, 1, 2}));
  EXPECT_EQ(proof.logits.policy, (std::vector<float>{9, 5, 5}));
  EXPECT_EQ(proof.logits.base, (std::vector<float>{30, 10, 20}));
}

TEST(Proof, GoesThroughFolderAndGguf) {
  const TempFolder folder;
  const ModelConfig config = TinyConfig();
  LoraAdapter adapter = RandomAdapter(config, 4, 4);
  adapter.proof = SomeProof(adapter);
  WritePeft(adapter, folder / "peft");
  LoraAdapter read = ReadPeft(folder / "peft");
  ASSERT_TRUE(read.proof);
  ExpectSame(*read.proof, *adapter.proof);
  read.proof->stored_logits = read.proof->logits.policy;
  PackedAdapter::FromLora(read, config, TensorType::kF16)->WriteGguf(folder / "a.gguf");
  const auto packed = PackedAdapter::FromGguf(folder / "a.gguf", config);
  ASSERT_TRUE(packed->proof());
  ExpectSame(*packed->proof(), *read.proof);

  // Other tensors: the proof is not theirs, and stays away. Without a proof all is as before.
  read.pairs.begin()->second.a[0] += 1;
  WritePeft(read, folder / "peft");
  EXPECT_FALSE(ReadPeft(folder / "peft").proof);
  EXPECT_FALSE(FileExists(folder / "peft/pith_proof.json"));
  read.proof.reset();
  PackedAdapter::FromLora(read, config, TensorType::kF16)->WriteGguf(folder / "b.gguf");
  EXPECT_FALSE(PackedAdapter::FromGguf(folder / "b.gguf", config)->proof());
}

TEST(Proof, DamageIsRefusedByName) {
  const LoraAdapter adapter = RandomAdapter(TinyConfig(), 4, 5);
  const std::string good = ProofJson(SomeProof(adapter));
  ReadProofJson("p.json", good);
  const auto refusal = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    return Refusal([&] { ReadProofJson("p.json", text); });
  };
  EXPECT_NE(refusal("\"version\": 1", "\"version\": 2").find("version 2"), std::string::npos);
  EXPECT_NE(refusal("\"positions\": 4", "\"positions\": 0").find("0 positions"), std::string::npos);
  EXPECT_NE(refusal("\"prompt_lengths\": [6,4]", "\"prompt_lengths\": [6,400]").find("a prompt of 400 tokens"), std::string::npos);
  EXPECT_NE(refusal("\"prompt_lengths\": [6,4]", "\"prompt_lengths\": [6]").find("prompt_begins"), std::string::npos);
  EXPECT_NE(refusal("\"prompt_begins\": [2,0]", "\"prompt_begins\": [2,-1]").find("begins at -1"), std::string::npos);
  EXPECT_NE(refusal("\"prompt_ids\": [5", "\"prompt_ids\": [-5").find("the token -5"), std::string::npos);
  EXPECT_NE(refusal("\"top_ids\": [", "\"top_ids\": [1,").find("top_ids"), std::string::npos);
  EXPECT_NE(refusal("\"marks\": [", "\"marks\": [1.5,").find("marks"), std::string::npos);
  EXPECT_NE(refusal("\"pairs\": [\"blk.0", "\"pairs\": [\"blc.0").find("'blc.0"), std::string::npos);
  EXPECT_NE(refusal("\"policy\": \"trainer\"", "\"policy\": 3").find("policy"), std::string::npos);
  EXPECT_NE(refusal("\"policy\": \"trainer\"", "\"policy\": \"me\"").find("'me'"), std::string::npos);
  EXPECT_NE(refusal("}", "").find("p.json"), std::string::npos);
}

// What can be the matter with a pair, each in its words.
TEST(Proof, PairsAreNamed) {
  const ModelConfig config = TinyConfig();
  const LoraAdapter adapter = RandomAdapter(config, 32, 6);
  const std::vector<PairMark> marks = MarksOf(adapter);
  const auto found = [&](const std::function<void(LoraAdapter*)>& change) {
    LoraAdapter changed = adapter;
    change(&changed);
    std::string all;
    for (const ProofFinding& f : CheckPairs(marks, StoredPairs(*PackedAdapter::FromLora(changed, config, TensorType::kQ8_0), config))) all += f.kind + ": " + f.sentence + "\n";
    return all;
  };
  const std::string q = "blk.1.attn_q.weight", o = "blk.1.attn_output.weight";
  EXPECT_EQ(found([](LoraAdapter*) {}), "");
  EXPECT_EQ(found([&](LoraAdapter* a) { a->pairs.erase(q); }), "pairs: the pair of " + q + " is missing\n");
  EXPECT_EQ(found([&](LoraAdapter* a) { a->pairs[q].b.assign(a->pairs[q].b.size(), 0); }), "pairs: the pair of " + q + " is zero\n");
  EXPECT_EQ(found([&](LoraAdapter* a) { std::swap(a->pairs[q], a->pairs[o]); }),
            "pairs: the pair of " + q + " holds what belongs to " + o + "\npairs: the pair of " + o + " holds what belongs to " + q + "\n");
  EXPECT_EQ(found([&](LoraAdapter* a) { a->alpha *= 2; }).rfind("scale: the adapter's scale is off by a factor of ", 0), 0u);
  EXPECT_NE(found([&](LoraAdapter* a) { for (float& x : a->pairs[q].a) x *= 2; }).find(q + " is off by a factor of "), std::string::npos);
  EXPECT_EQ(found([&](LoraAdapter* a) { a->pairs[q] = RandomAdapter(config, 32, 7).pairs[q]; }), "pairs: the pair of " + q + " holds other values\n");
}

}  // namespace
}  // namespace pith
