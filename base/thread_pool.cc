#include "base/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "base/error.h"

namespace pith {
namespace {

constexpr auto kSpinTime = std::chrono::microseconds(50);
constexpr int kPollsPerClockRead = 64;
constexpr int kMaxThreads = 4096;  // a ticket counts chunks in 16 bits
constexpr int64_t kChunksPerThread = 4;  // evens out threads that the machine runs at different speeds

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

// A loop is cut into chunks. Whoever is awake claims the next one by advancing the ticket; the loop is over once every
// chunk is finished, so a worker that the system has not woken yet is not waited for. A worker may read the loop's
// fields just as the next loop overwrites them: they are overwritten only once all chunks are claimed, so its own claim
// then fails, since loop number and number of chunks are part of the ticket.
struct Ticket {
  uint32_t loop;
  uint16_t chunks, next;

  uint64_t Pack() const { return uint64_t{loop} << 32 | uint64_t{chunks} << 16 | next; }
  static Ticket Unpack(uint64_t bits) {
    return {static_cast<uint32_t>(bits >> 32), static_cast<uint16_t>(bits >> 16), static_cast<uint16_t>(bits)};
  }
};

}  // namespace

struct ThreadPool::Impl {
  using Body = std::function<void(int64_t, int64_t, int)>;

  std::atomic<uint64_t> ticket{0};  // a Ticket
  std::atomic<uint32_t> finished{0};
  std::atomic<const Body*> body{nullptr};
  std::atomic<int64_t> count{0}, chunk_length{1};
  std::atomic<int> generation{0};  // what parked workers wait on; advances with every loop and at the end
  std::atomic<bool> stop{false}, busy{false};
  uint32_t loop = 0;
  std::vector<std::thread> workers;

  void Work(int thread) {
    uint64_t now = ticket.load(std::memory_order_acquire);
    while (true) {
      const Ticket claim = Ticket::Unpack(now);
      if (claim.next >= claim.chunks) return;
      const Body* call = body.load(std::memory_order_relaxed);
      const int64_t length = chunk_length.load(std::memory_order_relaxed);
      const int64_t end = count.load(std::memory_order_relaxed);
      if (!ticket.compare_exchange_weak(now, now + 1, std::memory_order_acq_rel, std::memory_order_acquire)) continue;
      const int64_t begin = claim.next * length;
      (*call)(begin, std::min(begin + length, end), thread);
      if (finished.fetch_add(1) + 1 == claim.chunks) finished.notify_one();
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
  for (int thread = 1; thread < num_threads; ++thread) {
    impl_->workers.emplace_back([this, thread] { impl_->RunWorker(thread); });
  }
}

ThreadPool::~ThreadPool() {
  impl_->stop.store(true, std::memory_order_release);
  impl_->generation.fetch_add(1);
  impl_->generation.notify_all();
  for (std::thread& worker : impl_->workers) worker.join();
}

int ThreadPool::num_threads() const { return static_cast<int>(impl_->workers.size()) + 1; }

void ThreadPool::ParallelFor(int64_t count, int64_t grain,
                             const std::function<void(int64_t begin, int64_t end, int thread)>& body) {
  PITH_CHECK(count >= 0 && grain > 0, count, " by ", grain);
  if (count == 0) return;
  Impl& pool = *impl_;
  PITH_CHECK(!pool.busy.exchange(true, std::memory_order_acquire), "ParallelFor inside or beside another");
  const int64_t grains = (count - 1) / grain + 1;
  if (pool.workers.empty() || grains == 1) {
    body(0, count, 0);
    pool.busy.store(false, std::memory_order_release);
    return;
  }
  const int64_t grains_per_chunk = (grains - 1) / (kChunksPerThread * num_threads()) + 1;
  const uint32_t chunks = static_cast<uint32_t>((grains - 1) / grains_per_chunk + 1);

  pool.body.store(&body, std::memory_order_relaxed);
  pool.count.store(count, std::memory_order_relaxed);
  pool.chunk_length.store(grains_per_chunk * grain, std::memory_order_relaxed);
  pool.finished.store(0, std::memory_order_relaxed);
  pool.ticket.store(Ticket{++pool.loop, static_cast<uint16_t>(chunks), 0}.Pack(), std::memory_order_release);
  pool.generation.fetch_add(1);
  pool.generation.notify_all();

  pool.Work(0);
  const auto done = [&] { return pool.finished.load(std::memory_order_acquire) == chunks; };
  if (!SpinUntil(done)) {
    for (uint32_t seen; (seen = pool.finished.load(std::memory_order_acquire)) != chunks;) pool.finished.wait(seen);
  }
  pool.busy.store(false, std::memory_order_release);
}

int NumCores() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace pith
