// safetensors, and the Hugging Face folders that are made of them. An input is read twice: as a file as it stands; and, between
// lines "====", as header, data, config.json and index of shards, from which a folder is put together whose lengths are right.
// Either refused in a sentence, or every tensor can be read, what the writer makes of it reads back the same, and the model, where
// there is one, loads whole.
#include <cstdlib>
#include <functional>

#include "base/model/base_model.h"
#include "base/safetensors.h"
#include "tests/fuzz/framed_tensors.h"
#include "tests/fuzz/reading.h"

namespace pith::fuzz {
namespace {

constexpr size_t kMostBytes = 1 << 16;

void WalkFile(const std::string& path, const ScratchFolder& folder) {
  const SafetensorsFile file(path);
  std::vector<SafeTensorToWrite> tensors;
  for (const auto& [name, tensor] : file.tensors()) {
    // Read from F64, its values lie elsewhere; ToF32 below reads them.
    if (std::less_equal<>()(file.bytes().data(), tensor.data) && std::less<>()(tensor.data, file.bytes().data() + file.bytes().size())) {
      Touch(file.bytes(), tensor.data, tensor.bytes);
    }
    uint64_t values = 1;
    for (const int64_t size : tensor.shape) values *= static_cast<uint64_t>(size);
    PITH_FUZZ_EXPECT(tensor.bytes == values * BytesPerBlock(tensor.type));
    const TensorView view{tensor.type, 1, static_cast<int64_t>(values), tensor.data};
    PITH_FUZZ_EXPECT(view.ToF32().size() == values);
    tensors.push_back({name, tensor.shape, tensor.type, tensor.data});
  }
  WriteSafetensors(folder / "copy.safetensors", tensors, file.metadata());
  const SafetensorsFile copy(folder / "copy.safetensors");
  PITH_FUZZ_EXPECT(copy.metadata() == file.metadata() && copy.tensors().size() == file.tensors().size());
  for (const auto& [name, tensor] : file.tensors()) {
    const SafeTensor* again = copy.Find(name);
    PITH_FUZZ_EXPECT(again != nullptr && again->shape == tensor.shape && again->type == tensor.type && again->bytes == tensor.bytes);
    PITH_FUZZ_EXPECT(tensor.bytes == 0 || std::memcmp(again->data, tensor.data, tensor.bytes) == 0);
  }
}

void WalkModel(const std::string& path) {
  const auto model = BaseModel::Load(path);
  for (const std::string& name : model->names()) {
    const TensorView view = model->Tensor(name);
    PITH_FUZZ_EXPECT(model->LoadHalvesF32(name).size() == static_cast<size_t>(view.rows * view.cols));
  }
  PITH_FUZZ_EXPECT(model->Identity().size() == 64);
}

}  // namespace
}  // namespace pith::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pith::fuzz;
  static const ScratchFolder folder, model;
  // Without a home there is no cache of identities, which would write a file for each input.
  static const bool homeless = ::unsetenv("HOME") == 0 && ::unsetenv("XDG_CACHE_HOME") == 0;
  if (size > kMostBytes || !homeless) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  Holds([&] { WalkFile(folder.Put("input.safetensors", input), folder); });

  const std::vector<std::string> parts = Parts(input);
  const std::string tensors = FramedTensors(parts[0], parts.size() > 1 ? parts[1] : "");
  Holds([&] { WalkFile(folder.Put("input.safetensors", tensors), folder); });
  if (parts.size() < 3) return 0;
  model.Put("config.json", parts[2]);
  model.Put(parts.size() > 3 ? "shard.safetensors" : "model.safetensors", tensors);
  if (parts.size() > 3) model.Put("model.safetensors.index.json", parts[3]);
  Holds([&] { WalkModel(model.path()); });
  for (const char* name : {"shard.safetensors", "model.safetensors", "model.safetensors.index.json"}) model.Remove(name);
  return 0;
}
