// A stage that is looked at (--dry-run) before the stages whose results it reads have run.
#include <gtest/gtest.h>

#include "tests/train/tiny_run.h"
#include "train/dry_run.h"

namespace pith {
namespace {

using testing::Execute;
using testing::Refusal;
using testing::Scratch;
using testing::TinyConfig;

const std::string kHead = "\n# not there yet, and needed when the run begins\n";

// Without what is measured: this process's memory, this machine's time.
std::string Settled(const std::string& text) { return text.substr(0, text.find("\n# memory at the peak")); }

std::string Announced(const TrainConfig& config) { return DryRun(OpenSession(config, Inputs::kAnnounced)); }

TEST(MissingInputs, TheFirstAdapterIsAnnouncedAndAllElseIsAsItWillBe) {
  const Scratch scratch;
  TrainConfig first = TinyConfig(scratch, "sft", "first");
  first.sft.epochs = 1;
  const std::string adapter = first.run.folder + "/adapter";
  std::vector<std::string> before;
  for (const char* stage : {"sft", "rl"}) {
    TrainConfig second = TinyConfig(scratch, stage, "second");
    second.run.init_adapter = adapter;
    EXPECT_NE(Refusal([&] { OpenSession(second); }).find(adapter), std::string::npos) << "the run itself demands it";
    before.push_back(Announced(second));
    EXPECT_TRUE(before.back().ends_with(kHead + "  init_adapter: " + adapter + "\n")) << before.back();
    EXPECT_FALSE(IsFolder(second.run.folder));
  }
  Execute(first);
  for (const char* stage : {"sft", "rl"}) {
    TrainConfig second = TinyConfig(scratch, stage, "second");
    second.run.init_adapter = adapter;
    const std::string text = before[stage == std::string("sft") ? 0 : 1];
    ASSERT_NE(text.find("\n# memory at the peak"), std::string::npos) << text;
    EXPECT_EQ(Settled(Announced(second)), Settled(text));
    second.adapter.rank = 2;
    EXPECT_NE(Refusal([&] { Announced(second); }).find("has rank 4"), std::string::npos) << "one that is there must fit";
  }
}

TEST(MissingInputs, DataSetsAreAnnounced) {
  const Scratch scratch;
  const std::string later = scratch.path + "/later.jsonl";
  for (const char* stage : {"sft", "rl"}) {
    TrainConfig c = TinyConfig(scratch, stage, "data");
    c.data.dataset = later;
    EXPECT_NE(Refusal([&] { OpenSession(c); }).find("later.jsonl"), std::string::npos);
    const std::string text = Announced(c);
    EXPECT_TRUE(text.ends_with(kHead + "  data.dataset: " + later + "\n")) << text;
    EXPECT_NE(text.find("# batches\n  how many depends on data that is not there yet\n"), std::string::npos) << text;
    EXPECT_NE(text.find(" trained parameters"), std::string::npos) << text;
  }
  TrainConfig mix = TinyConfig(scratch, "sft", "mix");
  mix.data.sources.resize(2);
  mix.data.sources[0].dataset = mix.data.dataset;
  mix.data.sources[1].dataset = later;
  EXPECT_TRUE(Announced(mix).ends_with(kHead + "  data.sources[1].dataset: " + later + "\n"));
  TrainConfig evaluated = TinyConfig(scratch, "sft", "evaluated");
  evaluated.eval.every = 2;
  evaluated.eval.dataset = later;
  const std::string text = Announced(evaluated);
  EXPECT_TRUE(text.ends_with(kHead + "  eval.dataset: " + later + "\n")) << text;
  EXPECT_NE(text.find("6 optimiser steps"), std::string::npos) << text;
}

TEST(MissingInputs, TeachersAreAnnounced) {
  const Scratch scratch;
  for (const char* mode : {"logits", "traces"}) {
    TrainConfig c = TinyConfig(scratch, "distill", "student");
    c.distill.mode = mode;
    c.distill.teacher = scratch.path + "/teacher.gguf";
    c.distill.teacher_adapter = scratch.path + "/teacher/adapter";
    const std::string text = Announced(c);
    EXPECT_TRUE(text.ends_with(kHead + "  distill.teacher: " + c.distill.teacher + "\n  distill.teacher_adapter: " + c.distill.teacher_adapter + "\n")) << text;
    EXPECT_EQ(text.find("optimiser steps") != std::string::npos, mode == std::string("logits")) << text;
  }
}

}  // namespace
}  // namespace pith
