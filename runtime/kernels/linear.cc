// Chooses the kernel of each matrix and splits the rows of all matrices over the pool.
#include "runtime/kernels/linear.h"

#include <algorithm>

#include "base/error.h"
#include "runtime/kernels/linear_kernels.h"
#include "runtime/kernels/prepared_rows.h"

namespace pith {
namespace {

constexpr int kMaxJobs = 16;

struct Work {
  LinearTask task;
  LinearKernel kernel;
  int64_t first_group;  // of this matrix, counting through all matrices
};

// Everything a thread needs; captured by one pointer, so that std::function does not allocate.
struct Pass {
  const RowsView* rows;
  Work work[kMaxJobs];
  int num_works;
  int64_t groups;
};

LinearKernel KernelFor(TensorType type, ActivationType precision, Isa isa) {
  if (precision == ActivationType::kInt8 && !IsQuantised(type)) precision = ActivationType::kBF16;
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx2: return Avx2LinearKernel(type, precision);
    case Isa::kAvx512: return Avx512LinearKernel(type, precision);
#endif
    default: return ScalarLinearKernel(type, precision);
  }
}

void RunGroups(const Pass& pass, int64_t begin, int64_t end) {
  thread_local GrowingBuffer scratch;
  auto* bytes = scratch.ReserveOf<uint8_t>(LinearScratchBytes(pass.rows->padded));
  for (int i = 0; i < pass.num_works; ++i) {
    const Work& work = pass.work[i];
    const int64_t first = std::max(begin - work.first_group, int64_t{0}) * kRowGroup;
    const int64_t last = std::min((end - work.first_group) * kRowGroup, work.task.n);
    if (first < last) work.kernel(*pass.rows, work.task, first, last, bytes);
  }
}

}  // namespace

void Linear(ThreadPool& pool, const PreparedRows& x, const LinearJob* jobs, int num_jobs) {
  for (; num_jobs > kMaxJobs; jobs += kMaxJobs, num_jobs -= kMaxJobs) Linear(pool, x, jobs, kMaxJobs);
  const PreparedRows::Impl& prepared = x.impl();
  Pass pass;
  pass.rows = &prepared.view;
  pass.num_works = num_jobs;
  pass.groups = 0;
  for (int i = 0; i < num_jobs; ++i) {
    const LinearJob& job = jobs[i];
    PITH_CHECK_EQ(job.w.cols, prepared.view.k);
    Work& work = pass.work[i];
    work.task = LinearTask{.w = job.w.data,
                           .row_bytes = static_cast<int64_t>(job.w.row_bytes()),
                           .n = job.w.rows,
                           .y = job.y,
                           .y_stride = job.y_stride,
                           .scale = job.scale,
                           .accumulate = job.accumulate};
    work.kernel = KernelFor(job.w.type, prepared.type, prepared.isa);
    work.first_group = pass.groups;
    pass.groups += (job.w.rows + kRowGroup - 1) / kRowGroup;
  }
  if (prepared.view.m == 0 || pass.groups == 0) return;
  // Several ranges per thread even out a core that is slowed by others.
  const int64_t grain = std::max<int64_t>(1, pass.groups / (int64_t{8} * pool.num_threads()));
  pool.ParallelFor(pass.groups, grain, [&pass](int64_t begin, int64_t end, int) { RunGroups(pass, begin, end); });
}

}  // namespace pith
