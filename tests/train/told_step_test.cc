// A step of SFT under told budgets: its gradients, what a forecast says of it, and a run of such steps.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>

#include "adapters/peft.h"
#include "tests/train/take_gradients.h"
#include "tests/train/told_run.h"
#include "train/forecast/shapes.h"
#include "train/rollout/rollout.h"

namespace pith {
namespace {

using testing::Execute;
using testing::kAnnouncement;
using testing::MetricsOf;
using testing::Refusal;
using testing::Scratch;
using testing::Stderr;
using testing::ToldConfig;

class ToldStep : public ::testing::Test {
 protected:
  ToldStep() : session_(Open(scratch_)), examples_(MakeSftExamples(session_)), model_(MakeModel(session_)) {
    for (size_t i = 0; i < examples_.size(); ++i) batch_.push_back(i);
  }
  static Session Open(const Scratch& scratch) {
    TrainConfig c = ToldConfig(scratch, "step");
    c.budget.tokens = 99;
    c.budget.choices = {40, 99, 0};
    Session session = OpenSession(c);
    for (auto& [name, pair] : session.initial.pairs) {
      for (size_t i = 0; i < pair.b.size(); ++i) pair.b[i] = 0.05f * static_cast<float>(i % 7) - 0.15f;
    }
    return session;
  }
  PromptEncoder Encoder(const Session& session) const {
    std::vector<const Prompt*> prompts;
    for (const SftExample& e : examples_) prompts.push_back(&session.problems[e.problem].prompt);
    return PromptEncoder(*model_, prompts);
  }

  const Scratch scratch_;
  const Session session_;
  const std::vector<SftExample> examples_;
  const std::unique_ptr<Model> model_;
  std::vector<size_t> batch_;
};

// The mean over what is said of −log p, each sequence by itself and by plain autograd.
TEST_F(ToldStep, HasTheGradientsOfTheLossOverWhatIsSaid) {
  const PromptEncoder encoder = Encoder(session_);
  const SftStepResult step = SftGradients(session_, *model_, encoder, examples_, batch_, 0);
  const testing::Gradients gradients = testing::TakeGradients(*model_);

  const int64_t vocabulary = session_.prompter->tokenizer().vocab_size();
  const at::Tensor embedding = model_->head().Embed(at::arange(vocabulary));  // tied
  at::Tensor sum = at::zeros({});
  int64_t tokens = 0, run = 0, announced = 0;
  for (const SftExample& e : examples_) {
    const PreparedProblem& p = session_.problems[e.problem];
    std::vector<int32_t> whole = p.prompt.ids;  // written out here: what is read, then what is said
    whole.insert(whole.end(), p.announcement.begin(), p.announcement.end());
    const size_t first = whole.size();
    whole.insert(whole.end(), p.said.begin(), p.said.end());
    run += static_cast<int64_t>(whole.size());
    announced += static_cast<int64_t>(p.announcement.size());
    const Prompt* prompt = &p.prompt;
    const EncodedPrompt encoded = encoder.Encode({&prompt, 1})[0];
    const auto begin = static_cast<size_t>(p.prompt.invocation_start);
    std::vector<int64_t> rows, ids;
    for (size_t i = first; i < whole.size(); ++i) {
      rows.push_back(static_cast<int64_t>(i - begin) - 1);
      ids.push_back(whole[i]);
    }
    const ModelInput input = {std::span(whole).subspan(begin, whole.size() - begin - 1), encoded.prefix()};
    const at::Tensor logp = at::log_softmax(at::matmul(model_->Forward({&input, 1}, at::tensor(rows), {}), embedding.t()), -1);
    sum = sum - logp.gather(1, at::tensor(ids).unsqueeze(1)).sum();
    tokens += static_cast<int64_t>(ids.size());
  }
  ASSERT_GT(announced, 0);
  (sum / static_cast<double>(tokens)).backward();
  EXPECT_NEAR(step.loss, sum.item<double>() / static_cast<double>(tokens), 1e-5);
  EXPECT_EQ(step.response_tokens, tokens);
  EXPECT_EQ(step.run_tokens, run);
  double of_budgets = 0;  // summed over tokens
  for (const auto& [name, loss] : LossByBudget(session_, examples_, batch_, step)) {
    for (size_t i = 0; i < examples_.size(); ++i) {
      if (name == Str("loss/by_budget/", session_.problems[examples_[i].problem].budget_tokens)) of_budgets += loss * static_cast<double>(examples_[i].learned());
    }
  }
  EXPECT_NEAR(of_budgets / static_cast<double>(tokens), step.loss, 1e-9);
  for (const auto& [name, by_hand] : testing::TakeGradients(*model_)) {
    const double scale = by_hand.abs().max().item<double>();
    EXPECT_GT(scale, 0) << name;
    EXPECT_LT((gradients.at(name) - by_hand).abs().max().item<double>() / scale, 5e-5) << name;
  }
}

// To the bit as if the prompts had ended in the announcements.
TEST_F(ToldStep, HasTheGradientsOfPromptsThatEndInTheAnnouncement) {
  SftGradients(session_, *model_, Encoder(session_), examples_, batch_, 0);
  const testing::Gradients told = testing::TakeGradients(*model_);
  Session other = Open(scratch_);
  std::vector<SftExample> plain = examples_;
  for (SftExample& e : plain) {
    PreparedProblem& p = other.problems[e.problem];
    p.prompt.ids.insert(p.prompt.ids.end(), p.announcement.begin(), p.announcement.end());
    e.response.erase(e.response.begin(), e.response.begin() + e.announced);
    e.announced = 0;
  }
  SftGradients(other, *model_, Encoder(other), plain, batch_, 0);
  for (const auto& [name, gradient] : testing::TakeGradients(*model_)) EXPECT_TRUE(at::equal(gradient, told.at(name))) << name;
}

TEST_F(ToldStep, IsForecastAsItIsRun) {
  const SftSequences run = MakeSequences(session_, Encoder(session_), examples_, batch_);
  const RunShapes shapes = ShapesOf(session_, examples_);
  std::multiset<std::pair<size_t, size_t>> forecast, taken;  // ids and targets of one epoch's sequences
  for (size_t step = 0; step < shapes.steps.size() / static_cast<size_t>(session_.config.sft.epochs); ++step) {
    for (const TrainSequence& s : shapes.steps[step]) forecast.emplace(s.ids.size(), s.targets.size());
  }
  for (const TrainSequence& s : run.sequences) taken.emplace(s.ids.size(), s.targets.size());
  EXPECT_EQ(forecast, taken);
  // Micro-batches go by what is run, the announcement included: two sequences that fill the limit to the token share a pass.
  const auto tokens = static_cast<int64_t>(run.sequences[0].ids.size() + run.sequences[1].ids.size()) - 2;
  for (const int64_t less : {0, 1}) {
    std::vector<size_t> ends;
    ForEachMicroBatch(model_->ranks(), std::span(run.sequences).first(2), {8, tokens - less}, [&](size_t, size_t end, int64_t) { ends.push_back(end); });
    EXPECT_EQ(ends, less == 0 ? std::vector<size_t>{2} : (std::vector<size_t>{1, 2}));
  }
}

TEST(ToldRun, ResumesToTheBitAndLeavesTheTextWithTheAdapter) {
  const Scratch scratch;
  TrainConfig whole = ToldConfig(scratch, "whole");
  whole.budget.choices = {40, 99, 0};
  whole.eval.every = 3;
  whole.eval.dataset = scratch.path + "/sums.jsonl";
  whole.eval.budgets = {40, 0};
  whole.eval.limit = 4;
  whole.eval.max_tokens = 40;
  whole.eval.max_share = 1;
  TrainConfig parts = whole;
  parts.run.name = "parts";
  parts.run.folder = scratch.path + "/parts";
  RunOptions looked_at;
  looked_at.quiet = true;
  looked_at.doctor = true;
  const std::string said = Stderr([&] { Execute(whole, looked_at); });
  EXPECT_NE(said.find("doctor: all is well"), std::string::npos) << said;
  EXPECT_NE(said.find("budgets: 40 for "), std::string::npos) << said;
  Execute(parts, FolderMode::kNew, 3);
  Execute(parts, FolderMode::kResume);
  EXPECT_EQ(MetricsOf(whole.run.folder), MetricsOf(parts.run.folder));
  EXPECT_EQ(ReadFile(whole.run.folder + "/adapter/adapter_model.safetensors"), ReadFile(parts.run.folder + "/adapter/adapter_model.safetensors"));
  EXPECT_TRUE(MetricsOf(whole.run.folder).back().contains("eval/40/accuracy"));
  EXPECT_TRUE(MetricsOf(whole.run.folder).back().contains("eval/none/accuracy"));
  const LoraAdapter adapter = ReadPeft(whole.run.folder + "/adapter");
  ASSERT_TRUE(adapter.budget.has_value());
  EXPECT_EQ(*adapter.budget, (AdapterBudget{48, 8, "\n#### ", "", kAnnouncement}));
  // Other budgets are another run.
  parts.budget.choices = {40, 80, 0};
  EXPECT_NE(Refusal([&] { Execute(parts, FolderMode::kResume); }).find("was started with another configuration"), std::string::npos);
}

}  // namespace
}  // namespace pith
