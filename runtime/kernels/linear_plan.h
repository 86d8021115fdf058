// How Linear() goes through int8 products: never what comes of them. Which way is the fastest hangs on the processor's caches and on how it
// foresees what is read next, so it is measured, per type and width of the weights, and remembered.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/tensor_view.h"
#include "base/thread_pool.h"
#include "runtime/kernels/linear.h"

namespace pith {

struct LinearPlan {
  // Weights are asked for so many bytes before they are read (0: not at all), into the first-level cache (`near`) or into the second.
  int64_t ahead = 32768;
  bool near = false;
  // x86: up to so many rows of x, rows of weights are taken as they lie (int8_few_rows.h; blocks of 32 values alone, others go the second way);
  // up to so many, they are transposed in registers (int8_registers.h); more meet panels in memory (int8_panels.h). Arm has one way for each
  // number of rows.
  int few_rows = 0, register_rows = 4;
  // AMX: so many rows of x or more meet panels in tiles (int8_tiles.h), whatever else is said; 0: none do.
  int tile_rows = 16;
  bool operator==(const LinearPlan&) const = default;
};
std::string PlanText(const LinearPlan& plan);  // "ahead=32768,level=2,few=0,registers=4,tiles=16"
// UserError for anything but what PlanText() writes; what is left out stays as it is by default.
LinearPlan PlanOf(const std::string& text);

// Of weights of a type and width on an instruction set.
struct PlanKey {
  TensorType type;
  int64_t cols;
  Isa isa;
  bool operator==(const PlanKey&) const = default;
};
struct KnownPlan {
  PlanKey key;
  LinearPlan plan;
};

// The one that was set, else the default; from any thread.
LinearPlan PlanFor(const PlanKey& key);
void SetPlan(const PlanKey& key, const LinearPlan& plan);
std::vector<KnownPlan> KnownPlans();

// Sets plans for all that `matrices` hold in int8 kernels' types: those that were remembered for this processor and as many threads, else measured now,
// on the matrices themselves (a few milliseconds for each type and width), and remembered. Matrices of less than 16 MiB together, which a
// cache may hold, get the default. PITH_PLAN in the environment overrides: `default`, `measure` (anew) or a PlanText().
void ChoosePlans(ThreadPool& pool, std::span<const TensorView> matrices, Isa isa);

}  // namespace pith
