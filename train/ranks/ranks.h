// The processes that train one adapter together: mpirun -np N pith-train CONFIG.yaml.
//
// Each rank samples the completions of its own problems and computes the gradients of its own sequences. Completions are
// exchanged whole, so what a step pays, drops and measures is computed by every rank from the same data, and one sum of all
// gradients a step keeps the adapters of all ranks equal, bit for bit. Only the first rank writes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace pith {

// A process is one of its world's ranks all its life, or the only one. Not thread-safe: one thread calls.
class Ranks {
 public:
  static const Ranks& World();
  // Joins the processes that mpirun started; called once, before any other thread starts. Each takes its share of this machine's cores,
  // unless mpirun has bound it to some. UserError where mpirun started several of a build without MPI.
  static void Start(int* argc, char*** argv);
  static void Finish();            // when all has gone well
  // Ends the other ranks too, with exit status `status`, where there are any.
  static void Abort(int status);

  int rank() const { return rank_; }  // 0 … size − 1
  int size() const { return size_; }
  bool first() const { return rank_ == 0; }
  // Whether place `i` of a list that all ranks share is this one's.
  bool Owns(size_t i) const { return i % static_cast<size_t>(size_) == static_cast<size_t>(rank_); }

  // In place, the sum over all ranks: the same bits on each.
  void Sum(std::span<float> values) const;
  void Sum(std::span<double> values) const;
  // What every rank gave, in the order of ranks.
  std::vector<std::string> Gather(const std::string& mine) const;
  // What the first rank gave.
  std::string FromFirst(const std::string& mine) const;

 private:
  int rank_ = 0, size_ = 1;
  static Ranks& Mutable();
};

}  // namespace pith
