// What a backward pass left in a model's parameters.
#pragma once

#include <map>
#include <string>

#include "train/model/model.h"

namespace pith::testing {

using Gradients = std::map<std::string, at::Tensor>;  // by the parameters' names

// Copies; the parameters have none afterwards.
inline Gradients TakeGradients(const Model& model) {
  Gradients out;
  for (NamedParameter p : model.parameters()) {
    out[p.name] = p.tensor.grad().clone();
    p.tensor.mutable_grad() = at::Tensor();
  }
  return out;
}

}  // namespace pith::testing
