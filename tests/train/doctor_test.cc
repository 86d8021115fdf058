// What the doctor finds at the first step of runs that are broken in one way each, and that it lets a sound run pass.
#include <gtest/gtest.h>

#include "adapters/peft.h"
#include "base/file.h"
#include "tests/train/tiny_run.h"
#include "train/doctor/doctor.h"
#include "train/rl/rl_run.h"

namespace pith {
namespace {

using testing::Execute;
using testing::Refusal;
using testing::Scratch;
using testing::TinyConfig;

// SFT on the tiny model, or RL in which completions end.
TrainConfig Sound(const Scratch& scratch, const std::string& stage) {
  TrainConfig c = TinyConfig(scratch, stage, "sound");
  c.rl.steps = 1;
  c.rl.kl_beta = 0;
  c.rl.updates_per_rollout = 1;
  c.sft.epochs = 1;
  return c;
}

// What a run of the session's stage says, and stops with.
std::string FirstStep(const Session& session, std::string* said = nullptr) {
  RunOptions options;
  options.mode = FolderMode::kOverwrite;
  options.quiet = true;
  options.doctor = true;
  options.stop_after_step = 1;
  PrepareProcess(1);
  ::testing::internal::CaptureStderr();
  const std::string sentence = Refusal([&] { session.config.run.stage == "sft" ? RunSft(session, options) : RunRl(session, options); });
  const std::string text = ::testing::internal::GetCapturedStderr();
  if (said != nullptr) *said = text;
  return sentence;
}

void ExpectFinding(const Session& session, const std::string& part) {
  const std::string sentence = FirstStep(session);
  EXPECT_NE(sentence.find("after the first step: "), std::string::npos) << sentence;
  EXPECT_NE(sentence.find(part), std::string::npos) << sentence;
  EXPECT_NE(sentence.find("--no-doctor"), std::string::npos) << sentence;
}

void Fill(LoraAdapter* adapter) {
  for (auto& [name, pair] : adapter->pairs) {
    for (size_t i = 0; i < pair.b.size(); ++i) pair.b[i] = 0.2f * static_cast<float>(i % 7) - 0.61f;
  }
}

TEST(Doctor, LetsASoundRunPassInOneLine) {
  const Scratch scratch;
  for (const char* stage : {"sft", "rl"}) {
    std::string said;
    EXPECT_EQ(FirstStep(OpenSession(Sound(scratch, stage)), &said), "") << stage;
    EXPECT_NE(said.find("doctor: all is well"), std::string::npos) << said;
    EXPECT_EQ(said.find("of the groups have spread") != std::string::npos, std::string(stage) == "rl") << said;
  }
}

TEST(Doctor, LooksOnlyWhereItIsAskedTo) {
  const Scratch scratch;
  TrainConfig c = Sound(scratch, "sft");
  ::testing::internal::CaptureStderr();
  Execute(c);
  EXPECT_EQ(::testing::internal::GetCapturedStderr().find("doctor"), std::string::npos);
}

TEST(Doctor, FindsPromptsThatTheRuntimeWouldNotMake) {
  const Scratch scratch;
  Session session = OpenSession(Sound(scratch, "sft"));
  session.problems[3].prompt.ids[2] += 1;
  ExpectFinding(session, "the prompt of problem");
}

TEST(Doctor, LooksAtConversationsToo) {
  const Scratch scratch;
  TrainConfig c = Sound(scratch, "sft");
  c.data.dataset = scratch.path + "/talk.jsonl";
  std::string lines;
  for (int i = 0; i < 6; ++i) {
    lines += Str("{\"messages\": [{\"role\": \"user\", \"content\": \"", i, "?\"}, {\"role\": \"assistant\", \"content\": \"", i, ".\"}, ",
                 "{\"role\": \"user\", \"content\": \"And more?\"}, {\"role\": \"assistant\", \"content\": \"", i + 1, ".\"}]}\n");
  }
  WriteFile(c.data.dataset, lines);
  Session session = OpenSession(c);
  EXPECT_EQ(FirstStep(session), "");
  session.problems[1].prompt.ids[2] += 1;  // of a second turn
  ExpectFinding(session, "the prompt of problem");
}

TEST(Doctor, FindsExamplesWithoutTheEndOfTurn) {
  const Scratch scratch;
  const Session session = OpenSession(Sound(scratch, "sft"));
  const Tokenizer& tokenizer = session.prompter->tokenizer();
  EXPECT_EQ(EndFinding(session, {EndOfTurn(tokenizer)}), "");
  EXPECT_NE(EndFinding(session, {EndOfTurn(tokenizer), tokenizer.Encode("4").back()}).find("ends no response"), std::string::npos);
  for (const int32_t other : tokenizer.end_ids()) {
    if (other == EndOfTurn(tokenizer)) continue;
    EXPECT_NE(EndFinding(session, {other}).find("but the chat template ends an answer with"), std::string::npos) << other;
  }
}

TEST(Doctor, FindsSolutionsThatAreLeftOut) {
  const Scratch scratch;
  TrainConfig c = Sound(scratch, "sft");
  Session session = OpenSession(c);
  for (size_t i = 0; i < 7; ++i) session.problems[i].said.insert(session.problems[i].said.begin(), 600, session.problems[i].said.front());
  ExpectFinding(session, "7 of the first 12 solutions are longer than sft.max_length = 512");
}

TEST(Doctor, FindsLayersThatNoGradientReaches) {
  const Scratch scratch;
  Session session = OpenSession(Sound(scratch, "sft"));
  LoraPair& dead = session.initial.pairs.at("blk.1.attn_v.weight");
  std::fill(dead.a.begin(), dead.a.end(), 0.0f);
  ExpectFinding(session, "the gradient of 1 of 14 adapted layers is zero (blk.1.attn_v.weight)");
}

TEST(Doctor, FindsFactorsThatDoNotMove) {
  const Scratch scratch;
  TrainConfig c = Sound(scratch, "sft");
  c.optimizer.learning_rate = 1e-12;
  Session session = OpenSession(c);
  Fill(&session.initial);
  ExpectFinding(session, "adapted layers is to the bit what it was");
}

TEST(Doctor, FindsCompletionsThatNeverEnd) {
  const Scratch scratch;
  TrainConfig c = Sound(scratch, "rl");
  c.rollout.max_completion_tokens = 2;
  c.reward.plus[0].fall_tokens = 1;
  c.reward.plus[0].free_tokens = 1;
  ExpectFinding(OpenSession(c), "none of the first step's completions came to an end within 2 tokens");
}

TEST(Doctor, FindsGroupsWithoutSpread) {
  const Scratch scratch;
  TrainConfig c = Sound(scratch, "rl");
  c.reward.plus.clear();  // right or wrong alone, and an untrained model is always wrong
  ExpectFinding(OpenSession(c), "no group of the first step has spread: all of a group's rewards are equal (0 % of the answers are right)");
}

// The sampler's adapter acts on the whole prompt, the trainer's from the invocation on.
TEST(Doctor, FindsASamplerThatRunsAnotherPolicy) {
  const Scratch scratch;
  Session session = OpenSession(Sound(scratch, "rl"));
  Fill(&session.initial);
  session.initial.activation = Activation::kAlways;
  session.initial.invocation.clear();
  ExpectFinding(session, "sampler and trainer differ by");
}

}  // namespace
}  // namespace pith
