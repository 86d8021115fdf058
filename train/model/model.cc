#include "train/model/model.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "train/model/ops.h"
#include "train/model/recompute.h"
#include "train/model/tile_products.h"

namespace pith {
namespace {

// kLinearKinds by the input that they share; the outputs of those that a model has stand side by side.
enum Group { kQkv, kOutput, kGateUp, kDown, kNumGroups };
constexpr Group kGroups[kNumModuleKinds] = {kQkv, kQkv, kQkv, kOutput, kGateUp, kGateUp, kDown, kQkv, kGateUp};

std::string WeightName(int64_t layer, int kind) { return Str("blk.", layer, ".", kLinearKinds[kind].gguf, ".weight"); }

at::Tensor LoadTensor(const BaseModel& base, const std::string& name, std::vector<int64_t> shape) {
  const std::vector<float> values = base.LoadHalvesF32(name);
  at::Tensor t = at::empty(shape);
  PITH_CHECK_EQ(static_cast<int64_t>(values.size()), t.numel());
  std::memcpy(t.data_ptr(), values.data(), values.size() * sizeof(float));
  return t;
}

// A large matrix in `dtype`, a block of rows at a time: in float32 an embedding would for a moment take more memory than all of the layers.
at::Tensor LoadMatrix(const BaseModel& base, const std::string& name, int64_t rows, int64_t cols, at::ScalarType dtype) {
  const TensorView view = base.Tensor(name);
  PITH_CHECK(view.rows == rows && view.cols == cols, name, " ", view.rows, " x ", view.cols);
  at::Tensor t = at::empty({rows, cols}, at::TensorOptions(dtype));
  const int64_t block = std::max<int64_t>(1, (int64_t{4} << 20) / cols);
  for (int64_t begin = 0; begin < rows; begin += block) {
    const int64_t n = std::min(block, rows - begin);
    std::vector<float> values(static_cast<size_t>(n * cols));
    Dequantise(view.type, view.row(begin), values.data(), n * cols);
    t.narrow(0, begin, n).copy_(at::from_blob(values.data(), {n, cols}, at::kFloat));
  }
  return t;
}

at::Tensor FromVector(const std::vector<float>& values, int64_t rows, int64_t cols) {
  PITH_CHECK_EQ(static_cast<int64_t>(values.size()), rows * cols);
  return at::from_blob(const_cast<float*>(values.data()), {rows, cols}, at::kFloat).clone();
}

std::vector<float> ToVector(const at::Tensor& t) {
  const at::Tensor c = t.detach().contiguous();
  return {c.data_ptr<float>(), c.data_ptr<float>() + c.numel()};
}

struct Layer {
  at::Tensor attn_norm, ffn_norm;
  std::vector<at::Tensor> head_norms;                // of queries and of keys; empty where there are none
  at::Tensor post_attention_norm, post_ffw_norm;     // undefined where there are none
  std::array<std::unique_ptr<LoraLinear>, kNumGroups> linear;
};

// A pair of the adapter and the member that computes with it.
struct Adapted {
  std::string weight;
  LoraLinear* linear;
  int member;
};

// A pair as tensors. With PiSSA: a and b are the steps.
struct PairTensors {
  at::Tensor a, b, start_a, start_b, magnitude;

  explicit PairTensors(const LoraPair& pair) {
    a = FromVector(pair.a, pair.rank, pair.in);
    b = FromVector(pair.b, pair.out, pair.rank);
    if (pair.pissa()) {  // [A₀ + ΔA; ΔA], [ΔB, B₀]
      const int64_t r = pair.rank / 2;
      start_a = FromVector(pair.start_a, r, pair.in);
      start_b = b.narrow(1, r, r);
      a = a.narrow(0, r, r);
      b = b.narrow(1, 0, r);
    }
    if (!pair.magnitude.empty()) magnitude = FromVector(pair.magnitude, 1, pair.out)[0];
  }
};

}  // namespace

struct Model::Impl {
  std::shared_ptr<const BaseModel> base;
  at::ScalarType dtype;
  std::vector<Layer> layers;
  at::Tensor output_norm, embedding;  // embedding: only where untied
  std::unique_ptr<Head> head;
  LoraAdapter shape;  // as given, values not kept up to date
  std::vector<Adapted> adapted;
  std::vector<NamedParameter> parameters;
  const Ranks alone;
  const Ranks* ranks = &alone;

  void AddPair(const std::string& weight, const LoraPair& pair, double scale, LoraLinear* linear, int member) {
    const PairTensors t(pair);
    if (t.start_a.defined()) {
      linear->AddPissa(member, t.a, t.b, t.start_a, t.start_b, scale);
    } else {
      linear->AddLora(member, t.a, t.b, scale);
    }
    if (t.magnitude.defined()) linear->AddMagnitude(member, t.magnitude);
    adapted.push_back({weight, linear, member});
    parameters.push_back({weight + ".lora_a", linear->a(member)});
    parameters.push_back({weight + ".lora_b", linear->b(member)});
    if (t.magnitude.defined()) parameters.push_back({weight + ".magnitude", linear->magnitude(member)});
  }

  at::Tensor Embed(const at::Tensor& ids) const {
    const at::Tensor x = embedding.defined() ? embedding.index_select(0, ids).to(at::kFloat) : head->Embed(ids);
    const double scale = base->config().embedding_scale;
    return scale == 1 ? x : x * static_cast<float>(scale);
  }

  // A forward pass: what is the same for all its layers.
  struct Pass {
    std::shared_ptr<const AttentionPlan> plan;
    at::Tensor ids;
    bool adapter = false;
    double dropout = 0.0;
    std::optional<at::Generator> generator;
    bool checkpointing = false;
    KvRows* keep = nullptr;  // receives keys and values: what nobody reads of the last layer is left out
  };

  // The residual stream, and what is still to be added to it, before layer `l` → behind it.
  TensorPair RunLayer(const Pass& pass, size_t l, const TensorPair& in, const std::optional<at::Generator>& generator) const {
    const ModelConfig& c = base->config();
    const double eps = c.rms_norm_eps;
    const Layer& layer = layers[l];
    const auto number = static_cast<int64_t>(l);
    const auto slack = [&](Group next) { return pass.adapter ? layer.linear[next]->total_rank() : 0; };
    const auto linear = [&](Group group, const at::Tensor& x) { return layer.linear[group]->Forward(x, pass.adapter, pass.dropout, generator); };
    const auto post = [&](const at::Tensor& added, const at::Tensor& norm) { return norm.defined() ? NormRuns(added, {norm}, {1}, eps) : added; };
    auto [x, normed] = AddRmsNorm(in.first, in.second, layer.attn_norm, eps, slack(kQkv), dtype);
    at::Tensor qkv = linear(kQkv, normed);
    if (c.qk_norm) qkv = NormRuns(qkv, layer.head_norms, {c.num_heads, c.num_kv_heads}, eps);
    if (pass.keep != nullptr && l + 1 == layers.size()) {
      KeepKv(qkv, *pass.plan, number, pass.keep);
      return {};
    }
    at::Tensor delta = linear(kOutput, Attention(qkv, pass.plan, number, slack(kOutput), pass.keep));
    delta = post(delta, layer.post_attention_norm);
    std::tie(x, normed) = AddRmsNorm(x, delta, layer.ffn_norm, eps, slack(kGateUp), dtype);
    delta = linear(kDown, Activate(linear(kGateUp, normed), c.feed_forward, slack(kDown)));
    return {x, post(delta, layer.post_ffw_norm)};
  }

  // All layers.
  TensorPair Run(const Pass& pass) const {
    TensorPair stream = {Embed(pass.ids), {}};
    for (size_t l = 0; l < layers.size(); ++l) {
      // What enters the first adapted layer requires no gradient, and nothing before it keeps anything.
      if (pass.checkpointing && at::GradMode::is_enabled() && stream.second.defined() && stream.second.requires_grad()) {
        stream = Recomputed(stream, pass.generator, [this, pass, l](const TensorPair& in, const std::optional<at::Generator>& generator) {
          return RunLayer(pass, l, in, generator);
        });
      } else {
        stream = RunLayer(pass, l, stream, pass.generator);
      }
    }
    return stream;
  }

  std::shared_ptr<AttentionPlan> Plan(std::span<const ModelInput> inputs, at::Tensor* ids) const {
    auto plan = std::make_shared<AttentionPlan>();
    for (const ModelInput& input : inputs) {
      PackedSequence s;
      s.row = plan->num_rows;
      s.length = static_cast<int64_t>(input.ids.size());
      s.prefix = input.prefix;
      plan->num_rows += s.length;
      plan->sequences.push_back(std::move(s));
    }
    const ModelConfig& c = base->config();
    plan->Finish(c);
    if (plan->max_total > c.context_length) {
      ThrowUser("a sequence has ", plan->max_total, " tokens, but the model's context is ", c.context_length);
    }
    *ids = at::empty({plan->num_rows}, at::kLong);
    int64_t* p = ids->data_ptr<int64_t>();
    for (const ModelInput& input : inputs) {
      for (int32_t id : input.ids) {
        PITH_CHECK(id >= 0 && id < c.vocab_size, id);
        *p++ = id;
      }
    }
    return plan;
  }
};

Model::Model(std::shared_ptr<const BaseModel> base, at::ScalarType dtype, const LoraAdapter* adapter, int64_t num_ids, int64_t num_layers)
    : impl_(std::make_unique<Impl>()) {
  at::NoGradGuard no_grad;
  const ModelConfig& c = base->config();
  if (adapter != nullptr) CheckAdapterFits(*adapter, c);
  for (int64_t l = 0; l < (num_layers > 0 ? std::min(num_layers, c.num_layers) : c.num_layers); ++l) {
    Layer layer;
    layer.attn_norm = LoadTensor(*base, Str("blk.", l, ".attn_norm.weight"), {c.d_model});
    layer.ffn_norm = LoadTensor(*base, Str("blk.", l, ".ffn_norm.weight"), {c.d_model});
    if (c.qk_norm) {
      for (const char* name : {".attn_q_norm.weight", ".attn_k_norm.weight"}) layer.head_norms.push_back(LoadTensor(*base, Str("blk.", l, name), {c.head_dim}));
    }
    if (c.post_norms) {
      layer.post_attention_norm = LoadTensor(*base, Str("blk.", l, ".post_attention_norm.weight"), {c.d_model});
      layer.post_ffw_norm = LoadTensor(*base, Str("blk.", l, ".post_ffw_norm.weight"), {c.d_model});
    }
    std::array<std::vector<at::Tensor>, kNumGroups> weights, biases;
    std::array<int, kNumModuleKinds> members{};  // their places among their group's
    for (const int kind : ModuleKinds(c)) {
      std::vector<at::Tensor>& group = weights[kGroups[kind]];
      members[static_cast<size_t>(kind)] = static_cast<int>(group.size());
      group.push_back(FromVector(base->LoadModuleF32(l, kind), LinearRows(c, kind), LinearCols(c, kind)).to(dtype));
      if (c.qkv_bias && kGroups[kind] == kQkv) {
        biases[kQkv].push_back(LoadTensor(*base, Str("blk.", l, ".", kLinearKinds[kind].gguf, ".bias"), {LinearRows(c, kind)}));
      }
    }
    for (int g = 0; g < kNumGroups; ++g) layer.linear[g] = std::make_unique<LoraLinear>(weights[g], biases[g], dtype, BestProducts());
    for (const int kind : ModuleKinds(c)) {
      if (adapter == nullptr) break;
      const auto found = adapter->pairs.find(WeightName(l, kind));
      if (found == adapter->pairs.end()) continue;
      impl_->AddPair(found->first, found->second, adapter->scale(found->second), layer.linear[kGroups[kind]].get(),
                     members[static_cast<size_t>(kind)]);
    }
    impl_->layers.push_back(std::move(layer));
  }
  impl_->output_norm = LoadTensor(*base, "output_norm.weight", {c.d_model});
  at::Tensor embedding = LoadMatrix(*base, "token_embd.weight", c.vocab_size, c.d_model, dtype);
  if (!c.tied_embeddings) {
    impl_->embedding = std::move(embedding);
    embedding = LoadMatrix(*base, "output.weight", c.vocab_size, c.d_model, dtype);
  }
  impl_->head = std::make_unique<Head>(embedding, dtype, c.logit_soft_cap, Head::kChunkBytes, std::min(num_ids, c.vocab_size), BestProducts());
  if (adapter != nullptr) {
    impl_->shape = *adapter;
    for (auto& [name, pair] : impl_->shape.pairs) pair.a.clear(), pair.b.clear();
  }
  impl_->base = std::move(base);
  impl_->dtype = dtype;
}

Model::~Model() = default;
void Model::SetRanks(const Ranks& ranks) { impl_->ranks = &ranks; }
const Ranks& Model::ranks() const { return *impl_->ranks; }
const ModelConfig& Model::config() const { return impl_->base->config(); }
const BaseModel& Model::base() const { return *impl_->base; }
const Head& Model::head() const { return *impl_->head; }
const std::vector<NamedParameter>& Model::parameters() const { return impl_->parameters; }

void Model::AdapterChanged() {
  for (Layer& layer : impl_->layers) {
    for (auto& linear : layer.linear) linear->Refresh();
  }
}

LoraAdapter Model::ToLora() const {
  at::NoGradGuard no_grad;
  LoraAdapter out = impl_->shape;
  for (const Adapted& p : impl_->adapted) {
    LoraPair& pair = out.pairs.at(p.weight);
    const at::Tensor &a = p.linear->a(p.member), &b = p.linear->b(p.member);
    const at::Tensor &start_a = p.linear->start_a(p.member), &start_b = p.linear->start_b(p.member);
    pair.a = ToVector(start_a.defined() ? at::cat({start_a + a, a}, 0) : a);
    pair.b = ToVector(start_b.defined() ? at::cat({b, start_b}, 1) : b);
    if (start_a.defined()) pair.start_a = ToVector(start_a);
    if (p.linear->magnitude(p.member).defined()) pair.magnitude = ToVector(p.linear->magnitude(p.member));
  }
  return out;
}

void Model::SetValues(const LoraAdapter& adapter) {
  at::NoGradGuard no_grad;
  PITH_CHECK(SameForm(adapter, impl_->shape), "an adapter of another form");
  for (const Adapted& p : impl_->adapted) {
    const PairTensors t(adapter.pairs.at(p.weight));
    at::Tensor a = p.linear->a(p.member), b = p.linear->b(p.member), magnitude = p.linear->magnitude(p.member);
    a.copy_(t.a);
    b.copy_(t.b);
    if (t.start_a.defined()) p.linear->SetStart(p.member, t.start_a, t.start_b);
    if (magnitude.defined()) magnitude.copy_(t.magnitude);
  }
  AdapterChanged();
}

std::vector<KvSpan> Model::EncodeBase(std::span<const ModelInput> inputs) const {
  at::NoGradGuard no_grad;
  at::Tensor ids;
  const auto plan = impl_->Plan(inputs, &ids);
  auto rows = std::make_shared<KvRows>();
  impl_->Run({.plan = plan, .ids = ids, .keep = rows.get()});
  std::vector<KvSpan> spans;
  for (const PackedSequence& s : plan->sequences) spans.push_back({rows, s.row, s.length});
  return spans;
}

at::Tensor Model::Forward(std::span<const ModelInput> inputs, const at::Tensor& rows, const ForwardOptions& options) const {
  at::Tensor ids;
  const auto plan = impl_->Plan(inputs, &ids);
  const auto [x, delta] = impl_->Run({.plan = plan, .ids = ids, .adapter = options.adapter, .dropout = options.dropout, .generator = options.generator,
                                      .checkpointing = options.gradient_checkpointing});
  return AddRmsNorm(x.index_select(0, rows), delta.index_select(0, rows), impl_->output_norm, config().rms_norm_eps, 0, impl_->dtype).second;
}

}  // namespace pith
