#include "train/ranks/ranks.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/error.h"

#if PITH_MPI
#include <mpi.h>
#endif

namespace pith {

Ranks& Ranks::Mutable() {
  static Ranks world;
  return world;
}

const Ranks& Ranks::World() { return Mutable(); }

#if PITH_MPI

namespace {

constexpr size_t kMostAtOnce = size_t{1} << 28;  // values per call: MPI counts in int

template <class T>
void SumInPlace(std::span<T> values, MPI_Datatype type) {
  while (!values.empty()) {
    const size_t count = std::min(values.size(), kMostAtOnce);
    MPI_Allreduce(MPI_IN_PLACE, values.data(), static_cast<int>(count), type, MPI_SUM, MPI_COMM_WORLD);
    values = values.subspan(count);
  }
}

// Ranks of one machine that may all run on the same cores would slow each other down: each keeps a part of its own.
void TakeShareOfCores() {
  MPI_Comm machine;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
  int local = 0, count = 1;
  MPI_Comm_rank(machine, &local);
  MPI_Comm_size(machine, &count);
  MPI_Comm_free(&machine);
  cpu_set_t allowed, share;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  const int cores = CPU_COUNT(&allowed), each = cores / count;
  if (each == 0 || cores <= sysconf(_SC_NPROCESSORS_ONLN) / count) return;
  CPU_ZERO(&share);
  for (int cpu = 0, place = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    if (place / each == local) CPU_SET(cpu, &share);
    ++place;
  }
  sched_setaffinity(0, sizeof share, &share);  // where this fails, training is only slower
}

}  // namespace

void Ranks::Start(int* argc, char*** argv) {
  if (std::getenv("OMPI_COMM_WORLD_SIZE") == nullptr) return;
  int provided = 0;
  MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided);  // errors of a call end all ranks, MPI's default
  MPI_Comm_rank(MPI_COMM_WORLD, &Mutable().rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &Mutable().size_);
  TakeShareOfCores();
}

void Ranks::Finish() {
  int started = 0;
  MPI_Initialized(&started);
  if (started) MPI_Finalize();
}

void Ranks::Abort(int status) {
  if (World().size_ > 1) MPI_Abort(MPI_COMM_WORLD, status);
}

void Ranks::Sum(std::span<float> values) const {
  if (size_ > 1) SumInPlace(values, MPI_FLOAT);
}

void Ranks::Sum(std::span<double> values) const {
  if (size_ > 1) SumInPlace(values, MPI_DOUBLE);
}

std::vector<std::string> Ranks::Gather(const std::string& mine) const {
  if (size_ == 1) return {mine};
  std::vector<std::string> all;
  for (int from = 0; from < size_; ++from) {
    uint64_t length = mine.size();
    MPI_Bcast(&length, 1, MPI_UINT64_T, from, MPI_COMM_WORLD);
    PITH_CHECK(length < (uint64_t{1} << 31), length, " bytes from one rank");
    std::string& text = all.emplace_back(from == rank_ ? mine : std::string(length, '\0'));
    MPI_Bcast(text.data(), static_cast<int>(length), MPI_BYTE, from, MPI_COMM_WORLD);
  }
  return all;
}

std::string Ranks::FromFirst(const std::string& mine) const { return Gather(first() ? mine : "")[0]; }

#else

void Ranks::Start(int*, char***) {
  const char* size = std::getenv("OMPI_COMM_WORLD_SIZE");
  if (size && std::string(size) != "1") {
    ThrowUser("mpirun started ", size, " processes, but this build of pith-train has no MPI; install libopenmpi-dev and build again, "
              "or start one process without mpirun");
  }
}

void Ranks::Finish() {}
void Ranks::Abort(int) {}
void Ranks::Sum(std::span<float>) const {}
void Ranks::Sum(std::span<double>) const {}
std::vector<std::string> Ranks::Gather(const std::string& mine) const { return {mine}; }
std::string Ranks::FromFirst(const std::string& mine) const { return mine; }

#endif

}  // namespace pith
