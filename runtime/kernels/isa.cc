// Which instruction sets this program was built with and may use here.
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#endif

#include <cstdlib>
#include <string>

#include "base/error.h"
#include "runtime/kernels/linear.h"

namespace pith {

const char* ActivationTypeName(ActivationType type) {
  switch (type) {
    case ActivationType::kF32: return "f32";
    case ActivationType::kBF16: return "bf16";
    case ActivationType::kInt8: return "int8";
  }
  return "?";
}

const char* IsaName(Isa isa) {
  switch (isa) {
    case Isa::kScalar: return "scalar";
    case Isa::kAvx2: return "avx2";
    case Isa::kAvx512: return "avx512";
    case Isa::kNeon: return "neon";
    case Isa::kDotProd: return "dotprod";
    case Isa::kI8mm: return "i8mm";
  }
  return "?";
}

#if defined(__x86_64__)
namespace {

// Conversions of f16; clang's __builtin_cpu_supports does not know the name.
bool HasF16c() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}

}  // namespace
#endif

bool IsaAvailable(Isa isa) {
  switch (isa) {
    case Isa::kScalar: return true;
#if defined(__x86_64__)
    case Isa::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && HasF16c();
    case Isa::kAvx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16");
#elif defined(__aarch64__)
    case Isa::kNeon: return true;
    case Isa::kDotProd: return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
    case Isa::kI8mm: return IsaAvailable(Isa::kDotProd) && (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0;
#endif
    default: return false;
  }
  return false;
}

namespace {

Isa ChooseIsa() {
  if (const char* wanted = std::getenv("PITH_ISA"); wanted != nullptr && *wanted != '\0') {
    for (Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512, Isa::kNeon, Isa::kDotProd, Isa::kI8mm}) {
      if (std::string(wanted) != IsaName(isa)) continue;
      if (!IsaAvailable(isa)) {
        ThrowUser("PITH_ISA asks for ", wanted, ", which this processor does not have; unset it, or use scalar");
      }
      return isa;
    }
    ThrowUser("PITH_ISA is '", wanted, "'; it can be scalar, avx2 or avx512, on Arm scalar, neon, dotprod or i8mm");
  }
  for (Isa isa : {Isa::kI8mm, Isa::kDotProd, Isa::kNeon, Isa::kAvx512, Isa::kAvx2}) {
    if (IsaAvailable(isa)) return isa;
  }
  return Isa::kScalar;
}

}  // namespace

Isa BestIsa() {
  static const Isa best = ChooseIsa();
  return best;
}

}  // namespace pith
