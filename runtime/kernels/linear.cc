// Chooses the kernel of each matrix and splits the rows of all matrices, and what adapters add to them, over the pool.
#include "runtime/kernels/linear.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "base/error.h"
#include "runtime/kernels/linear_kernels.h"
#include "runtime/kernels/linear_plan.h"
#include "runtime/kernels/prepared_rows.h"

namespace pith {
namespace {

constexpr size_t kMaxJobs = 16, kMaxAdded = 32;  // in one pass
constexpr int64_t kGrainBytes = int64_t{32} << 10;  // of weights: about what a thread takes at a time at the end of a pass

struct Work {
  RowsView rows;
  LinearTask task;
  LinearKernel kernel;
  int64_t first_group;  // of this matrix, counting through all matrices
};

struct Addition {
  const LowRankJob* job;
  const Work* to;
  RowsView rows;  // of low, once it is ready
  LinearTask task;
  LinearKernel kernel;
};

// Everything a thread needs; captured by one pointer, so that std::function does not allocate.
//
// The groups of all A come first, then those of W. Whoever finishes the last A prepares low for all; a thread adds B to the rows
// of W that it has just made, which saves a second pass and its two meetings of all threads. Nobody waits for long: A is claimed before
// any W, by a thread that is at work on it, and is less than what others claim meanwhile.
struct Pass {
  Work work[kMaxJobs + kMaxAdded];
  size_t num_works = 0, num_a = 0;
  Addition added[kMaxAdded];
  size_t num_added = 0;
  ActivationType type = ActivationType::kF32;
  Isa isa = Isa::kScalar;
  int64_t groups = 0, bytes = 0;
  int64_t padded = 0;  // the longest row's
  GrowingBuffer* scratch = nullptr;  // by thread
  std::atomic<int64_t> a_groups_left{0};
  std::atomic<bool> low_ready{false};
};

// None of the instruction sets of another architecture is ever asked for.
LinearKernel OwnInt8Kernel(TensorType type, Isa isa, [[maybe_unused]] bool tiles) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx2: return Avx2Int8Kernel(type);
    case Isa::kAvxVnni: return AvxVnniInt8Kernel(type);
    case Isa::kAvx512Bw: return Avx512BwInt8Kernel(type);
    case Isa::kAvx512Vnni:
    case Isa::kAvx512: return Avx512VnniInt8Kernel(type);
    case Isa::kAmx: return tiles ? AmxInt8Kernel(type) : Avx512VnniInt8Kernel(type);
#elif defined(__aarch64__)
    case Isa::kNeon: return NeonInt8Kernel(type);
    case Isa::kDotProd: return DotProdInt8Kernel(type);
    case Isa::kI8mm: return I8mmInt8Kernel(type);
#endif
    default: return ScalarLinearKernel(type, ActivationType::kInt8);
  }
}

LinearKernel OwnFloatKernel(TensorType type, ActivationType precision, Isa isa) {
  if (!HasFloatKernel(type)) return PlainLinearKernel(type, precision);
  [[maybe_unused]] const bool bf16 = precision == ActivationType::kBF16;
#if defined(__x86_64__)
  if (bf16 && isa == Isa::kAmx) return AmxBf16Kernel(type);
#endif
  switch (FloatIsa(isa)) {
#if defined(__x86_64__)
    case Isa::kAvx2: return Avx2FloatKernel(type, bf16);
    case Isa::kAvx512: return Avx512FloatKernel(type, bf16);
#elif defined(__aarch64__)
    case Isa::kNeon:
    case Isa::kDotProd:
    case Isa::kI8mm: return NeonFloatKernel(type, bf16);
#endif
    default: return ScalarLinearKernel(type, precision);
  }
}

// For so many rows of x.
LinearKernel KernelFor(TensorType type, ActivationType precision, Isa isa, const LinearTask& task, int64_t m) {
  if (precision != ActivationType::kInt8) return OwnFloatKernel(type, precision, isa);
  if (!HasInt8Kernel(type)) return OwnFloatKernel(type, ActivationType::kBF16, isa);
  return OwnInt8Kernel(type, isa, task.tile_rows > 0 && m >= task.tile_rows);
}

// Rows [begin, end) of `all`.
RowsView Part(const RowsView& all, int64_t begin, int64_t end) {
  RowsView part = all;
  part.m = end - begin;
  if (all.f32) part.f32 += begin * all.f32_stride;
  if (all.bf16) part.bf16 += begin * all.padded;
  if (all.bf16_pairs) {
    const int64_t column = all.pair_shift + begin;
    part.bf16_pairs += column / kPairRows * kPairRows * (all.padded / 2);
    part.pair_shift = column % kPairRows;
  }
  if (all.q) {
    part.q += begin * all.padded;
    part.groups += begin * all.blocks;
  }
  return part;
}

void PrepareLow(Pass& pass) {
  for (size_t i = 0; i < pass.num_added; ++i) {
    Addition& add = pass.added[i];
    const LowRankJob& job = *add.job;
    job.low_rows->Prepare(job.low, job.end - job.begin, job.a.rows, job.a.rows, pass.type, pass.isa);
    job.low_rows->impl().Ensure(FormsFor(pass.type, job.b.type), nullptr);
    add.rows = job.low_rows->impl().view;
  }
  pass.low_ready.store(true, std::memory_order_release);
}

void AwaitLow(const Pass& pass) {
  for (int polls = 0; !pass.low_ready.load(std::memory_order_acquire); ++polls) {
    if (polls > 1000) std::this_thread::yield();  // the thread that makes it may have lost its core
  }
}

void RunGroups(Pass& pass, int64_t begin, int64_t end, int thread) {
  auto* bytes = pass.scratch[thread].ReserveOf<uint8_t>(LinearScratchBytes(pass.padded));
  for (size_t i = 0; i < pass.num_works; ++i) {
    const Work& work = pass.work[i];
    const int64_t first = std::max(begin - work.first_group, int64_t{0}) * kRowGroup;
    const int64_t last = std::min((end - work.first_group) * kRowGroup, work.task.n);
    if (first >= last) continue;
    work.kernel(work.rows, work.task, first, last, bytes);
    if (i < pass.num_a) {
      const int64_t done = (last - first + kRowGroup - 1) / kRowGroup;
      if (pass.a_groups_left.fetch_sub(done, std::memory_order_acq_rel) == done) PrepareLow(pass);
      continue;
    }
    for (size_t j = 0; j < pass.num_added; ++j) {
      const Addition& add = pass.added[j];
      if (add.to != &work) continue;
      AwaitLow(pass);
      add.kernel(add.rows, add.task, first, last, bytes);
    }
  }
}

// All that the threads would allocate, allocated before they start: one that fails in mid-pass would leave the others
// waiting for it.
void Reserve(ThreadPool& pool, Pass& pass) {
  thread_local std::vector<GrowingBuffer> scratch;  // the caller's, for every thread
  const auto threads = static_cast<size_t>(pool.num_threads());
  if (scratch.size() < threads) scratch.resize(threads);
  for (size_t i = 0; i < threads; ++i) scratch[i].ReserveOf<uint8_t>(LinearScratchBytes(pass.padded));
  pass.scratch = scratch.data();
  for (size_t i = 0; i < pass.num_added; ++i) {
    const LowRankJob& job = *pass.added[i].job;
    RowForms forms = FormsFor(pass.type, job.b.type);
    forms.codes |= pass.type == ActivationType::kInt8;  // which Prepare() makes at once
    job.low_rows->impl().Reserve(forms, job.end - job.begin, job.a.rows, pass.type, pass.isa);
  }
}

LinearTask TaskOf(const Pass& pass, const TensorView& w, float* y, int64_t y_stride, float scale, bool accumulate) {
  LinearTask task{.w = w.data,
                  .row_bytes = static_cast<int64_t>(w.row_bytes()),
                  .n = w.rows,
                  .y = y,
                  .y_stride = y_stride,
                  .scale = scale,
                  .accumulate = accumulate};
  if (pass.type != ActivationType::kInt8) return task;  // other kernels know one way
  const LinearPlan plan = PlanFor({w.type, w.cols, pass.isa});
  task.prefetch = {.bytes = plan.ahead, .near = plan.near};
  task.few_rows = plan.few_rows;
  task.register_rows = plan.register_rows;
  task.tile_rows = plan.tile_rows;
  return task;
}

// Where a matrix of `rows` output rows stands in the pass.
Work& Append(Pass& pass, const TensorView& w, const RowsView& rows, float* y, int64_t y_stride, float scale, bool accumulate) {
  PITH_CHECK_EQ(w.cols, rows.k);
  Work& work = pass.work[pass.num_works++];
  work.rows = rows;
  work.task = TaskOf(pass, w, y, y_stride, scale, accumulate);
  work.kernel = KernelFor(w.type, pass.type, pass.isa, work.task, rows.m);
  work.first_group = pass.groups;
  pass.groups += (w.rows + kRowGroup - 1) / kRowGroup;
  pass.padded = std::max(pass.padded, rows.padded);
  pass.bytes += static_cast<int64_t>(w.bytes());
  return work;
}

void RunPass(ThreadPool& pool, std::span<const LinearJob> jobs, std::span<const LowRankJob> added) {
  Pass pass;
  for (const LinearJob& job : jobs) job.x->impl().Ensure(FormsFor(job.x->impl().type, job.w.type), &pool);
  for (const LowRankJob& add : added) jobs[add.job].x->impl().Ensure(FormsFor(jobs[add.job].x->impl().type, add.a.type), &pool);
  const PreparedRows::Impl& first = jobs[0].x->impl();
  pass.type = first.type;
  pass.isa = first.isa;
  for (const LowRankJob& add : added) {
    const RowsView& rows = jobs[add.job].x->impl().view;
    PITH_CHECK(add.begin >= 0 && add.begin <= add.end && add.end <= rows.m, add.begin, " to ", add.end, " of ", rows.m);
    PITH_CHECK(add.b.cols == add.a.rows && add.b.rows == jobs[add.job].w.rows, add.b.rows, " by ", add.b.cols);
    if (add.begin == add.end) continue;
    Append(pass, add.a, Part(rows, add.begin, add.end), add.low, add.a.rows, 1.0f, false);
    pass.added[pass.num_added++].job = &add;
  }
  pass.num_a = pass.num_works;
  pass.a_groups_left = pass.groups;
  for (size_t j = 0; j < jobs.size(); ++j) {
    const LinearJob& job = jobs[j];
    const PreparedRows::Impl& prepared = job.x->impl();
    PITH_CHECK(prepared.type == pass.type && prepared.isa == pass.isa, "activations prepared in different ways");
    const int64_t end = job.end < 0 ? prepared.view.m : job.end;
    PITH_CHECK(job.begin >= 0 && job.begin <= end && end <= prepared.view.m, job.begin, " to ", end, " of ", prepared.view.m);
    if (job.begin == end || job.w.rows == 0) continue;
    const Work& work = Append(pass, job.w, Part(prepared.view, job.begin, end), job.y, job.y_stride, job.scale, job.accumulate);
    for (size_t i = 0; i < pass.num_added; ++i) {
      Addition& add = pass.added[i];
      const LowRankJob& low = *add.job;
      if (low.job != j) continue;
      add.to = &work;
      add.task = TaskOf(pass, low.b, job.y + low.begin * job.y_stride, job.y_stride, low.scale, true);
      add.kernel = KernelFor(low.b.type, pass.type, pass.isa, add.task, low.end - low.begin);
      add.task.prefetch = {};  // it is small, and has just been read for the rows before
      pass.padded = std::max(pass.padded, (low.b.cols + kBlockSize - 1) / kBlockSize * kBlockSize);
      pass.bytes += static_cast<int64_t>(low.b.bytes());
    }
  }
  if (pass.groups == 0) return;
  Reserve(pool, pass);
  const int64_t share = pass.groups / (int64_t{8} * pool.num_threads());  // small matrices too are for all threads
  const int64_t grain = std::max<int64_t>(1, std::min(share, kGrainBytes * pass.groups / pass.bytes));
  pool.ParallelFor(pass.groups, grain, [&pass](int64_t begin, int64_t end, int thread) { RunGroups(pass, begin, end, thread); });
}

}  // namespace

bool HasFloatKernel(TensorType type) {
  return !IsQuantised(type) || type == TensorType::kQ8_0 || type == TensorType::kQ4_0 || type == TensorType::kQ4_1 || type == TensorType::kIQ4_NL;
}

bool HasInt8Kernel(TensorType type) { return IsQuantised(type) && type != TensorType::kQ2_K && type != TensorType::kQ3_K; }

void Linear(ThreadPool& pool, std::span<const LinearJob> jobs, std::span<const LowRankJob> added) {
  PITH_CHECK(jobs.size() <= kMaxJobs || added.empty(), jobs.size());
  for (; jobs.size() > kMaxJobs; jobs = jobs.subspan(kMaxJobs)) RunPass(pool, jobs.first(kMaxJobs), {});
  if (jobs.empty()) return;
  const size_t together = std::min(added.size(), kMaxAdded);
  RunPass(pool, jobs, added.first(together));
  for (const LowRankJob& add : added.subspan(together)) {  // a batch of very many adapters
    if (add.begin == add.end) continue;
    const LinearJob& to = jobs[add.job];
    const LinearJob a = {.w = add.a, .x = to.x, .y = add.low, .y_stride = add.a.rows, .begin = add.begin, .end = add.end};
    RunPass(pool, {&a, 1}, {});
    add.low_rows->Prepare(add.low, add.end - add.begin, add.a.rows, add.a.rows, to.x->impl().type, to.x->impl().isa, &pool);
    const LinearJob b = {.w = add.b, .x = add.low_rows, .y = to.y + add.begin * to.y_stride, .y_stride = to.y_stride, .scale = add.scale, .accumulate = true};
    RunPass(pool, {&b, 1}, {});
  }
}

}  // namespace pith
