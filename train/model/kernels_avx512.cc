#include <cmath>
#include <cstdint>

#include "train/model/kernel_set.h"

#if defined(__x86_64__)
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,prefer-vector-width=512")
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

const KernelSet* Avx512Kernels() {
#if defined(__x86_64__)
  static const bool available = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  return available ? &kSet : nullptr;
#else
  return nullptr;
#endif
}

}  // namespace pith
