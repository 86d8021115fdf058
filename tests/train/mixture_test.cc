// Weighted mixes in training: both sources are trained on and measured, a resumed run is the same to the bit, a source keeps
// only solutions of the length that it asks for.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "data/mixture.h"
#include "tests/train/tiny_run.h"
#include "train/dry_run.h"
#include "train/supervised/example_order.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using testing::Execute;
using testing::MetricsOf;
using testing::Refusal;
using testing::Scratch;
using testing::TinyConfig;

// The sums of the scratch folder, and half as many questions with longer solutions, drawn three times as often.
TrainConfig MixConfig(const Scratch& scratch, const std::string& name) {
  TrainConfig c = TinyConfig(scratch, "sft", name);
  std::string lines;
  for (int i = 0; i < 6; ++i) {
    std::string steps;
    for (int j = 0; j <= i; ++j) steps += "Then one more makes " + std::to_string(j + 1) + ".\n";
    lines += nlohmann::json{{"question", "Count to " + std::to_string(i + 1)}, {"answer", std::to_string(i + 1)},
                            {"solution", steps + "#### " + std::to_string(i + 1)}}.dump() + "\n";
  }
  WriteFile(scratch.path + "/counting.jsonl", lines);
  DataSource sums, counting;
  sums.dataset = scratch.path + "/sums.jsonl";
  counting.dataset = scratch.path + "/counting.jsonl";
  counting.name = "long";
  counting.weight = 3;
  c.data = DataSettings();
  c.data.sources = {sums, counting};
  c.sft.epochs = 3;  // 18 examples: 5 steps of 4 an epoch
  c.optimizer.schedule = "constant";
  return c;
}

int64_t StepsOf(const TrainConfig& c) {
  const Session session = OpenSession(c);
  return ExampleOrder(session.config, SourcesOf(session, MakeSftExamples(session))).steps();
}

TEST(Mix, TrainsEverySourceAndSaysHow) {
  const Scratch scratch;
  TrainConfig c = MixConfig(scratch, "mix");
  Execute(c);
  const auto metrics = MetricsOf(c.run.folder);
  const auto steps = static_cast<size_t>(StepsOf(c));
  ASSERT_EQ(metrics.size(), steps);

  Mixture expected({{"sums", 1, 12, true}, {"long", 3, 6, true}}, c.run.seed);
  std::vector<double> first, last;
  double share_of_long = 0;
  for (size_t s = 0; s < steps; ++s) {
    int64_t counting = 0;
    for (const Mixture::Draw& draw : expected.Slots(static_cast<int64_t>(s) * 4, 4)) counting += draw.source == 1;
    const auto& m = metrics[s];
    EXPECT_EQ(m.at("share/long").get<double>(), static_cast<double>(counting) / 4) << m.dump();
    EXPECT_EQ(m.at("share/sums").get<double>(), 1 - static_cast<double>(counting) / 4) << m.dump();
    EXPECT_EQ(m.contains("loss/long"), counting > 0);
    EXPECT_EQ(m.contains("loss/sums"), counting < 4);
    const double loss = m.at("loss"), sums = m.value("loss/sums", loss), longer = m.value("loss/long", loss);
    EXPECT_GE(loss, std::min(sums, longer) - 1e-9) << m.dump();
    EXPECT_LE(loss, std::max(sums, longer) + 1e-9) << m.dump();
    share_of_long += m.at("share/long").get<double>() / static_cast<double>(steps);
  }
  EXPECT_GT(share_of_long, 0.5);
  for (const char* name : {"loss/sums", "loss/long"}) {
    std::vector<double> seen;
    for (const auto& m : metrics) {
      if (m.contains(name)) seen.push_back(m[name]);
    }
    ASSERT_GT(seen.size(), 3u) << name;
    EXPECT_LT(seen.back(), seen.front()) << name << " is trained on";
  }
}

TEST(Mix, MeasuresASourceAsIfItWereAlone) {
  const Scratch scratch;
  const TrainConfig c = MixConfig(scratch, "alone");
  const Session session = OpenSession(c);
  const std::vector<SftExample> examples = MakeSftExamples(session);
  ExampleOrder order(session.config, SourcesOf(session, examples));
  const auto model = MakeModel(session);
  std::vector<const Prompt*> prompts;
  for (const SftExample& e : examples) prompts.push_back(&session.problems[e.problem].prompt);
  const PromptEncoder encoder(*model, prompts);
  const std::vector<size_t> batch = {0, 13, 5, 17, 12};  // the first 12 are sums
  const SftStepResult r = SftGradients(session, *model, encoder, examples, batch, 0);
  const SftStepResult sums = SftGradients(session, *model, encoder, examples, std::vector<size_t>{0, 5}, 0);
  const SftStepResult counting = SftGradients(session, *model, encoder, examples, std::vector<size_t>{13, 17, 12}, 0);
  const Metrics metrics = order.PerSource(batch, r.losses, r.tokens);
  ASSERT_EQ(metrics.size(), 4u);
  EXPECT_EQ(*FindMetric(metrics, "share/sums"), 0.4);
  EXPECT_EQ(*FindMetric(metrics, "share/long"), 0.6);
  EXPECT_NEAR(*FindMetric(metrics, "loss/sums"), sums.loss, 1e-5 * sums.loss);
  EXPECT_NEAR(*FindMetric(metrics, "loss/long"), counting.loss, 1e-5 * counting.loss);
  EXPECT_GT(std::abs(sums.loss - counting.loss), 1e-3 * sums.loss) << "else the test could not tell them apart";
}

TEST(Mix, ResumesToTheBit) {
  const Scratch scratch;
  const TrainConfig whole = MixConfig(scratch, "whole");
  TrainConfig parts = whole;
  parts.run.name = "parts";
  parts.run.folder = scratch.path + "/parts";
  Execute(whole);
  Execute(parts, FolderMode::kNew, 5);
  fs::remove_all(parts.run.folder + "/checkpoints/step-5");
  Execute(parts, FolderMode::kResume);
  const std::string last = "/checkpoints/step-" + std::to_string(StepsOf(whole)) + "/optimizer.safetensors";
  for (const std::string& file : {std::string("/adapter/adapter_model.safetensors"), last}) {
    EXPECT_EQ(ReadFile(whole.run.folder + file), ReadFile(parts.run.folder + file)) << file;
  }
  EXPECT_EQ(MetricsOf(whole.run.folder), MetricsOf(parts.run.folder));
  parts.data.sources[1].weight = 2;
  EXPECT_NE(Refusal([&] { Execute(parts, FolderMode::kResume); }).find("sources"), std::string::npos);
}

TEST(Mix, LeavesOneDataSetAsItWas) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "one");
  c.sft.batch_size = 5;
  ExampleOrder order(c, std::vector<size_t>(12, 0));
  ASSERT_EQ(order.steps(), SftSteps(c, 12));
  for (int64_t step = 0; step < order.steps(); ++step) EXPECT_EQ(order.Batch(step), SftBatch(c, 12, step));
  EXPECT_TRUE(order.PerSource({}, {}, {}).empty());
  EXPECT_EQ(order.Describe(), "");
  const Session session = OpenSession(c);
  for (const auto& p : session.problems) EXPECT_EQ(p.problem.id.rfind("sums.jsonl-", 0), 0u) << p.problem.id;
}

TEST(Mix, KeepsSolutionsOfTheLengthAskedFor) {
  const Scratch scratch;
  TrainConfig c = MixConfig(scratch, "filtered");
  std::vector<int64_t> lengths;  // of the six of `long`
  {
    const Session session = OpenSession(c);
    EXPECT_EQ(session.problems[12].problem.id.rfind("long/counting.jsonl-", 0), 0u) << session.problems[12].problem.id;
    for (const SftExample& e : MakeSftExamples(session)) {
      if (session.problems[e.problem].source == 1) lengths.push_back(static_cast<int64_t>(e.response.size()));
    }
  }
  ASSERT_EQ(lengths.size(), 6u);
  std::sort(lengths.begin(), lengths.end());
  ASSERT_TRUE(lengths[0] < lengths[1] && lengths[3] < lengths[4]);
  c.data.sources[1].min_response_tokens = lengths[1];
  c.data.sources[1].max_response_tokens = lengths[3];
  const Session session = OpenSession(c);
  ::testing::internal::CaptureStderr();
  const std::vector<SftExample> examples = MakeSftExamples(session);
  const std::string said = ::testing::internal::GetCapturedStderr();
  std::vector<int64_t> kept;
  for (const SftExample& e : examples) {
    if (session.problems[e.problem].source == 1) kept.push_back(static_cast<int64_t>(e.response.size()));
  }
  std::sort(kept.begin(), kept.end());
  EXPECT_EQ(kept, std::vector<int64_t>(lengths.begin() + 1, lengths.begin() + 4));
  EXPECT_EQ(examples.size(), 15u) << "the other source keeps all";
  EXPECT_NE(said.find(Str("source long: 1 of 6 solutions have fewer than min_response_tokens = ", lengths[1])), std::string::npos) << said;
  EXPECT_NE(said.find(Str("source long: 2 of 6 solutions have more than max_response_tokens = ", lengths[3])), std::string::npos) << said;
  EXPECT_EQ(said.find("source sums"), std::string::npos) << said;

  c.data.sources[1].min_response_tokens = lengths[5] + 1;
  c.data.sources[1].max_response_tokens = 0;
  const std::string refusal = Refusal([&] { Execute(c); });
  EXPECT_NE(refusal.find("no example is left of source long: 0 have no solution, 0 are longer than sft.max_length, 6 have fewer tokens"),
            std::string::npos)
      << refusal;
  EXPECT_FALSE(fs::exists(c.run.folder));

  // One data set has the same two keys.
  TrainConfig one = TinyConfig(scratch, "sft", "one");
  one.data.dataset = scratch.path + "/counting.jsonl";
  one.data.max_response_tokens = lengths[2];
  EXPECT_EQ(MakeSftExamples(OpenSession(one)).size(), 3u);
}

TEST(Mix, IsShownByTheDryRun) {
  const Scratch scratch;
  TrainConfig c = MixConfig(scratch, "dry");
  c.sft.epochs = 4;  // 80 slots
  const std::string text = DryRun(OpenSession(c));
  EXPECT_NE(text.find("  sums: 12 examples, 25.0 % of all draws, so each is seen about 1.7 times\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  long: 6 examples, 75.0 % of all draws, so each is seen about 10 times\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace pith
