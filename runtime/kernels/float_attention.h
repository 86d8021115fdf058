// attention.h for head sizes that are multiples of 16, over the vectors of the float_vectors_*.h that was included before. Rows (query heads of one
// token or of several) share each load of a key or value.
//
// Sixteen scores are lanes of sums over the head, in order; one output lane is summed over tokens in order. Neither depends on which rows are
// served together.
#pragma once

#include "runtime/kernels/attention_kernels.h"
#include "runtime/kernels/float_softmax.h"
#include "runtime/kernels/groups.h"

namespace pith {
namespace {

constexpr int kPageVectors = 16 / kLanes;    // vectors that hold a page's tokens, or sixteen columns
constexpr int kRowsAtOnce = 4;           // that meet each key or value in registers
constexpr int64_t kPagesAtOnce = 16;     // whose keys, or values, stay in the nearest caches while all rows meet them

template <class T>
inline void LoadSixteen(const T* at, Floats* out) {
  for (int i = 0; i < kPageVectors; ++i) out[i] = Load(at + i * kLanes);
}

// How many sixteens `rows` rows take at a time: sums enough side by side to hide an addition's latency, in registers beside what is multiplied.
constexpr int Sixteens(int rows, int most) {
  int count = most;
  while (count > 1 && (rows + (rows > 2)) * count * kPageVectors >= kRegisters) count /= 2;
  return count;
}

inline int64_t FirstToken(const AttendRow& row) { return row.begin * kKvPageTokens; }
inline int64_t EndToken(const AttendRow& row) { return row.begin * kKvPageTokens + row.length; }
inline int64_t EndPage(const AttendRow& row) { return row.begin + (row.length + kKvPageTokens - 1) / kKvPageTokens; }
inline int64_t Least(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t Most(int64_t a, int64_t b) { return a < b ? b : a; }

// A row's scores become its weights; returns what these are to be multiplied with.
inline float Weigh(const AttendArgs& a, const AttendRow& row) {
  if (a.soft_cap > 0 || row.skip > 0) ShapeScores(a, row);
  return 1.0f / Softmax(row.scores, row.length);
}

// A page's scores, as far as the row sees it.
inline void StoreScores(const AttendArgs& a, const AttendRow& row, int64_t page, const Floats* sums) {
  int64_t at = (page - row.begin) * kKvPageTokens;
  if (at < 0) return;
  for (int i = 0; i < kPageVectors && at < row.length; ++i, at += kLanes) StoreFirst(row.scores + at, row.length - at, sums[i] * Broadcast(a.scale));
}

// Keys, or values, that are floats of one kind or another.
template <class T>
struct Plain {
  static constexpr int kMostSixteens = 4;

  explicit Plain(const AttendArgs&) {}

  // Of kRows rows from `first` on, for kPages pages from `page` on.
  template <int kRows, int kPages>
  static void ScorePages(const AttendArgs& a, int64_t first, int64_t page) {
    const AttendRow* rows = a.rows + first;
    Floats sum[kRows][kPages * kPageVectors];
    for (int r = 0; r < kRows; ++r) {
      for (Floats& s : sum[r]) s = Broadcast(0.0f);
    }
    for (int64_t i = 0; i < a.key_dim; ++i) {
      Floats keys[kPages * kPageVectors];
      for (int p = 0; p < kPages; ++p) LoadSixteen(static_cast<const T*>(a.kv.k[page + p]) + i * kKvPageTokens, keys + p * kPageVectors);
      for (int r = 0; r < kRows; ++r) {
        const Floats component = Broadcast(rows[r].q[i]);
        for (int p = 0; p < kPages * kPageVectors; ++p) sum[r][p] = MultiplyAdd(component, keys[p], sum[r][p]);
      }
    }
    for (int r = 0; r < kRows; ++r) {
      for (int p = 0; p < kPages; ++p) StoreScores(a, rows[r], page + p, sum[r] + p * kPageVectors);
    }
  }
  template <int kRows>
  void Scores(const AttendArgs& a, int64_t first, int64_t page, int64_t end) const {
    constexpr int kPages = Sixteens(kRows, 4);
    for (; page + kPages <= end; page += kPages) ScorePages<kRows, kPages>(a, first, page);
    for (; page < end; ++page) ScorePages<kRows, 1>(a, first, page);
  }

  // What a page's values are multiplied with, by token: a row's weights. `room`: for sixteen floats.
  static const float* Weights(const AttendArgs&, const AttendRow& row, int64_t page, int64_t, float*) {
    return row.scores + (page - row.begin) * kKvPageTokens;
  }
  static void Values(const void* page, int64_t index, Floats* out) { LoadSixteen(static_cast<const T*>(page) + index, out); }
};

// What tokens [from, to) add to kSixteens · 16 columns of the outputs of kRows rows, from column `column` on.
template <class Kind, int kRows, int kSixteens>
void Mix(const AttendArgs& a, const AttendRow* rows, int64_t column, int64_t from, int64_t to) {
  constexpr int kVectors = kSixteens * kPageVectors;
  Floats sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int i = 0; i < kVectors; ++i) sum[r][i] = Load(rows[r].out + column + i * kLanes);
  }
  while (from < to) {
    const int64_t page = from / kKvPageTokens, begin = page * kKvPageTokens, stop = Least(to, begin + kKvPageTokens);
    alignas(64) float room[kRows][kKvPageTokens];
    const float* weights[kRows];
    for (int r = 0; r < kRows; ++r) weights[r] = Kind::Weights(a, rows[r], page, column, room[r]);
    for (int64_t t = from - begin, at = t * a.value_dim + column; t < stop - begin; ++t, at += a.value_dim) {
      Floats value[kVectors];
      for (int i = 0; i < kSixteens; ++i) Kind::Values(a.kv.v[page], at + 16 * i, value + i * kPageVectors);
      for (int r = 0; r < kRows; ++r) {
        const Floats weight = Broadcast(weights[r][t]);
        for (int i = 0; i < kVectors; ++i) sum[r][i] = MultiplyAdd(weight, value[i], sum[r][i]);
      }
    }
    from = stop;
  }
  for (int r = 0; r < kRows; ++r) {
    for (int i = 0; i < kVectors; ++i) Store(rows[r].out + column + i * kLanes, sum[r][i]);
  }
}

template <class Kind, int kRows, int kSixteens = Sixteens(kRows, Kind::kMostSixteens)>
void MixColumns(const AttendArgs& a, const AttendRow* rows, int64_t column, int64_t from, int64_t to) {
  if (from >= to) return;
  for (; column + 16 * kSixteens <= a.column_end; column += 16 * kSixteens) Mix<Kind, kRows, kSixteens>(a, rows, column, from, to);
  if constexpr (kSixteens > 1) MixColumns<Kind, kRows, kSixteens / 2>(a, rows, column, from, to);
}

// Tokens [from, to), as far as rows see them. Where not all do, at a window's or a sequence's edge, each goes by itself.
template <class Kind, int kRows>
void MixTokens(const AttendArgs& a, const AttendRow* rows, int64_t from, int64_t to) {
  int64_t begin = FirstToken(rows[0]), end = EndToken(rows[0]);
  for (int r = 1; r < kRows; ++r) begin = Most(begin, FirstToken(rows[r])), end = Least(end, EndToken(rows[r]));
  end = Most(begin, end);
  for (int r = 0; kRows > 1 && r < kRows; ++r) {
    MixColumns<Kind, 1>(a, rows + r, a.column_begin, Most(from, FirstToken(rows[r])), Least(Least(to, begin), EndToken(rows[r])));
  }
  MixColumns<Kind, kRows>(a, rows, a.column_begin, Most(from, begin), Least(to, end));
  for (int r = 0; kRows > 1 && r < kRows; ++r) MixColumns<Kind, 1>(a, rows + r, a.column_begin, Most(from, end), Least(to, EndToken(rows[r])));
}

template <class Kind>
void MixAll(const AttendArgs& a) {
  int64_t begin = FirstToken(a.rows[0]), end = 0;
  for (int64_t r = 0; r < a.count; ++r) {
    for (int64_t i = a.column_begin; i < a.column_end; i += kLanes) Store(a.rows[r].out + i, Broadcast(0.0f));
    begin = Least(begin, FirstToken(a.rows[r]));
    end = Most(end, EndToken(a.rows[r]));
  }
  for (int64_t from = begin; from < end; from += kPagesAtOnce * kKvPageTokens) {
    InGroups<kRowsAtOnce>(a.count, [&](auto rows, int64_t first) { MixTokens<Kind, rows.value>(a, a.rows + first, from, from + kPagesAtOnce * kKvPageTokens); });
  }
  for (int64_t r = 0; r < a.count; ++r) {
    float* out = a.rows[r].out;
    for (int64_t i = a.column_begin; i < a.column_end; i += kLanes) Store(out + i, Load(out + i) * Broadcast(a.factors[r]));
  }
}

template <class Kind>
void AttendAs(const AttendArgs& a) {
  if (a.page_begin < a.page_end) {
    const Kind kind(a);
    for (int64_t from = a.page_begin; from < a.page_end; from += kPagesAtOnce) {
      InGroups<kRowsAtOnce>(a.count, [&](auto rows, int64_t first) {
        int64_t begin = a.page_end, end = 0;
        for (int r = 0; r < rows.value; ++r) begin = Least(begin, a.rows[first + r].begin), end = Most(end, EndPage(a.rows[first + r]));
        kind.template Scores<rows.value>(a, first, Most(begin, from), Least(end, Least(a.page_end, from + kPagesAtOnce)));
      });
    }
  }
  for (int64_t r = 0; a.weights && r < a.count; ++r) a.factors[r] = Weigh(a, a.rows[r]);
  if (a.column_begin < a.column_end) MixAll<Kind>(a);
}

}  // namespace
}  // namespace pith
