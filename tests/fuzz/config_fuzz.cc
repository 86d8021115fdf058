// Training configurations: any text as YAML; lines at its end that begin with "--set " are overrides. Either refused in a sentence
// per problem, or the resolved dump loads back to the same settings, and its dump is itself. Nearly every mutation is refused, so
// what is refused is tried again without the lines that were complained about.
#include <charconv>
#include <set>

#include "configs/load.h"
#include "tests/fuzz/reading.h"

namespace pith::fuzz {
namespace {

constexpr size_t kMostBytes = 1 << 15;
constexpr int kTrials = 4;

struct Input {
  std::vector<std::string> lines, overrides;
};

Input Split(std::string text) {
  Input input;
  constexpr std::string_view kSet = "\n--set ";
  for (size_t at; (at = text.rfind(kSet)) != std::string::npos; text.resize(at)) {
    input.overrides.insert(input.overrides.begin(), text.substr(at + kSet.size()));
  }
  for (size_t begin = 0, end = 0; end != std::string::npos; begin = end + 1) {
    end = text.find('\n', begin);
    input.lines.push_back(text.substr(begin, end == std::string::npos ? end : end - begin));
  }
  return input;
}

std::string Join(const std::vector<std::string>& lines) {
  std::string text;
  for (size_t i = 0; i < lines.size(); ++i) text += (i == 0 ? "" : "\n") + lines[i];
  return text;
}

// Takes away the lines that stand in `sentences` as "PATH:12: "; whether there were any.
bool DropRefused(const std::string& sentences, const std::string& path, std::vector<std::string>* lines) {
  std::set<size_t, std::greater<>> refused;
  for (size_t at = 0; (at = sentences.find(path + ":", at)) != std::string::npos;) {
    at += path.size() + 1;
    size_t line = 0;
    std::from_chars(sentences.data() + at, sentences.data() + sentences.size(), line);
    if (line >= 1 && line <= lines->size()) refused.insert(line - 1);
  }
  for (const size_t line : refused) lines->erase(lines->begin() + static_cast<ptrdiff_t>(line));
  return !refused.empty();
}

void CheckDump(const TrainConfig& config, const ScratchFolder& folder) {
  const std::string dump = DumpTrainConfig(config);
  TrainConfig again;
  std::string sentence;
  if (!Holds([&] { again = LoadTrainConfig(folder.Put("dump.yaml", dump)); }, &sentence)) {
    std::fprintf(stderr, "the dump does not load: %s\n%s", sentence.c_str(), dump.c_str());
    std::abort();
  }
  PITH_FUZZ_EXPECT(again == config && DumpTrainConfig(again) == dump);
}

}  // namespace
}  // namespace pith::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pith::fuzz;
  static const ScratchFolder folder;
  if (size > kMostBytes) return 0;
  Input input = Split(std::string(reinterpret_cast<const char*>(data), size));
  for (int trial = 0; trial < kTrials; ++trial) {
    pith::TrainConfig config;
    std::string sentences;
    const std::string path = folder.Put("input.yaml", Join(input.lines));
    if (Holds([&] { config = pith::LoadTrainConfig(path, input.overrides); }, &sentences)) {
      CheckDump(config, folder);
      break;
    }
    const bool drops_overrides = !input.overrides.empty() && sentences.find("--set ") != std::string::npos;
    if (drops_overrides) input.overrides.clear();
    if (!DropRefused(sentences, path, &input.lines) && !drops_overrides) break;
  }
  return 0;
}
