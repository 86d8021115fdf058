// A fuzz target without a fuzzer: run_inputs FOLDER COUNT [SEED] feeds the target every file of FOLDER, then COUNT mutations of
// them, the same ones on every machine. Linked with one NAME_fuzz.cc where libFuzzer is not (see cmake/fuzz.cmake). An input
// that crashes the target is kept by PITH_FUZZ_KEEP=1.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

// Drawn by hand from the engine's 64 bits: the distributions of the standard library differ from one to the next.
class Mutator {
 public:
  Mutator(std::vector<std::string> seeds, uint64_t seed) : seeds_(std::move(seeds)), random_(seed) {}

  std::string Next() {
    std::string input = seeds_[Below(seeds_.size())];
    const size_t changes = 1 + Below(6);
    for (size_t i = 0; i < changes; ++i) Change(&input);
    return input;
  }

 private:
  size_t Below(size_t bound) { return bound == 0 ? 0 : static_cast<size_t>(random_() % bound); }

  void Change(std::string* input) {
    const size_t at = Below(input->size() + 1);
    switch (Below(8)) {
      case 0: input->insert(at, 1, static_cast<char>(Below(256))); break;
      case 1: if (at < input->size()) (*input)[at] = static_cast<char>(Below(256)); break;
      case 2: if (at < input->size()) (*input)[at] = static_cast<char>((*input)[at] ^ (1 << Below(8))); break;
      case 3: input->erase(at, 1 + Below(8)); break;
      case 4: {  // a piece of itself again
        const size_t from = Below(input->size() + 1);
        input->insert(at, input->substr(from, 1 + Below(24)));
        break;
      }
      case 5: {  // a piece of another seed
        const std::string& other = seeds_[Below(seeds_.size())];
        input->insert(at, other.substr(Below(other.size() + 1), 1 + Below(64)));
        break;
      }
      case 6: input->resize(at); break;
      default: {  // an unusual length or count, as it would stand in a binary file
        constexpr uint64_t kUnusual[] = {0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, ~0ull, 1ull << 62};
        const uint64_t value = kUnusual[Below(std::size(kUnusual))];
        for (size_t i = 0; i < 8 && at + i < input->size(); ++i) (*input)[at + i] = static_cast<char>(value >> (8 * i));
      }
    }
  }

  std::vector<std::string> seeds_;
  std::mt19937_64 random_;
};

void Feed(const std::string& input) {
  // Before the call: after a crash it is too late.
  static const bool keep = std::getenv("PITH_FUZZ_KEEP") != nullptr;
  if (keep) std::ofstream("crash-input.bin", std::ios::binary | std::ios::trunc) << input;
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s FOLDER COUNT [SEED]   (PITH_FUZZ_KEEP=1 keeps the running input in crash-input.bin)\n", argv[0]);
    return 2;
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> seeds;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    Feed(seeds.back());
  }
  if (seeds.empty()) {
    std::fprintf(stderr, "%s holds no inputs to start from\n", argv[1]);
    return 2;
  }
  const long count = std::atol(argv[2]);
  Mutator mutator(std::move(seeds), argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1);
  for (long i = 0; i < count; ++i) Feed(mutator.Next());
  std::printf("%zu seeds and %ld mutations done\n", files.size(), count);
  return 0;
}
