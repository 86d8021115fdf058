// Budgets in SFT: each example has the smallest that its response keeps, is told of it as the runtime tells it, and learns nothing of the telling.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "adapters/peft.h"
#include "runtime/evaluation/eval_budget.h"
#include "runtime/session/conversation.h"
#include "tests/train/take_gradients.h"
#include "tests/train/tiny_run.h"
#include "train/dry_run.h"
#include "train/forecast/shapes.h"
#include "train/stage/doctor.h"
#include "train/stage/rollout.h"
#include "train/stage/told_budgets.h"

namespace pith {
namespace {

using testing::Execute;
using testing::MetricsOf;
using testing::Refusal;
using testing::Scratch;
using testing::TinyConfig;

constexpr char kAnnouncement[] = "budget {budget}:", kSentence[] = "Use {budget} tokens.";

// Twelve problems whose solutions grow by some tokens from one to the next.
std::string GrowingSolutions(const Scratch& scratch) {
  std::string lines;
  for (int i = 0; i < 12; ++i) {
    std::string solution;
    for (int k = 0; k < i; ++k) solution += Str(k, " + 1 = ", k + 1, ". ");
    lines += nlohmann::json{{"question", Str("What is ", i, " + 4?")}, {"answer", std::to_string(i + 4)}, {"solution", Str(solution, "\n#### ", i + 4)}}.dump() + "\n";
  }
  WriteFile(scratch.path + "/growing.jsonl", lines);
  return scratch.path + "/growing.jsonl";
}

TrainConfig ToldConfig(const Scratch& scratch, const std::string& name, bool announced = true) {
  PrepareProcess(1);
  TrainConfig c = TinyConfig(scratch, "sft", name);
  c.data.dataset = GrowingSolutions(scratch);
  c.data.shuffle = false;
  c.model.dtype = "float32";
  c.budget.tokens = 48;
  c.budget.reserve_tokens = 8;
  (announced ? c.budget.announcement : c.budget.sentence) = announced ? kAnnouncement : kSentence;
  return c;
}

// Said tokens of each problem, in the order of the file.
std::vector<int64_t> SaidLengths(const Scratch& scratch) {
  TrainConfig c = ToldConfig(scratch, "plain");
  c.budget = BudgetSettings();
  std::vector<int64_t> lengths;
  const Session session = OpenSession(c);
  for (const PreparedProblem& p : session.problems) lengths.push_back(static_cast<int64_t>(p.said.size()));
  for (size_t i = 1; i < lengths.size(); ++i) EXPECT_GT(lengths[i], lengths[i - 1] + 3);
  return lengths;
}

Budget BudgetOf(const AdapterBudget& carried, int64_t tokens) {
  Budget budget;
  budget.tokens = tokens;
  budget.reserve_tokens = carried.reserve_tokens;
  budget.sentence = carried.sentence;
  budget.announcement = carried.announcement;
  return budget;
}

std::string Stderr(const std::function<void()>& body) {
  ::testing::internal::CaptureStderr();
  body();
  return ::testing::internal::GetCapturedStderr();
}

TEST(ToldBudgets, OfWhichTheSmallestIsTakenThatIsKept) {
  const auto tokenizer = Tokenizer::Load(std::string(PITH_TEST_GOLDEN) + "/tiny-llama");
  const auto announced = static_cast<int64_t>(tokenizer->Encode("budget 24:").size());
  ASSERT_GT(announced, 3);
  BudgetSettings s;
  s.tokens = 24;
  s.announcement = kAnnouncement;
  s.choices = {99, 0, 24, 48};
  const ToldBudgets told(s, *tokenizer);
  ASSERT_EQ(told.all().size(), 4u);
  EXPECT_EQ(told.all()[2].announcement, tokenizer->Encode("budget 24:"));
  EXPECT_TRUE(told.all()[1].announcement.empty());
  const auto of = [](const ToldBudgets& budgets, int64_t said) { return budgets.KeptBy(said).budget.tokens; };
  // B holds the announcement too: its last token and the response's together are at most B.
  EXPECT_EQ(of(told, 1), 24);
  EXPECT_EQ(of(told, 24 - announced), 24);
  EXPECT_EQ(of(told, 24 - announced + 1), 48);
  EXPECT_EQ(of(told, 48 - announced), 48);
  EXPECT_EQ(of(told, 48 - announced + 1), 99);
  EXPECT_EQ(of(told, 99 - announced), 99);
  EXPECT_EQ(of(told, 99 - announced + 1), 0) << "no budget is kept by all";
  s.choices = {48, 24};
  EXPECT_EQ(of(ToldBudgets(s, *tokenizer), 1000), 48) << "none is kept: the largest";
  // A sentence stands in the prompt and takes nothing of B.
  std::swap(s.sentence, s.announcement);
  EXPECT_EQ(of(ToldBudgets(s, *tokenizer), 24), 24);
  EXPECT_EQ(of(ToldBudgets(s, *tokenizer), 25), 48);
  s.choices.clear();
  EXPECT_EQ(of(ToldBudgets(s, *tokenizer), 1), 24);
  EXPECT_EQ(of(ToldBudgets(BudgetSettings(), *tokenizer), 1000), 0);
}

TEST(ToldExamples, HaveTheSmallestBudgetThatTheyKeep) {
  const Scratch scratch;
  const std::vector<int64_t> lengths = SaidLengths(scratch);
  ASSERT_EQ(lengths.size(), 12u);
  TrainConfig c = ToldConfig(scratch, "border");
  const auto announced = static_cast<int64_t>(Tokenizer::Load(c.model.path)->Encode("budget 24:").size());
  c.budget.choices = {lengths[6] + announced, lengths[3] + announced};  // problem 3 and problem 6 keep them to the token
  ASSERT_GE(c.budget.choices[1], 10);
  ASSERT_LE(c.budget.choices[0], 99);
  for (const bool with_none : {false, true}) {
    if (with_none) c.budget.choices.push_back(0);
    const Session session = OpenSession(c);
    EXPECT_EQ(session.num_variants(), 1u);
    std::vector<SftExample> examples;
    const std::string said = Stderr([&] { examples = MakeSftExamples(session); });
    ASSERT_EQ(examples.size(), with_none ? 12u : 7u);
    for (size_t i = 0; i < examples.size(); ++i) {
      const PreparedProblem& p = session.problems[examples[i].problem];
      const int64_t budget = i <= 3 ? c.budget.choices[1] : i <= 6 ? c.budget.choices[0] : 0;
      EXPECT_EQ(p.budget_tokens, budget) << i;
      EXPECT_EQ(examples[i].announced, budget > 0 ? announced : 0) << i;
      EXPECT_EQ(examples[i].learned(), lengths[i]) << i;
      if (budget > 0) {
        EXPECT_LE(examples[i].response.size(), static_cast<size_t>(budget)) << i;
      }
    }
    const std::string left_out = Str("5 of 12 solutions take more tokens than the largest budget, ", c.budget.choices[0], ", and are left out");
    EXPECT_EQ(said.find(left_out) != std::string::npos, !with_none) << said;
    const std::string counts = Str("budgets: ", c.budget.choices[0], " for 3 examples, ", c.budget.choices[1], " for 4 examples", with_none ? ", none for 5 examples" : "");
    EXPECT_EQ(DescribeBudgets(session, examples), counts);
    EXPECT_NE(DryRun(session).find("  " + counts + "\n"), std::string::npos);
  }
}

TEST(ToldExamples, AreCountedWhereTheyAreLeftOut) {
  const Scratch scratch;
  TrainConfig c = ToldConfig(scratch, "none");
  c.budget.choices = {3, 5};  // the announcement alone takes more
  EXPECT_NE(Refusal([&] { MakeSftExamples(OpenSession(c)); }).find("no example is left: 0 have no solution, 0 are longer than sft.max_length, 12 take more tokens than the largest budget, 5"),
            std::string::npos);
  // The doctor, where it is most of them.
  const std::vector<int64_t> lengths = SaidLengths(scratch);
  c = ToldConfig(scratch, "most", /*announced=*/false);
  c.budget.choices = {lengths[1], lengths[4]};
  EXPECT_NE(TruncationFinding(OpenSession(c)).find(Str("7 of the first 12 solutions take more tokens than the largest budget, ", lengths[4])), std::string::npos);
  c.data.max_response_tokens = lengths[4];
  EXPECT_EQ(TruncationFinding(OpenSession(c)), "") << "short ones are asked for";
  c.data.max_response_tokens = 0;
  c.budget.choices.push_back(lengths[6]);
  EXPECT_EQ(TruncationFinding(OpenSession(c)), "");
  // A budget that nothing has.
  c.budget.choices = {200, lengths[11], 0};
  const Session session = OpenSession(c);
  const std::string said = Stderr([&] { MakeSftExamples(session); });
  EXPECT_NE(said.find("budget.choices: no example has 200, since"), std::string::npos) << said;
  EXPECT_NE(said.find("budget.choices: no example has 0 (none), since"), std::string::npos) << said;
  // sft.max_length bounds what is run, the announcement included.
  c = ToldConfig(scratch, "long");
  c.budget.tokens = 200;
  const Session told = OpenSession(c);
  const PreparedProblem& longest = told.problems.back();
  c.sft.max_length = static_cast<int64_t>(longest.prompt.ids.size() + longest.announcement.size() + longest.said.size());
  EXPECT_EQ(MakeSftExamples(OpenSession(c)).size(), 12u);
  --c.sft.max_length;
  EXPECT_LT(MakeSftExamples(OpenSession(c)).size(), 12u);
}

// Every id before the first that is learned from is what the runtime feeds for the same question under that budget, and the adapter begins at the same one.
class ToldAsTheRuntimeTells : public ::testing::TestWithParam<bool> {
 protected:
  static TrainConfig Config(const Scratch& scratch) {
    TrainConfig c = ToldConfig(scratch, "runtime", GetParam());
    const std::vector<int64_t> lengths = SaidLengths(scratch);
    c.budget.choices = {lengths[4] + (GetParam() ? 13 : 0), lengths[9] + (GetParam() ? 13 : 0), 0};
    return c;
  }
  static void ExpectFed(const GenerateRequest& request, const Session& session, const SftExample& example, const TrainSequence& sequence) {
    std::vector<int32_t> fed = request.prompt, read = session.problems[example.problem].prompt.ids;
    fed.insert(fed.end(), request.response_prefix.begin(), request.response_prefix.end());
    read.resize(static_cast<size_t>(sequence.prompt.length()));
    read.insert(read.end(), sequence.ids.begin(), sequence.ids.begin() + sequence.targets.front());
    EXPECT_EQ(read, fed);
    EXPECT_EQ(sequence.prompt.length(), request.invocation_start);
    const std::vector<int32_t>& said = session.problems[example.problem].said;
    EXPECT_TRUE(std::equal(said.begin(), said.end(), sequence.ids.begin() + sequence.targets.front(), sequence.ids.end()));
    EXPECT_EQ(sequence.response_length(), static_cast<int64_t>(said.size())) << "all of it is learned from";
    EXPECT_EQ(request.announced, example.announced);
  }
  static TrainSequence SequenceOfExample(const Session& session, const SftExample& example) {
    const Prompt& prompt = session.problems[example.problem].prompt;
    return SequenceOf(EncodedPrompt(prompt.invocation_start), prompt, example);
  }
};

TEST_P(ToldAsTheRuntimeTells, OfAQuestion) {
  const Scratch scratch;
  TrainConfig c = Config(scratch);
  c.data.system = "Be exact.";
  const Session session = OpenSession(c);
  const Tokenizer& tokenizer = session.prompter->tokenizer();
  const NamedAdapter mode = {"adapter", PackForSampling(session, session.initial)};  // with the texts that it will carry
  EXPECT_EQ(session.initial.budget, (AdapterBudget{48, 8, "\n#### ", GetParam() ? "" : kSentence, GetParam() ? kAnnouncement : ""}));
  std::map<int64_t, int> seen;
  for (const SftExample& example : MakeSftExamples(session)) {
    const PreparedProblem& p = session.problems[example.problem];
    // As pith-run generate does it.
    const Budget budget = BudgetOf(*session.initial.budget, p.budget_tokens);
    const Prompt prompt = session.prompter->Build(UserTurn(p.problem.question, budget), "Be exact.");
    GenerateRequest request;
    request.prompt = prompt.ids;
    request.invocation_start = FindSwitch(mode, prompt, tokenizer);
    request.adapter = mode.adapter;
    if (budget.tokens > 0) request.budget = MakeDecodeBudget(budget, false, tokenizer);
    Announce(AnnouncementOf(mode, std::nullopt, budget.sentence), tokenizer, &request);
    ExpectFed(request, session, example, SequenceOfExample(session, example));
    ++seen[p.budget_tokens];
  }
  EXPECT_EQ(seen.size(), 3u) << "all budgets are among the examples";
  EXPECT_EQ(PromptFinding(session), "");
}

TEST_P(ToldAsTheRuntimeTells, OfATurnOfAConversation) {
  const Scratch scratch;
  TrainConfig c = Config(scratch);
  c.data.dataset = scratch.path + "/talk.jsonl";
  const auto message = [](const std::string& role, const std::string& content) { return nlohmann::json{{"role", role}, {"content", content}}; };
  WriteFile(c.data.dataset, nlohmann::json{{"messages", {message("user", "2?"), message("assistant", "<think>hm</think>two"), message("user", "3?"), message("assistant", "three and more")}}}.dump() + "\n");
  const Session session = OpenSession(c);
  const std::vector<SftExample> examples = MakeSftExamples(session);
  ASSERT_EQ(examples.size(), 2u);
  Conversation conversation(*session.prompter);
  TurnOptions options;
  options.mode = {"adapter", PackForSampling(session, session.initial)};
  for (size_t i = 0; i < 2; ++i) {
    Budget budget = BudgetOf(*session.initial.budget, session.problems[examples[i].problem].budget_tokens);
    ASSERT_GT(budget.tokens, 0);
    options.budget = MakeDecodeBudget(budget, false, session.prompter->tokenizer());
    options.budget_sentence = budget.sentence.empty() ? "" : BudgetSentence(budget);
    options.announcement = budget.announcement;
    ExpectFed(conversation.Ask(i == 0 ? "2?" : "3?", options), session, examples[i], SequenceOfExample(session, examples[i]));
    conversation.Keep("2?", "two");  // the user's words without the sentence
  }
  EXPECT_EQ(PromptFinding(session), "");
  // A sentence has no place where another than the user has the last word.
  WriteFile(c.data.dataset, nlohmann::json{{"messages", {message("user", "2?"), message("tool", "4"), message("assistant", "four")}}}.dump() + "\n");
  const std::string refusal = Refusal([&] { OpenSession(c); });
  if (GetParam()) {
    EXPECT_EQ(refusal, "");
  } else {
    EXPECT_NE(refusal.find("talk.jsonl, line 1, the assistant's turn 1: budget.sentence ends the user's turn, but the last word before the response is tool's"), std::string::npos) << refusal;
  }
}

INSTANTIATE_TEST_SUITE_P(, ToldAsTheRuntimeTells, ::testing::Bool(), [](const auto& info) { return info.param ? "Announced" : "Sentence"; });

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
    ForEachMicroBatch(std::span(run.sequences).first(2), {8, tokens - less}, [&](size_t, size_t end, int64_t) { ends.push_back(end); });
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
