// A part of the model that keeps only what enters it and is computed again for its gradients (Chen et al., arXiv 1604.06174).
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <functional>
#include <optional>
#include <utility>

namespace pith {

using TensorPair = std::pair<at::Tensor, at::Tensor>;
using RecomputedPart = std::function<TensorPair(const TensorPair& in, const std::optional<at::Generator>& generator)>;

// part(in, generator), differentiable in `in` and in whatever parameters the part reads: their gradients grow, to the bit, by what they
// would without it. At least one of `in` requires a gradient. What is drawn from `generator` is drawn again; `part` outlives the graph.
TensorPair Recomputed(const TensorPair& in, const std::optional<at::Generator>& generator, const RecomputedPart& part);

}  // namespace pith
