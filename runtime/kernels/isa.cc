// Which instruction sets this program was built with and may use here.
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
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
    case Isa::kAmx: return "amx";
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

// Linux saves tiles for those processes alone that have asked for them: without that, the first tile instruction ends the program.
bool HasAmx() {
#if defined(__linux__)
  constexpr unsigned kBf16 = 1u << 22, kTile = 1u << 24, kInt8 = 1u << 25, kAll = kBf16 | kTile | kInt8;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (d & kAll) != kAll) return false;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM of <asm/prctl.h>, which older systems lack
  static const bool allowed = syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return allowed;
#else
  return false;
#endif
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
    case Isa::kAmx: return IsaAvailable(Isa::kAvx512) && HasAmx();
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
  for (Isa isa : {Isa::kI8mm, Isa::kDotProd, Isa::kNeon, Isa::kAmx, Isa::kAvx512, Isa::kAvx512Vnni, Isa::kAvxVnni, Isa::kAvx512Bw, Isa::kAvx2}) {
    if (IsaAvailable(isa)) return isa;
  }
  return Isa::kScalar;
}

}  // namespace

Isa FloatIsa(Isa isa) {
  if (isa == Isa::kAmx) return Isa::kAvx512;
  return isa == Isa::kAvxVnni || isa == Isa::kAvx512Bw || isa == Isa::kAvx512Vnni ? Isa::kAvx2 : isa;
}

Isa BestIsa() {
  static const Isa best = ChooseIsa();
  return best;
}

}  // namespace pith
