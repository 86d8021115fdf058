// Sampler and trainer make one policy of one adapter: the same ids to choose from, the same rounding of its factors.
#include <ATen/Context.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>

#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <filesystem>

#include "adapters/lora_names.h"
#include "adapters/torch/lora_linear.h"
#include "base/safetensors.h"
#include "tests/train/tiny_run.h"
#include "train/rl/policy_gradients.h"
#include "train/rollout/rollout.h"

namespace pith {
namespace {

using testing::Scratch;
using testing::TinyConfig;

// The tiny model with an embedding of `rows` rows, of which its tokenizer knows the first 320: the others are the likeliest of all.
std::string Padded(const Scratch& scratch, int64_t rows) {
  const std::string from = std::string(PITH_TEST_GOLDEN) + "/tiny-llama", folder = scratch.path + "/padded";
  std::filesystem::copy(from, folder, std::filesystem::copy_options::recursive);
  auto config = nlohmann::json::parse(ReadFile(folder + "/config.json"));
  config["vocab_size"] = rows;
  WriteFile(folder + "/config.json", config.dump());
  const SafetensorsFile file(from + "/model.safetensors");
  std::vector<SafeTensorToWrite> out;
  std::deque<std::vector<uint8_t>> wider;
  for (const auto& [name, t] : file.tensors()) {
    std::vector<int64_t> shape = t.shape;
    const void* data = t.data;
    if (shape[0] == 320) {
      std::vector<uint8_t>& wide = wider.emplace_back(t.data, t.data + t.bytes);
      for (int64_t r = 320; r < rows; ++r) wide.insert(wide.end(), t.data + (r - 320) * t.bytes / 320, t.data + (r - 319) * t.bytes / 320);
      shape[0] = rows;
      data = wide.data();
    }
    out.push_back({name, shape, t.type, data});
  }
  WriteSafetensors(folder + "/model.safetensors", out);
  return folder;
}

// A third of the probability is that of rows that nobody can sample.
TEST(Agreement, IsOnTheIdsThatTheTokenizerKnows) {
  const Scratch scratch;
  PrepareProcess(1);
  TrainConfig c = TinyConfig(scratch, "rl", "ids");
  c.model.path = Padded(scratch, 480);
  c.model.dtype = "float32";
  c.rollout.activations = "f32";
  const Session session = OpenSession(c);
  ASSERT_EQ(session.base->config().vocab_size, 480);
  ASSERT_EQ(session.prompter->tokenizer().vocab_size(), 320);
  const auto policy = MakeModel(session);
  Sampler sampler(session);
  GenerateStats stats;
  const std::vector<size_t> problems = {0, 4};
  const Groups groups = sampler.Sample(session.initial, problems, 0, &stats);
  std::vector<const Prompt*> prompts;
  for (const size_t p : problems) prompts.push_back(&session.problems[p].prompt);
  const at::Tensor logp = PolicyLogProbs(c, *policy, StepSequences(session, problems, groups, PromptEncoder(*policy, prompts).Encode(prompts)));
  int64_t row = 0;
  for (const auto& group : groups) {
    for (const Completion& completion : group) {
      for (const float sampled : completion.DrawnLogprobs()) ASSERT_NEAR(logp.data_ptr<float>()[row++], sampled, 1e-4);
    }
  }
  EXPECT_GT(row, 100);
}

// A head that leaves rows of padding out is one that has none.
TEST(Agreement, HeadsKnowNothingOfPadding) {
  at::manual_seed(5);
  const at::Tensor weight = at::randn({53, 24}), hidden = at::randn({40, 24}), ids = at::randint(37, {40}, at::kLong), g = at::randn({40}), g_entropy = at::randn({40});
  for (const double cap : {0.0, 3.0}) {
    for (const bool at_once : {false, true}) {
      const auto gradient = [&](const at::Tensor&, const at::Tensor&, int64_t begin, int64_t end) {
        return RowGradients{g.narrow(0, begin, end - begin), g_entropy.narrow(0, begin, end - begin)};
      };
      const HeadResult padded = Head(weight, at::kFloat, cap, 0, 37).Run(hidden, ids, 0.7, gradient, true, at_once);
      const HeadResult plain = Head(weight.narrow(0, 0, 37), at::kFloat, cap, 0).Run(hidden, ids, 0.7, gradient, true, at_once);
      EXPECT_TRUE(at::allclose(padded.logp, plain.logp, 1e-5, 1e-5));
      EXPECT_TRUE(at::allclose(padded.entropy, plain.entropy, 1e-5, 1e-5));
      EXPECT_TRUE(at::allclose(padded.g_hidden, plain.g_hidden, 1e-4, 1e-5));
    }
  }
}

// With an s that is no power of two, bf16(s · B) and s · bf16(B) are different numbers.
TEST(Agreement, IsOnTheRoundedFactors) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "rl", "factors");
  c.adapter.rslora = true;
  c.adapter.rank_pattern = {{"q_proj", 6}};
  Session session = OpenSession(c);
  for (auto& [name, pair] : session.initial.pairs) {
    for (size_t i = 0; i < pair.b.size(); ++i) pair.b[i] = 0.0137f * static_cast<float>(i % 11) - 0.06f;
  }
  const AdapterRef packed = PackForSampling(session, session.initial);
  for (const char* name : {"blk.0.attn_q.weight", "blk.1.ffn_down.weight"}) {
    const LoraPair& pair = session.initial.pairs.at(name);
    LoraLinear trained({at::randn({pair.out, pair.in})}, {}, at::kBFloat16);
    trained.AddLora(0, at::from_blob(const_cast<float*>(pair.a.data()), {pair.rank, pair.in}), at::from_blob(const_cast<float*>(pair.b.data()), {pair.out, pair.rank}),
                    session.initial.scale(pair));
    const at::Tensor columns = trained.fused().narrow(1, pair.in, pair.rank).contiguous();
    const LinearPlace place = *ParseWeightName(name);
    const PackedPair& sampled = packed->pair(place.layer, place.kind);
    ASSERT_EQ(sampled.b.type, TensorType::kBF16);
    EXPECT_EQ(sampled.scale, 1.0f);
    EXPECT_EQ(std::memcmp(sampled.b.data, columns.data_ptr(), sampled.b.bytes()), 0) << name;
    EXPECT_EQ(std::memcmp(sampled.a.data, trained.a_all().contiguous().data_ptr(), sampled.a.bytes()), 0) << name;
  }
}

}  // namespace
}  // namespace pith
