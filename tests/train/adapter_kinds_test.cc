// Rank patterns, DoRA and PiSSA in the trainer: against PEFT (tests/tools/adapters_golden.py), against the runtime, and in whole runs.

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>

#include "adapters/lora_names.h"
#include "adapters/packed_adapter.h"
#include "adapters/peft.h"
#include "adapters/torch/fresh_adapter.h"
#include "base/safetensors.h"
#include "runtime/engine.h"
#include "tests/train/tiny_run.h"
#include "train/proof/logits.h"

namespace pith {
namespace {

using nlohmann::json;
using testing::Execute;
using testing::MetricsOf;
using testing::Refusal;
using testing::Scratch;
using testing::TinyConfig;

const std::string kGolden = std::string(PITH_TEST_GOLDEN) + "/adapters/";
const std::string kTiny = std::string(PITH_TEST_GOLDEN) + "/tiny-llama";
constexpr double kLogitTolerance = 3e-5, kGradientTolerance = 5e-5;  // float32, as in parity_test and gradients_test

#define EXPECT_REFUSED(body, part)                                                    \
  do {                                                                                \
    const std::string sentence = Refusal([&] { body; });                              \
    EXPECT_NE(sentence.find(part), std::string::npos) << "the sentence: " << sentence; \
  } while (0)

std::shared_ptr<const BaseModel> Tiny() { return BaseModel::Load(kTiny); }

at::Tensor Get(const SafetensorsFile& file, const std::string& key) {
  const SafeTensor* t = file.Find(key);
  EXPECT_NE(t, nullptr) << key;
  return t == nullptr ? at::zeros({1}) : at::from_blob(const_cast<uint8_t*>(t->data), t->shape, at::kFloat).clone();
}

std::vector<float> ToVector(const at::Tensor& t) {
  const at::Tensor c = t.contiguous();
  return {c.data_ptr<float>(), c.data_ptr<float>() + c.numel()};
}

at::Tensor Logits(const Model& model, const std::vector<int32_t>& ids) {
  const auto rows = SequenceLogits(model, ids, 0);
  std::vector<at::Tensor> out;
  for (const auto& row : rows) out.push_back(at::tensor(row));
  return at::stack(out);
}

// The largest difference as a share of the largest value.
double Distance(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return (a - b).abs().max().item<double>() / b.abs().max().item<double>();
}

// The loss of the golden file, with gradients left in the model's parameters.
double Backward(const Model& model, const json& golden) {
  const auto ids = golden["ids"].get<std::vector<int32_t>>();
  Prompt prompt;
  const auto length = golden["prompt"].get<int64_t>();
  prompt.ids.assign(ids.begin(), ids.begin() + length);
  const Prompt* pointer = &prompt;
  const PromptEncoder encoder(model, {&pointer, 1});
  const TrainSequence s = MakeSequence(encoder.Encode({&pointer, 1})[0], prompt, std::span(ids).subspan(static_cast<size_t>(length)));
  const double weight = -1.0 / static_cast<double>(s.response_length());
  const at::Tensor logp = RunBatch(model, {&s, 1}, {}, [&](const at::Tensor& l, const at::Tensor&, int64_t, int64_t) {
    return RowGradients{at::full_like(l, weight), at::Tensor()};
  });
  return -logp.to(at::kDouble).mean().item<double>();
}

std::map<std::string, at::Tensor> Gradients(const Model& model) {
  std::map<std::string, at::Tensor> out;
  for (const NamedParameter& p : model.parameters()) {
    EXPECT_TRUE(p.tensor.grad().defined()) << p.name;
    out[p.name] = p.tensor.grad();
  }
  return out;
}

// "blk.0.attn_q.weight.lora_a" → module and what is behind the dot.
std::pair<std::string, std::string> Split(const std::string& parameter) {
  const size_t dot = parameter.rfind('.');
  return {ModuleName(*ParseWeightName(parameter.substr(0, dot))), parameter.substr(dot + 1)};
}

class PeftCase : public ::testing::TestWithParam<const char*> {};

TEST_P(PeftCase, GivesPeftsLogitsLossAndGradients) {
  const std::string path = kGolden + "peft-" + GetParam();
  const json golden = json::parse(ReadFile(path + ".json"));
  const SafetensorsFile file(path + ".safetensors");
  const LoraAdapter adapter = ReadPeft(path);
  const Model model(Tiny(), at::kFloat, &adapter);
  EXPECT_LT((Logits(model, golden["ids"]) - Get(file, "logits")).abs().max().item<double>(), kLogitTolerance);
  EXPECT_NEAR(Backward(model, golden), golden["loss"].get<double>(), 1e-5);
  const auto gradients = Gradients(model);
  EXPECT_EQ(gradients.size() + 1, file.tensors().size());
  for (const auto& [name, gradient] : gradients) {
    const auto [module, what] = Split(name);
    const std::string key = what == "lora_a" ? ".lora_A.weight" : what == "lora_b" ? ".lora_B.weight" : ".lora_magnitude_vector";
    EXPECT_LT(Distance(gradient, Get(file, "base_model.model." + module + key)), kGradientTolerance) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(, PeftCase, ::testing::Values("patterns", "dora"));

TEST(Dora, Bfloat16IsNearFloat32) {
  const LoraAdapter adapter = ReadPeft(kGolden + "peft-dora");
  const json golden = json::parse(ReadFile(kGolden + "peft-dora.json"));
  const Model exact(Tiny(), at::kFloat, &adapter), rounded(Tiny(), at::kBFloat16, &adapter);
  EXPECT_NEAR(Backward(exact, golden), Backward(rounded, golden), 0.03);
  const auto a = Gradients(exact), b = Gradients(rounded);
  for (const auto& [name, g] : a) {
    const double cosine = (g * b.at(name)).sum().item<double>() / (g.norm() * b.at(name).norm()).item<double>();
    EXPECT_GT(cosine, 0.99) << name;
  }
}

TEST(Dora, StartsAsTheBaseAndSwitchesOff) {
  const auto base = Tiny();
  LoraAdapter adapter = FreshAdapter(base->config(), {{"q_proj", "down_proj"}, 4, 8, {}, {}}, false, 3);
  adapter.activation = Activation::kAlways;
  StartMagnitudes(*base, &adapter);
  const Model model(base, at::kFloat, &adapter), bare(base, at::kFloat, nullptr);
  const std::vector<int32_t> ids = {5, 80, 33, 190, 7};
  EXPECT_LT((Logits(model, ids) - Logits(bare, ids)).abs().max().item<double>(), 1e-5);
  EXPECT_EQ(SequenceLogits(model, ids, std::nullopt), SequenceLogits(bare, ids, std::nullopt)) << "off: the base, whatever the magnitudes say";
}

// A row of W that is zero has no direction: it must neither divide by zero nor come to life.
TEST(Dora, RowsOfZeros) {
  at::manual_seed(1);
  at::Tensor w = at::randn({4, 6});
  w[2].zero_();
  at::Tensor b = at::randn({4, 2});
  b[2].zero_();
  LoraLinear layer({w}, {at::randn({4})}, at::kFloat);
  layer.AddLora(0, at::randn({2, 6}), b, 0.5);
  layer.AddMagnitude(0, at::ones({4}));
  const at::Tensor x = at::randn({3, 6}).set_requires_grad(true);
  const at::Tensor y = layer.Forward(x, true);
  EXPECT_TRUE(at::equal(y.select(1, 2), layer.bias()[2].expand({3})));
  y.sum().backward();
  for (const at::Tensor& g : {x.grad(), layer.a(0).grad(), layer.b(0).grad(), layer.magnitude(0).grad()}) EXPECT_TRUE(g.isfinite().all().item<bool>());
}

TEST(Pissa, StartsFromPeftsFactorsAndAddsNothing) {
  const auto base = Tiny();
  const SafetensorsFile file(kGolden + "pissa.safetensors");
  const LoraPlan plan{{"q_proj", "v_proj", "down_proj"}, 3, 6, {}, {}};
  LoraAdapter adapter = FreshAdapter(base->config(), plan, false, 3);
  adapter.activation = Activation::kAlways;
  StartFromPrincipal(*base, &adapter);
  EXPECT_EQ(adapter.rank, 6);
  EXPECT_EQ(adapter.scale(), 2.0);
  CheckAdapterFits(adapter, base->config());
  for (const auto& [name, pair] : adapter.pairs) {
    const std::string module = ModuleName(*ParseWeightName(name));
    EXPECT_EQ(adapter.scale(pair), 2.0);
    const at::Tensor a = at::tensor(pair.start_a).view({3, pair.in}), b = at::tensor(pair.b).view({pair.out, 6});
    EXPECT_LT(Distance(a, Get(file, module + ".start.A")), 2e-4) << name;  // a decomposition in float32
    EXPECT_LT(Distance(b.narrow(1, 3, 3), Get(file, module + ".start.B")), 2e-4) << name;
    EXPECT_EQ(b.narrow(1, 0, 3).abs().max().item<double>(), 0);
  }
  const std::vector<int32_t> ids = {5, 80, 33, 190, 7};
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const Model model(base, dtype, &adapter), bare(base, dtype, nullptr);
    EXPECT_LT((Logits(model, ids) - Logits(bare, ids)).abs().max().item<double>(), dtype == at::kFloat ? 1e-5 : 0.1);
    const LoraAdapter back = model.ToLora();
    for (const auto& [name, pair] : adapter.pairs) {
      EXPECT_EQ(back.pairs.at(name).a, pair.a) << name;
      EXPECT_EQ(back.pairs.at(name).b, pair.b) << name;
    }
  }
  // The product itself is exactly nothing, in whatever format: no rounding of A₀ and B₀ can show.
  for (const TensorType type : {TensorType::kQ4_0, TensorType::kBF16}) {
    const auto packed = PackedAdapter::FromLora(adapter, base->config(), type);
    for (const auto& [name, pair] : adapter.pairs) {
      const LinearPlace place = *ParseWeightName(name);
      const PackedPair& p = packed->pair(place.layer, place.kind);
      const at::Tensor a = at::tensor(p.a.ToF32()).view({6, pair.in}), b = at::tensor(p.b.ToF32()).view({pair.out, 6});
      EXPECT_EQ(at::mm(b, a).abs().max().item<double>(), 0) << name;
    }
  }
  LoraAdapter wide = FreshAdapter(base->config(), {{"k_proj"}, 33, 6, {}, {}}, false, 3);
  EXPECT_REFUSED(StartFromPrincipal(*base, &wide), "33 largest components of 'blk.0.attn_k.weight', which has 32");
}

TEST(Pissa, KeepsTheScaleWithRsLoraAndPatterns) {
  const auto base = Tiny();
  LoraAdapter adapter = FreshAdapter(base->config(), {{"q_proj", "v_proj"}, 4, 6, {{"v_proj", 2}}, {{"q_proj", 5}}}, true, 3);
  const LoraAdapter before = adapter;
  StartFromPrincipal(*base, &adapter);
  for (const auto& [name, pair] : before.pairs) {
    const LoraPair& grown = adapter.pairs.at(name);
    EXPECT_EQ(grown.rank, 2 * pair.rank);
    EXPECT_NEAR(adapter.scale(grown), before.scale(pair), 1e-12);
    // s·B₀·A₀ is the best approximation of that rank: what is left has the next singular value as its norm.
    const at::Tensor w = at::tensor(base->LoadHalvesF32(name)).view({pair.out, pair.in});
    const at::Tensor start_a = at::tensor(grown.start_a).view({pair.rank, pair.in});
    const at::Tensor start_b = at::tensor(grown.b).view({pair.out, 2 * pair.rank}).narrow(1, pair.rank, pair.rank);
    const at::Tensor left = w - before.scale(pair) * at::mm(start_b, start_a);
    const at::Tensor values = std::get<1>(at::linalg_svd(w)), rest = std::get<1>(at::linalg_svd(left));
    EXPECT_NEAR(rest[0].item<double>(), values[pair.rank].item<double>(), 1e-4) << name;
  }
}

LoraAdapter SteppedPissa(const json& golden, const SafetensorsFile& file) {
  const auto base = Tiny();
  const int64_t r = golden["rank"];
  LoraAdapter adapter;
  adapter.rank = 2 * r;
  adapter.alpha = 2 * golden["alpha"].get<double>();
  adapter.activation = Activation::kAlways;
  for (const char* target : {"q_proj", "v_proj", "down_proj"}) {
    const LoraAdapter one = FreshAdapter(base->config(), {{target}, 1, 1, {}, {}}, false, 1);
    for (const auto& [name, shape] : one.pairs) {
      const std::string module = ModuleName(*ParseWeightName(name));
      const auto get = [&](const char* what) { return Get(file, module + what); };
      LoraPair pair;
      pair.rank = 2 * r, pair.in = shape.in, pair.out = shape.out;
      pair.start_a = ToVector(get(".start.A"));
      pair.a = ToVector(at::cat({get(".start.A") + get(".step.A"), get(".step.A")}, 0));
      pair.b = ToVector(at::cat({get(".step.B"), get(".start.B")}, 1));
      adapter.pairs.emplace(name, pair);
    }
  }
  return adapter;
}

// Against PEFT's own form of it: W − s·B₀·A₀ as the base, s·B·A beside it, after a step of A and B.
TEST(Pissa, GivesPeftsLogitsLossAndGradients) {
  const json golden = json::parse(ReadFile(kGolden + "pissa.json"));
  const SafetensorsFile file(kGolden + "pissa.safetensors");
  const LoraAdapter adapter = SteppedPissa(golden, file);
  const Model model(Tiny(), at::kFloat, &adapter);
  EXPECT_LT((Logits(model, golden["ids"]) - Get(file, "logits")).abs().max().item<double>(), kLogitTolerance);
  EXPECT_NEAR(Backward(model, golden), golden["loss"].get<double>(), 1e-5);
  for (const auto& [name, gradient] : Gradients(model)) {
    const auto [module, what] = Split(name);
    EXPECT_LT(Distance(gradient, Get(file, module + (what == "lora_a" ? ".grad.A" : ".grad.B"))), kGradientTolerance) << name;
  }
  // To everybody else a plain LoRA of rank 2r: the same logits.
  LoraAdapter plain = adapter;
  for (auto& [name, pair] : plain.pairs) pair.start_a.clear();
  EXPECT_LT((Logits(Model(Tiny(), at::kFloat, &plain), golden["ids"]) - Logits(model, golden["ids"])).abs().max().item<double>(), kLogitTolerance);
  // SetValues takes the start over too.
  LoraAdapter fresh = adapter;
  for (auto& [name, pair] : fresh.pairs) {
    for (float& x : pair.a) x = 0;
    for (float& x : pair.b) x = 1;
    for (float& x : pair.start_a) x = 0;
  }
  Model other(Tiny(), at::kFloat, &fresh);
  other.SetValues(adapter);
  EXPECT_TRUE(at::equal(Logits(other, golden["ids"]), Logits(model, golden["ids"])));
}

at::Tensor EngineLogits(const AdapterRef& adapter, const std::vector<int32_t>& ids) {
  const auto base = Tiny();
  EngineOptions options;
  options.num_threads = 1;
  options.activations = ActivationType::kF32;
  options.kv_type = KvType::kF32;
  options.kv_tokens = 256;
  Engine engine(base, options);
  const SequenceId sequence = engine.NewSequence();
  engine.SetAdapter(sequence, adapter);
  std::vector<ForwardRow> rows;
  for (int32_t id : ids) rows.push_back({sequence, id, true});
  at::Tensor out = at::empty({static_cast<int64_t>(ids.size()), base->config().vocab_size});
  engine.Forward(rows, out.data_ptr<float>());
  return out;
}

TEST(Runtime, ComputesPatternsAndPissaAsTheTrainerDoes) {
  const json golden = json::parse(ReadFile(kGolden + "peft-patterns.json"));
  const LoraAdapter adapter = ReadPeft(kGolden + "peft-patterns");
  const SafetensorsFile file(kGolden + "peft-patterns.safetensors");
  const auto packed = PackedAdapter::FromLora(adapter, Tiny()->config(), TensorType::kF32);
  EXPECT_LT((EngineLogits(packed, golden["ids"]) - Get(file, "logits")).abs().max().item<double>(), kLogitTolerance);
  const json pissa = json::parse(ReadFile(kGolden + "pissa.json"));
  const SafetensorsFile started(kGolden + "pissa.safetensors");
  const auto packed_pissa = PackedAdapter::FromLora(SteppedPissa(pissa, started), Tiny()->config(), TensorType::kF32);
  EXPECT_LT((EngineLogits(packed_pissa, pissa["ids"]) - Get(started, "logits")).abs().max().item<double>(), kLogitTolerance);
}

struct Kind {
  const char* name;
  void (*set)(TrainConfig&);
};
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

class RunOf : public ::testing::TestWithParam<Kind> {};

// A whole SFT run: the loss falls, a run that was stopped and resumed is the same to the last bit, and the next stage goes on from it.
TEST_P(RunOf, LearnsResumesAndIsGoneOnFrom) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "whole");
  c.adapter.targets = {"q_proj", "v_proj", "down_proj"};
  c.optimizer.learning_rate = 2e-3;
  GetParam().set(c);
  Execute(c);
  const auto metrics = MetricsOf(c.run.folder);
  ASSERT_EQ(metrics.size(), 6u);
  EXPECT_LT(metrics.back()["loss"].get<double>(), metrics.front()["loss"].get<double>() - 0.05);
  TrainConfig stopped = c;
  stopped.run.folder = scratch.path + "/stopped";
  Execute(stopped, FolderMode::kNew, 3);
  Execute(stopped, FolderMode::kResume);
  for (const char* file : {"adapter_model.safetensors", "adapter_config.json"}) {
    EXPECT_EQ(ReadFile(stopped.run.folder + "/adapter/" + file), ReadFile(c.run.folder + "/adapter/" + file)) << file;
  }
  EXPECT_EQ(MetricsOf(stopped.run.folder), metrics);

  TrainConfig next = c;
  next.run.folder = scratch.path + "/next";
  next.run.init_adapter = c.run.folder + "/adapter";
  const Session session = OpenSession(next);
  const LoraAdapter finished = ReadPeft(next.run.init_adapter);
  EXPECT_TRUE(SameForm(session.initial, finished));
  Execute(next);
  EXPECT_LT(MetricsOf(next.run.folder).front()["loss"].get<double>(), metrics.front()["loss"].get<double>() - 0.05) << "it went on";
  if (finished.pissa()) {  // its start is the first run's
    for (const auto& [name, pair] : ReadPeft(next.run.folder + "/adapter").pairs) EXPECT_EQ(pair.start_a, finished.pairs.at(name).start_a) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(, RunOf,
                         ::testing::Values(Kind{"patterns",
                                              [](TrainConfig& c) {
                                                c.adapter.rank_pattern = {{"down_proj", 6}, {"layers.1.self_attn.q_proj", 2}};
                                                c.adapter.alpha_pattern = {{"v_proj", 3}};
                                                c.adapter.rslora = true;
                                              }},
                                         Kind{"dora",
                                              [](TrainConfig& c) {
                                                c.adapter.dora = true;
                                                c.adapter.activation = "always";
                                              }},
                                         Kind{"pissa", [](TrainConfig& c) { c.adapter.init = "pissa"; }},
                                         Kind{"pissa_patterns",
                                              [](TrainConfig& c) {
                                                c.adapter.init = "pissa";
                                                c.adapter.rank_pattern = {{"down_proj", 6}};
                                                c.adapter.rslora = true;
                                              }}),
                         [](const auto& info) { return info.param.name; });

// The sampler runs the packed form of what the trainer computes with: with float32 in both they agree.
TEST(Rl, SamplesWhatItTrains) {
  const Scratch scratch;
  for (const char* init : {"default", "pissa"}) {
    TrainConfig c = TinyConfig(scratch, "rl", init);
    c.rl.steps = 3;
    c.adapter.init = init;
    c.adapter.rslora = true;
    c.adapter.rank_pattern = {{"down_proj", 6}};
    c.adapter.alpha_pattern = {{"v_proj", 3}};
    c.model.dtype = "float32";
    c.rollout.activations = "f32";
    Execute(c);
    int64_t measured = 0;
    for (const json& line : MetricsOf(c.run.folder)) {
      if (!line.contains("sampling/sampling_logp_difference/max")) continue;
      ++measured;
      EXPECT_LT(line["sampling/sampling_logp_difference/max"].get<double>(), 1e-3) << init;
    }
    EXPECT_GE(measured, 2) << init;
  }
}

TEST(InitAdapter, MustBeWhatTheConfigurationDescribes) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "init");
  c.adapter.targets = {"q_proj", "v_proj"};
  c.adapter.init = "pissa";
  c.adapter.rank_pattern = {{"v_proj", 2}};
  WritePeft(OpenSession(c).initial, scratch.path + "/pissa");
  TrainConfig next = c;
  next.run.init_adapter = scratch.path + "/pissa";
  EXPECT_TRUE(OpenSession(next).initial.pissa());
  next.adapter.rank_pattern = {};
  EXPECT_REFUSED(OpenSession(next), "it has rank 2, alpha 8, rslora false (blk.0.attn_v.weight), but the configuration says rank 4");
  next.adapter.rank_pattern = {{"v_proj", 2}};
  next.adapter.alpha_pattern = {{"q_proj", 9}};
  EXPECT_REFUSED(OpenSession(next), "alpha 8, rslora false (blk.0.attn_q.weight), but the configuration says rank 4, alpha 9");
  next.adapter.alpha_pattern = {};
  next.adapter.rslora = true;
  EXPECT_REFUSED(OpenSession(next), "rslora true");
  next.adapter.rslora = false;
  next.adapter.init = "default";
  EXPECT_REFUSED(OpenSession(next), "go on from its start with adapter.init: pissa");
  // As a plain LoRA of twice the rank, all of which is trained.
  next.adapter.rank = 8;
  next.adapter.alpha = 16;
  next.adapter.rank_pattern = {{"v_proj", 4}};
  EXPECT_FALSE(OpenSession(next).initial.pissa());

  TrainConfig plain = c;
  plain.adapter.init = "default";
  WritePeft(OpenSession(plain).initial, scratch.path + "/plain");
  plain.run.init_adapter = scratch.path + "/plain";
  OpenSession(plain);
  plain.adapter.init = "pissa";
  EXPECT_REFUSED(OpenSession(plain), "not started by PiSSA");
  plain.adapter.init = "default";
  plain.adapter.dora = true;
  plain.adapter.activation = "always";
  EXPECT_REFUSED(OpenSession(plain), "it is no DoRA");
}

}  // namespace
}  // namespace pith
