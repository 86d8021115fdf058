// Numbers and names of the GGUF format that its reader and its writer share.
#pragma once

#include <cstdint>

namespace pith {

inline constexpr uint64_t kGgufDefaultAlignment = 32;
inline constexpr char kGgufAlignmentKey[] = "general.alignment";

// Which part of a split model a file is (from 0), of how many, and how many tensors all have together.
inline constexpr char kGgufSplitNoKey[] = "split.no";
inline constexpr char kGgufSplitCountKey[] = "split.count";
inline constexpr char kGgufSplitTensorsKey[] = "split.tensors.count";

// Types of metadata values, as numbered in the format.
enum class GgufType : uint32_t {
  kU8 = 0, kI8 = 1, kU16 = 2, kI16 = 3, kU32 = 4, kI32 = 5, kF32 = 6, kBool = 7, kString = 8, kArray = 9, kU64 = 10,
  kI64 = 11, kF64 = 12,
};

// Bytes of one metadata value of a fixed-size type; 0 for strings, arrays and unknown types.
uint64_t GgufFixedSize(GgufType type);

// How ggml lays out a tensor type: `bytes` for every `values` consecutive values of a row. values == 0: unknown to us.
struct GgmlTypeSize {
  uint32_t values = 0, bytes = 0;
};
GgmlTypeSize GgmlSizeOf(uint32_t ggml_type);
bool IsGgmlInteger(uint32_t ggml_type);  // i8 to i64

}  // namespace pith
