#include "base/gguf_types.h"

namespace pith {
namespace {

struct SizeRow {
  uint32_t type, values, bytes;
};
constexpr SizeRow kSizes[] = {
    {0, 1, 4},      {1, 1, 2},      {2, 32, 18},    {3, 32, 20},    {6, 32, 22},    {7, 32, 24},   {8, 32, 34},
    {9, 32, 36},    {10, 256, 84},  {11, 256, 110}, {12, 256, 144}, {13, 256, 176}, {14, 256, 210}, {15, 256, 292},
    {16, 256, 66},  {17, 256, 74},  {18, 256, 98},  {19, 256, 50},  {20, 32, 18},   {21, 256, 110}, {22, 256, 82},
    {23, 256, 136}, {24, 1, 1},     {25, 1, 2},     {26, 1, 4},     {27, 1, 8},     {28, 1, 8},    {29, 256, 56},
    {30, 1, 2},     {34, 256, 54},  {35, 256, 66},  {39, 32, 17},
};

}  // namespace

uint64_t GgufFixedSize(GgufType type) {
  switch (type) {
    case GgufType::kU8: case GgufType::kI8: case GgufType::kBool: return 1;
    case GgufType::kU16: case GgufType::kI16: return 2;
    case GgufType::kU32: case GgufType::kI32: case GgufType::kF32: return 4;
    case GgufType::kU64: case GgufType::kI64: case GgufType::kF64: return 8;
    default: return 0;
  }
}

bool IsGgmlInteger(uint32_t ggml_type) { return ggml_type >= 24 && ggml_type <= 27; }

GgmlTypeSize GgmlSizeOf(uint32_t ggml_type) {
  for (const SizeRow& row : kSizes) {
    if (row.type == ggml_type) return {row.values, row.bytes};
  }
  return {};
}

}  // namespace pith
