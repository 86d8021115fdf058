// A pool for short parallel loops: workers spin briefly after a loop, then park.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace pith {

class ThreadPool {
 public:
  // num_threads counts the caller; 1 runs everything inline; 0 means as many as the machine has cores. Where the system
  // refuses a thread, the pool goes on with those it has, at least the caller, and warns.
  explicit ThreadPool(int num_threads);
  ~ThreadPool();
  int num_threads() const;
  // Calls body(begin, end, thread) on disjoint ranges that cover [0, count), each a multiple of `grain` long but the
  // last. thread is in [0, num_threads). Returns when all are done. Not re-entrant; one caller at a time. A body that throws
  // ends its own range; the others run all the same, and the first exception is thrown here when all are done.
  void ParallelFor(int64_t count, int64_t grain, const std::function<void(int64_t begin, int64_t end, int thread)>& body);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

int NumCores();  // of this process's affinity mask

}  // namespace pith
