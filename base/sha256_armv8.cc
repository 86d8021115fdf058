// SHA-256 by the SHA2 instructions of 64-bit Arm: four rounds, and four words of the message schedule, at once.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "base/sha256_compress.h"

namespace pith {

void Sha256CompressArmv8(uint32_t state[8], const uint8_t* blocks, size_t count) {
  uint32x4_t abcd = vld1q_u32(state), efgh = vld1q_u32(state + 4);
  for (; count > 0; --count, blocks += 64) {
    const uint32x4_t abcd_before = abcd, efgh_before = efgh;
    uint32x4_t w[4];  // the next sixteen words of the schedule
    for (int i = 0; i < 4; ++i) w[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(blocks + 16 * i)));
#pragma GCC unroll 16
    for (int four = 0; four < 16; ++four) {
      uint32x4_t& first = w[four % 4];
      const uint32x4_t second = w[(four + 1) % 4], third = w[(four + 2) % 4], fourth = w[(four + 3) % 4];
      const uint32x4_t sum = vaddq_u32(first, vld1q_u32(kSha256Round + 4 * four));
      const uint32x4_t abcd_now = abcd;
      abcd = vsha256hq_u32(abcd, efgh, sum);
      efgh = vsha256h2q_u32(efgh, abcd_now, sum);
      if (four < 12) first = vsha256su1q_u32(vsha256su0q_u32(first, second), third, fourth);
    }
    abcd = vaddq_u32(abcd, abcd_before);
    efgh = vaddq_u32(efgh, efgh_before);
  }
  vst1q_u32(state, abcd);
  vst1q_u32(state + 4, efgh);
}

}  // namespace pith
#endif
