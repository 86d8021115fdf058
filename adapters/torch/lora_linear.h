// Frozen linear layers that share their input, with a trainable LoRA on any of them.
//
//   y_i = W_i x + bias_i + s · B_i (A_i · dropout(x))          i: the members (q, k, v; gate, up; …), y = [y_0, y_1, …]
//
// (Hu et al., arXiv 2106.09685.) The members' weights lie in one matrix, followed by the columns of s·B in a block
// diagonal, so that a forward pass is two products: u = x Aᵀ, then y = [x, u] · [W | s·B]ᵀ.
//
// PiSSA (Meng et al., arXiv 2404.02948) is the pair [ΔB, B₀] · [A₀ + ΔA; ΔA] (adapters/lora.h), whose masters are the steps ΔA and
// ΔB. DoRA (Liu et al., arXiv 2402.09353, eq. 5) multiplies a member's rows, but for the bias, by m / ‖W + s·B·A‖; as the paper's
// section 4.3 has it, the norm counts as a constant in the gradient.
//
// Shape suffixes: M rows (tokens), K in features, N out features of all members, R ranks of all members.
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "adapters/lora.h"
#include "adapters/torch/products.h"

namespace pith {

class LoraLinear {
 public:
  // One weight per member, out_i × K, any float type, converted to `dtype` (bfloat16 or float32); biases may be empty,
  // or hold one per member. `products` is kept: what multiplies.
  LoraLinear(const std::vector<at::Tensor>& weights, const std::vector<at::Tensor>& biases, at::ScalarType dtype,
             const Products& products = LibTorchProducts());

  // Makes a LoRA for `member`: float32 masters that require gradients. a: R×K, b: out×R.
  void AddLora(int member, const at::Tensor& a, const at::Tensor& b, double scale);
  // The same by steps from a start: the masters are step_a: R×K and step_b: out×R; start_a and start_b, of the same shapes, stay.
  void AddPissa(int member, const at::Tensor& step_a, const at::Tensor& step_b, const at::Tensor& start_a, const at::Tensor& start_b,
                double scale);
  // After AddLora: a magnitude for each row, m: out, a master too. Not with dropout.
  void AddMagnitude(int member, const at::Tensor& magnitude);
  // Another start for a member that has one. To be followed by Refresh().
  void SetStart(int member, const at::Tensor& start_a, const at::Tensor& start_b);
  // Takes over the masters' values into the matrices that compute. To be called after they change.
  void Refresh();

  int64_t in_features() const { return in_; }
  int64_t out_features() const { return out_; }
  int64_t num_members() const { return static_cast<int64_t>(members_.size()); }
  int64_t total_rank() const { return total_rank_; }
  bool has_lora(int member) const { return members_[member].a.defined(); }
  const at::Tensor& a(int member) const { return members_[member].a; }
  const at::Tensor& b(int member) const { return members_[member].b; }
  const at::Tensor& start_a(int member) const { return members_[member].start_a; }  // undefined: no PiSSA
  const at::Tensor& start_b(int member) const { return members_[member].start_b; }
  const at::Tensor& magnitude(int member) const { return members_[member].magnitude; }  // undefined: no DoRA

  // x_MK → y_MN in dtype. Differentiable in x and in the masters while gradients are on. With adapter false: the base
  // alone. `dropout` in [0, 1) draws from `generator` (one mask for all members). x made by RowsWithSlack(M, K,
  // total_rank()) is used without a copy; its slack is overwritten.
  at::Tensor Forward(const at::Tensor& x, bool adapter, double dropout = 0.0,
                     std::optional<at::Generator> generator = std::nullopt) const;

  // The parts of Forward(), for the autograd function behind it.
  struct Member {
    int64_t row = 0, out = 0;        // rows of this member in y
    int64_t rank_begin = 0, rank = 0;  // columns in u: R, or 2R with a start
    double scale = 1.0;
    at::Tensor a, b;                   // masters
    at::Tensor start_a, start_b;
    at::Tensor magnitude;              // master
  };
  const std::vector<Member>& members() const { return members_; }
  const at::Tensor& fused() const { return fused_; }  // N × (K + R)
  const at::Tensor& a_all() const { return a_all_; }  // R × K
  const at::Tensor& bias() const { return bias_; }    // N, or undefined
  const at::Tensor& gain() const { return gain_; }    // N, float32: m / ‖…‖, 1 where there is no magnitude; undefined: none at all
  const at::Tensor& norm() const { return norm_; }    // N, float32: ‖W + s·B·A‖; defined with gain()
  const Products& products() const { return *products_; }

 private:
  int64_t in_ = 0, out_ = 0, total_rank_ = 0;
  at::ScalarType dtype_;
  const Products* products_;
  std::vector<Member> members_;
  void Widen(Member& member, int64_t rank);
  at::Tensor fused_, a_all_, bias_, gain_, norm_;
};

// An uninitialised M×K tensor whose rows lie K + slack apart.
at::Tensor RowsWithSlack(int64_t m, int64_t k, int64_t slack, at::ScalarType dtype);

// PEFT's initialisation of A: Kaiming-uniform with a = √5, that is uniform in ±1/√K; named by (seed, stream).
at::Tensor InitLoraA(int64_t rank, int64_t in, uint64_t seed, uint64_t stream);

}  // namespace pith
