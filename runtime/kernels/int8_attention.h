// attention.h over an INT8 cache, for head sizes that are multiples of 32: the plan of float_attention.h with products of bytes. `Products` says how
// these are summed; integer sums are exact, so every version gives the same bits.
//
// A page of keys is laid out so that a lane holds four components of one key. Values are widened to floats; their scales are multiplied into the
// weights of the tokens, a page at a time.
#pragma once

#include "runtime/kernels/float_attention.h"
#include "runtime/kernels/float_quantise.h"

namespace pith {
namespace {

// The scales of one group of 32 of a page's tokens.
inline const Half* ScalesOf(const void* page, int64_t head_dim, int64_t group) {
  return reinterpret_cast<const Half*>(static_cast<const uint8_t*>(page) + kKvPageTokens * head_dim) + group * kKvPageTokens;
}

template <class Products>
struct Int8 {
  static constexpr int kMostSixteens = 2;  // a group's columns

  struct Query {
    alignas(64) int8_t q[kMaxHeadDim];
    RowGroup groups[kMaxHeadDim / kBlockSize];
  };
  Query queries[kMostAttendRows];

  explicit Int8(const AttendArgs& a) {
    for (int64_t r = 0; r < a.count; ++r) QuantiseRowOf(a.rows[r].q, a.key_dim, queries[r].q, queries[r].groups);
  }

  template <int kRows>
  void Scores(const AttendArgs& a, int64_t first, int64_t page, int64_t end) const {
    for (; page < end; ++page) ScorePage<kRows>(a, first, page);
  }
  template <int kRows>
  void ScorePage(const AttendArgs& a, int64_t first, int64_t page) const {
    const auto* codes = static_cast<const uint8_t*>(a.kv.k[page]);
    Floats score[kRows][kPageVectors];
    for (int r = 0; r < kRows; ++r) {
      for (Floats& s : score[r]) s = Broadcast(0.0f);
    }
    for (int64_t g = 0; g < a.key_dim / kBlockSize; ++g) {
      Ints dot[kRows][kPageVectors];
      for (int r = 0; r < kRows; ++r) {
        for (Ints& d : dot[r]) d = Products::Start(queries[first + r].groups[g]);
      }
#pragma GCC unroll 8
      for (int64_t j = 8 * g; j < 8 * g + 8; ++j) {
        typename Products::Keys keys[kPageVectors];
        for (int i = 0; i < kPageVectors; ++i) keys[i] = Products::Load(codes + j * 64 + i * 4 * kLanes);
        for (int r = 0; r < kRows; ++r) {
          int32_t four;
          __builtin_memcpy(&four, queries[first + r].q + 4 * j, 4);
          for (int i = 0; i < kPageVectors; ++i) dot[r][i] = Products::Add(dot[r][i], keys[i], BroadcastInt(four));
        }
      }
      Floats scales[kPageVectors];
      LoadSixteen(ScalesOf(codes, a.key_dim, g), scales);
      for (int r = 0; r < kRows; ++r) {
        const Floats d = Broadcast(queries[first + r].groups[g].d);
        for (int i = 0; i < kPageVectors; ++i) score[r][i] = MultiplyAdd(d * scales[i], ToFloats(dot[r][i]), score[r][i]);
      }
    }
    for (int r = 0; r < kRows; ++r) StoreScores(a, a.rows[first + r], page, score[r]);
  }

  static const float* Weights(const AttendArgs& a, const AttendRow& row, int64_t page, int64_t column, float* room) {
    const Half* scales = ScalesOf(a.kv.v[page], a.value_dim, column / kBlockSize);
    const int64_t at = (page - row.begin) * kKvPageTokens;
    for (int64_t i = 0; i < kKvPageTokens && at + i < row.length; i += kLanes) {
      Store(room + i, LoadFirst(row.scores + at + i, row.length - at - i) * Load(scales + i));
    }
    return room;
  }
  static void Values(const void* page, int64_t index, Floats* out) { WidenBytes(LoadBytes(static_cast<const int8_t*>(page) + index), out); }
};

}  // namespace
}  // namespace pith
