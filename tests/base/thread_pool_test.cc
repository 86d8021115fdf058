#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

// Counts every allocation of this program; the sanitizers need operators of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
namespace {
std::atomic<int64_t> num_allocations{0};
}
void* operator new(size_t size) {
  num_allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* place = std::malloc(size)) return place;
  throw std::bad_alloc();
}
void operator delete(void* place) noexcept { std::free(place); }
void operator delete(void* place, size_t) noexcept { std::free(place); }
#endif

namespace pith {
namespace {

// Runs one loop and checks that each index came once, in ranges cut at multiples of the grain.
void CheckCover(ThreadPool& pool, int64_t count, int64_t grain) {
  std::vector<std::atomic<int>> seen(static_cast<size_t>(count));
  std::atomic<int> bad{0};
  pool.ParallelFor(count, grain, [&](int64_t begin, int64_t end, int thread) {
    const bool whole = begin % grain == 0 && (end % grain == 0 || end == count);
    if (!whole || begin >= end || end > count || thread < 0 || thread >= pool.num_threads()) ++bad;
    for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
  });
  EXPECT_EQ(bad, 0);
  for (const auto& times : seen) ASSERT_EQ(times, 1) << count << " by " << grain;
}

TEST(ThreadPool, CoversEveryIndexOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.num_threads(), threads);
    for (const int64_t count : {0, 1, 2, 3, 7, 31, 32, 33, 1000}) {
      for (const int64_t grain : {1, 2, 32, 5000}) CheckCover(pool, count, grain);
    }
  }
}

TEST(ThreadPool, ZeroMeansEveryCore) { EXPECT_EQ(ThreadPool(0).num_threads(), NumCores()); }

TEST(ThreadPool, EachThreadNumberIsOneThreadAtATime) {
  ThreadPool pool(4);
  std::vector<std::atomic<int>> inside(4);
  std::atomic<int> clashes{0};
  for (int loop = 0; loop < 200; ++loop) {
    pool.ParallelFor(64, 1, [&](int64_t, int64_t, int thread) {
      if (inside[static_cast<size_t>(thread)].fetch_add(1) != 0) ++clashes;
      std::this_thread::yield();
      inside[static_cast<size_t>(thread)].fetch_sub(1);
    });
  }
  EXPECT_EQ(clashes, 0);
}

TEST(ThreadPool, WorkersHelp) {
  ThreadPool pool(2);
  std::atomic<int> arrived{0};
  // Both ranges wait for each other, so the loop can only end when two threads are in it.
  pool.ParallelFor(2, 1, [&](int64_t begin, int64_t end, int) {
    arrived.fetch_add(static_cast<int>(end - begin));
    while (arrived.load() < 2) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, 2);
}

// Many short loops of changing size, with more threads than cores and with pauses that let workers park: a claim that
// leaked from one loop into the next would count an index twice or lose one.
TEST(ThreadPool, ManyShortLoops) {
  ThreadPool pool(6);
  std::vector<int64_t> values(64);
  for (int64_t loop = 0; loop < 20000; ++loop) {
    const int64_t count = 1 + loop % 64;
    pool.ParallelFor(count, 1 + loop % 3, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) ++values[static_cast<size_t>(i)];
    });
    if (loop % 1000 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  for (int64_t i = 0; i < 64; ++i) {
    int64_t expected = 0;
    for (int64_t loop = 0; loop < 20000; ++loop) expected += i < 1 + loop % 64;
    EXPECT_EQ(values[static_cast<size_t>(i)], expected) << i;
  }
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(ThreadPool, LoopsAllocateNothing) {
  ThreadPool pool(3);
  std::atomic<int64_t> sum{0};
  const std::function<void(int64_t, int64_t, int)> body = [&](int64_t begin, int64_t end, int) { sum += end - begin; };
  pool.ParallelFor(100, 1, body);
  const int64_t before = num_allocations;
  for (int loop = 0; loop < 100; ++loop) pool.ParallelFor(100, 1, body);
  EXPECT_EQ(num_allocations, before);
  EXPECT_EQ(sum, 101 * 100);
}
#endif

TEST(ThreadPool, ComesAndGoesQuickly) {
  for (int i = 0; i < 100; ++i) {
    ThreadPool pool(4);
    if (i % 2 == 0) CheckCover(pool, 16, 1);
  }
}

TEST(ThreadPool, ThrowsOnWhatABodyThrew) {
  for (const int threads : {1, 4}) {
    ThreadPool pool(threads);
    std::atomic<int> others{0};
    const auto body = [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        if (i == 0 || i == 700) throw std::runtime_error("grain " + std::to_string(i));
        ++others;
      }
    };
    for (int loop = 0; loop < 50; ++loop) EXPECT_THROW(pool.ParallelFor(1000, 1, body), std::runtime_error);
    if (threads > 1) {  // the ranges of other threads, and of later claims
      EXPECT_GT(others, 50);
    }
    CheckCover(pool, 1000, 1);  // the pool is as good as before
  }
}

// A process that is given no more memory, and so no stack, for further threads.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
int PoolWithLittleMemory() {
  rlim_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t most = pages * 4096 + (rlim_t{40} << 20);
  const rlimit limit{most, most};
  if (setrlimit(RLIMIT_AS, &limit) != 0) return 3;
  ThreadPool pool(200);
  if (pool.num_threads() < 1 || pool.num_threads() >= 200) return 4;
  CheckCover(pool, 1000, 1);
  return testing::Test::HasFailure() ? 5 : 0;
}

TEST(ThreadPoolDeathTest, GoesOnWithTheThreadsItGot) {
  EXPECT_EXIT(std::exit(PoolWithLittleMemory()), testing::ExitedWithCode(0),
              "warning: the system gave [0-9]+ of 200 threads \\(.*\\); going on with them");
}
#endif

TEST(ThreadPoolDeathTest, RefusesNestedLoops) {
  EXPECT_DEATH(
      {
        ThreadPool pool(1);
        pool.ParallelFor(1, 1, [&](int64_t, int64_t, int) { pool.ParallelFor(1, 1, [](int64_t, int64_t, int) {}); });
      },
      "ParallelFor inside");
}

}  // namespace
}  // namespace pith
