// Chooses the kernel of each matrix and splits the rows of all matrices over the pool.
#include "runtime/kernels/linear.h"

#include <algorithm>

#include "base/error.h"
#include "runtime/kernels/linear_kernels.h"
#include "runtime/kernels/prepared_rows.h"

namespace pith {
namespace {

constexpr int kMaxJobs = 16;
constexpr int64_t kGrainBytes = int64_t{32} << 10;  // of weights; at the least what a thread takes at a time

struct Work {
  RowsView rows;
  LinearTask task;
  LinearKernel kernel;
  int64_t first_group;  // of this matrix, counting through all matrices
};

// Everything a thread needs; captured by one pointer, so that std::function does not allocate.
struct Pass {
  Work work[kMaxJobs];
  int num_works = 0;
  int64_t groups = 0;
  int64_t padded = 0;  // the longest row's
};

LinearKernel KernelFor(TensorType type, ActivationType precision, Isa isa) {
  if (precision == ActivationType::kInt8 && !IsQuantised(type)) precision = ActivationType::kBF16;
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx2: return Avx2LinearKernel(type, precision);
    case Isa::kAvx512: return Avx512LinearKernel(type, precision);
#elif defined(__aarch64__)
    case Isa::kNeon: return NeonLinearKernel(type, precision);
    case Isa::kDotProd: return DotProdLinearKernel(type, precision);
    case Isa::kI8mm: return I8mmLinearKernel(type, precision);
#endif
    default: return ScalarLinearKernel(type, precision);
  }
}

void RunGroups(const Pass& pass, int64_t begin, int64_t end) {
  thread_local GrowingBuffer scratch;
  auto* bytes = scratch.ReserveOf<uint8_t>(LinearScratchBytes(pass.padded));
  for (int i = 0; i < pass.num_works; ++i) {
    const Work& work = pass.work[i];
    const int64_t first = std::max(begin - work.first_group, int64_t{0}) * kRowGroup;
    const int64_t last = std::min((end - work.first_group) * kRowGroup, work.task.n);
    if (first < last) work.kernel(work.rows, work.task, first, last, bytes);
  }
}

// Rows [begin, end) of `all`.
RowsView Part(const RowsView& all, int64_t begin, int64_t end) {
  RowsView part = all;
  part.m = end - begin;
  if (all.f32) part.f32 += begin * all.f32_stride;
  if (all.bf16) part.bf16 += begin * all.padded;
  if (all.q) {
    part.q += begin * all.padded;
    part.d += begin * all.blocks;
    part.d_sum += begin * all.blocks;
    part.sum += begin * all.blocks;
  }
  return part;
}

}  // namespace

void Linear(ThreadPool& pool, std::span<const LinearJob> jobs) {
  for (; jobs.size() > kMaxJobs; jobs = jobs.subspan(kMaxJobs)) Linear(pool, jobs.first(kMaxJobs));
  Pass pass;
  int64_t bytes = 0;
  for (const LinearJob& job : jobs) {
    const PreparedRows::Impl& prepared = job.x->impl();
    const int64_t end = job.end < 0 ? prepared.view.m : job.end;
    PITH_CHECK(job.begin >= 0 && job.begin <= end && end <= prepared.view.m, job.begin, " to ", end, " of ", prepared.view.m);
    PITH_CHECK_EQ(job.w.cols, prepared.view.k);
    if (job.begin == end || job.w.rows == 0) continue;
    Work& work = pass.work[pass.num_works++];
    work.rows = Part(prepared.view, job.begin, end);
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
    pass.padded = std::max(pass.padded, prepared.view.padded);
    bytes += static_cast<int64_t>(job.w.bytes());
  }
  if (pass.groups == 0) return;
  const int64_t grain = std::max<int64_t>(1, kGrainBytes * pass.groups / bytes);
  pool.ParallelFor(pass.groups, grain, [&pass](int64_t begin, int64_t end, int) { RunGroups(pass, begin, end); });
}

}  // namespace pith
