// The frozen output head: log-probabilities of chosen tokens without ever holding the logits of all tokens.
//
// Logits are made in chunks of rows, shifted by the chosen token's logit inside the product (extra columns hold the
// shift), so that bfloat16 rounding is relative to the distance from the chosen token and log-probabilities stay exact
// to about 1e-3 · |log p| even where logits are large.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>

#include "adapters/torch/products.h"

namespace pith {

// Gradients of a loss with respect to rows' log-probabilities and to their entropies (undefined: zero).
struct RowGradients {
  at::Tensor logp, entropy;
};
// The log-probabilities and entropies (undefined unless asked for) of rows [begin, end) → the gradients of the loss there. The
// loss must be a sum over what is asked for together: single rows, or, at_once, all rows of the call.
using RowGradientFunction =
    std::function<RowGradients(const at::Tensor& logp, const at::Tensor& entropy, int64_t begin, int64_t end)>;

struct HeadResult {
  at::Tensor logp;      // rows, float32, detached
  at::Tensor entropy;   // rows, float32, nats; only when asked for
  at::Tensor g_hidden;  // rows × D of the compute type, when a gradient was asked for
};

class Head {
 public:
  static constexpr int64_t kChunkBytes = int64_t{16} << 20;
  // Logits are cap(W h), where soft_cap > 0 (base/model/model_config.h). weight: V×D (token embeddings where they are tied), converted to `dtype`. chunk_bytes: of logits that are held at once (those
  // of 16 rows at least). num_ids: what Run() normalises over: the first so many ids; 0: all V. `products` is kept: what multiplies.
  Head(const at::Tensor& weight, at::ScalarType dtype, double soft_cap = 0, int64_t chunk_bytes = kChunkBytes, int64_t num_ids = 0,
       const Products& products = LibTorchProducts());

  // hidden: rows × D in dtype, after the final norm. ids: rows, int64, below num_ids. Log-probabilities are those of
  // softmax(logits / temperature) over num_ids. With `gradient`, hidden's gradient is computed in the same pass: the loss's derivative is
  // asked for while the chunk's logits are still there. at_once asks once for all rows, for losses over whole sequences;
  // where they are more than a chunk, their logits are made twice.
  HeadResult Run(const at::Tensor& hidden, const at::Tensor& ids, double temperature, const RowGradientFunction& gradient,
                 bool want_entropy, bool at_once = false) const;
  // hidden, ids as for Run: rows × V of dtype, each row's logits minus that of its id, which is exactly 0.
  // `slope`, where given, becomes the derivative of the cap at each of them, and stays undefined where there is none.
  at::Tensor ShiftedLogits(const at::Tensor& hidden, const at::Tensor& ids, at::Tensor* slope = nullptr) const;
  // rows × V of dtype → rows × D: the gradient of the hidden states from that of the logits, which is overwritten.
  at::Tensor ToHidden(const at::Tensor& g_logits, const at::Tensor& slope) const;
  int64_t rows_per_chunk() const;  // whose logits are held at once
  // rows × D → rows × V, float32 (for `logits`).
  at::Tensor Logits(const at::Tensor& hidden) const;
  // ids → rows × D, float32: the tied embedding.
  at::Tensor Embed(const at::Tensor& ids) const;

 private:
  int64_t d_ = 0, chunk_bytes_ = 0, num_ids_ = 0;
  double soft_cap_ = 0;
  const Products* products_;

  void Cap(const at::Tensor& logits, const at::Tensor& chosen, at::Tensor* slope) const;
  at::Tensor weight_;  // V × (D + 16): W, three columns of ones for the shift in three parts, zeros
};

}  // namespace pith
