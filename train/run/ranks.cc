#include "train/run/ranks.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"

#if PITH_MPI
#include <mpi.h>
#endif

namespace pith {

#if PITH_MPI

namespace {

constexpr int kMostAtOnce = 1 << 28;  // values per call: MPI counts in int

template <class T>
void SumInPlace(std::span<T> values, MPI_Datatype type) {
  for (; !values.empty(); values = values.subspan(std::min<size_t>(values.size(), kMostAtOnce))) {
    const int count = static_cast<int>(std::min<size_t>(values.size(), kMostAtOnce));
    MPI_Allreduce(MPI_IN_PLACE, values.data(), count, type, MPI_SUM, MPI_COMM_WORLD);
  }
}

}  // namespace

Ranks::Ranks(int* argc, char*** argv) {
  if (std::getenv("OMPI_COMM_WORLD_SIZE") == nullptr) return;
  int provided = 0;
  // Other threads compute, this one alone calls MPI. Errors end all ranks, MPI's default.
  MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided);
  started_ = true;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
}

Ranks::~Ranks() {
  if (started_) MPI_Finalize();
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

std::string Ranks::FromFirst(const std::string& mine) const {
  if (size_ == 1) return mine;
  return Gather(first() ? mine : "")[0];
}

void Ranks::Abort(int status) const {
  if (size_ > 1) MPI_Abort(MPI_COMM_WORLD, status);
}

#else

Ranks::Ranks(int*, char***) {
  const char* size = std::getenv("OMPI_COMM_WORLD_SIZE");
  if (size && std::string(size) != "1") {
    ThrowUser("mpirun started ", size, " processes, but this build of pith-train has no MPI; install libopenmpi-dev and build again, "
              "or start one process without mpirun");
  }
}

Ranks::~Ranks() = default;
void Ranks::Sum(std::span<float>) const {}
void Ranks::Sum(std::span<double>) const {}
std::vector<std::string> Ranks::Gather(const std::string& mine) const { return {mine}; }
std::string Ranks::FromFirst(const std::string& mine) const { return mine; }
void Ranks::Abort(int) const {}

#endif

}  // namespace pith
