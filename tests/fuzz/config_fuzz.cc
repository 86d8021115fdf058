// Training configurations: any text as YAML; lines at its end that begin with "--set " are overrides. Either refused in a sentence
// per problem, or the resolved dump loads back to the same settings, and its dump is itself.
#include "configs/config_tree.h"
#include "configs/load.h"
#include "tests/fuzz/reading.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pith;
  using namespace pith::fuzz;
  static const ScratchFolder folder;
  if (size > (1 << 15)) return 0;
  std::string yaml(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> overrides;
  constexpr std::string_view kSet = "\n--set ";
  for (size_t at; (at = yaml.rfind(kSet)) != std::string::npos; yaml.resize(at)) {
    overrides.insert(overrides.begin(), yaml.substr(at + kSet.size()));
  }

  TrainConfig config;
  if (!Holds([&] { config = LoadTrainConfig(folder.Put("input.yaml", yaml), overrides); })) return 0;
  const std::string dump = DumpTrainConfig(config);
  std::string problem;
  try {
    PITH_FUZZ_EXPECT(LoadTrainConfig(folder.Put("dump.yaml", dump)) == config);
  } catch (const UserError& error) {
    problem = error.what();
  }
  if (!problem.empty()) std::fprintf(stderr, "the dump does not load: %s\n%s", problem.c_str(), dump.c_str());
  PITH_FUZZ_EXPECT(problem.empty());
  PITH_FUZZ_EXPECT(DumpTrainConfig(LoadTrainConfig(folder / "dump.yaml")) == dump);
  return 0;
}
