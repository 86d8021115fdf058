#include "adapters/torch/lora_linear.h"

#include <cmath>

#include "base/error.h"
#include "base/rng.h"

namespace pith {
namespace {

bool HasSlack(const at::Tensor& x, int64_t slack) {
  return x.stride(1) == 1 && x.stride(0) == x.size(1) + slack && x.storage_offset() == 0 &&
         x.storage().nbytes() == static_cast<size_t>(x.size(0) * x.stride(0)) * x.element_size();
}

// The gradients of one call. Saved: [x, u] and, with dropout, the mask.
class LoraFunction : public torch::autograd::Function<LoraFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* ctx, const at::Tensor& x, at::TensorList masters,
                            int64_t layer_address, const at::Tensor& xu, const std::optional<at::Tensor>& mask) {
    // `masters` only ties the parameters into the graph; their values are in the layer's matrices.
    const auto& layer = *reinterpret_cast<const LoraLinear*>(layer_address);
    ctx->saved_data["layer"] = layer_address;
    ctx->saved_data["masters"] = static_cast<int64_t>(masters.size());
    ctx->save_for_backward({xu, mask.value_or(at::Tensor())});
    at::AutoDispatchBelowADInplaceOrView guard;
    return at::linear(xu, layer.fused(), layer.bias().defined() ? std::optional<at::Tensor>(layer.bias()) : std::nullopt);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* ctx,
                                                 torch::autograd::variable_list grads) {
    const auto& layer = *reinterpret_cast<const LoraLinear*>(ctx->saved_data["layer"].toInt());
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &xu = saved[0], &mask = saved[1];
    const int64_t k = layer.in_features();
    const at::Tensor gy = grads[0].contiguous();
    const at::Tensor x = xu.narrow(1, 0, k), u = xu.narrow(1, k, layer.total_rank());

    const at::Tensor gu = at::mm(gy, layer.fused().narrow(1, k, layer.total_rank()));
    at::Tensor gx;
    if (ctx->needs_input_grad(0)) {
      gx = at::mm(gy, layer.fused().narrow(1, 0, k));
      if (mask.defined()) {
        gx.add_(at::mm(gu, layer.a_all()).mul_(mask));
      } else {
        gx.addmm_(gu, layer.a_all());
      }
    }
    const at::Tensor ga = at::mm(gu.t(), mask.defined() ? x * mask : x);  // R × K
    const at::Tensor gb = at::mm(gy.t(), u);                              // N × R; the diagonal blocks count

    torch::autograd::variable_list out = {gx};
    for (const auto& member : layer.members()) {
      if (!member.a.defined()) continue;
      out.push_back(ga.narrow(0, member.rank_begin, member.rank).to(at::kFloat));
      out.push_back(gb.narrow(0, member.row, member.out).narrow(1, member.rank_begin, member.rank).to(at::kFloat)
                        .mul(member.scale));
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

LoraLinear::LoraLinear(const std::vector<at::Tensor>& weights, const std::vector<at::Tensor>& biases,
                       at::ScalarType dtype)
    : in_(weights[0].size(1)), dtype_(dtype) {
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

void LoraLinear::AddLora(int member, const at::Tensor& a, const at::Tensor& b, double scale) {
  Member& m = members_[member];
  PITH_CHECK(!m.a.defined(), "this layer has a LoRA already");
  PITH_CHECK(a.size(1) == in_ && b.size(0) == m.out && b.size(1) == a.size(0), a.sizes(), " ", b.sizes());
  m.a = a.to(at::kFloat).contiguous().clone().set_requires_grad(true);
  m.b = b.to(at::kFloat).contiguous().clone().set_requires_grad(true);
  m.scale = scale;
  m.rank = a.size(0);
  m.rank_begin = total_rank_;
  total_rank_ += m.rank;
  at::NoGradGuard no_grad;
  at::Tensor wider = at::zeros({out_, in_ + total_rank_}, fused_.options());
  wider.narrow(1, 0, in_).copy_(fused_.narrow(1, 0, in_));
  fused_ = wider;
  a_all_ = at::zeros({total_rank_, in_}, fused_.options());
  Refresh();
}

void LoraLinear::Refresh() {
  at::NoGradGuard no_grad;
  for (const Member& m : members_) {
    if (!m.a.defined()) continue;
    a_all_.narrow(0, m.rank_begin, m.rank).copy_(m.a);
    at::Tensor block = fused_.narrow(0, m.row, m.out).narrow(1, in_ + m.rank_begin, m.rank);
    block.copy_(m.scale == 1.0 ? m.b : m.b * m.scale);
  }
}

at::Tensor LoraLinear::Forward(const at::Tensor& x, bool adapter, double dropout,
                               std::optional<at::Generator> generator) const {
  const auto bias = bias_.defined() ? std::optional<at::Tensor>(bias_) : std::nullopt;
  if (!adapter || total_rank_ == 0) return at::linear(x, total_rank_ == 0 ? fused_ : fused_.narrow(1, 0, in_), bias);

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
    xu.variable_data().narrow(1, in_, total_rank_).copy_(at::mm(mask.defined() ? values * mask : values, a_all_.t()));
  }
  std::vector<at::Tensor> masters;
  for (const Member& m : members_) {
    if (!m.a.defined()) continue;
    masters.push_back(m.a);
    masters.push_back(m.b);
  }
  return LoraFunction::apply(x, at::TensorList(masters), reinterpret_cast<int64_t>(this), xu,
                             mask.defined() ? std::optional<at::Tensor>(mask) : std::nullopt);
}

}  // namespace pith
