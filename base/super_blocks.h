// Block formats of 256 values, in parts of 16 or 32 that have scales of their own: small integers, which a few f16 of the block
// multiply. As ggml lays them out; a part's scale is called s, its offset o, and `d`, `dmin` are f16.
//
//   Q2_K   84 bytes: 16 parts of 16, s and o of 4 bits            x = (d·s)·q − dmin·o
//   Q3_K  110 bytes: 16 parts of 16, s of 6 bits                  x = (d·(s − 32))·q,  q in [−4, 3]
//   Q4_K  144 bytes: 8 parts of 32, s and o of 6 bits             x = (d·s)·q − dmin·o
//   Q5_K  176 bytes: as Q4_K, with a fifth bit for each q
//   Q6_K  210 bytes: 16 parts of 16, s of 8 bits, signed          x = (d·s)·(q − 32)
//   IQ4_XS 136 bytes: 8 parts of 32, s of 6 bits                  x = (d·(s − 32))·kIQ4Levels[q]
// Products associate as written, each rounded to float32: then every x has the bits of ggml's dequantize_row_*.
#pragma once

#include <cstdint>

#include "base/tensor_type.h"

namespace pith {

// Q2_K and Q3_K keep two bits of a code in `q`: byte i of the 32 bytes for each 128 values holds those of x[i], x[i + 32], x[i + 64] and
// x[i + 96], lowest bits first.
struct BlockQ2_K { uint8_t scales[16], q[64]; uint16_t d, dmin; };  // scales: s low, o high
// Bit j of high[i] is set where the code of x[i + 32·j] is not negative: it counts 4 less where the bit is clear.
// Scales: the low four bits of part i are nibble i / 8 of byte i % 8, the high two are bits 2·(i / 4) of byte 8 + i % 4.
struct BlockQ3_K { uint8_t high[32], q[64], scales[12]; uint16_t d; };
// Nibbles: byte i of the 32 bytes for each 64 values holds x[i] (low) and x[i + 32] (high).
// Scales of parts 0 to 3: six bits of bytes 0 to 3; offsets: of bytes 4 to 7. Of parts 4 to 7: the nibbles of bytes 8 to 11 (s low, o
// high), with their upper two bits on top of those twelve sixes.
struct BlockQ4_K { uint16_t d, dmin; uint8_t scales[12], q[128]; };
struct BlockQ5_K { uint16_t d, dmin; uint8_t scales[12], high[32], q[128]; };  // bit j of high[i]: of x[i + 32·j]
// For each 128 values: 64 bytes of nibbles, byte i for x[i] (low) and x[i + 64] (high); 32 bytes of upper pairs of bits, byte i for x[i],
// x[i + 32], x[i + 64], x[i + 96].
struct BlockQ6_K { uint8_t low[128], high[64]; int8_t scales[16]; uint16_t d; };
// The low four bits of part i's scale: nibble i % 2 of byte i / 2 of `scales_low`; the high two: bits 2·i of `scales_high`. Nibbles
// of a part as Q4_0's.
struct BlockIQ4_XS { uint16_t d, scales_high; uint8_t scales_low[4], q[128]; };
static_assert(sizeof(BlockQ2_K) == 84 && sizeof(BlockQ3_K) == 110 && sizeof(BlockQ4_K) == 144 && sizeof(BlockQ5_K) == 176);
static_assert(sizeof(BlockQ6_K) == 210 && sizeof(BlockIQ4_XS) == 136);

// 256 values each.
void DequantiseBlock(const BlockQ2_K& block, float* out);
void DequantiseBlock(const BlockQ3_K& block, float* out);
void DequantiseBlock(const BlockQ4_K& block, float* out);
void DequantiseBlock(const BlockQ5_K& block, float* out);
void DequantiseBlock(const BlockQ6_K& block, float* out);
void DequantiseBlock(const BlockIQ4_XS& block, float* out);

// The eight scales and offsets of Q4_K and Q5_K, each below 64, as their twelve bytes and back.
struct SixBitScales {
  uint8_t scale[8], offset[8];
};
SixBitScales UnpackSixBits(const uint8_t* twelve);
void PackSixBits(const SixBitScales& scales, uint8_t* twelve);

}  // namespace pith
