// kernels.h for every processor.
#include "train/model/kernel_set.h"

#include "runtime/kernels/float_vectors_any.h"

#include "train/model/kernels_impl.h"

namespace pith {

const KernelSet& BaseKernels() { return kSet; }

}  // namespace pith
