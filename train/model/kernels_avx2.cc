#include <cmath>
#include <cstdint>

#include "train/model/kernel_set.h"

#if defined(__x86_64__)
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c")
#endif
#pragma GCC optimize("fp-contract=fast")
namespace pith {
namespace {
#if defined(__x86_64__)
#include "train/model/kernels_impl.inc"
#endif
}  // namespace
}  // namespace pith
#if defined(__x86_64__)
#pragma GCC pop_options
#endif

namespace pith {

const KernelSet* Avx2Kernels() {
#if defined(__x86_64__)
  static const bool available = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return available ? &kSet : nullptr;
#else
  return nullptr;
#endif
}

}  // namespace pith
