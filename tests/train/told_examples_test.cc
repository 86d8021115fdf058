// Budgets in SFT: each example has the smallest that its response keeps, is told of it as the runtime tells it.
#include <gtest/gtest.h>

#include <map>

#include "runtime/evaluation/eval_budget.h"
#include "runtime/session/conversation.h"
#include "tests/train/told_run.h"
#include "train/doctor/doctor.h"
#include "train/dry_run.h"
#include "train/rollout/rollout.h"
#include "train/session/told_budgets.h"

namespace pith {
namespace {

using testing::kAnnouncement;
using testing::kSentence;
using testing::Refusal;
using testing::Scratch;
using testing::Stderr;
using testing::ToldConfig;

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

}  // namespace
}  // namespace pith
