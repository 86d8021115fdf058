#include "adapters/torch/lora_linear.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <c10/util/StringUtil.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "base/error.h"
#include "base/rng.h"

namespace pith {
namespace {

bool HasSlack(const at::Tensor& x, int64_t slack) {
  return x.stride(1) == 1 && x.stride(0) == x.size(1) + slack && x.storage_offset() == 0 &&
         x.storage().nbytes() == static_cast<size_t>(x.size(0) * x.stride(0)) * x.element_size();
}

// The base alone: no gradient but x's.
class FrozenFunction : public torch::autograd::Function<FrozenFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x, int64_t layer_address) {
    const auto& layer = *reinterpret_cast<const LoraLinear*>(layer_address);
    ctx->saved_data["layer"] = layer_address;
    at::AutoDispatchBelowADInplaceOrView guard;
    return layer.products().Sum({{x, Weights(layer), true}}, layer.bias());
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx, torch::autograd::variable_list grads) {
    const auto& layer = *reinterpret_cast<const LoraLinear*>(ctx->saved_data["layer"].toInt());
    return {layer.products().Sum({{grads[0].contiguous(), Weights(layer)}}), at::Tensor()};
  }

 private:
  static at::Tensor Weights(const LoraLinear& layer) { return layer.fused().narrow(1, 0, layer.in_features()); }
};

// The gradients of one call. Saved: [x, u]; with dropout, the mask; with DoRA, [x, u] · [W | s·B]ᵀ.
class LoraFunction : public torch::autograd::Function<LoraFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x, at::TensorList masters,
                            int64_t layer_address, const at::Tensor& xu, const std::optional<at::Tensor>& mask) {
    // `masters` only ties the parameters into the graph; their values are in the layer's matrices.
    const auto& layer = *reinterpret_cast<const LoraLinear*>(layer_address);
    ctx->saved_data["layer"] = layer_address;
    ctx->saved_data["masters"] = static_cast<int64_t>(masters.size());
    at::AutoDispatchBelowADInplaceOrView guard;
    const ProductTerm all = {xu, layer.fused(), true};
    if (!layer.gain().defined()) {
      ctx->save_for_backward({xu, mask.value_or(at::Tensor()), at::Tensor()});
      return layer.products().Sum({all}, layer.bias());
    }
    const at::Tensor v = layer.products().Sum({all});
    ctx->save_for_backward({xu, mask.value_or(at::Tensor()), v});
    at::Tensor y = v * layer.gain();  // in float32
    if (layer.bias().defined()) y.add_(layer.bias());
    return y.to(xu.scalar_type());
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list grads) {
    const auto& layer = *reinterpret_cast<const LoraLinear*>(ctx->saved_data["layer"].toInt());
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &xu = saved[0], &mask = saved[1], &v = saved[2];
    const int64_t k = layer.in_features();
    at::Tensor gy = grads[0].contiguous(), g_magnitude;
    if (v.defined()) {
      g_magnitude = (gy.to(at::kFloat) * v).sum(0).div_(layer.norm());
      gy = (gy * layer.gain()).to(xu.scalar_type());
    }
    const at::Tensor x = xu.narrow(1, 0, k), u = xu.narrow(1, k, layer.total_rank());

    const Products& products = layer.products();
    const at::Tensor gu = products.Sum({{gy, layer.fused().narrow(1, k, layer.total_rank())}});
    at::Tensor gx;
    if (ctx->needs_input_grad(0)) {
      const ProductTerm through_w = {gy, layer.fused().narrow(1, 0, k)}, through_a = {gu, layer.a_all()};
      gx = mask.defined() ? products.Sum({through_w}).add_(products.Sum({through_a}).mul_(mask)) : products.Sum({through_w, through_a});
    }
    // As rows of rank, so that what is long lies as it is.
    const at::Tensor ga = products.Sum({{gu.t().contiguous(), mask.defined() ? x * mask : x}});  // R × K
    const at::Tensor gb = products.Sum({{u.t().contiguous(), gy}});                              // R × N, (s·B)ᵀ; the diagonal blocks count

    torch::autograd::variable_list out = {gx};
    for (const auto& member : layer.members()) {
      if (!member.a.defined()) continue;
      const int64_t rank = member.a.size(0);
      at::Tensor g = ga.narrow(0, member.rank_begin, rank).to(at::kFloat);
      if (member.start_a.defined()) g = g + ga.narrow(0, member.rank_begin + rank, rank);  // ΔA stands in both halves
      out.push_back(g);
      out.push_back(gb.narrow(0, member.rank_begin, rank).narrow(1, member.row, member.out).t().to(at::kFloat).contiguous().mul_(member.scale));
      if (member.magnitude.defined()) out.push_back(g_magnitude.narrow(0, member.row, member.out).contiguous());
    }
    PITH_CHECK_EQ(static_cast<int64_t>(out.size()), ctx->saved_data["masters"].toInt() + 1);
    out.insert(out.end(), 3, at::Tensor());
    return out;
  }
};

}  // namespace

at::Tensor RowsWithSlack(int64_t m, int64_t k, int64_t slack, at::ScalarType dtype) {
  at::Tensor rows = at::empty({m, k + slack}, at::TensorOptions(dtype));
  return slack == 0 ? rows : rows.narrow(1, 0, k);
}

at::Tensor InitLoraA(int64_t rank, int64_t in, uint64_t seed, uint64_t stream) {
  at::Tensor a = at::empty({rank, in});
  Rng rng(seed, {0x6c6f7261, stream});
  const double bound = 1.0 / std::sqrt(static_cast<double>(in));
  float* p = a.data_ptr<float>();
  for (int64_t i = 0; i < a.numel(); ++i) p[i] = static_cast<float>((2.0 * rng.Uniform() - 1.0) * bound);
  return a;
}

LoraLinear::LoraLinear(const std::vector<at::Tensor>& weights, const std::vector<at::Tensor>& biases, at::ScalarType dtype,
                       const Products& products)
    : in_(weights[0].size(1)), dtype_(dtype), products_(&products) {
  for (const at::Tensor& w : weights) {
    PITH_CHECK_EQ(w.size(1), in_);
    Member member;
    member.row = out_;
    member.out = w.size(0);
    members_.push_back(member);
    out_ += w.size(0);
  }
  fused_ = at::cat(weights).to(dtype);
  a_all_ = at::empty({0, in_}, at::TensorOptions(dtype));
  if (!biases.empty()) bias_ = at::cat(biases).to(dtype);
}

namespace {

at::Tensor Master(const at::Tensor& values) { return values.to(at::kFloat).contiguous().clone().set_requires_grad(true); }

}  // namespace

void LoraLinear::AddLora(int member, const at::Tensor& a, const at::Tensor& b, double scale) {
  Member& m = members_[member];
  PITH_CHECK(!m.a.defined(), "this layer has a LoRA already");
  PITH_CHECK(a.size(1) == in_ && b.size(0) == m.out && b.size(1) == a.size(0), c10::str(a.sizes(), " ", b.sizes()));
  m.a = Master(a);
  m.b = Master(b);
  m.scale = scale;
  Widen(m, a.size(0));
  Refresh();
}

void LoraLinear::AddPissa(int member, const at::Tensor& step_a, const at::Tensor& step_b, const at::Tensor& start_a,
                          const at::Tensor& start_b, double scale) {
  Member& m = members_[member];
  PITH_CHECK(!m.a.defined(), "this layer has a LoRA already");
  PITH_CHECK(step_a.size(1) == in_ && step_b.size(0) == m.out && step_b.size(1) == step_a.size(0), c10::str(step_a.sizes(), " ", step_b.sizes()));
  m.a = Master(step_a);
  m.b = Master(step_b);
  m.scale = scale;
  SetStart(member, start_a, start_b);
  Widen(m, 2 * step_a.size(0));
  Refresh();
}

void LoraLinear::SetStart(int member, const at::Tensor& start_a, const at::Tensor& start_b) {
  Member& m = members_[member];
  PITH_CHECK(start_a.sizes() == m.a.sizes() && start_b.sizes() == m.b.sizes(), c10::str(start_a.sizes(), " ", start_b.sizes()));
  m.start_a = start_a.to(at::kFloat).contiguous().clone();
  m.start_b = start_b.to(at::kFloat).contiguous().clone();
}

void LoraLinear::AddMagnitude(int member, const at::Tensor& magnitude) {
  Member& m = members_[member];
  PITH_CHECK(m.a.defined() && !m.start_a.defined() && !m.magnitude.defined(), "a magnitude belongs to a LoRA without a start");
  PITH_CHECK(magnitude.dim() == 1 && magnitude.size(0) == m.out, c10::str(magnitude.sizes()));
  m.magnitude = Master(magnitude);
  if (!gain_.defined()) {
    gain_ = at::ones({out_});
    norm_ = at::ones({out_});
  }
  Refresh();
}

void LoraLinear::Widen(Member& m, int64_t rank) {
  at::NoGradGuard no_grad;
  m.rank = rank;
  m.rank_begin = total_rank_;
  total_rank_ += m.rank;
  at::Tensor wider = at::zeros({out_, in_ + total_rank_}, fused_.options());
  wider.narrow(1, 0, in_).copy_(fused_.narrow(1, 0, in_));
  fused_ = wider;
  a_all_ = at::zeros({total_rank_, in_}, fused_.options());
}

void LoraLinear::Refresh() {
  at::NoGradGuard no_grad;
  for (const Member& m : members_) {
    if (!m.a.defined()) continue;
    at::Tensor rows = a_all_.narrow(0, m.rank_begin, m.rank);
    at::Tensor columns = fused_.narrow(0, m.row, m.out).narrow(1, in_ + m.rank_begin, m.rank);
    const int64_t rank = m.a.size(0);
    columns.narrow(1, 0, rank).copy_(m.scale == 1.0 ? m.b : m.b * m.scale);
    if (m.start_a.defined()) {
      rows.narrow(0, 0, rank).copy_(m.start_a + m.a);
      rows.narrow(0, rank, rank).copy_(m.a);
      columns.narrow(1, rank, rank).copy_(m.start_b * m.scale);
    } else {
      rows.copy_(m.a);
    }
    if (m.magnitude.defined()) {
      at::Tensor whole = fused_.narrow(0, m.row, m.out).narrow(1, 0, in_).to(at::kFloat);
      if (whole.is_alias_of(fused_)) whole = whole.clone();
      const at::Tensor norm = whole.addmm_(m.b, m.a, 1.0, m.scale).norm(2, 1);
      // A row of zeros stays one whatever its magnitude says.
      const at::Tensor safe = at::where(norm > 0, norm, at::ones_like(norm));
      norm_.narrow(0, m.row, m.out).copy_(safe);
      gain_.narrow(0, m.row, m.out).copy_(at::where(norm > 0, m.magnitude / safe, at::ones_like(norm)));
    }
  }
}

at::Tensor LoraLinear::Forward(const at::Tensor& x, bool adapter, double dropout,
                               std::optional<at::Generator> generator) const {
  PITH_CHECK(!gain_.defined() || dropout == 0.0, "dropout with DoRA");
  if (!adapter || total_rank_ == 0) {
    return FrozenFunction::apply(x, reinterpret_cast<int64_t>(this));
  }

  at::Tensor xu, mask;
  {
    at::NoGradGuard no_grad;
    const at::Tensor values = x.detach();
    xu = HasSlack(values, total_rank_) ? values.as_strided({x.size(0), in_ + total_rank_}, {in_ + total_rank_, 1})
                                       : RowsWithSlack(x.size(0), in_ + total_rank_, 0, dtype_);
    if (xu.data_ptr() != values.data_ptr()) xu.narrow(1, 0, in_).copy_(values);
    if (dropout > 0.0) {
      mask = at::empty_like(values, at::MemoryFormat::Contiguous).bernoulli_(1.0 - dropout, generator).div_(1.0 - dropout);
    }
    // The slack is nobody's tensor: writing it must not count as a change of x.
    xu.variable_data().narrow(1, in_, total_rank_).copy_(products_->Sum({{mask.defined() ? values * mask : values, a_all_, true}}));
  }
  std::vector<at::Tensor> masters;
  for (const Member& m : members_) {
    if (!m.a.defined()) continue;
    masters.push_back(m.a);
    masters.push_back(m.b);
    if (m.magnitude.defined()) masters.push_back(m.magnitude);
  }
  return LoraFunction::apply(x, at::TensorList(masters), reinterpret_cast<int64_t>(this), xu,
                             mask.defined() ? std::optional<at::Tensor>(mask) : std::nullopt);
}

}  // namespace pith
