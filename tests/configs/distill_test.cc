// Settings of distillation: what is read, and what contradicts.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "configs/load.h"

namespace pith {
namespace {

TrainConfig Load(const std::string& more) {
  const std::string path = (std::filesystem::path(testing::TempDir()) / "pith-distill-settings.yaml").string();
  WriteFile(path, "stage: distill\nmodel: {path: m.gguf}\ndata: {limit: 8, verbosity: short}\nsft: {batch_size: 4}\n" + more);
  return LoadTrainConfig(path);
}

std::string Complaint(const std::string& more) {
  try {
    Load(more);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(DistillSettings, AreReadWithThoseOfSft) {
  const TrainConfig c = Load("distill: {teacher: t.gguf, divergence: reverse, temperature: 2}\n");
  EXPECT_EQ(c.distill.teacher, "t.gguf");
  EXPECT_EQ(c.distill.divergence, "reverse");
  EXPECT_EQ(c.distill.temperature, 2);
  EXPECT_EQ(c.sft.batch_size, 4);
  EXPECT_EQ(c.data.verbosity, "short");
}

TEST(DistillSettings, RefuseWhatContradicts) {
  EXPECT_EQ(Complaint("distill: {teacher: t.gguf, mode: traces, samples: 8, keep: correct, max_tokens: 200}\n"), "");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "distill.teacher: got nothing, expected a GGUF file"},
      {"distill: {teacher: t.gguf, keep: all}\n", "distill.keep: has no effect unless distill.mode is traces"},
      {"distill: {teacher: t.gguf, mode: traces, divergence: reverse}\n", "distill.divergence: has no effect unless distill.mode is logits"},
      {"distill: {teacher: t.gguf, divergence: jsd}\n", "distill.divergence: got jsd, expected"},
      {"distill: {teacher: t.gguf, mode: traces, sampling_temperature: 0}\n", "distill.samples: got 4, but at temperature 0"},
      {"distill: {teacher: t.gguf, mode: traces, max_tokens: 600}\n", "distill.max_tokens: got 600, but examples of more than sft.max_length = 512"},
      {"distill: {teacher: t.gguf}\nrollout: {temperature: 1}\n", "rollout"},
      {"distill: {teecher: t.gguf}\n", "did you mean teacher"},
  };
  for (const auto& [more, words] : cases) EXPECT_NE(Complaint(more).find(words), std::string::npos) << more << Complaint(more);
}

}  // namespace
}  // namespace pith
