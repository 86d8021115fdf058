#include <cmath>
#include <cstdint>

#include "train/kernel_set.h"


namespace pith {
namespace {
#include "train/kernels_impl.inc"
}  // namespace

const KernelSet& BaseKernels() { return kSet; }

}  // namespace pith
