// kInt8 with AMX for many rows of x, AVX-512 and VNNI for fewer.
#if defined(__x86_64__)  // clang and GCC name what they compile for differently
#include "runtime/kernels/int8_kernels.h"
#include "runtime/kernels/int8_tiles.h"

namespace pith {
namespace {

template <class F>
struct ByTilesOrPanels {
  static void Run(const RowsView& x, const LinearTask& task, int64_t begin, int64_t end, uint8_t* scratch) {
    if (task.tile_rows > 0 && x.m >= task.tile_rows) {
      TileKernel<F>(x, task, begin, end, scratch);
    } else {
      PanelKernel<F>(x, task, begin, end, scratch);
    }
  }
};

}  // namespace

LinearKernel AmxInt8Kernel(TensorType type) { return Int8KernelOf<AnyNumberOfRows<ByTilesOrPanels>>(type); }

}  // namespace pith
#endif
