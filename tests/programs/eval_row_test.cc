// The numbers of an evaluation, from completions written by hand.
#include "runtime/evaluation/eval_row.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "runtime/evaluation/eval_json.h"

namespace pith {
namespace {

class EvalRowTest : public ::testing::Test {
 protected:
  // `text` led by line breaks up to `tokens` tokens (0: as it is).
  Completion Says(const std::string& text, size_t tokens = 0, Finish finish = Finish::kStop, bool forced = false, double ttft_ms = 1) {
    Completion completion;
    completion.tokens = tokenizer_->Encode(text);
    const std::vector<int32_t> line = tokenizer_->Encode("\n");
    while (completion.tokens.size() < tokens) completion.tokens.insert(completion.tokens.begin(), line.begin(), line.end());
    completion.finish = finish;
    if (forced) completion.forced_begin = 3, completion.forced_end = 4;
    completion.ttft_ms = ttft_ms;
    return completion;
  }

  std::unique_ptr<Tokenizer> tokenizer_ = Tokenizer::Load(PITH_TEST_GOLDEN "/tiny-llama");
};

TEST_F(EvalRowTest, OneChain) {
  const std::vector<Problem> problems = {{"a", "?", "7", ""}, {"b", "?", "8", ""}, {"c", "?", "9", ""}, {"d", "?", "10", ""}};
  const EvalRow row = MakeRow({"mode", "set", 48, 1, 5, 123.0}, problems,
                              {{Says("3 + 4 = 7\n#### 7", 20, Finish::kStop, false, 5)},
                               {Says("The answer is 8.", 30, Finish::kStop, false, 20)},    // right, but not marked
                               {Says("9 or so\n#### 3", 40, Finish::kStop, true, 100)},     // the mark counts
                               {Says("first 10, then 1", 50, Finish::kLength, false, 10)}}, // the last number counts
                              *tokenizer_);
  EXPECT_EQ(row.mode, "mode");
  EXPECT_EQ(row.budget, 48);
  EXPECT_EQ(row.seed, 5u);
  EXPECT_EQ(row.tok_per_s, 123.0);
  EXPECT_EQ(row.n, 4);
  EXPECT_DOUBLE_EQ(row.accuracy, 0.25);
  EXPECT_DOUBLE_EQ(row.accuracy_lenient, 0.5);
  EXPECT_NEAR(row.ci_low, 0.0455873, 1e-6);   // Wilson's interval of 1 in 4
  EXPECT_NEAR(row.ci_high, 0.6993582, 1e-6);
  EXPECT_DOUBLE_EQ(row.mean_tokens, 35);
  EXPECT_DOUBLE_EQ(row.median_tokens, 35);
  EXPECT_DOUBLE_EQ(row.p95_tokens, 48.5);     // 40 + 0.85 · 10
  EXPECT_DOUBLE_EQ(*row.tokens_per_correct, 140);  // all tokens, for one that is right and marked
  EXPECT_FALSE(row.near_ties.has_value()) << "it was not said to be greedy";
  EXPECT_DOUBLE_EQ(row.forced_rate, 0.25);
  EXPECT_DOUBLE_EQ(row.truncated_rate, 0.25);
  EXPECT_DOUBLE_EQ(row.ttft_ms, 15);
  EXPECT_DOUBLE_EQ(row.pass_at_k, row.accuracy_lenient);
  EXPECT_DOUBLE_EQ(row.maj_at_k, row.accuracy_lenient);
  ASSERT_EQ(row.answers.size(), 4u);
  EXPECT_TRUE(row.answers[2].forced);
  EXPECT_FALSE(row.answers[2].truncated);
  EXPECT_TRUE(row.answers[3].truncated);
  EXPECT_EQ(row.answers[3].extracted, "1");
}

TEST_F(EvalRowTest, GivesBothBoundsOfWhatALimitCutOff) {
  const std::vector<Problem> problems = {{"a", "?", "7", ""}, {"b", "?", "8", ""}, {"c", "?", "9", ""}, {"d", "?", "10", ""}};
  const EvalRow row = MakeRow({"mode", "set", 0, 1, 0, 0}, problems,
                              {{Says("3 + 4 = 7\n#### 7")},
                               {Says("#### 8\nand on and on", 20, Finish::kLength)},  // given before the limit
                               {Says("first I think", 20, Finish::kLength)},          // cut
                               {Says("no mark", 20, Finish::kStop)}},
                              *tokenizer_);
  EXPECT_DOUBLE_EQ(row.accuracy, 0.5);
  EXPECT_DOUBLE_EQ(row.cut_rate, 0.25);
  EXPECT_DOUBLE_EQ(row.accuracy_uncut, 2.0 / 3);
  EXPECT_EQ(row.answers[1].verdict, Verdict::kCorrect);
  EXPECT_EQ(row.answers[2].verdict, Verdict::kCut);
  EXPECT_EQ(row.answers[3].verdict, Verdict::kUnparsed);
}

TEST_F(EvalRowTest, SeveralChains) {
  const std::vector<Problem> problems = {{"a", "?", "12", ""}, {"b", "?", "3", ""}, {"c", "?", "5", ""}};
  const EvalRow row = MakeRow({"mode", "set", 0, 4, 0, 0}, problems,
                              {{Says("#### 12"), Says("#### 5"), Says("so 12"), Says("#### 7")},        // two of four: wins
                               {Says("#### 4"), Says("#### 3"), Says("it is 4"), Says("no number")},    // outvoted
                               {Says("#### 6"), Says("#### 5.0"), Says("#### 6"), Says("5 pens")}},     // a tie: the earliest
                              *tokenizer_);
  EXPECT_EQ(row.n, 3);
  EXPECT_DOUBLE_EQ(row.accuracy, 3.0 / 12);
  EXPECT_DOUBLE_EQ(row.accuracy_lenient, 5.0 / 12);
  EXPECT_NEAR(row.ci_low, 0.0368412, 1e-6);   // Wilson's interval of 0.75 in 3: problems are counted, not chains
  EXPECT_NEAR(row.ci_high, 0.7439073, 1e-6);
  EXPECT_DOUBLE_EQ(row.pass_at_k, 1.0);
  EXPECT_DOUBLE_EQ(row.maj_at_k, 1.0 / 3);
  ASSERT_EQ(row.answers.size(), 12u);
  EXPECT_EQ(row.answers[5].problem, 1);
  EXPECT_EQ(row.answers[5].chain, 1);
  EXPECT_TRUE(row.answers[5].correct);

  const EvalRow none = MakeRow({"mode", "set", 0, 2, 0, 0}, {{"a", "?", "1", ""}}, {{Says("#### 2"), Says("well")}}, *tokenizer_);
  EXPECT_DOUBLE_EQ(none.pass_at_k, 0.0);
  EXPECT_DOUBLE_EQ(none.maj_at_k, 0.0);
}

TEST_F(EvalRowTest, ScoresWeighTheVote) {
  const auto scored = [&](const std::string& text, double score) {
    Completion completion = Says(text);
    completion.score = score;
    return completion;
  };
  const std::vector<Problem> problems = {{"a", "?", "12", ""}, {"b", "?", "3", ""}};
  const EvalRow row = MakeRow({"mode", "set", 0, 3, 0, 0}, problems,
                              {{scored("#### 5", 0.3), scored("#### 12", 0.9), scored("#### 5", 0.2)},      // outvoted, and believed
                               {scored("#### 3", 0.1), scored("#### 3.0", 0.15), scored("#### 4", 0.8)}},   // the other way round
                              *tokenizer_);
  EXPECT_DOUBLE_EQ(row.maj_at_k, 0.5);
  EXPECT_DOUBLE_EQ(*row.weighted_at_k, 0.5);
  EXPECT_NEAR(row.maj_low, 0.0945312, 1e-6);  // Wilson's, 1 of 2 problems
  EXPECT_NEAR(row.weighted_high, 0.9054688, 1e-6);
  // Right: 0.9, 0.1, 0.15; wrong: 0.3, 0.2, 0.8. Of nine pairs 0.9 wins three.
  EXPECT_DOUBLE_EQ(*row.score_auc, 3.0 / 9);
  const EvalRow believed = MakeRow({"mode", "set", 0, 3, 0, 0}, {problems[0]}, {{scored("#### 5", 0.3), scored("#### 12", 0.9), scored("#### 5", 0.2)}}, *tokenizer_);
  EXPECT_EQ(believed.maj_at_k, 0);
  EXPECT_EQ(*believed.weighted_at_k, 1);
  const auto json = nlohmann::json::parse(ResultsJson({{"set", problems, {row}}}))[0];
  EXPECT_EQ(json["weighted_at_k"], 0.5);
  EXPECT_EQ(json["maj_at_k_ci"].size(), 2u);
  EXPECT_FALSE(nlohmann::json::parse(ResultsJson({{"set", problems, {MakeRow({"mode", "set", 0, 1, 0, 0}, {problems[0]}, {{Says("#### 12")}}, *tokenizer_)}}}))[0].contains("score_auc"));
}

TEST_F(EvalRowTest, NearTiesAreOfGreedyRowsAlone) {
  EvalRowLabels labels{"mode", "set", 0, 1, 0, 0};
  labels.greedy = true;
  Completion first = Says("#### 7", 20), second = Says("no", 20);
  first.near_ties = {3, 7};
  second.near_ties = {0};
  const std::vector<Problem> problems = {{"a", "?", "7", ""}, {"b", "?", "8", ""}};
  const EvalRow row = MakeRow(labels, problems, {{first}, {second}}, *tokenizer_);
  EXPECT_EQ(row.near_ties, 3);
  EXPECT_DOUBLE_EQ(*row.near_ties_per_1k, 75);  // of 40 tokens
  EXPECT_DOUBLE_EQ(*row.tokens_per_correct, 40);
  labels.greedy = false;
  const EvalRow wrong = MakeRow(labels, {problems[1]}, {{second}}, *tokenizer_);
  const auto json = nlohmann::json::parse(ResultsJson({{"set", {problems[1]}, {wrong}}}))[0];
  EXPECT_TRUE(json["near_ties"].is_null());
  EXPECT_TRUE(json["near_ties_per_1k"].is_null());
  EXPECT_TRUE(json["tokens_per_correct"].is_null()) << "nothing is right";
  EXPECT_EQ(json["median_tokens"], 20);
}

// By domain and level: the groups' problems are the row's, each in one group of each kind.
TEST_F(EvalRowTest, BreaksDownByDomainAndLevel) {
  std::vector<Problem> problems = {{"a", "?", "7", ""}, {"b", "?", "8", ""}, {"c", "?", "9", ""}, {"d", "?", "10", ""}};
  const char* const domains[] = {"Algebra", "Geometry", "Algebra", ""};
  const char* const levels[] = {"10", "2", "2", "2"};
  for (size_t i = 0; i < 4; ++i) problems[i].domain = domains[i], problems[i].level = levels[i];
  const EvalRow row = MakeRow({"mode", "set", 48, 1, 5, 123.0}, problems,
                              {{Says("#### 7", 20)}, {Says("#### 8", 30)}, {Says("#### 3", 40)}, {Says("#### 10", 50, Finish::kLength)}}, *tokenizer_);
  const std::vector<EvalGroup> groups = BreakDown(row, problems);
  std::vector<std::string> names;
  for (const EvalGroup& group : groups) names.push_back(group.group + " " + group.value);
  EXPECT_EQ(names, (std::vector<std::string>{"domain ", "domain Algebra", "domain Geometry", "level 2", "level 10"}));
  EXPECT_EQ(groups[1].row.n, 2);
  EXPECT_DOUBLE_EQ(groups[1].row.accuracy, 0.5);
  EXPECT_DOUBLE_EQ(groups[1].row.mean_tokens, 30);
  EXPECT_DOUBLE_EQ(*groups[1].row.tokens_per_correct, 60);
  EXPECT_EQ(groups[1].row.budget, 48);
  EXPECT_EQ(groups[3].row.n, 3);
  EXPECT_DOUBLE_EQ(groups[3].row.accuracy, 2.0 / 3);
  EXPECT_DOUBLE_EQ(groups[3].row.truncated_rate, 1.0 / 3);
  const auto json = nlohmann::json::parse(BreakdownJson({{"set", problems, {row}}}));
  ASSERT_EQ(json.size(), 5u);
  EXPECT_TRUE(json[0]["value"].is_null());
  EXPECT_EQ(json[4]["group"], "level");
  EXPECT_EQ(json[4]["n"], 1);
  EXPECT_TRUE(json[4]["tok_per_s"].is_null());
  for (Problem& problem : problems) problem.domain = problem.level = "";
  EXPECT_TRUE(BreakDown(row, problems).empty()) << "nothing to break down by";
}

TEST_F(EvalRowTest, NamesThatAreNotUtf8DoNotCostTheResults) {
  const std::vector<Problem> problems = {{"\xff", "?", "1", ""}};
  const EvalRow row = MakeRow({"caf\xe9", "caf\xe9.jsonl", 0, 1, 0, 0}, problems, {{Says("#### 1")}}, *tokenizer_);
  const std::vector<EvaluatedSet> sets = {{"caf\xe9.jsonl", problems, {row}}};
  EXPECT_EQ(nlohmann::json::parse(ResultsJson(sets))[0]["mode"], "caf\xef\xbf\xbd");
  const auto answer = nlohmann::json::parse(AnswersJsonl(sets));
  EXPECT_EQ(answer["problem"], "\xef\xbf\xbd");
  EXPECT_EQ(answer["dataset"], "caf\xef\xbf\xbd.jsonl");
}

}  // namespace
}  // namespace pith
