// Element types of weights as they lie in files, and the scalar reference for every block format.
//
// Block formats are ggml's: a row of K values is K/32 blocks.
//   Q8_0  34 bytes: f16 d, int8 q[32]                       x = d·q
//   Q4_0  18 bytes: f16 d, 16 bytes of nibbles               x = d·(q − 8);   byte j holds x[j] (low) and x[j+16] (high)
//   Q4_1  20 bytes: f16 d, f16 m, 16 bytes of nibbles        x = d·q + m
//   Q5_0  22 bytes: f16 d, 4 bytes of high bits, nibbles as Q4_0's      x = d·(q − 16);   bit i of the four bytes is the fifth of x[i]
//   Q5_1  24 bytes: f16 d, f16 m, high bits, nibbles         x = d·q + m
//   IQ4_NL 18 bytes: f16 d, 16 bytes of nibbles as Q4_0's    x = d·kIQ4Levels[q]: levels closer together near zero
// Q2_K to Q6_K and IQ4_XS have blocks of 256 values: base/super_blocks.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pith {

// Values are ggml's type numbers, so that they can be written to GGUF as they are.
enum class TensorType : uint32_t {
  kF32 = 0, kF16 = 1, kQ4_0 = 2, kQ4_1 = 3, kQ5_0 = 6, kQ5_1 = 7, kQ8_0 = 8, kQ2_K = 10, kQ3_K = 11, kQ4_K = 12, kQ5_K = 13,
  kQ6_K = 14, kIQ4_NL = 20, kIQ4_XS = 23, kBF16 = 30,
};

inline constexpr int kBlockSize = 32;        // values per block of the formats above
inline constexpr int kSuperBlockSize = 256;  // of the others

struct BlockQ8_0 { uint16_t d; int8_t q[32]; };
struct BlockQ4_0 { uint16_t d; uint8_t q[16]; };
struct BlockQ4_1 { uint16_t d, m; uint8_t q[16]; };
struct BlockQ5_0 { uint16_t d; uint8_t high[4], q[16]; };
struct BlockQ5_1 { uint16_t d, m; uint8_t high[4], q[16]; };
struct BlockIQ4_NL { uint16_t d; uint8_t q[16]; };
static_assert(sizeof(BlockQ8_0) == 34 && sizeof(BlockQ4_0) == 18 && sizeof(BlockQ4_1) == 20 && sizeof(BlockIQ4_NL) == 18);
static_assert(sizeof(BlockQ5_0) == 22 && sizeof(BlockQ5_1) == 24);

inline constexpr int8_t kIQ4Levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

const char* TypeName(TensorType type);                              // "q4_0"
std::optional<TensorType> TypeFromName(std::string_view name);      // case-insensitive
std::optional<TensorType> TypeFromGguf(uint32_t ggml_type);         // nothing for a type pith does not read
bool IsQuantised(TensorType type);
bool IsFourBit(TensorType type);                                    // at most five bits for a value, scales included
bool CanQuantise(TensorType type);                                  // whether Quantise() knows it: all but q2_k, q3_k, q5_k, iq4_xs
int ValuesPerBlock(TensorType type);                                // 1, 32 or 256
size_t BytesPerBlock(TensorType type);
// Bytes of a row of `cols` values. cols must be a multiple of ValuesPerBlock (checked).
size_t RowBytes(TensorType type, int64_t cols);

// Reference conversion of `count` consecutive values (a multiple of the block size for quantised types).
// Dequantise gives the bits of ggml's dequantize_row_*. Quantise rounds as llama.cpp's reference quantisers do, byte for byte
// (IQ4_NL: as its search does, up to ties; Q4_K and Q6_K: base/k_quantise.h). CanQuantise(type) must hold (checked).
void Dequantise(TensorType type, const void* in, float* out, int64_t count);
void Quantise(TensorType type, const float* in, void* out, int64_t count);

float F16ToF32(uint16_t h);
uint16_t F32ToF16(float f);   // round to nearest even
inline float BF16ToF32(uint16_t b);
uint16_t F32ToBF16(float f);  // round to nearest even; NaN stays NaN

inline float BF16ToF32(uint16_t b) {
  union { uint32_t u; float f; } v{static_cast<uint32_t>(b) << 16};
  return v.f;
}

}  // namespace pith
