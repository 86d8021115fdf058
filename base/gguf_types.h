// Numbers of the GGUF format that its reader and its writer share.
#pragma once

#include <cstdint>

namespace pith {

inline constexpr uint64_t kGgufDefaultAlignment = 32;
inline constexpr char kGgufAlignmentKey[] = "general.alignment";

// Types of metadata values, as numbered in the format.
enum class GgufType : uint32_t {
  kU8 = 0, kI8 = 1, kU16 = 2, kI16 = 3, kU32 = 4, kI32 = 5, kF32 = 6, kBool = 7, kString = 8, kArray = 9, kU64 = 10,
  kI64 = 11, kF64 = 12,
};

// How ggml lays out a tensor type: `bytes` for every `values` consecutive values of a row. values == 0: unknown to us.
struct GgmlTypeSize {
  uint32_t values = 0, bytes = 0;
};
GgmlTypeSize GgmlSizeOf(uint32_t ggml_type);

}  // namespace pith
