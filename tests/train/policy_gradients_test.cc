// Every policy loss with every option: advantages, value and the gradient of every adapter tensor against PyTorch
// (tests/tools/policy_golden.py), and what they must not depend on.

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "adapters/peft.h"
#include "base/error.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/safetensors.h"
#include "configs/load.h"
#include "tests/train/take_gradients.h"
#include "train/policy/advantages.h"
#include "train/rl/policy_gradients.h"
#include "train/rl/policy_learner.h"

namespace pith {
namespace {

using nlohmann::json;
using testing::Gradients;
using testing::TakeGradients;
const std::string kFolder = std::string(PITH_TEST_GOLDEN) + "/train/policy";

// float32, two layers, sums of at most some hundred terms.
constexpr double kTolerance = 5e-5;

std::string PeftName(const std::string& name) {
  const size_t layer_end = name.find('.', 4), kind_end = name.find('.', layer_end + 1);
  for (const LinearKind& k : kLinearKinds) {
    if (name.substr(layer_end + 1, kind_end - layer_end - 1) != k.gguf) continue;
    return "base_model.model.model.layers." + name.substr(4, layer_end - 4) + "." + k.hf + (name.ends_with("_a") ? ".lora_A" : ".lora_B") + ".weight";
  }
  return "?";
}

// The largest difference, as a share of the largest gradient of its tensor.
double Distance(const Gradients& a, const Gradients& b) {
  EXPECT_EQ(a.size(), b.size());
  double worst = 0;
  for (const auto& [name, t] : a) {
    const double scale = b.at(name).abs().max().item<double>();
    EXPECT_GT(scale, 0) << name;
    worst = std::max(worst, (t - b.at(name)).abs().max().item<double>() / scale);
  }
  return worst;
}

uint64_t Below(Rng& rng, size_t n) { return static_cast<uint64_t>(rng.Int(0, static_cast<int64_t>(n) - 1)); }

class PolicyGradients : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    golden_ = new json(json::parse(ReadFile(kFolder + "/cases.json")));
    session_ = new Session();
    session_->base = BaseModel::Load(std::string(PITH_TEST_GOLDEN) + "/tiny-llama");
    session_->initial = ReadPeft(kFolder + "/adapter");
    session_->fresh = false;
    model_ = new Model(session_->base, at::kFloat, &session_->initial);
    const json& sequences = (*golden_)["sequences"];
    std::vector<const Prompt*> prompts;
    for (size_t g = 0; g < sequences.size() / 2; ++g) {
      PreparedProblem p;
      p.prompt.ids = sequences[2 * g]["prompt"].get<std::vector<int32_t>>();
      p.prompt.invocation_start = FindInvocation(p.prompt.ids, session_->initial.invocation).value();
      session_->problems.push_back(p);
    }
    for (const PreparedProblem& p : session_->problems) prompts.push_back(&p.prompt);
    encoded_ = new std::vector<EncodedPrompt>(PromptEncoder(*model_, prompts).Encode(prompts));
  }
  static void TearDownTestSuite() {
    delete encoded_;
    delete model_;
    delete session_;
    delete golden_;
  }

  // The settings of a case, through the loader: what a YAML file would say.
  static TrainConfig Config(const json& settings) {
    const std::string path = (std::filesystem::temp_directory_path() / ("pith-policy-" + std::to_string(getpid()) + ".yaml")).string();
    WriteFile(path, "{stage: rl, model: {path: m.gguf}, data: {limit: 8}, rl: {group_size: 2, prompts_per_step: 3}}\n");
    std::vector<std::string> overrides = {"rollout.max_completion_tokens=" + (*golden_)["max_tokens"].dump(),
                                          "rollout.temperature=" + (*golden_)["temperature"].dump()};
    for (const auto& [key, value] : settings.items()) {
      overrides.push_back("rl." + key + "=" + (value.is_string() ? value.get<std::string>() : value.dump()));
    }
    if (!settings.contains("sampler_correction")) overrides.push_back("rl.sampler_correction=none");
    // A ratio of 1 would make delta a setting without effect, which is refused.
    if (settings.contains("delta")) overrides.push_back("rl.updates_per_rollout=2");
    const TrainConfig config = LoadTrainConfig(path, overrides);
    std::filesystem::remove(path);
    return config;
  }

  struct Step {
    Groups groups;
    Paid paid;
    std::vector<TrainSequence> sequences;
    std::vector<at::Tensor> old_logp, ref_logp;  // per completion
  };
  // first: the update that defines old.
  static Step MakeStep(const TrainConfig& config, bool first) {
    Step step;
    const json& sequences = (*golden_)["sequences"];
    step.groups.resize(sequences.size() / 2);
    const std::vector<double> rewards = (*golden_)["rewards"];
    std::vector<std::vector<double>> kl;
    for (size_t i = 0; i < sequences.size(); ++i) {
      const json& s = sequences[i];
      Completion c;
      c.tokens = s["response"].get<std::vector<int32_t>>();
      c.logprobs = s[first ? "sampler-first" : "sampler"].get<std::vector<float>>();
      c.finish = (*golden_)["truncated"][i].get<bool>() ? Finish::kLength : Finish::kStop;
      step.sequences.push_back(MakeSequence((*encoded_)[i / 2], session_->problems[i / 2].prompt, c.tokens));
      step.groups[i / 2].push_back(std::move(c));
      step.old_logp.push_back(at::tensor(s["old"].get<std::vector<float>>()));
      step.ref_logp.push_back(at::tensor(s["ref"].get<std::vector<float>>()));
      RewardResult result;
      result.reward = rewards[i];
      step.paid.results.push_back(result);
      const at::Tensor tokens = Kl(KlEstimatorNamed(config.rl.kl_estimator), step.old_logp[i], step.ref_logp[i]).to(at::kDouble);
      kl.emplace_back(tokens.data_ptr<double>(), tokens.data_ptr<double>() + tokens.numel());
    }
    step.paid.advantages = Advantages(config.rl.advantage, config.rl.scale_rewards, rewards, 2);
    if (config.rl.kl_in == "reward") TakeOffKl(config.rl, kl, &step.paid);
    return step;
  }

  static void Fill(const Step& step, bool first, PolicyBatch* batch) {
    std::vector<at::Tensor> old, ref;
    for (size_t i : batch->samples) old.push_back(step.old_logp[i]), ref.push_back(step.ref_logp[i]);
    if (!first) batch->old_logp = at::cat(old);
    batch->ref_logp = at::cat(ref);
  }

  // Some of a batch's sequences, with the denominators of the whole.
  static PolicyBatch Select(const PolicyBatch& batch, const std::vector<size_t>& chosen) {
    PolicyBatch out;
    out.whole = batch.whole;
    out.unmasked = batch.unmasked;
    std::vector<at::Tensor> old, ref, kept;
    for (size_t i : chosen) {
      const auto lengths = batch.lengths();
      const int64_t begin = std::accumulate(lengths.begin(), lengths.begin() + static_cast<int64_t>(i), int64_t{0});
      out.sequences.push_back(batch.sequences[i]);
      out.samples.push_back(batch.samples[i]);
      out.advantages.insert(out.advantages.end(), batch.advantages.begin() + begin, batch.advantages.begin() + begin + lengths[i]);
      out.sampler_logp.insert(out.sampler_logp.end(), batch.sampler_logp.begin() + begin, batch.sampler_logp.begin() + begin + lengths[i]);
      if (batch.old_logp.defined()) old.push_back(batch.old_logp.narrow(0, begin, lengths[i]));
      if (batch.ref_logp.defined()) ref.push_back(batch.ref_logp.narrow(0, begin, lengths[i]));
      if (batch.kept.defined()) kept.push_back(batch.kept.narrow(0, begin, lengths[i]));
    }
    if (!old.empty()) out.old_logp = at::cat(old);
    if (!ref.empty()) out.ref_logp = at::cat(ref);
    if (!kept.empty()) out.kept = at::cat(kept);
    return out;
  }

  // The completions `chosen` of the step as the minibatch that they make up.
  static PolicyBatch Minibatch(const TrainConfig& config, const Step& step, const std::vector<size_t>& chosen) {
    TrainConfig undivided = config;
    undivided.rl.minibatches = 1;
    PolicyBatch all = MakeBatches(undivided, 0, step.groups, step.paid, step.sequences)[0];
    std::vector<size_t> places;
    for (size_t i = 0; i < all.samples.size(); ++i) {
      if (std::find(chosen.begin(), chosen.end(), all.samples[i]) != chosen.end()) places.push_back(i);
    }
    PolicyBatch batch = Select(all, places);
    batch.whole.sequences = static_cast<double>(chosen.size());
    batch.whole.minibatch_tokens = 0;
    for (size_t i : chosen) batch.whole.minibatch_tokens += static_cast<double>(step.sequences[i].response_length());
    return batch;
  }

  static Gradients Take() { return TakeGradients(*model_); }

  static json* golden_;
  static Session* session_;
  static Model* model_;
  static std::vector<EncodedPrompt>* encoded_;
};
json* PolicyGradients::golden_ = nullptr;
Session* PolicyGradients::session_ = nullptr;
Model* PolicyGradients::model_ = nullptr;
std::vector<EncodedPrompt>* PolicyGradients::encoded_ = nullptr;

TEST_F(PolicyGradients, AreThoseOfPyTorchForEveryLossAndOption) {
  const SafetensorsFile file(kFolder + "/gradients.safetensors");
  EXPECT_GE((*golden_)["cases"].size(), 50u);
  for (const auto& [name, entry] : (*golden_)["cases"].items()) {
    SCOPED_TRACE(name);
    TrainConfig config = Config(entry["set"]);
    config.rl.micro_batch_size = 4;
    const bool first = name.ends_with("first");
    const Step step = MakeStep(config, first);
    const json& advantages = entry["advantages"];
    for (size_t i = 0; i < advantages.size(); ++i) {  // a number, or one for each token
      if (!advantages[i].is_array()) {
        ASSERT_NEAR(step.paid.advantages[i], advantages[i].get<double>(), 1e-6) << i;
        continue;
      }
      ASSERT_EQ(step.paid.token_advantages.at(i).size(), advantages[i].size());
      for (size_t t = 0; t < advantages[i].size(); ++t) ASSERT_NEAR(step.paid.token_advantages[i][t], advantages[i][t].get<double>(), 1e-6) << i << " " << t;
    }
    PolicyBatch batch = name.ends_with("minibatch") ? Minibatch(config, step, (*golden_)["minibatch"])
                                                  : MakeBatches(config, 0, step.groups, step.paid, step.sequences).at(0);
    Fill(step, first, &batch);
    KeepTopEntropy(config, *model_, &batch);
    const PolicyUpdate update = AddPolicyGradients(config, *model_, batch);
    EXPECT_NEAR(update.loss, entry["loss"].get<double>(), 2e-5);
    if (first) {
      EXPECT_EQ(update.max_ratio_error, 0.0);
    }
    Gradients expected;
    for (const NamedParameter& p : model_->parameters()) {
      const SafeTensor* t = file.Find(name + "|" + PeftName(p.name));
      ASSERT_NE(t, nullptr) << p.name;
      expected[p.name] = at::from_blob(const_cast<uint8_t*>(t->data), t->shape, at::kFloat).clone();
    }
    EXPECT_LT(Distance(Take(), expected), kTolerance);
  }
}

TEST_F(PolicyGradients, GspoIsGrpoWithRatiosOfSequences) {
  std::vector<Gradients> gradients;
  for (const json& set : {json{{"loss", "gspo"}}, json{{"loss_type", "grpo"}, {"importance_sampling_level", "sequence"}}}) {
    const TrainConfig config = Config(set);
    const Step step = MakeStep(config, false);
    PolicyBatch batch = MakeBatches(config, 0, step.groups, step.paid, step.sequences).at(0);
    Fill(step, false, &batch);
    AddPolicyGradients(config, *model_, batch);
    gradients.push_back(Take());
  }
  for (const auto& [name, t] : gradients[0]) EXPECT_TRUE(at::equal(t, gradients[1].at(name))) << name;
}

// Random settings: one sequence at a time against any micro-batch, any order, and two halves as two ranks would take them.
TEST_F(PolicyGradients, DoNotDependOnMicroBatchesOrderOrRanks) {
  Rng rng(17);
  const auto pick = [&](std::initializer_list<const char*> names) { return std::string(std::data(names)[Below(rng, names.size())]); };
  for (int draw = 0; draw < 60; ++draw) {
    json set = {{"loss", pick({"grpo", "bnpo", "dr_grpo", "dapo", "cispo", "gspo"})}, {"sampler_correction", pick({"none", "token_truncate", "token_mask", "sequence_truncate", "sequence_mask"})}};
    const bool cispo = set["loss"] == "cispo";
    if (set["loss"] != "gspo") set["importance_sampling_level"] = pick({"token", "sequence"});
    set["clip_epsilon_high"] = cispo ? 1.05 : 0.05;
    if (!cispo && Below(rng, 3) == 0) set["delta"] = 1.1;
    if (Below(rng, 2) == 0) {
      set["kl_beta"] = 0.3;
      set["kl_estimator"] = pick({"k1", "k2", "k3"});
      if (Below(rng, 2) == 0) set["use_bias_correction_kl"] = true;
    }
    if (Below(rng, 3) == 0) set["entropy_coef"] = 0.1;
    if (Below(rng, 3) == 0) set["top_entropy_quantile"] = 0.4;
    if (Below(rng, 3) == 0) set["mask_truncated"] = true;
    SCOPED_TRACE(set.dump());
    TrainConfig config = Config(set);
    const bool first = Below(rng, 3) == 0;
    const Step step = MakeStep(config, first);
    PolicyBatch batch = MakeBatches(config, 0, step.groups, step.paid, step.sequences).at(0);
    Fill(step, first, &batch);
    KeepTopEntropy(config, *model_, &batch);
    config.rl.micro_batch_size = 1;
    const double loss = AddPolicyGradients(config, *model_, batch).loss;
    const Gradients alone = Take();

    std::vector<size_t> order(batch.sequences.size());
    std::iota(order.begin(), order.end(), size_t{0});
    rng.Shuffle(order);
    config.rl.micro_batch_size = 2 + static_cast<int64_t>(Below(rng, 5));
    EXPECT_NEAR(AddPolicyGradients(config, *model_, Select(batch, order)).loss, loss, 2e-5);
    ASSERT_LT(Distance(Take(), alone), kTolerance);

    const auto cut = static_cast<int64_t>(1 + Below(rng, order.size() - 1));
    double sum = 0;
    for (const auto& part : {std::vector<size_t>(order.begin(), order.begin() + cut), std::vector<size_t>(order.begin() + cut, order.end())}) {
      sum += AddPolicyGradients(config, *model_, Select(batch, part)).loss;
    }
    EXPECT_NEAR(sum, loss, 2e-5);
    ASSERT_LT(Distance(Take(), alone), kTolerance);
  }
}

TEST_F(PolicyGradients, MinibatchesDealEachCompletionOnce) {
  const TrainConfig config = Config({{"minibatches", 3}, {"kl_beta", 0.1}, {"mask_truncated", true}});
  const Step step = MakeStep(config, false);
  const std::vector<PolicyBatch> batches = MakeBatches(config, 4, step.groups, step.paid, step.sequences);
  ASSERT_EQ(batches.size(), 3u);
  std::vector<size_t> seen;
  double tokens = 0;
  for (const PolicyBatch& b : batches) {
    seen.insert(seen.end(), b.samples.begin(), b.samples.end());
    EXPECT_EQ(b.whole.sequences, 2);
    double own = 0;
    for (int64_t n : b.lengths()) own += static_cast<double>(n);
    EXPECT_EQ(b.whole.minibatch_tokens, own);
    EXPECT_EQ(b.whole.rollout_tokens, 9 + 4 + 2 + 6);
    tokens += own;
  }
  EXPECT_EQ(tokens, 9 + 4 + 2 + 6);
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, (std::vector<size_t>{0, 1, 3, 4})) << "2 and 5 are truncated";
  const auto samples = [&](int64_t at_step) {
    std::vector<size_t> all;
    for (const PolicyBatch& b : MakeBatches(config, at_step, step.groups, step.paid, step.sequences)) all.insert(all.end(), b.samples.begin(), b.samples.end());
    return all;
  };
  EXPECT_EQ(samples(4), samples(4));
  bool differs = false;
  for (int64_t s = 5; s < 10; ++s) differs |= samples(s) != samples(4);
  EXPECT_TRUE(differs) << "every step deals anew";
}

TEST_F(PolicyGradients, NameATokenThatIsNotFinite) {
  const TrainConfig config = Config({{"kl_beta", 0.1}});
  const Step step = MakeStep(config, false);
  PolicyBatch batch = MakeBatches(config, 0, step.groups, step.paid, step.sequences).at(0);
  Fill(step, false, &batch);
  LoraAdapter broken = model_->ToLora();
  broken.pairs.begin()->second.b[0] = std::numeric_limits<float>::infinity();
  model_->SetValues(broken);
  std::string sentence;
  try {
    AddPolicyGradients(config, *model_, batch);
  } catch (const UserError& error) {
    sentence = error.what();
  }
  model_->SetValues(session_->initial);
  EXPECT_NE(sentence.find("the policy's log-probability of token 1 of completion 1 of the step is not finite"), std::string::npos) << sentence;
}

TEST_F(PolicyGradients, ClipSharesCountWhatWasNotRun) {
  // dapo: completions 4 and 5 have no advantage and are not run, but their 17 tokens count.
  const TrainConfig config = Config(json::object());
  const Step step = MakeStep(config, false);
  PolicyBatch batch = MakeBatches(config, 0, step.groups, step.paid, step.sequences).at(0);
  Fill(step, false, &batch);
  ASSERT_EQ(batch.sequences.size(), 4u);
  const PolicyUpdate update = AddPolicyGradients(config, *model_, batch);
  Take();
  double low = 0, high = 0, high_max = 0;
  int64_t token = 0;
  for (size_t s = 0; s < 4; ++s) {
    double own = 0;
    const int64_t n = batch.lengths()[s];
    for (int64_t t = 0; t < n; ++t, ++token) {
      const double r = std::exp(update.logp[token].item<double>() - batch.old_logp[token].item<double>());
      const float advantage = batch.advantages[static_cast<size_t>(token)];
      low += advantage < 0 && r < 0.8;
      own += advantage > 0 && r > 1.28;
    }
    high += own;
    high_max = std::max(high_max, own / static_cast<double>(n));
  }
  EXPECT_GT(low, 0);
  EXPECT_NEAR(update.clip_low, low / 46, 1e-12);
  EXPECT_NEAR(update.clip_high, high / 46, 1e-12);
  EXPECT_NEAR(update.clip_high_max, high_max, 1e-12);
  EXPECT_EQ(update.clip_low_min, 0.0);
}

}  // namespace
}  // namespace pith
