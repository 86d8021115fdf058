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
    case Isa::kAvxVnni: return "avxvnni";
    case Isa::kAvx512Bw: return "avx512bw";
    case Isa::kAvx512Vnni: return "avx512vnni";
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

// Nor do older compilers know this one.
bool HasAvxVnni() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 1, &a, &b, &c, &d) != 0 && (a & 1u << 4) != 0;
}

}  // namespace
#endif

bool IsaAvailable(Isa isa) {
  switch (isa) {
    case Isa::kScalar: return true;
#if defined(__x86_64__)
    case Isa::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && HasF16c();
    case Isa::kAvxVnni: return IsaAvailable(Isa::kAvx2) && HasAvxVnni();
    case Isa::kAvx512Bw:
      return IsaAvailable(Isa::kAvx2) && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    case Isa::kAvx512Vnni: return IsaAvailable(Isa::kAvx512Bw) && __builtin_cpu_supports("avx512vnni");
    case Isa::kAvx512: return IsaAvailable(Isa::kAvx512Vnni) && __builtin_cpu_supports("avx512bf16");
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
    std::string names;
    for (Isa isa : kIsas) {
      if (std::string(wanted) == IsaName(isa) && !IsaAvailable(isa)) {
        ThrowUser("PITH_ISA asks for ", wanted, ", which this processor does not have; unset it, or use scalar");
      }
      if (std::string(wanted) == IsaName(isa)) return isa;
      if (IsaAvailable(isa)) names += (names.empty() ? "" : ", ") + std::string(IsaName(isa));
    }
    ThrowUser("PITH_ISA is '", wanted, "'; here it can be ", names);
  }
  // Client processors have AVX's VNNI alone; where there is AVX-512 without VNNI there is none at all.
  for (Isa isa : {Isa::kI8mm, Isa::kDotProd, Isa::kNeon, Isa::kAvx512, Isa::kAvx512Vnni, Isa::kAvxVnni, Isa::kAvx512Bw, Isa::kAvx2}) {
    if (IsaAvailable(isa)) return isa;
  }
  return Isa::kScalar;
}

}  // namespace

Isa FloatIsa(Isa isa) { return isa == Isa::kAvxVnni || isa == Isa::kAvx512Bw || isa == Isa::kAvx512Vnni ? Isa::kAvx2 : isa; }

Isa BestIsa() {
  static const Isa best = ChooseIsa();
  return best;
}

}  // namespace pith
