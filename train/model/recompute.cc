#include "train/model/recompute.h"

#include <ATen/core/grad_mode.h>
#include <ATen/core/ivalue.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "base/error.h"

namespace pith {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Recipe : torch::CustomClassHolder {
  RecomputedPart part;
  std::optional<at::Generator> generator;  // as it was before the part drew from it
};

class RecomputeFunction : public torch::autograd::Function<RecomputeFunction> {
 public:
  static variable_list forward(AutogradContext* ctx, const at::Tensor& first, const at::Tensor& second, const std::optional<at::Generator>& generator,
                               const RecomputedPart& part) {
    auto recipe = c10::make_intrusive<Recipe>();
    recipe->part = part;
    if (generator) recipe->generator = generator->clone();
    ctx->save_for_backward({first, second});
    ctx->saved_data["recipe"] = c10::IValue::make_capsule(std::move(recipe));
    const TensorPair out = part({first, second}, generator);
    return {out.first, out.second};
  }

  static variable_list backward(AutogradContext* ctx, const variable_list& grads) {
    const auto recipe = c10::static_intrusive_pointer_cast<Recipe>(ctx->saved_data["recipe"].toCapsule());
    const variable_list saved = ctx->get_saved_variables();
    const at::AutoGradMode grad_mode(true);
    const TensorPair in = {saved[0].detach().requires_grad_(), saved[1].detach().requires_grad_()};
    const TensorPair out = recipe->part(in, recipe->generator);
    torch::autograd::backward({out.first, out.second}, grads);
    return {in.first.grad(), in.second.grad(), {}, {}};
  }
};

}  // namespace

TensorPair Recomputed(const TensorPair& in, const std::optional<at::Generator>& generator, const RecomputedPart& part) {
  PITH_CHECK(in.first.requires_grad() || in.second.requires_grad(), "nothing to differentiate in");
  variable_list out = RecomputeFunction::apply(in.first, in.second, generator, part);
  return {out[0], out[1]};
}

}  // namespace pith
