#include "base/sha256.h"

#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <cstring>

namespace pith {
namespace {

#if defined(__x86_64__)
// By hand: not every compiler's __builtin_cpu_supports knows "sha".
bool HasShaNi() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kNeeded = bit_SSSE3 | bit_SSE4_1;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kNeeded) != kNeeded) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
}
#endif

}  // namespace

std::vector<Sha256Method> Sha256Methods() {
  std::vector<Sha256Method> methods{{"scalar", Sha256CompressScalar}};
#if defined(__x86_64__)
  if (HasShaNi()) methods.push_back({"sha-ni", Sha256CompressShaNi});
#elif defined(__aarch64__)
  if ((getauxval(AT_HWCAP) & HWCAP_SHA2) != 0) methods.push_back({"armv8", Sha256CompressArmv8});
#endif
  return methods;
}

const Sha256Method& BestSha256Method() {
  static const Sha256Method best = Sha256Methods().back();
  return best;
}

Sha256::Sha256(const Sha256Method& method)
    : compress_(method.compress),
      state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19},
      block_{} {}

void Sha256::Update(const void* data, size_t size_bytes) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  const size_t filled = total_ % 64;
  total_ += size_bytes;
  if (filled != 0) {
    const size_t take = std::min(size_bytes, 64 - filled);
    if (take != 0) std::memcpy(block_.data() + filled, bytes, take);
    bytes += take;
    size_bytes -= take;
    if (filled + take < 64) return;
    compress_(state_.data(), block_.data(), 1);
  }
  const size_t blocks = size_bytes / 64;
  if (blocks != 0) compress_(state_.data(), bytes, blocks);
  if (size_bytes % 64 != 0) std::memcpy(block_.data(), bytes + blocks * 64, size_bytes % 64);
}

Sha256::Bytes Sha256::Digest() {
  const uint64_t bits = total_ * 8;
  uint8_t padding[72] = {0x80};
  const size_t zeros_end = (total_ % 64 < 56 ? 56 : 120) - total_ % 64;
  for (int i = 0; i < 8; ++i) padding[zeros_end + static_cast<size_t>(i)] = static_cast<uint8_t>(bits >> (56 - 8 * i));
  Update(padding, zeros_end + 8);
  Bytes digest;
  for (size_t i = 0; i < digest.size(); ++i) digest[i] = static_cast<uint8_t>(state_[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}

std::string Sha256::HexDigest() {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const uint8_t byte : Digest()) hex += {kDigits[byte >> 4], kDigits[byte & 15]};
  return hex;
}

}  // namespace pith
