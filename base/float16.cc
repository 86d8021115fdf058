// Conversions between f32 and the two 16-bit floats.
#include <bit>

#include "base/tensor_type.h"

namespace pith {

// Both f16 conversions are selects over straight-line arithmetic, without branches, so that loops over them vectorise.
float F16ToF32(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16;
  const uint32_t magnitude = static_cast<uint32_t>(h & 0x7fffu) << 13;  // exponent and mantissa in f32's places
  const uint32_t rebias = (127u - 15u) << 23;
  const uint32_t normal = magnitude + rebias;
  const uint32_t special = normal + rebias;  // infinity and NaN: exponent 31 becomes 255
  // A subnormal m·2^-24 is the mantissa of 2^-14 (1 + m/1024), less 2^-14.
  const uint32_t subnormal =
      std::bit_cast<uint32_t>(std::bit_cast<float>(normal + (1u << 23)) - 6.103515625e-05f);
  const uint32_t bits = magnitude >= (31u << 23) ? special : magnitude < (1u << 23) ? subnormal : normal;
  return std::bit_cast<float>(sign | bits);
}

uint16_t F32ToF16(float f) {
  const uint32_t all = std::bit_cast<uint32_t>(f);
  const uint32_t sign = (all >> 16) & 0x8000u;
  const uint32_t bits = all & 0x7fffffffu;
  const uint32_t odd = (bits >> 13) & 1u;
  const uint32_t normal = (bits - ((127u - 15u) << 23) + 0xfffu + odd) >> 13;
  // Adding 1/2, whose last mantissa bit is worth 2^-24 as f16's smallest subnormal is, rounds to nearest even.
  const uint32_t subnormal =
      std::bit_cast<uint32_t>(std::bit_cast<float>(bits < (113u << 23) ? bits : 0u) + 0.5f) - (126u << 23);
  const uint32_t nan = 0x7e00u | ((bits >> 13) & 0x1ffu);
  const uint32_t result = bits > 0x7f800000u       ? nan
                          : bits >= 0x477ff000u    ? 0x7c00u  // 65520 and above round to infinity
                          : bits < (113u << 23)    ? subnormal
                                                   : normal;
  return static_cast<uint16_t>(sign | result);
}

uint16_t F32ToBF16(float f) {
  const uint32_t bits = std::bit_cast<uint32_t>(f);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
  return static_cast<uint16_t>(nan ? (bits >> 16) | 0x40u : rounded);
}

}  // namespace pith
