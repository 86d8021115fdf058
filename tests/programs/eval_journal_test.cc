// The journal of an evaluation: what comes back of it, and what does not belong to it.
#include "runtime/evaluation/eval_journal.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/adapters/random_adapter.h"
#include "tests/base/scratch.h"

namespace pith {
namespace {

using testing::Refusal;

const std::vector<EvalFact> kFacts = {{"base", "aa"}, {"list of budgets", "40, none"}, {"sentence", "caf\xe9"}};
const EvalShape kShape = {{{2, 3}, {1, 2}}, 2, 100};

Completion Said(const std::vector<int32_t>& tokens, int sample) {
  Completion c;
  c.sample = sample;
  c.tokens = tokens;
  c.logprobs = std::vector<float>(tokens.size(), -1.0f);
  c.near_ties = {0, 2};
  c.announced = 1;
  c.forced_begin = 1;
  c.forced_end = 3;
  c.finish = Finish::kStop;
  c.usage = {5, 6, 2, ForcedBy::kLoop};
  c.cut_bytes = 4;
  c.prompt_opens_thoughts = true;
  c.ttft_ms = 1.0 / 3;
  c.wall_ms = 1e9 / 7;
  return c;
}

EvalPiece PieceOf(int32_t token) { return {{Said({token, 2, 3}, 0), Said({4, token}, 1)}, 5, 0.1}; }

class EvalJournalTest : public ::testing::Test {
 protected:
  EvalJournalTest() {
    const auto journal = EvalJournal::Begin(path_, kFacts, kShape);
    journal->AddGo("{\"go\":1}");
    journal->Set(0)->Keep(1, 2, PieceOf(7));
    journal->Set(1)->Keep(0, 1, PieceOf(8));
    journal->Set(1)->Settle();
  }
  std::unique_ptr<EvalJournal> Resume() const { return EvalJournal::Resume(path_, kFacts, kShape); }
  void Append(const std::string& text) const { AppendToFile(path_, text); }

  const std::string path_ = Scratch("eval.journal");
};

TEST_F(EvalJournalTest, GivesBackWhatWasKept) {
  const auto journal = Resume();
  EXPECT_EQ(journal->num_kept(), 4);
  EXPECT_EQ(journal->goes(), (std::vector<std::string>{"{\"go\":1}"}));
  EXPECT_EQ(journal->Set(0)->Find(0, 0), nullptr);
  EXPECT_EQ(journal->Set(0)->Find(0, 1), nullptr) << "that was kept of the other set";
  EXPECT_EQ(journal->Set(1)->Find(0, 1)->completions[0].tokens[0], 8);
  const EvalPiece* piece = journal->Set(0)->Find(1, 2);
  ASSERT_NE(piece, nullptr);
  EXPECT_EQ(piece->tokens, 5);
  EXPECT_EQ(piece->seconds, 0.1);
  ASSERT_EQ(piece->completions.size(), 2u);
  const Completion wrote = Said({4, 7}, 1), &read = piece->completions[1];
  EXPECT_EQ(read.sample, 1);
  EXPECT_EQ(read.tokens, wrote.tokens);
  EXPECT_EQ(read.near_ties, wrote.near_ties);
  EXPECT_EQ(read.announced, 1);
  EXPECT_EQ(read.forced_begin, 1);
  EXPECT_EQ(read.forced_end, 3);
  EXPECT_EQ(read.finish, Finish::kStop);
  EXPECT_EQ(read.usage.thinking_tokens, 5);
  EXPECT_EQ(read.usage.answer_tokens, 6);
  EXPECT_EQ(read.usage.forced_tokens, 2);
  EXPECT_EQ(read.usage.forced_by, ForcedBy::kLoop);
  EXPECT_EQ(read.cut_bytes, 4u);
  EXPECT_TRUE(read.prompt_opens_thoughts);
  EXPECT_EQ(read.ttft_ms, wrote.ttft_ms);
  EXPECT_EQ(read.wall_ms, wrote.wall_ms);
  journal->AddGo("{\"go\":2}");
  EXPECT_EQ(journal->goes(), (std::vector<std::string>{"{\"go\":1}", "{\"go\":2}"})) << "this process's as well";
  EXPECT_EQ(Resume()->goes(), journal->goes());
}

TEST_F(EvalJournalTest, WhatIsThereTwiceCountsOnce) {
  {
    const auto journal = Resume();
    journal->Set(1)->Keep(0, 1, PieceOf(9));
    journal->Set(1)->Keep(0, 0, PieceOf(-1));  // is no token
  }
  ::testing::internal::CaptureStderr();
  const auto journal = Resume();
  ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(journal->num_kept(), 4);
  EXPECT_EQ(journal->Set(1)->Find(0, 1)->completions[0].tokens[0], 8) << "the first, which results may have been made of";
  EXPECT_EQ(journal->Set(1)->Find(0, 0), nullptr);
}

TEST_F(EvalJournalTest, WhateverOfTheLastLineWasWritten) {
  const std::string whole = ReadFile(path_);
  const size_t last = whole.rfind('\n', whole.size() - 2) + 1;
  for (size_t size = last; size < whole.size(); size += 11) {
    WriteFile(path_, whole.substr(0, size));
    ::testing::internal::CaptureStderr();
    const auto journal = Resume();
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "") << "a process may die at any moment";
    EXPECT_EQ(journal->num_kept(), 2);
    EXPECT_EQ(ReadFile(path_), whole.substr(0, last)) << "what is appended next begins a line";
    journal->Set(1)->Keep(0, 1, PieceOf(8));
    EXPECT_EQ(ReadFile(path_), whole);
  }
}

TEST_F(EvalJournalTest, OfADamagedOneAllBeforeTheDamageIsTaken) {
  std::string text = ReadFile(path_);
  text[text.rfind("\"tokens\":5") + 9] = '7';  // JSON still
  WriteFile(path_, text);
  Append("more\n");
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(Resume()->num_kept(), 2);
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("is damaged from byte"), std::string::npos);
}

TEST_F(EvalJournalTest, ThatOfAnotherCommandIsRefusedByTheFirstDifference) {
  const auto refusal = [&](std::vector<EvalFact> facts) { return Refusal([&] { EvalJournal::Resume(path_, facts, kShape); }); };
  auto facts = kFacts;
  facts[1].value = "40";
  facts[2].value = "x";
  EXPECT_EQ(refusal(facts), "'" + path_ + "' is the journal of an evaluation with another list of budgets: '40, none' there, '40' here; give the command that it was begun with, or begin anew "
                            "with --overwrite");
  facts = kFacts;
  facts.push_back({"seed", "1"});
  EXPECT_NE(refusal(facts).find("was told no seed where this one is told seed"), std::string::npos) << refusal(facts);
  facts[0].value = std::string(100, 'b');
  EXPECT_NE(refusal(facts).find("another base: 'aa' there, '" + std::string(60, 'b') + "…' here"), std::string::npos) << refusal(facts);
  EXPECT_EQ(Resume()->num_kept(), 4) << "a refusal changes nothing, and a fact that is not UTF-8 equals itself";
  EXPECT_EQ(EvalJournal::FactOf(path_, "base"), "aa");
  EXPECT_EQ(EvalJournal::FactOf(path_, "seed"), std::nullopt);
  EXPECT_EQ(EvalJournal::FactOf(path_ + ".none", "base"), std::nullopt);
  for (const std::string other : {"", "{}\n", "00000000 {}\n", "no journal"}) {
    WriteFile(path_, other);
    EXPECT_NE(Refusal([&] { Resume(); }).find("is no journal of an evaluation"), std::string::npos) << other;
    EXPECT_EQ(EvalJournal::FactOf(path_, "base"), std::nullopt);
  }
}

TEST_F(EvalJournalTest, WhatDoesNotFitTheEvaluationIsNotTaken) {
  for (const EvalShape& shape : {EvalShape{{{1, 3}, {1, 2}}, 2, 100}, EvalShape{{{2, 2}, {1, 2}}, 2, 100}, EvalShape{{{2, 3}, {1, 2}}, 1, 100}, EvalShape{{{2, 3}, {1, 2}}, 2, 7}}) {
    const std::string whole = ReadFile(path_);
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(EvalJournal::Resume(path_, kFacts, shape)->num_kept(), 0);
    ::testing::internal::GetCapturedStderr();
    WriteFile(path_, whole);
  }
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(EvalJournal::Resume(path_, kFacts, EvalShape{{{2, 3}}, 2, 100})->num_kept(), 2) << "there is no second set";
  ::testing::internal::GetCapturedStderr();
}

TEST_F(EvalJournalTest, OneWithoutAnAnswerDoesNotStay) {
  EvalJournal::Begin(path_, kFacts, kShape)->AddGo("1");
  EXPECT_FALSE(FileExists(path_));
}

}  // namespace
}  // namespace pith
