// Sizes of products are rounded up so that few shapes occur (LibTorch's library compiles each): tokens of a tile to 16, keys to 64.
// What lies past a sequence's end is zero.
#include "train/model/attention_head.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "train/model/ops.h"

namespace pith {
namespace {

constexpr int64_t kTileScores = int64_t{1} << 18;
constexpr int64_t kTokenStep = 16, kKeyStep = 64;

int64_t RoundUp(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

// How a layer turns heads: the first values by their positions, the rest not.
template <class T>
class Turn {
 public:
  Turn(const AttentionPlan& plan, int64_t layer) : h_(plan.model.head_dim), ones_(Data<float>(plan.ones)), zeros_(Data<float>(plan.zeros)) {
    const int rotary = plan.model.layers[static_cast<size_t>(layer)].rotary;
    if (rotary < 0) return;
    pairs_ = plan.model.rotary_dim / 2;
    cos_ = Data<float>(plan.angles[static_cast<size_t>(rotary)].cos);
    sin_ = Data<float>(plan.angles[static_cast<size_t>(rotary)].sin);
  }
  // One head; sign −1 turns back. As RowKernels::rope.
  void operator()(const T* in, int64_t position, float sign, float* out_f, T* out_t) const {
    const auto run = [&](int64_t begin, int64_t size, const float* cos, const float* sin) {
      if (size > 0) kernels_.rope(in + begin, cos, sin, sign, size, out_f == nullptr ? nullptr : out_f + begin, out_t == nullptr ? nullptr : out_t + begin);
    };
    run(0, 2 * pairs_, cos_ + position * pairs_, sin_ + position * pairs_);
    run(2 * pairs_, h_ - 2 * pairs_, ones_, zeros_);
  }

 private:
  const RowKernels<T>& kernels_ = Kernels<T>();
  int64_t h_, pairs_ = 0;
  const float *cos_ = nullptr, *sin_ = nullptr, *ones_, *zeros_;
};

// Room of one thread for the matrices at hand, kept between calls: fresh pages for each would cost more than some of the products.
enum Slot { kQueries, kQueriesF, kKeys, kKeysF, kValues, kScores, kProbabilities, kMixed, kGradMixed, kGradScores, kProduct, kGradKeys, kGradValues, kNumSlots };

at::Tensor Room(Slot slot, int64_t rows, int64_t cols, at::ScalarType dtype) {
  thread_local std::array<at::Tensor, kNumSlots> rooms;
  at::Tensor& room = rooms[slot];
  if (!room.defined() || room.scalar_type() != dtype || room.numel() < rows * cols) room = at::empty({rows * cols}, dtype);
  return room.narrow(0, 0, rows * cols).view({rows, cols});
}

template <class T>
class HeadWork {
 public:
  HeadWork(const AttentionHead& head, const at::Tensor& qkv)
      : plan_(head.plan), seq_(head.sequence), layer_(head.layer), j_(head.kv_head), group_(plan_.model.num_heads / plan_.model.num_kv_heads),
        h_(plan_.model.head_dim), u_(plan_.model.value_head_dim), q_dim_(plan_.model.q_dim()), k_dim_(plan_.model.k_dim()), v_dim_(plan_.model.v_dim()),
        row_(plan_.model.qkv_dim()), keys_(RoundUp(seq_.prefix_length + seq_.length, kKeyStep)), dtype_(qkv.scalar_type()),
        in_(Data<T>(qkv) + seq_.row * row_), turn_(plan_, layer_) {}

  void Forward(T* out, int64_t stride) {
    GatherKeys(/*low=*/false);
    ForTiles([&](const Tile& tile) {
      const at::Tensor p = Probabilities(tile, nullptr), mixed = Room(kMixed, p.size(0), u_, dtype_);
      Multiply(mixed, p, v_.narrow(0, 0, tile.keys));
      const T* from = Data<T>(mixed);
      ForQueries(tile, [&](int64_t row, int64_t token, int64_t query_head) {
        std::memcpy(out + (seq_.row + token) * stride + query_head * u_, from + row * u_, sizeof(T) * static_cast<size_t>(u_));
      });
    });
  }

  void Backward(const T* g_out, T* g_qkv) {
    GatherKeys(/*low=*/true);
    // The prefix's keys and values are somebody else's: only those from `own` on get a gradient.
    const int64_t own = seq_.prefix_length / kKeyStep * kKeyStep;
    const at::Tensor g_k = Room(kGradKeys, keys_ - own, h_, at::kFloat).zero_(), g_v = Room(kGradValues, keys_ - own, u_, at::kFloat).zero_();
    g_qkv += seq_.row * row_;
    ForTiles([&](const Tile& tile) {
      at::Tensor slope;
      const at::Tensor p = Probabilities(tile, &slope), g_o = GatherGradients(tile, g_out);
      const at::Tensor g_s = Room(kGradScores, p.size(0), tile.keys, dtype_);
      Multiply(g_s, g_o, v_.narrow(0, 0, tile.keys).t());
      const int64_t mine = tile.keys - own;
      Accumulate(g_v.narrow(0, 0, mine), p.narrow(1, own, mine).t(), g_o);
      const T* p_p = Data<T>(p);
      T* g_p = Data<T>(g_s);
      ForScoreRows(tile, [&](int64_t at, int64_t begin, int64_t end) {
        std::memset(g_p + at, 0, sizeof(T) * static_cast<size_t>(begin));
        kernels_.softmax_backward(p_p + at + begin, ScaleInSoftmax(), end - begin, tile.keys - begin, g_p + at + begin);
      });
      if (slope.defined()) g_s.mul_(slope);
      Accumulate(g_k.narrow(0, 0, mine), g_s.narrow(1, own, mine).t(), q_);
      const at::Tensor g_q = Room(kMixed, p.size(0), h_, dtype_);
      Multiply(g_q, g_s, k_.narrow(0, 0, tile.keys));
      const T* from = Data<T>(g_q);
      ForQueries(tile, [&](int64_t row, int64_t token, int64_t query_head) {
        turn_(from + row * h_, seq_.prefix_length + token, -1.0f, nullptr, g_qkv + token * row_ + query_head * h_);
      });
    });
    std::vector<T> key(static_cast<size_t>(h_));
    for (int64_t t = 0; t < seq_.length; ++t) {
      const int64_t s = seq_.prefix_length + t, at = s - own;
      T *keys = g_qkv + t * row_ + q_dim_, *values = keys + k_dim_;
      kernels_.from_float(Data<float>(g_k) + at * h_, h_, key.data());
      turn_(key.data(), s, -1.0f, nullptr, keys + j_ * h_);
      kernels_.from_float(Data<float>(g_v) + at * u_, u_, values + j_ * u_);
    }
  }

  void Keep(float* k, T* v) const {
    for (int64_t t = 0; t < seq_.length; ++t) {
      const int64_t row = seq_.row + t;
      const T *keys = in_ + t * row_ + q_dim_, *values = keys + k_dim_;
      turn_(keys + j_ * h_, seq_.prefix_length + t, 1.0f, k + row * k_dim_ + j_ * h_, nullptr);
      std::memcpy(v + row * v_dim_ + j_ * u_, values + j_ * u_, sizeof(T) * static_cast<size_t>(u_));
    }
  }

 private:
  struct Tile {
    int64_t begin, tokens;    // of the sequence's own
    int64_t padded;           // tokens, rounded up: row g · padded + i is query head g's of token begin + i
    int64_t keys;             // what its last token sees, rounded up
  };

  template <class Body>
  void ForTiles(const Body& body) const {
    const int64_t size = TileTokens(group_, keys_);
    for (int64_t begin = 0; begin < seq_.length; begin += size) {
      const int64_t tokens = std::min(size, seq_.length - begin);
      body(Tile{begin, tokens, RoundUp(tokens, kTokenStep), RoundUp(seq_.prefix_length + begin + tokens, kKeyStep)});
    }
  }

  // body(row of the tile, token of the sequence, query head)
  template <class Body>
  void ForQueries(const Tile& tile, const Body& body) const {
    for (int64_t g = 0; g < group_; ++g) {
      for (int64_t i = 0; i < tile.tokens; ++i) body(g * tile.padded + i, tile.begin + i, j_ * group_ + g);
    }
  }

  // body(where the row of scores begins, the keys that it sees: [begin, end)); padding sees nothing: [0, 0).
  template <class Body>
  void ForScoreRows(const Tile& tile, const Body& body) const {
    for (int64_t row = 0; row < group_ * tile.padded; ++row) {
      const int64_t i = row % tile.padded, position = seq_.prefix_length + tile.begin + i;
      if (i < tile.tokens) {
        body(row * tile.keys, plan_.model.layers[static_cast<size_t>(layer_)].FirstSeen(position), position + 1);
      } else {
        body(row * tile.keys, 0, 0);
      }
    }
  }

  // low: keys in the compute type too, for gradients.
  void GatherKeys(bool low) {
    k_f_ = Room(kKeysF, keys_, h_, at::kFloat);
    v_ = Room(kValues, keys_, u_, dtype_);
    low_ = low && dtype_ != at::kFloat;
    k_ = low_ ? Room(kKeys, keys_, h_, dtype_) : k_f_;
    float* k_f = Data<float>(k_f_);
    T *k = low_ ? Data<T>(k_) : nullptr, *v = Data<T>(v_);
    int64_t s = 0;
    for (const KvSpan& span : seq_.prefix) {
      const float* from_k = Data<float>(span.rows->k[layer_]);
      const T* from_v = Data<T>(span.rows->v[layer_]);
      for (int64_t i = span.begin; i < span.begin + span.length; ++i, ++s) {
        const float* key = from_k + i * k_dim_ + j_ * h_;
        std::memcpy(k_f + s * h_, key, sizeof(float) * static_cast<size_t>(h_));
        if (k != nullptr) kernels_.from_float(key, h_, k + s * h_);
        std::memcpy(v + s * u_, from_v + i * v_dim_ + j_ * u_, sizeof(T) * static_cast<size_t>(u_));
      }
    }
    for (int64_t t = 0; t < seq_.length; ++t, ++s) {
      const T *keys = in_ + t * row_ + q_dim_, *values = keys + k_dim_;
      turn_(keys + j_ * h_, s, 1.0f, k_f + s * h_, k == nullptr ? nullptr : k + s * h_);
      std::memcpy(v + s * u_, values + j_ * u_, sizeof(T) * static_cast<size_t>(u_));
    }
    Zero(k_f + s * h_, (keys_ - s) * h_);
    if (k != nullptr) Zero(k + s * h_, (keys_ - s) * h_);
    Zero(v + s * u_, (keys_ - s) * u_);
  }

  void GatherQueries(const Tile& tile) {
    const int64_t rows = group_ * tile.padded;
    q_f_ = Room(kQueriesF, rows, h_, at::kFloat);
    q_ = low_ ? Room(kQueries, rows, h_, dtype_) : q_f_;
    float* q_f = Data<float>(q_f_);
    T* q = low_ ? Data<T>(q_) : nullptr;
    ForQueries(tile, [&](int64_t row, int64_t token, int64_t query_head) {
      turn_(in_ + token * row_ + query_head * h_, seq_.prefix_length + token, 1.0f, q_f + row * h_, q == nullptr ? nullptr : q + row * h_);
    });
    ForPadding(tile, h_, q_f);
    ForPadding(tile, h_, q);
  }

  at::Tensor GatherGradients(const Tile& tile, const T* g_out) const {
    const at::Tensor g_o = Room(kGradMixed, group_ * tile.padded, u_, dtype_);
    T* to = Data<T>(g_o);
    const int64_t stride = plan_.model.attention_dim();
    ForQueries(tile, [&](int64_t row, int64_t token, int64_t query_head) {
      std::memcpy(to + row * u_, g_out + (seq_.row + token) * stride + query_head * u_, sizeof(T) * static_cast<size_t>(u_));
    });
    ForPadding(tile, u_, to);
    return g_o;
  }

  // Scores are computed in full precision. `slope`, where wanted, becomes the derivative of their cap, and stays undefined where there is none.
  at::Tensor Probabilities(const Tile& tile, at::Tensor* slope) {
    GatherQueries(tile);
    const at::Tensor scores = Room(kScores, q_f_.size(0), tile.keys, at::kFloat), p = Room(kProbabilities, q_f_.size(0), tile.keys, dtype_);
    Multiply(scores, q_f_, k_f_.narrow(0, 0, tile.keys).t());
    if (const double cap = plan_.model.attention_soft_cap, scale = plan_.model.attention_scale; cap > 0) {
      scores.mul_(scale / cap).tanh_();
      if (slope != nullptr) *slope = scores.square().neg_().add_(1).mul_(scale).to(dtype_);
      scores.mul_(cap);
    }
    float* in = Data<float>(scores);
    T* out = Data<T>(p);
    ForScoreRows(tile, [&](int64_t at, int64_t begin, int64_t end) {
      Zero(out + at, end == 0 ? tile.keys : begin);
      if (end > 0) kernels_.softmax(in + at + begin, ScaleInSoftmax(), end - begin, tile.keys - begin, out + at + begin);
    });
    return p;
  }

  // What scores are multiplied by inside the softmax: where they are capped, that has been done before.
  float ScaleInSoftmax() const { return plan_.model.attention_soft_cap > 0 ? 1.0f : static_cast<float>(plan_.model.attention_scale); }

  template <class Value>
  static void Zero(Value* p, int64_t n) { std::memset(p, 0, sizeof(Value) * static_cast<size_t>(n)); }

  template <class Value>
  void ForPadding(const Tile& tile, int64_t size, Value* p) const {
    for (int64_t g = 0; p != nullptr && g < group_; ++g) Zero(p + (g * tile.padded + tile.tokens) * size, (tile.padded - tile.tokens) * size);
  }

  static void Multiply(at::Tensor out, const at::Tensor& a, const at::Tensor& b) { at::mm_out(out, a, b); }

  // sum (float32) += a · b, which is rounded to the compute type once per tile.
  void Accumulate(at::Tensor sum, const at::Tensor& a, const at::Tensor& b) const {
    if (dtype_ == at::kFloat) {
      sum.addmm_(a, b);
    } else {
      const at::Tensor product = Room(kProduct, a.size(0), b.size(1), dtype_);
      Multiply(product, a, b);
      sum.add_(product);
    }
  }

  const AttentionPlan& plan_;
  const PackedSequence& seq_;
  const int64_t layer_, j_, group_, h_, u_, q_dim_, k_dim_, v_dim_, row_, keys_;
  const at::ScalarType dtype_;
  const T* in_;  // the sequence's rows
  const Turn<T> turn_;
  const RowKernels<T>& kernels_ = Kernels<T>();
  bool low_ = false;
  at::Tensor q_f_, q_, k_f_, k_, v_;  // rotated; without low_, q_ and k_ are the float32 ones
};

}  // namespace

int64_t TileTokens(int64_t query_heads, int64_t seen) {
  return std::max(kTokenStep, kTileScores / (query_heads * seen) / kTokenStep * kTokenStep);
}

void AttendHead(const AttentionHead& head, const at::Tensor& qkv, const at::Tensor& out, int64_t stride) {
  WithComputeType(qkv.scalar_type(), [&]<class T>() { HeadWork<T>(head, qkv).Forward(Data<T>(out), stride); });
}

void AttendHeadBackward(const AttentionHead& head, const at::Tensor& qkv, const at::Tensor& g_out, const at::Tensor& g_qkv) {
  WithComputeType(qkv.scalar_type(), [&]<class T>() { HeadWork<T>(head, qkv).Backward(Data<T>(g_out), Data<T>(g_qkv)); });
}

void KeepHead(const AttentionHead& head, const at::Tensor& qkv, const at::Tensor& k, const at::Tensor& v) {
  WithComputeType(qkv.scalar_type(), [&]<class T>() { HeadWork<T>(head, qkv).Keep(Data<float>(k), Data<T>(v)); });
}

}  // namespace pith
