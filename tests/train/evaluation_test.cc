// Evaluation inside training: it says what an evaluation of the same adapter says, and changes nothing of the training.
#include <gtest/gtest.h>

#include "adapters/peft.h"
#include "runtime/evaluation/eval.h"
#include "tests/train/tiny_run.h"
#include "train/rollout/evaluation_hook.h"
#include "train/rollout/rollout.h"

namespace pith {
namespace {

using testing::Execute;
using testing::MetricsOf;
using testing::Refusal;
using testing::Scratch;
using testing::TinyConfig;

TrainConfig WithEvaluation(TrainConfig c, const Scratch& scratch) {
  std::string lines;
  for (int i = 0; i < 5; ++i) {
    lines += nlohmann::json{{"question", "What is " + std::to_string(i) + " + 3?"}, {"answer", std::to_string(i + 3)}}.dump() + "\n";
  }
  WriteFile(scratch.path + "/held_out.jsonl", lines);
  c.run.name += "-evaluated";
  c.run.folder += "-evaluated";
  c.eval.every = 2;
  c.eval.dataset = scratch.path + "/held_out.jsonl";
  c.eval.budgets = {70, 0};
  c.eval.chains = 3;
  c.eval.temperature = 0.9;
  c.eval.max_tokens = 90;
  c.eval.max_share = 1;
  return c;
}

std::vector<nlohmann::json> WithoutEvaluation(std::vector<nlohmann::json> lines) {
  for (auto& line : lines) {
    nlohmann::json kept;
    for (const auto& [name, value] : line.items()) {
      if (!name.starts_with("eval/")) kept[name] = value;
    }
    line = kept;
  }
  return lines;
}

class Evaluation : public ::testing::TestWithParam<const char*> {};

TEST_P(Evaluation, ChangesNothingOfTheTraining) {
  const Scratch scratch;
  const TrainConfig plain = TinyConfig(scratch, GetParam(), "plain"), evaluated = WithEvaluation(plain, scratch);
  Execute(plain);
  Execute(evaluated);
  const std::string last = GetParam() == std::string("sft") ? "6" : "4";
  for (const std::string& file : {std::string("/adapter/adapter_model.safetensors"), "/checkpoints/step-" + last + "/optimizer.safetensors",
                                  "/checkpoints/step-" + last + "/state.json"}) {
    EXPECT_EQ(ReadFile(plain.run.folder + file), ReadFile(evaluated.run.folder + file)) << file;
  }
  const auto metrics = MetricsOf(evaluated.run.folder);
  EXPECT_EQ(WithoutEvaluation(metrics), MetricsOf(plain.run.folder));
  for (size_t i = 0; i < metrics.size(); ++i) {
    for (const char* name : {"eval/70/accuracy", "eval/70/forced_rate", "eval/none/accuracy_lenient", "eval/none/mean_tokens",
                             "eval/none/truncated_rate", "eval/none/pass_at_3", "eval/none/maj_at_3"}) {
      EXPECT_EQ(metrics[i].contains(name), i % 2 == 1) << i << " " << name;
    }
  }
}

TEST_P(Evaluation, SaysWhatTheAdapterOfItsStepDoes) {
  const Scratch scratch;
  TrainConfig c = WithEvaluation(TinyConfig(scratch, GetParam(), "says"), scratch);
  c.eval.budgets = {0};
  Execute(c);
  const Session session = OpenSession(c);
  DatasetSpec spec;
  spec.name = c.eval.dataset;
  spec.shuffle = true;
  const std::vector<Problem> problems = LoadProblems(spec);
  const std::vector<NamedAdapter> modes = {{"adapter", PackForSampling(session, ReadPeft(c.run.folder + "/adapter"))}};
  EvalSettings settings;
  settings.budgets = {0};
  settings.chains = 3;
  settings.sampling.temperature = 0.9;
  settings.max_tokens = 90;
  const EvalPlan plan = PlanEval(session.base->config(), *session.prompter, problems, modes, settings);
  EngineOptions options;
  options.activations = ActivationType::kBF16;
  options.kv_type = KvType::kF16;
  options.kv_tokens = plan.kv_tokens;
  Engine engine(session.base, options);
  const auto rows = RunEval(engine, session.prompter->tokenizer(), problems, modes, settings, plan, [](int64_t, int64_t, const std::string&) {});
  const auto last = MetricsOf(c.run.folder).back();
  EXPECT_EQ(last["eval/mean_tokens"], rows[0].mean_tokens);
  EXPECT_EQ(last["eval/truncated_rate"], rows[0].truncated_rate);
  EXPECT_EQ(last["eval/accuracy"], rows[0].accuracy);
  const auto before = MetricsOf(c.run.folder)[1];
  EXPECT_NE(before["eval/mean_tokens"], last["eval/mean_tokens"]) << "the adapter changed meanwhile";
}

TEST_P(Evaluation, IsResumedWithTheRun) {
  const Scratch scratch;
  TrainConfig whole = WithEvaluation(TinyConfig(scratch, GetParam(), "whole"), scratch), parts = whole;
  whole.log.best_metric = parts.log.best_metric = "eval/none/mean_tokens";
  parts.run.folder = scratch.path + "/parts";
  Execute(whole);
  Execute(parts, FolderMode::kNew, 3);
  Execute(parts, FolderMode::kResume);
  EXPECT_EQ(MetricsOf(whole.run.folder), MetricsOf(parts.run.folder));
  EXPECT_EQ(ReadFile(whole.run.folder + "/checkpoints/best.json"), ReadFile(parts.run.folder + "/checkpoints/best.json"));
}

INSTANTIATE_TEST_SUITE_P(, Evaluation, ::testing::Values("sft", "rl"));

TEST(EvaluationShare, LeavesOutWhatWouldTakeTooMuchTime) {
  const Scratch scratch;
  TrainConfig c = WithEvaluation(TinyConfig(scratch, "rl", "share"), scratch);
  c.eval.every = 1;
  c.eval.max_share = 1e-9;
  Execute(c);
  const auto metrics = MetricsOf(c.run.folder);
  ASSERT_EQ(metrics.size(), 4u);
  for (size_t i = 0; i < metrics.size(); ++i) EXPECT_EQ(metrics[i].contains("eval/70/accuracy"), i == 0) << i;
}

TEST(EvaluationSetup, IsCheckedBeforeTraining) {
  const Scratch scratch;
  TrainConfig c = WithEvaluation(TinyConfig(scratch, "rl", "wrong"), scratch);
  c.eval.budgets = {20};  // below 2R = 64
  EXPECT_NE(Refusal([&] { Execute(c); }), "");
  c.eval.budgets = {0};
  c.eval.max_tokens = 600;  // beyond the context
  EXPECT_NE(Refusal([&] { Execute(c); }).find("context"), std::string::npos);
  EXPECT_FALSE(IsFolder(c.run.folder));
}

TEST(EvaluationSetup, LeavesOutPromptsThatAreTooLong) {
  const Scratch scratch;
  TrainConfig c = WithEvaluation(TinyConfig(scratch, "rl", "long"), scratch);
  const auto said = [&] {
    const Session session = OpenSession(c);
    ::testing::internal::CaptureStderr();
    const EvaluationHook hook(session);
    return ::testing::internal::GetCapturedStderr();
  };
  std::string question;
  for (int i = 0; i < 200; ++i) question += " apples";
  WriteFile(c.eval.dataset, ReadFile(c.eval.dataset) + nlohmann::json{{"question", question}, {"answer", 1}}.dump() + "\n");
  EXPECT_EQ(said().find("left out"), std::string::npos) << "it fits";
  c.data.max_prompt_tokens = 100;
  EXPECT_NE(said().find("problems are left out: their prompts have more tokens than max_prompt_tokens = 100"), std::string::npos) << said();
  c.data.max_prompt_tokens = 0;
  c.eval.max_tokens = 400;
  EXPECT_NE(said().find("their prompts have more tokens than the 112 that answers of 400 leave of the model's context of 512"), std::string::npos) << said();
}

}  // namespace
}  // namespace pith
