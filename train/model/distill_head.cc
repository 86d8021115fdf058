#include "train/model/distill_head.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>

#include "train/model/ops.h"

namespace pith {

DivergenceResult RunDivergence(const HeadRows& student, const HeadRows& teacher, const at::Tensor& ids, const DivergenceTerms& terms,
                               double weight, bool want_gradient) {
  at::NoGradGuard no_grad;
  const int64_t rows = student.hidden.size(0), v = terms.num_tokens;
  PITH_CHECK_EQ(rows, teacher.hidden.size(0));
  PITH_CHECK_EQ(rows, ids.size(0));
  PITH_CHECK(student.hidden.scalar_type() == teacher.hidden.scalar_type());
  const float inverse_temperature = static_cast<float>(1.0 / terms.temperature), g = static_cast<float>(weight);
  const bool reverse = terms.kind == Divergence::kReverse;
  DivergenceResult result;
  result.divergence = at::empty({rows});
  result.logp = at::empty({rows});
  result.teacher_logp = at::empty({rows});
  if (want_gradient) result.g_hidden = at::empty_like(student.hidden);
  float* divergence = result.divergence.data_ptr<float>();
  float* logp = result.logp.data_ptr<float>();
  float* teacher_logp = result.teacher_logp.data_ptr<float>();
  const int64_t chunk = std::max<int64_t>(16, std::min(student.head.rows_per_chunk(), teacher.head.rows_per_chunk()) / 2);
  for (int64_t begin = 0; begin < rows; begin += chunk) {
    const int64_t n = std::min(chunk, rows - begin);
    const at::Tensor chosen = ids.narrow(0, begin, n);
    at::Tensor slope;
    const at::Tensor z = student.head.ShiftedLogits(student.hidden.narrow(0, begin, n), chosen, want_gradient ? &slope : nullptr);
    const at::Tensor u = teacher.head.ShiftedLogits(teacher.hidden.narrow(0, begin, n), chosen);
    const int64_t z_columns = z.size(1), u_columns = u.size(1);
    PITH_CHECK(v > 0 && v <= z_columns && v <= u_columns, v, " of ", z_columns, " and ", u_columns);
    WithComputeType(z.scalar_type(), [&]<class T>() {
      const RowKernels<T>& kernels = Kernels<T>();
      at::parallel_for(0, n, 1, [&](int64_t from, int64_t to) {
        for (int64_t i = from, row = begin + from; i < to; ++i, ++row) {
          T* mine = Data<T>(z) + i * z_columns;
          const T* its = Data<T>(u) + i * u_columns;
          const float lse = kernels.log_sum_exp(mine, inverse_temperature, v, nullptr);
          const float its_lse = kernels.log_sum_exp(its, inverse_temperature, v, nullptr);
          logp[row] = -lse;  // the id's own logit is 0
          teacher_logp[row] = -its_lse;
          divergence[row] = kernels.divergence(mine, its, lse, its_lse, inverse_temperature, reverse, v);
          if (!want_gradient) continue;
          kernels.divergence_backward(mine, its, lse, its_lse, inverse_temperature, reverse, divergence[row], g, v, z_columns);
        }
      });
    });
    if (want_gradient) result.g_hidden.narrow(0, begin, n).copy_(student.head.ToHidden(z, slope));
  }
  return result;
}

}  // namespace pith
