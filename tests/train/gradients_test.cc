// Losses and gradients of every adapter tensor against PyTorch (tests/tools/train_golden.py), and what they must not depend on.

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "adapters/peft.h"
#include "base/file.h"
#include "base/safetensors.h"
#include "tests/train/take_gradients.h"
#include "train/rl/policy_gradients.h"
#include "train/rl/policy_learner.h"
#include "train/supervised/sft.h"

namespace pith {
namespace {

using nlohmann::json;
using testing::Gradients;
using testing::TakeGradients;
const std::string kGolden = PITH_TEST_GOLDEN;

// "blk.0.attn_q.weight.lora_a" → PEFT's name.
std::string PeftName(const std::string& name) {
  const size_t layer_end = name.find('.', 4), kind_end = name.find('.', layer_end + 1);
  const std::string kind = name.substr(layer_end + 1, kind_end - layer_end - 1);
  for (const LinearKind& k : kLinearKinds) {
    if (kind == k.gguf) {
      return "base_model.model.model.layers." + name.substr(4, layer_end - 4) + "." + k.hf + (name.ends_with("_a") ? ".lora_A" : ".lora_B") +
             ".weight";
    }
  }
  return "?";
}

struct Fixture {
  std::string kind;
  json golden, entry;
  Session session;
  std::unique_ptr<Model> model;
  std::vector<SftExample> examples;
  std::vector<size_t> all;

  explicit Fixture(const std::string& kind, at::ScalarType dtype = at::kFloat) : kind(kind) {
    golden = json::parse(ReadFile(kGolden + "/train/steps.json"));
    entry = golden["adapters"][kind];
    session.base = BaseModel::Load(kGolden + "/tiny-llama");
    session.initial = ReadPeft(kGolden + "/tiny-" + kind);
    session.fresh = false;
    TrainConfig& c = session.config;
    c.rollout.temperature = golden["temperature"];
    c.rl.clip_epsilon_low = golden["terms"]["clip_epsilon_low"];
    c.rl.clip_epsilon_high = golden["terms"]["clip_epsilon_high"];
    c.rl.kl_beta = golden["terms"]["kl_beta"];
    c.rl.importance_cap = golden["terms"]["importance_cap"];
    for (const json& s : entry["sequences"]) {
      PreparedProblem p;
      p.prompt.ids = s["prompt"].get<std::vector<int32_t>>();
      p.prompt.invocation_start = kind == "lora" ? 0 : FindInvocation(p.prompt.ids, session.initial.invocation).value();
      all.push_back(session.problems.size());
      examples.push_back({session.problems.size(), s["response"].get<std::vector<int32_t>>()});
      session.problems.push_back(p);
    }
    model = std::make_unique<Model>(session.base, dtype, &session.initial);
  }

  PromptEncoder Encoder() const {
    std::vector<const Prompt*> prompts;
    for (const auto& p : session.problems) prompts.push_back(&p.prompt);
    return PromptEncoder(*model, prompts);
  }

  Gradients Take() { return TakeGradients(*model); }

  double Sft(int64_t micro, std::vector<size_t> order) {
    session.config.sft.micro_batch_size = micro;
    return SftGradients(session, *model, Encoder(), examples, order, 0).loss;
  }

  PolicyBatch Batch(std::vector<size_t> order) {
    PolicyBatch batch;
    std::vector<float> old, ref;
    const PromptEncoder encoder = Encoder();
    for (size_t i : order) {
      const json& s = entry["sequences"][i];
      const Prompt* prompt = &session.problems[i].prompt;
      batch.sequences.push_back(MakeSequence(encoder.Encode({&prompt, 1})[0], *prompt, examples[i].response));
      batch.samples.push_back(i);
      batch.advantages.insert(batch.advantages.end(), s["sampler_logp"].size(), s["advantage"].get<float>());
      for (float x : s["sampler_logp"]) batch.sampler_logp.push_back(x);
      for (float x : s["old_logp"]) old.push_back(x);
      for (float x : s["ref_logp"]) ref.push_back(x);
    }
    const auto n = static_cast<double>(old.size()), count = static_cast<double>(order.size());
    batch.whole = {count, n, n, n};
    batch.unmasked = static_cast<int64_t>(order.size());
    batch.old_logp = at::tensor(old);
    batch.ref_logp = at::tensor(ref);
    return batch;
  }
};

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

Gradients ReadGolden(const Model& model, const std::string& path) {
  const SafetensorsFile file(path);
  Gradients out;
  for (const NamedParameter& p : model.parameters()) {
    const SafeTensor* t = file.Find(PeftName(p.name));
    EXPECT_NE(t, nullptr) << p.name;
    if (t != nullptr) out[p.name] = at::from_blob(const_cast<uint8_t*>(t->data), t->shape, at::kFloat).clone();
  }
  EXPECT_EQ(out.size(), file.tensors().size());
  return out;
}

// float32, two layers, sums of at most some hundred terms.
constexpr double kTolerance = 5e-5;

class GradientsOf : public ::testing::TestWithParam<const char*> {};

TEST_P(GradientsOf, AnSftStepAreThoseOfPyTorch) {
  Fixture f(GetParam());
  EXPECT_NEAR(f.Sft(2, f.all), f.entry["sft_loss"].get<double>(), 1e-5);
  EXPECT_LT(Distance(f.Take(), ReadGolden(*f.model, kGolden + "/train/" + f.kind + "-sft.safetensors")), kTolerance);
}

TEST_P(GradientsOf, AGrpoStepAreThoseOfPyTorch) {
  Fixture f(GetParam());
  f.session.config.rl.micro_batch_size = 2;
  const PolicyBatch batch = f.Batch(f.all);
  const PolicyUpdate update = AddPolicyGradients(f.session.config, *f.model, batch);
  EXPECT_NEAR(update.loss, f.entry["grpo_loss"].get<double>(), 1e-5);
  EXPECT_GT(update.clip_low + update.clip_high, 0.0);
  std::vector<float> logp;
  for (const json& s : f.entry["sequences"]) {
    for (float x : s["logp"]) logp.push_back(x);
  }
  EXPECT_LT((update.logp - at::tensor(logp)).abs().max().item<double>(), 2e-5);
  EXPECT_LT(Distance(f.Take(), ReadGolden(*f.model, kGolden + "/train/" + f.kind + "-grpo.safetensors")), kTolerance);
}

TEST_P(GradientsOf, AStepDoNotDependOnMicroBatchesPaddingOrOrder) {
  Fixture f(GetParam());
  const double loss = f.Sft(1, f.all);
  const Gradients alone = f.Take();
  EXPECT_NEAR(f.Sft(3, {2, 0, 1}), loss, 1e-6);
  EXPECT_LT(Distance(f.Take(), alone), kTolerance);

  f.session.config.rl.micro_batch_size = 1;
  PolicyBatch batch = f.Batch(f.all);
  AddPolicyGradients(f.session.config, *f.model, batch);
  const Gradients grpo_alone = f.Take();
  f.session.config.rl.micro_batch_size = 3;
  batch = f.Batch({1, 2, 0});
  AddPolicyGradients(f.session.config, *f.model, batch);
  EXPECT_LT(Distance(f.Take(), grpo_alone), kTolerance);
}

TEST_P(GradientsOf, AStepAreTheSameToTheBitWithCheckpointing) {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    Fixture f(GetParam(), dtype);
    f.session.config.adapter.dropout = f.session.initial.dora ? 0.0 : 0.2;
    const double loss = f.Sft(2, f.all);
    const Gradients kept = f.Take();
    f.session.config.model.gradient_checkpointing = true;
    EXPECT_EQ(f.Sft(2, f.all), loss);
    for (const auto& [name, gradient] : f.Take()) EXPECT_TRUE(at::equal(gradient, kept.at(name))) << name;
  }
}

TEST_P(GradientsOf, AStepDoNotDependOnTheTokensOfAMicroBatch) {
  Fixture f(GetParam());
  f.Sft(3, f.all);
  const Gradients together = f.Take();
  f.session.config.sft.micro_batch_tokens = 1;  // each example runs alone
  f.Sft(3, f.all);
  const Gradients apart = f.Take();
  EXPECT_LT(Distance(apart, together), kTolerance);
  f.session.config.sft.micro_batch_tokens = 4096;
  f.Sft(1, f.all);
  for (const auto& [name, gradient] : f.Take()) EXPECT_TRUE(at::equal(gradient, apart.at(name))) << name;
}

TEST_P(GradientsOf, TheFirstUpdateHaveRatioExactlyOne) {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    Fixture f(GetParam(), dtype);
    PolicyBatch batch = f.Batch(f.all);
    batch.old_logp = at::Tensor();
    EXPECT_EQ(AddPolicyGradients(f.session.config, *f.model, batch).max_ratio_error, 0.0);
    batch.old_logp = PolicyLogProbs(f.session.config, *f.model, batch.sequences);
    EXPECT_EQ(AddPolicyGradients(f.session.config, *f.model, batch).max_ratio_error, 0.0)
        << "log-probabilities with and without gradient differ";
  }
}

TEST_P(GradientsOf, Bfloat16AreNearThoseOfFloat32) {
  Fixture f(GetParam()), g(GetParam(), at::kBFloat16);
  EXPECT_NEAR(f.Sft(3, f.all), g.Sft(3, g.all), 0.02);
  const Gradients exact = f.Take(), rounded = g.Take();
  for (const auto& [name, t] : exact) {
    const at::Tensor &a = t, &b = rounded.at(name);
    const double cosine = (a * b).sum().item<double>() / (a.norm() * b.norm()).item<double>();
    EXPECT_GT(cosine, 0.995) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(, GradientsOf, ::testing::Values("alora", "lora"));

TEST(Reference, IsTheAdapterThatTheRunStartedFrom) {
  Fixture f("alora");
  const PolicyBatch batch = f.Batch(f.all);
  const at::Tensor start = RunBatch(*f.model, batch.sequences, {.temperature = 0.8}, nullptr);
  LoraAdapter moved = f.model->ToLora();
  for (auto& [name, pair] : moved.pairs) {
    for (float& x : pair.b) x *= 1.5f;
  }
  f.model->SetValues(moved);
  const at::Tensor now = RunBatch(*f.model, batch.sequences, {.temperature = 0.8}, nullptr);
  EXPECT_GT((now - start).abs().max().item<double>(), 1e-3);
  EXPECT_TRUE(at::equal(ReferenceLogProbs(f.session, *f.model, batch.sequences), start));
  EXPECT_TRUE(at::equal(RunBatch(*f.model, batch.sequences, {.temperature = 0.8}, nullptr), now)) << "the policy was not put back";
  f.session.fresh = true;
  const Model base(f.session.base, at::kFloat, nullptr);
  EXPECT_TRUE(at::allclose(ReferenceLogProbs(f.session, *f.model, batch.sequences), RunBatch(base, batch.sequences, {.temperature = 0.8}, nullptr), 1e-5, 1e-6));
}

TEST(Grpo, EntropyIsThatOfTheTemperedPolicy) {
  Fixture f("alora");
  const PolicyBatch batch = f.Batch(f.all);
  const PolicyUpdate update = AddPolicyGradients(f.session.config, *f.model, batch);
  at::NoGradGuard no_grad;
  double sum = 0;
  int64_t tokens = 0;
  for (const TrainSequence& s : batch.sequences) {
    const ModelInput input = {std::span(s.ids).first(s.ids.size() - 1), s.prompt.prefix()};
    const at::Tensor rows = at::arange(s.targets.front() - 1, static_cast<int64_t>(s.ids.size()) - 1);
    const at::Tensor logits = f.model->head().Logits(f.model->Forward({&input, 1}, rows, {})).to(at::kDouble);
    const at::Tensor logp = at::log_softmax(logits / f.session.config.rollout.temperature, -1);
    sum -= (logp.exp() * logp).sum().item<double>();
    tokens += rows.numel();
  }
  EXPECT_NEAR(update.entropy, sum / static_cast<double>(tokens), 2e-5);
}

TEST(Grpo, DividesByTheTokensOfTheStepNotOfTheBatch) {
  Fixture f("alora");
  PolicyBatch batch = f.Batch(f.all);
  const double loss = AddPolicyGradients(f.session.config, *f.model, batch).loss;
  const Gradients all = f.Take();
  batch.whole.rollout_tokens *= 2;  // as many tokens again in groups without a signal
  EXPECT_NEAR(AddPolicyGradients(f.session.config, *f.model, batch).loss, loss / 2, 1e-9);
  Gradients half = f.Take();
  for (auto& [name, t] : half) t.mul_(2);
  EXPECT_LT(Distance(half, all), 1e-6);
}

// LoraLinear's own forward and backward against autograd over the plain formula, with the mask that the same generator draws.
TEST(Dropout, IsThatOfThePlainFormula) {
  at::manual_seed(4);
  const double p = 0.4, scale = 1.7;
  const at::Tensor w0 = at::randn({6, 10}), w1 = at::randn({4, 10}), bias0 = at::randn({6}), bias1 = at::randn({4});
  LoraLinear layer({w0, w1}, {bias0, bias1}, at::kFloat);
  layer.AddLora(0, at::randn({3, 10}), at::randn({6, 3}), scale);
  layer.AddLora(1, at::randn({2, 10}), at::randn({4, 2}), 0.5 * scale);
  const at::Tensor x = at::randn({40, 10}).set_requires_grad(true), g = at::randn({40, 10});
  const auto generator = [] { return at::make_generator<at::CPUGeneratorImpl>(uint64_t{77}); };
  const at::Tensor y = layer.Forward(x, true, p, generator());
  y.backward(g);

  const at::Tensor mask = at::empty({40, 10}).bernoulli_(1 - p, generator()) / (1 - p);
  EXPECT_GT(mask.eq(0).sum().item<int64_t>(), 100);
  const at::Tensor plain_x = x.detach().clone().set_requires_grad(true);
  std::vector<at::Tensor> a, b;
  for (int i : {0, 1}) {
    a.push_back(layer.a(i).detach().clone().set_requires_grad(true));
    b.push_back(layer.b(i).detach().clone().set_requires_grad(true));
  }
  const at::Tensor dropped = plain_x * mask;
  const auto member = [&](int i, const at::Tensor& w, const at::Tensor& bias, double s) {
    return at::linear(plain_x, w, bias) + s * at::matmul(at::matmul(dropped, a[i].t()), b[i].t());
  };
  const at::Tensor expected = at::cat({member(0, w0, bias0, scale), member(1, w1, bias1, 0.5 * scale)}, 1);
  expected.backward(g);
  EXPECT_TRUE(at::allclose(y, expected, 1e-5, 1e-5));
  EXPECT_FALSE(at::allclose(y, layer.Forward(x, true), 1e-2, 1e-2)) << "nothing was dropped";
  EXPECT_TRUE(at::allclose(x.grad(), plain_x.grad(), 1e-5, 1e-5));
  for (int i : {0, 1}) {
    EXPECT_TRUE(at::allclose(layer.a(i).grad(), a[i].grad(), 1e-5, 1e-5)) << i;
    EXPECT_TRUE(at::allclose(layer.b(i).grad(), b[i].grad(), 1e-5, 1e-5)) << i;
  }
}

TEST(Dropout, ChangesAnSftStepByItsSeedAlone) {
  Fixture f("alora");
  const double plain = f.Sft(3, f.all);
  f.Take();
  f.session.config.adapter.dropout = 0.5;
  const double dropped = f.Sft(3, f.all);
  f.Take();
  EXPECT_NE(dropped, plain);
  EXPECT_EQ(f.Sft(3, f.all), dropped);
  f.session.config.run.seed = 99;
  EXPECT_NE(f.Sft(3, f.all), dropped);
}

}  // namespace
}  // namespace pith
