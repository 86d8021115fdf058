#include "adapters/torch/fresh_adapter.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

#include "adapters/lora_names.h"
#include "adapters/torch/lora_linear.h"
#include "base/error.h"
#include "base/progress.h"

namespace pith {
namespace {

std::vector<float> ToVector(const at::Tensor& t) {
  const at::Tensor c = t.to(at::kFloat).contiguous();
  return {c.data_ptr<float>(), c.data_ptr<float>() + c.numel()};
}

at::Tensor Weight(const BaseModel& base, const std::string& name, const LoraPair& pair) {
  const LinearPlace place = *ParseWeightName(name);
  const std::vector<float> values = base.LoadModuleF32(place.layer, place.kind);
  PITH_CHECK_EQ(static_cast<int64_t>(values.size()), pair.out * pair.in);
  return at::from_blob(const_cast<float*>(values.data()), {pair.out, pair.in}, at::kFloat).clone();
}

}  // namespace

LoraAdapter FreshAdapter(const ModelConfig& config, const LoraPlan& plan, bool rslora, uint64_t seed) {
  LoraAdapter adapter;
  adapter.rank = plan.rank;
  adapter.alpha = plan.alpha;
  adapter.rslora = rslora;
  for (const auto& [name, planned] : PlanPairs(plan, config)) {
    const LinearPlace place = *ParseWeightName(name);
    LoraPair pair;
    pair.rank = planned.rank;
    pair.in = LinearCols(config, place.kind);
    pair.out = LinearRows(config, place.kind);
    if (planned.alpha != plan.alpha) pair.alpha = planned.alpha;
    pair.a = ToVector(InitLoraA(pair.rank, pair.in, seed, static_cast<uint64_t>(place.layer * kNumLinearKinds + place.kind)));
    pair.b.assign(static_cast<size_t>(pair.out * pair.rank), 0.0f);
    adapter.pairs.emplace(name, std::move(pair));
  }
  return adapter;
}

void StartFromPrincipal(const BaseModel& base, LoraAdapter* adapter) {
  at::NoGradGuard no_grad;
  PITH_CHECK(!adapter->dora && !adapter->pissa());
  const double growth = adapter->rslora ? std::sqrt(2.0) : 2.0;  // of alpha, so that s stays at twice the rank
  ProgressBar progress("decompose", static_cast<int64_t>(adapter->pairs.size()));
  int64_t done = 0;
  for (auto& [name, pair] : adapter->pairs) {
    const int64_t rank = pair.rank;
    if (rank > std::min(pair.in, pair.out)) {
      ThrowUser("adapter.init pissa takes the ", rank, " largest components of '", name, "', which has ", std::min(pair.in, pair.out),
                "; lower adapter.rank, or its rank in adapter.rank_pattern");
    }
    const auto [u, s, v] = at::linalg_svd(Weight(base, name, pair), /*full_matrices=*/false);
    const at::Tensor root = (s.narrow(0, 0, rank) / adapter->scale(pair)).sqrt();
    at::Tensor start_a = v.narrow(0, 0, rank) * root.unsqueeze(1), start_b = u.narrow(1, 0, rank) * root;
    // A component's sign is the library's whim: its largest entry of A₀ is made positive.
    const at::Tensor largest = start_a.gather(1, start_a.abs().argmax(1, /*keepdim=*/true));
    const at::Tensor sign = at::where(largest < 0, -at::ones_like(largest), at::ones_like(largest));
    start_a = start_a * sign;
    start_b = start_b * sign.squeeze(1);
    pair.rank = 2 * rank;
    if (pair.alpha) *pair.alpha *= growth;
    pair.start_a = ToVector(start_a);
    pair.a = pair.start_a;
    pair.a.resize(2 * pair.start_a.size(), 0.0f);
    pair.b = ToVector(at::cat({at::zeros_like(start_b), start_b}, 1));
    progress.Update(++done);
  }
  adapter->rank *= 2;
  adapter->alpha *= growth;
}

void StartMagnitudes(const BaseModel& base, LoraAdapter* adapter) {
  at::NoGradGuard no_grad;
  PITH_CHECK(!adapter->dora && !adapter->pissa());
  for (auto& [name, pair] : adapter->pairs) pair.magnitude = ToVector(Weight(base, name, pair).norm(2, 1));
  adapter->dora = true;
}

}  // namespace pith
