// GGUF: any bytes. Either refused in a sentence, or everything in the file can be read: each value as each type, each tensor's
// bytes and numbers, products with it on every instruction set; what the writer makes of it reads back the same, and the model
// in it, where there is one, loads whole.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>

#include "base/base_identity.h"
#include "base/model/base_model.h"
#include "base/gguf.h"
#include "runtime/kernels/linear.h"
#include "tests/fuzz/reading.h"

namespace pith::fuzz {
namespace {

constexpr size_t kMostBytes = 1 << 16, kPadding = 1 << 12;

// Any NaN is as good as another: those of 16 bits become quiet when they are written.
bool SameNumbers(const std::vector<float>& a, const std::vector<float>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](float x, float y) {
    return std::bit_cast<uint32_t>(x) == std::bit_cast<uint32_t>(y) || (std::isnan(x) && std::isnan(y));
  });
}

template <class... T>
int CountTypes(const GgufFile& file, const std::string& key) {
  return (static_cast<int>(Holds([&] { PITH_FUZZ_EXPECT(file.Find<T>(key).has_value()); })) + ...);
}

// One row of activations times the matrix, on copies that end where the matrix does.
void Multiply(const TensorView& view) {
  static ThreadPool pool(1);
  const std::vector<uint8_t> exact(view.data, view.data + view.bytes());
  const std::vector<float> x(static_cast<size_t>(view.cols), 0.5f);
  std::vector<float> y(static_cast<size_t>(view.rows));
  PreparedRows rows;
  for (const Isa isa : kIsas) {
    if (!IsaAvailable(isa)) continue;
    for (const ActivationType type : {ActivationType::kF32, ActivationType::kBF16, ActivationType::kInt8}) {
      rows.Prepare(x.data(), 1, view.cols, view.cols, type, isa);
      const LinearJob job{{view.type, view.rows, view.cols, exact.data()}, &rows, y.data(), view.rows};
      Linear(pool, {&job, 1});
    }
  }
}

void WalkTensors(const GgufFile& file, GgufWriter* copy) {
  for (const GgufTensor& tensor : file.tensors()) {
    Touch(file.bytes(), tensor.data, tensor.bytes);
    Holds([&] {
      const TensorView view = file.Tensor(tensor.name);
      PITH_FUZZ_EXPECT(view.bytes() == tensor.bytes);
      const std::vector<float> values = view.ToF32();
      for (const TensorType type : {TensorType::kF32, TensorType::kF16, TensorType::kBF16, TensorType::kQ8_0, TensorType::kQ4_0,
                                    TensorType::kQ4_1, TensorType::kQ5_0, TensorType::kQ5_1, TensorType::kQ4_K, TensorType::kQ6_K,
                                    TensorType::kIQ4_NL}) {
        if (view.cols % ValuesPerBlock(type) != 0) continue;
        std::vector<uint8_t> narrow(TensorView{type, view.rows, view.cols, nullptr}.bytes());
        Quantise(type, values.data(), narrow.data(), view.rows * view.cols);
        if (type == view.type && !IsQuantised(type)) {
          std::vector<float> again(values.size());
          Dequantise(type, narrow.data(), again.data(), view.rows * view.cols);
          PITH_FUZZ_EXPECT(SameNumbers(values, again));
        }
      }
      Multiply(view);
      copy->Add(tensor.name, view);
    });
  }
}

void WalkFile(const GgufFile& file, const ScratchFolder& folder) {
  for (const GgufEntry& entry : file.entries()) {
    const std::string key(entry.key);
    const int scalars = CountTypes<bool, int64_t, double, std::string>(file, key);
    const int arrays = CountTypes<std::vector<int64_t>, std::vector<double>, std::vector<std::string>, std::vector<bool>>(file, key);
    PITH_FUZZ_EXPECT(file.IsArray(key) ? scalars == 0 && (arrays == 1 || arrays == 2 || arrays == 4)
                                       : arrays == 0 && (scalars == 1 || scalars == 2));
  }
  GgufWriter writer;
  writer.CopyMetadata(file);
  WalkTensors(file, &writer);
  writer.Write(folder / "copy.gguf");
  const GgufFile copy(folder / "copy.gguf");
  size_t left_out = 0;
  for (const GgufEntry& entry : file.entries()) {
    if (!copy.Has(entry.key)) {
      PITH_FUZZ_EXPECT(entry.key == "general.alignment" || entry.key.starts_with("split."));
      ++left_out;
      continue;
    }
    const GgufEntry& again = copy.entries()[static_cast<size_t>(&entry - file.entries().data()) - left_out];
    PITH_FUZZ_EXPECT(again.key == entry.key && again.type == entry.type && std::ranges::equal(again.bytes, entry.bytes));
  }
  for (const GgufTensor& tensor : copy.tensors()) {
    const GgufTensor* original = file.FindTensor(tensor.name);
    PITH_FUZZ_EXPECT(original != nullptr && tensor.bytes == original->bytes &&
                     std::memcmp(tensor.data, original->data, tensor.bytes) == 0);
  }
}

void WalkModel(const std::string& path) {
  const auto model = BaseModel::Load(path);
  std::map<std::string, TensorView, std::less<>> views;
  for (const std::string& name : model->names()) {
    const TensorView view = model->Tensor(name);
    PITH_FUZZ_EXPECT(model->LoadHalvesF32(name).size() == static_cast<size_t>(view.rows * view.cols));
    views.emplace(name, view);
  }
  PITH_FUZZ_EXPECT(HashTensors(views).size() == 64);
  PITH_FUZZ_EXPECT(model->Identity().size() == 64);
}

}  // namespace
}  // namespace pith::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pith::fuzz;
  static const ScratchFolder folder;
  // Without a home there is no cache of identities, which would write a file for each input.
  static const bool homeless = ::unsetenv("HOME") == 0 && ::unsetenv("XDG_CACHE_HOME") == 0;
  if (size > kMostBytes || !homeless) return 0;
  std::string bytes(reinterpret_cast<const char*>(data), size);
  std::string path = folder.Put("input.gguf", bytes);
  if (!Holds([&] { WalkFile(pith::GgufFile(path), folder); })) {
    // Most changes take or add a byte of the data: once more with more behind it.
    path = folder.Put("input.gguf", bytes.append(kPadding, '\x3c'));
    if (!Holds([&] { WalkFile(pith::GgufFile(path), folder); })) return 0;
  }
  Holds([&] { WalkModel(path); });
  return 0;
}
