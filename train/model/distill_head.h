// The output heads of student and teacher side by side: how far the student's distribution is from the teacher's, without
// ever holding the logits of all tokens.
//
// With p the teacher's and q the student's distribution at temperature τ:
//   forward  KL(p‖q) = Σ p (log p − log q)   ∂/∂z_j = (q_j − p_j)/τ
//   reverse  KL(q‖p) = Σ q (log q − log p)   ∂/∂z_j = q_j (log q_j − log p_j − KL)/τ
// (Hinton et al., arXiv 1503.02531, without its factor τ²; the reverse as in MiniLLM, arXiv 2306.08543, on given tokens.)
#pragma once

#include <ATen/core/Tensor.h>

#include "train/model/head.h"

namespace pith {

enum class Divergence { kForward, kReverse };

struct DivergenceTerms {
  Divergence kind = Divergence::kForward;
  double temperature = 1.0;
  int64_t num_tokens = 0;  // ids of the shared vocabulary; rows of padding beyond them, which the heads may have, are left out
};

// One side's rows: hidden states (rows × its own D, after its final norm) and the head that they go to.
struct HeadRows {
  const Head& head;
  at::Tensor hidden;
};

struct DivergenceResult {
  at::Tensor divergence;          // rows, float32, nats
  at::Tensor logp, teacher_logp;  // rows: of `ids`, at the temperature
  at::Tensor g_hidden;            // of weight · Σ divergence with respect to the student's hidden states; undefined without gradient
};

// ids: rows, int64, below num_tokens. Both heads have the same compute type.
DivergenceResult RunDivergence(const HeadRows& student, const HeadRows& teacher, const at::Tensor& ids, const DivergenceTerms& terms,
                               double weight, bool want_gradient);

}  // namespace pith
