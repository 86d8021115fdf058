// kInt8 with AMX, of many rows of x.
#if defined(__x86_64__)  // clang and GCC name what they compile for differently
#include "runtime/kernels/int8_kernels.h"
#include "runtime/kernels/int8_tiles.h"

namespace pith {
namespace {

struct ByTiles {
  template <class F>
  static void Run(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
    TileKernel<F>(x, task, begin, end, scratch);
  }
};

}  // namespace

LinearKernel AmxInt8Kernel(TensorType type) { return Int8KernelOf<ByTiles>(type); }

}  // namespace pith
#endif
