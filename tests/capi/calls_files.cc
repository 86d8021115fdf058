// Models and adapters out of files and memory.
#include <fcntl.h>
#include <unistd.h>

#include "calls.h"

void Sources(const std::string& path, const std::string& adapter_path, const Result& base, const Result& adapted) {
  const std::string file = Slurp(path), adapter_file = Slurp(adapter_path), padding(5000, 'P');
  const std::string archive = "archive.bin";
  std::ofstream(archive, std::ios::binary) << padding << file << padding << adapter_file << padding;
  const int fd = ::open(archive.c_str(), O_RDONLY);
  std::vector<uint64_t> held(file.size() / 8 + 1), adapter_held(adapter_file.size() / 8 + 1);
  std::memcpy(held.data(), file.data(), file.size());
  std::memcpy(adapter_held.data(), adapter_file.data(), adapter_file.size());
  const size_t gap = (4 - (padding.size() + file.size() + padding.size()) % 4) % 4;
  EXPECT(gap == 0);
  for (const bool from_memory : {false, true}) {
    pith_model* model = nullptr;
    pith_adapter* adapter = nullptr;
    if (from_memory) {
      EXPECT_OK(pith_model_open_memory(held.data(), file.size(), nullptr, &model, &error));
      EXPECT_OK(pith_adapter_open_memory(model, adapter_held.data(), adapter_file.size(), nullptr, &adapter, &error));
    } else {
      EXPECT_REFUSED(pith_model_open_fd(fd, 4998, file.size(), nullptr, &model, &error), PITH_INVALID, "multiple of 4");
      EXPECT_REFUSED(pith_model_open_fd(fd, 1u << 30, 0, nullptr, &model, &error), PITH_INVALID, "from byte");
      EXPECT_OK(pith_model_open_fd(fd, padding.size(), file.size(), nullptr, &model, &error));
      EXPECT_OK(pith_adapter_open_fd(model, fd, 2 * padding.size() + file.size(), adapter_file.size(), nullptr, &adapter, &error));
    }
    EXPECT(Run(model, Ask("What is 12 times 7?")) == base);
    pith_request request = Ask("What is 12 times 7?");
    request.adapter = adapter;
    EXPECT(Run(model, request) == adapted);
    pith_adapter_close(adapter);
    EXPECT(pith_model_close(model) == PITH_OK);
  }
  ::close(fd);
  ::unlink(archive.c_str());
}

void Adapters(pith_model* model, pith_adapter* adapter, const std::string& path) {
  pith_adapter_info info = pith_adapter_info_default();
  EXPECT_OK(pith_adapter_get_info(adapter, &info, &error));
  EXPECT(info.bytes > 0 && info.rank == 8 && info.always == 0 && std::strlen(info.base_sha256) == 64);
  pith_adapter_options options = pith_adapter_options_default();
  options.name = "second";
  pith_adapter* second = nullptr;
  EXPECT_OK(pith_adapter_open(model, path.c_str(), &options, &second, &error));
  pith_adapter* listed[4] = {};
  size_t count = 0;
  EXPECT_OK(pith_model_list_adapters(model, listed, 4, &count, &error));
  EXPECT(count == 2 && listed[0] == adapter && listed[1] == second);
  EXPECT_OK(pith_adapter_get_info(second, &info, &error));
  EXPECT(std::string(info.name) == "second");
  pith_adapter_close(second);
  EXPECT_OK(pith_model_list_adapters(model, nullptr, 0, &count, &error));
  EXPECT(count == 1);

  pith_request request = Ask("What is 12 times 7?");
  request.adapter = adapter;
  const Result whole = Run(model, request);
  request.adapter_scale = 1;
  EXPECT(Run(model, request) == whole);
  request.adapter_scale = 0.5;
  const Result half = Run(model, request);
  EXPECT(!(half == whole));
  EXPECT(Run(model, request) == half);
  request.adapter_scale = 1e-30;  // is next to nothing
  EXPECT(Run(model, request).tokens == Run(model, Ask("What is 12 times 7?")).tokens);
}
