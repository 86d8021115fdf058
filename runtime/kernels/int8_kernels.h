// The int8 kernel of each type of weights by one plan: Plan::Run<Format>.
#pragma once

#include "runtime/kernels/int8_formats.h"
#include "runtime/kernels/linear_kernels.h"

namespace pith {
namespace {

template <class Plan>
LinearKernel Int8KernelOf(TensorType type) {
  switch (type) {
    case TensorType::kQ8_0: return Plan::template Run<Int8Format<TensorType::kQ8_0>>;
    case TensorType::kQ4_0: return Plan::template Run<Int8Format<TensorType::kQ4_0>>;
    case TensorType::kQ4_1: return Plan::template Run<Int8Format<TensorType::kQ4_1>>;
    case TensorType::kQ5_0: return Plan::template Run<Int8Format<TensorType::kQ5_0>>;
    case TensorType::kQ5_1: return Plan::template Run<Int8Format<TensorType::kQ5_1>>;
    case TensorType::kIQ4_NL: return Plan::template Run<Int8Format<TensorType::kIQ4_NL>>;
    case TensorType::kIQ4_XS: return Plan::template Run<Int8Format<TensorType::kIQ4_XS>>;
    case TensorType::kQ4_K: return Plan::template Run<Int8Format<TensorType::kQ4_K>>;
    case TensorType::kQ5_K: return Plan::template Run<Int8Format<TensorType::kQ5_K>>;
    case TensorType::kQ6_K: return Plan::template Run<Int8Format<TensorType::kQ6_K>>;
    default: return nullptr;
  }
}

}  // namespace
}  // namespace pith
