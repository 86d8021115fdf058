#include <cmath>
#include <cstdint>

#include "train/model/kernel_set.h"

namespace pith {
namespace {
#include "train/model/kernels_impl.inc"
}  // namespace

const KernelSet& BaseKernels() { return kSet; }

}  // namespace pith
