#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"

namespace pith {
namespace {

constexpr auto kSpinTime = std::chrono::microseconds(50);
constexpr int kPollsPerClockRead = 64;
constexpr int kMaxThreads = 4096;
constexpr uint32_t kShare = 4;  // a thread claims so small a part of its share of what is left

void Pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// True as soon as `done` is; false when it still is not after kSpinTime.
template <class Condition>
bool SpinUntil(const Condition& done) {
  if (done()) return true;
  const auto deadline = std::chrono::steady_clock::now() + kSpinTime;
  do {
    for (int i = 0; i < kPollsPerClockRead; ++i) {
      if (done()) return true;
      Pause();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  return done();
}

// A loop is cut into grains. Whoever is awake claims the next run of them by lowering the ticket: long runs at first, single
// grains at the end, so that threads which the machine runs at different speeds end together. The loop is over once every
// grain is finished, so a worker that the system has not woken yet is not waited for. A worker may read the loop's fields
// just as the next loop overwrites them: they are overwritten only once all grains are claimed, so its own claim then
// fails, since the loop's number and what is left of it are the ticket.
struct Ticket {
  uint32_t loop, left;  // left: grains not claimed yet

  uint64_t Pack() const { return uint64_t{loop} << 32 | left; }
  static Ticket Unpack(uint64_t bits) { return {static_cast<uint32_t>(bits >> 32), static_cast<uint32_t>(bits)}; }
};

}  // namespace

struct ThreadPool::Impl {
  using Body = std::function<void(int64_t, int64_t, int)>;

  std::atomic<uint64_t> ticket{0};  // a Ticket
  std::atomic<uint32_t> finished{0};
  std::atomic<const Body*> body{nullptr};
  std::atomic<int64_t> count{0}, grain{1};
  std::atomic<uint32_t> grains{0};
  std::atomic<int> generation{0};  // what parked workers wait on; advances with every loop and at the end
  std::atomic<bool> stop{false}, busy{false};
  uint32_t loop = 0;
  std::vector<std::thread> workers;
  std::atomic<bool> failed{false};  // a body threw …
  std::exception_ptr error;         // … this, the first of them

  ~Impl() {
    stop.store(true, std::memory_order_release);
    generation.fetch_add(1);
    generation.notify_all();
    for (std::thread& worker : workers) worker.join();
  }

  void Work(int thread) {
    uint64_t now = ticket.load(std::memory_order_acquire);
    while (true) {
      const Ticket claim = Ticket::Unpack(now);
      if (claim.left == 0) return;
      const Body* call = body.load(std::memory_order_relaxed);
      const int64_t length = grain.load(std::memory_order_relaxed);
      const int64_t last = count.load(std::memory_order_relaxed);
      const uint32_t all = grains.load(std::memory_order_relaxed);
      const uint32_t take = std::max(1u, claim.left / (kShare * static_cast<uint32_t>(workers.size() + 1)));
      const uint64_t rest = Ticket{claim.loop, claim.left - take}.Pack();
      if (!ticket.compare_exchange_weak(now, rest, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
      const int64_t begin = int64_t{all - claim.left} * length;
      try {
        (*call)(begin, std::min(begin + int64_t{take} * length, last), thread);
      } catch (...) {
        if (!failed.exchange(true)) error = std::current_exception();
      }
      if (finished.fetch_add(take) + take == all) finished.notify_one();
      now = ticket.load(std::memory_order_acquire);
    }
  }

  void RunWorker(int thread) {
    int seen = 0;
    while (true) {
      const auto changed = [&] { return generation.load(std::memory_order_acquire) != seen; };
      if (!SpinUntil(changed)) generation.wait(seen, std::memory_order_acquire);
      seen = generation.load(std::memory_order_acquire);
      if (stop.load(std::memory_order_acquire)) return;
      Work(thread);
    }
  }
};

ThreadPool::ThreadPool(int num_threads) : impl_(std::make_unique<Impl>()) {
  PITH_CHECK(num_threads >= 0 && num_threads <= kMaxThreads, num_threads);
  if (num_threads == 0) num_threads = NumCores();
  impl_->workers.reserve(static_cast<size_t>(num_threads) - 1);
  try {
    for (int thread = 1; thread < num_threads; ++thread) {
      impl_->workers.emplace_back([impl = impl_.get(), thread] { impl->RunWorker(thread); });
    }
  } catch (const std::exception& error) {  // a limit of processes (ulimit -u, a container's), or no memory for a stack
    LogWarning(Str("the system gave ", this->num_threads(), " of ", num_threads, " threads (", error.what(), "); going on with them"));
  }
}

ThreadPool::~ThreadPool() = default;

int ThreadPool::num_threads() const { return static_cast<int>(impl_->workers.size()) + 1; }

void ThreadPool::ParallelFor(int64_t count, int64_t grain,
                             const std::function<void(int64_t begin, int64_t end, int thread)>& body) {
  PITH_CHECK(count >= 0 && grain > 0, count, " by ", grain);
  if (count == 0) return;
  Impl& pool = *impl_;
  PITH_CHECK(!pool.busy.exchange(true, std::memory_order_acquire), "ParallelFor inside or beside another");
  const int64_t grains = (count - 1) / grain + 1;
  PITH_CHECK(grains < (int64_t{1} << 32), count, " by ", grain);
  struct Leave {
    std::atomic<bool>& busy;
    ~Leave() { busy.store(false, std::memory_order_release); }
  } leave{pool.busy};
  if (pool.workers.empty() || grains == 1) {
    body(0, count, 0);
    return;
  }
  pool.body.store(&body, std::memory_order_relaxed);
  pool.count.store(count, std::memory_order_relaxed);
  pool.grain.store(grain, std::memory_order_relaxed);
  pool.grains.store(static_cast<uint32_t>(grains), std::memory_order_relaxed);
  pool.finished.store(0, std::memory_order_relaxed);
  pool.ticket.store(Ticket{++pool.loop, static_cast<uint32_t>(grains)}.Pack(), std::memory_order_release);
  pool.generation.fetch_add(1);
  pool.generation.notify_all();

  pool.Work(0);
  const auto done = [&] { return pool.finished.load(std::memory_order_acquire) == grains; };
  if (!SpinUntil(done)) {
    for (uint32_t seen; (seen = pool.finished.load(std::memory_order_acquire)) != grains;) pool.finished.wait(seen);
  }
  if (pool.failed.load(std::memory_order_relaxed)) {
    pool.failed.store(false, std::memory_order_relaxed);
    std::rethrow_exception(std::exchange(pool.error, nullptr));
  }
}

int NumCores() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace pith
