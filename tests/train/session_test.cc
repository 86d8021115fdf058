// What is found wrong before a run touches anything, and what its adapter starts as.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>

#include "adapters/peft.h"
#include "tests/train/tiny_run.h"
#include "train/dry_run.h"
#include "train/proof/logits.h"
#include "train/run/run_folder.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using testing::Execute;
using testing::Refusal;
using testing::Scratch;
using testing::TinyConfig;

const std::string kTiny = std::string(PITH_TEST_GOLDEN) + "/tiny-llama";

#define EXPECT_REFUSED(body, part)                                                    \
  do {                                                                                \
    const std::string sentence = Refusal([&] { body; });                              \
    EXPECT_NE(sentence.find(part), std::string::npos) << "the sentence: " << sentence; \
  } while (0)

// A copy of the tiny model with another chat template, or with a token more in its tokenizer.
std::string CopyOfTiny(const Scratch& scratch, const std::string& chat_template, const nlohmann::json& added_token) {
  const std::string folder = scratch.path + "/model";
  fs::create_directories(folder);
  fs::copy(kTiny, folder, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
  if (!chat_template.empty()) WriteFile(folder + "/chat_template.jinja", chat_template);
  if (!added_token.is_null()) {
    auto json = nlohmann::json::parse(ReadFile(folder + "/tokenizer.json"));
    json["added_tokens"].push_back(added_token);
    WriteFile(folder + "/tokenizer.json", json.dump());
  }
  return folder;
}

TEST(Session, NamesWhatAnInitAdapterContradicts) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "init");
  c.run.init_adapter = std::string(PITH_TEST_GOLDEN) + "/tiny-alora";
  c.adapter.alpha = 16;
  EXPECT_REFUSED(OpenSession(c), "has rank 8");
  c.adapter.rank = 8;
  c.adapter.alpha = 8;
  EXPECT_REFUSED(OpenSession(c), "alpha 16");
  c.adapter.alpha = 16;
  EXPECT_FALSE(OpenSession(c).fresh);
  c.adapter.targets = {"q_proj"};
  EXPECT_REFUSED(OpenSession(c), "unlike adapter.targets");
}

TEST(Session, RefusesTokensThatTheModelHasNoEmbeddingFor) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "ids");
  const std::string generation = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
  c.model.path = CopyOfTiny(scratch, "<|new|>{{ messages[0]['content'] }}" + generation,
                            {{"id", 320}, {"content", "<|new|>"}, {"special", true}});
  EXPECT_REFUSED(OpenSession(c), "holds the token 320");
  c.model.path = CopyOfTiny(scratch, "{{ messages[0]['content'] }}" + generation,
                            {{"id", 321}, {"content", "####"}, {"special", false}, {"normalized", false}});
  EXPECT_REFUSED(OpenSession(c), "the solution of problem");
  EXPECT_REFUSED(Execute(c), "holds the token 320");  // the next free id, whatever the file says
  EXPECT_FALSE(fs::exists(c.run.folder));
}

TEST(Session, TakesTheConfiguredInvocationWhereTheTemplateGivesNone) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "bare");
  c.model.path = CopyOfTiny(scratch, "{{ messages[0]['content'] }}", nullptr);
  EXPECT_REFUSED(OpenSession(c), "give the invocation yourself");
  const std::vector<int32_t> ids = Prompter::Load(c.model.path)->Encode("How many?");
  c.adapter.invocation = {ids[ids.size() - 2], ids.back()};
  const Session named = OpenSession(c);
  const Prompt& prompt = named.problems[0].prompt;
  EXPECT_EQ(prompt.invocation_start, static_cast<int64_t>(prompt.ids.size()) - 2);
  EXPECT_EQ(named.initial.invocation, (std::vector<int32_t>{ids[ids.size() - 2], ids.back()}));
  c.adapter.invocation = {1, 1, 1};
  EXPECT_REFUSED(OpenSession(c), "does not hold the invocation");
  c.adapter.invocation.clear();
  c.adapter.activation = "always";
  const Session always = OpenSession(c);
  EXPECT_EQ(always.problems[0].prompt.invocation_start, 0);
  EXPECT_EQ(always.problems[0].prompt.ids, prompt.ids);
}

// Thinking is switched by a variable of the template: the prompts of a run, those of the stages after it, and its adapter agree.
TEST(Session, TheTemplateIsGivenOneSetOfVariables) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "switched");
  c.model.path = CopyOfTiny(scratch,
                            "{{ messages[0]['content'] }}{% if add_generation_prompt %}<|im_start|>assistant\n"
                            "{% if enable_thinking is defined and not enable_thinking %}no thoughts\n{% endif %}{% endif %}",
                            nullptr);
  const Session thinking = OpenSession(c);
  c.data.chat_template_kwargs = R"({"enable_thinking": false})";
  const Session silent = OpenSession(c);
  const auto text = [](const Session& s) { return s.prompter->tokenizer().Decode(s.problems[0].prompt.ids, true); };
  EXPECT_EQ(text(silent), text(thinking) + "no thoughts\n");
  EXPECT_GT(silent.invocation.size(), thinking.invocation.size()) << "the adapter begins where the generation prompt does";
  Execute(c, FolderMode::kNew);
  EXPECT_EQ(ReadPeft(c.run.folder + "/adapter").template_kwargs, R"({"enable_thinking":false})");

  TrainConfig next = TinyConfig(scratch, "rl", "after");
  next.model.path = c.model.path;
  next.run.init_adapter = c.run.folder + "/adapter";
  EXPECT_EQ(OpenSession(next).initial.template_kwargs, R"({"enable_thinking":false})") << "a later stage goes on with its adapter's";
  next.data.chat_template_kwargs = R"({"enable_thinking": true})";
  EXPECT_REFUSED(OpenSession(next), "acts from");

  TrainConfig unused = TinyConfig(scratch, "sft", "unused");
  unused.data.chat_template_kwargs = R"({"enable_thinking": false})";
  ::testing::internal::CaptureStderr();
  OpenSession(unused);
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("enable_thinking has no effect"), std::string::npos);
}

// A template that prints the day would give other prompts tomorrow: the run's time is fixed, and goes with its adapter.
TEST(Session, TheTemplateTellsOneTimeInAllOfARun) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "timed");
  const std::string generation = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
  c.model.path = CopyOfTiny(scratch, "{{ strftime_now('%d %B %Y, %H:%M:%S') }} {{ messages[0]['content'] }}" + generation, nullptr);
  const std::vector<int32_t> first = OpenSession(c).problems[0].prompt.ids;
  c.data.now = "1999-12-31T23:59:58";
  const Session pinned = OpenSession(c);
  EXPECT_EQ(pinned.initial.template_now, c.data.now);
  EXPECT_EQ(pinned.prompter->tokenizer().Decode(pinned.problems[0].prompt.ids).substr(0, 27), "31 December 1999, 23:59:58 ");
  EXPECT_NE(pinned.problems[0].prompt.ids, first);
  Execute(c, FolderMode::kNew, 3);

  TrainConfig open = c;
  open.data.now.clear();
  EXPECT_REFUSED(Execute(open, FolderMode::kResume), "was started with another configuration");
  TakeStoredTime(&open);
  EXPECT_EQ(open.data.now, c.data.now);
  Execute(open, FolderMode::kResume);
  EXPECT_EQ(ReadPeft(c.run.folder + "/adapter").template_now, c.data.now);

  TrainConfig next = TinyConfig(scratch, "rl", "next");
  next.model.path = c.model.path;
  next.run.init_adapter = c.run.folder + "/adapter";
  EXPECT_EQ(OpenSession(next).config.data.now, c.data.now) << "a later stage goes on with its adapter's";
  next.data.now = "2024-01-01";
  EXPECT_EQ(OpenSession(next).initial.template_now, "2024-01-01");
  TrainConfig timeless = TinyConfig(scratch, "sft", "timeless");
  const Session plain = OpenSession(timeless);
  EXPECT_EQ(plain.config.data.now + plain.initial.template_now, "") << "where the template asks for no time, none is kept";
}

TEST(Session, AnEditedTemplateOrTokenizerIsNoticedOnResumption) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "edited");
  const std::string text = "{{ messages[0]['content'] }}", generation = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";
  c.model.path = CopyOfTiny(scratch, text + generation, nullptr);
  Execute(c, FolderMode::kNew, 3);
  CopyOfTiny(scratch, "Question: " + text + generation, nullptr);
  EXPECT_REFUSED(Execute(c, FolderMode::kResume), "the chat template that this run began with is not the one that the model has now");
  CopyOfTiny(scratch, text + generation, nullptr);
  auto tokenizer = nlohmann::json::parse(ReadFile(c.model.path + "/tokenizer.json"));
  tokenizer["normalizer"] = {{"type", "Lowercase"}};
  WriteFile(c.model.path + "/tokenizer.json", tokenizer.dump());
  EXPECT_REFUSED(Execute(c, FolderMode::kResume), "the tokenizer gives other tokens for the same prompts than when this run began");
  CopyOfTiny(scratch, text + generation, nullptr);
  Execute(c, FolderMode::kResume);
}

TEST(Session, ChecksLengthsAgainstTheContext) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "long");  // the tiny model's context is 512
  c.sft.max_length = 513;
  EXPECT_REFUSED(OpenSession(c), "sft.max_length is 513");
  c.sft.max_length = 512;
  OpenSession(c);
  c = TinyConfig(scratch, "rl", "long");
  c.rollout.max_completion_tokens = 500;
  EXPECT_REFUSED(OpenSession(c), "no problem is left: the prompts of all 12 have more tokens than the 12 that rollout.max_completion_tokens = 500 leaves of the model's context of 512; lower that");
}

// What a session of `c` says, and whom it keeps.
std::string Opened(const TrainConfig& c, std::vector<std::string>* places) {
  ::testing::internal::CaptureStderr();
  const Session session = OpenSession(c);
  places->clear();
  for (const PreparedProblem& p : session.problems) places->push_back(p.problem.place.substr(p.problem.place.rfind(' ') + 1));
  return ::testing::internal::GetCapturedStderr();
}

TEST(Session, LeavesOutPromptsThatAreTooLong) {
  const Scratch scratch;
  std::string lines, wordy;
  for (int i = 0; i < 150; ++i) wordy += " apples";
  for (const std::string& words : {std::string("one?"), wordy, std::string("two apples?")}) {
    lines += nlohmann::json{{"question", words}, {"answer", "1"}, {"solution", "#### 1"}}.dump() + "\n";
  }
  const std::string file = scratch.path + "/long.jsonl";
  WriteFile(file, lines);
  std::vector<std::string> kept;
  TrainConfig c = TinyConfig(scratch, "rl", "long");
  c.data.dataset = file;
  c.rollout.max_completion_tokens = 390;
  std::string said = Opened(c, &kept);
  EXPECT_EQ(kept, (std::vector<std::string>{"1", "3"}));
  EXPECT_NE(said.find("1 of 3 problems are left out: their prompts have more tokens than the 122 that rollout.max_completion_tokens = 390 leaves of the model's context of 512"), std::string::npos) << said;
  c.budget.choices = {64, 128};
  Opened(c, &kept);
  EXPECT_EQ(kept, (std::vector<std::string>{"1", "1", "3", "3"})) << "under all budgets";
  c = TinyConfig(scratch, "sft", "long");
  c.data.dataset = file;
  said = Opened(c, &kept);
  EXPECT_EQ(kept.size(), 3u);
  EXPECT_EQ(said.find("left out"), std::string::npos) << said;
  c.data.max_prompt_tokens = 100;
  said = Opened(c, &kept);
  EXPECT_EQ(kept.size(), 2u);
  EXPECT_NE(said.find("1 of 3 problems are left out: their prompts have more tokens than data.max_prompt_tokens = 100"), std::string::npos) << said;
  c.data.max_prompt_tokens = 3;
  EXPECT_REFUSED(OpenSession(c), "no problem is left: the prompts of all 3 have more tokens than data.max_prompt_tokens = 3; raise that (the shortest has ");
}

// One question and its answer are the same run however they are written.
TEST(Session, AConversationOfOneTurnIsAProblemWithItsSolution) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "asked"), d = TinyConfig(scratch, "sft", "said");
  std::string lines;
  for (int i = 0; i < 12; ++i) {
    const std::string sum = std::to_string(i) + " + 4 = " + std::to_string(i + 4) + "\n#### " + std::to_string(i + 4), question = "Tom has " + std::to_string(i) + " apples and buys 4 more. How many?";
    lines += nlohmann::json{{"messages", {{{"role", "user"}, {"content", question}}, {{"role", "assistant"}, {"content", sum}}}}}.dump() + "\n";
  }
  d.data.dataset = scratch.path + "/said.jsonl";
  WriteFile(d.data.dataset, lines);
  Execute(c);
  Execute(d);
  EXPECT_EQ(testing::MetricsOf(c.run.folder), testing::MetricsOf(d.run.folder));
  EXPECT_EQ(ReadFile(c.run.folder + "/adapter/adapter_model.safetensors"), ReadFile(d.run.folder + "/adapter/adapter_model.safetensors"));
  d.run.stage = "rl";
  EXPECT_REFUSED(OpenSession(d), "said.jsonl, line 1: is a conversation");
}

TEST(Session, EachTurnOfAConversationIsLearnedBehindWhatWasSaidBefore) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "talk");
  c.data.dataset = scratch.path + "/talk.jsonl";
  c.data.shuffle = false;
  c.data.system = "Be brief.";
  const auto message = [](const char* role, const char* content) { return nlohmann::json{{"role", role}, {"content", content}}; };
  WriteFile(c.data.dataset, nlohmann::json{{"messages", {message("user", "2?"), message("assistant", "<think>hm</think>two"), message("user", "3?"), message("assistant", "three")}}}.dump() + "\n" +
                                nlohmann::json{{"messages", {message("system", "Shout."), message("user", "2?"), message("assistant", "TWO")}}}.dump() + "\n");
  const Session session = OpenSession(c);
  const std::vector<SftExample> examples = MakeSftExamples(session);
  ASSERT_EQ(examples.size(), 3u);
  const Tokenizer& tokenizer = session.prompter->tokenizer();
  std::vector<std::string> prompts, responses;
  for (const SftExample& e : examples) {
    prompts.push_back(tokenizer.Decode(session.problems[e.problem].prompt.ids, true));
    responses.push_back(tokenizer.Decode(e.response, true));
    EXPECT_EQ(session.problems[e.problem].prompt.invocation_start, static_cast<int64_t>(session.problems[e.problem].prompt.ids.size() - session.invocation.size()));
  }
  const std::string open = "<|im_start|>assistant\n", first = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n2?<|im_end|>\n" + open;
  EXPECT_EQ(prompts, (std::vector<std::string>{first, first + "two<|im_end|>\n<|im_start|>user\n3?<|im_end|>\n" + open,
                                               "<|im_start|>system\nShout.<|im_end|>\n<|im_start|>user\n2?<|im_end|>\n" + open}));
  EXPECT_EQ(responses, (std::vector<std::string>{"<think>hm</think>two<|im_end|>", "three<|im_end|>", "TWO<|im_end|>"}));
  EXPECT_EQ(session.problems[1].problem.id, session.problems[0].problem.id + "/2");
  EXPECT_NE(DryRun(session).find("Be brief.<|im_end|>\n  <|im_start|>user\n  2?"), std::string::npos);
  // One that leaves no room: the turn goes, not the conversation.
  c.sft.max_length = static_cast<int64_t>(session.problems[0].prompt.ids.size() + examples[0].response.size());
  EXPECT_EQ(MakeSftExamples(OpenSession(c)).size(), 2u);
}

TEST(Session, RefusesAWarmUpAsLongAsTheRunBeforeItBegins) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "warm");
  c.optimizer.warmup_steps = 7;  // 12 examples twice, 4 per step: 6 steps
  EXPECT_REFUSED(Execute(c), "optimizer.warmup_steps is 7");
  c.optimizer.warmup_steps = 6;  // its last step would run at 6/7 of the rate
  EXPECT_REFUSED(Execute(c), "optimizer.warmup_steps is 6");
  EXPECT_REFUSED(DryRun(OpenSession(c)), "optimizer.warmup_steps is 6");
  EXPECT_FALSE(fs::exists(c.run.folder));
  c.optimizer.warmup_steps = 5;
  EXPECT_NE(DryRun(OpenSession(c)), "");
}

TEST(Session, RefusesSamplingOutOfRangeBeforeTheRunBegins) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "rl", "hot");
  c.rollout.temperature = 101;
  EXPECT_REFUSED(Execute(c), "temperature");
  EXPECT_FALSE(fs::exists(c.run.folder));
}

TEST(Session, WarnsOfCutSamplingInRl) {
  const Scratch scratch;
  const auto warning = [&](const std::function<void(TrainConfig&)>& change) {
    TrainConfig c = TinyConfig(scratch, "rl", "cut");
    change(c);
    ::testing::internal::CaptureStderr();
    OpenSession(c);
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(warning([](TrainConfig&) {}).find("biased"), std::string::npos);
  EXPECT_NE(warning([](TrainConfig& c) { c.rollout.top_k = 5; }).find("biased"), std::string::npos);
  EXPECT_NE(warning([](TrainConfig& c) { c.rollout.top_p = 0.9; }).find("biased"), std::string::npos);
  EXPECT_NE(warning([](TrainConfig& c) { c.rollout.min_p = 0.1; }).find("biased"), std::string::npos);
}

TEST(Session, GivesTheAdapterItsBudget) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "rl", "budget");
  EXPECT_FALSE(OpenSession(c).initial.budget.has_value());
  c.budget.tokens = 48;
  c.budget.reserve_tokens = 12;
  c.budget.close_text = "\nso ";
  c.budget.sentence = "Use {budget} tokens.";
  const AdapterBudget expected = {48, 12, "\nso ", "Use {budget} tokens."};
  const Session session = OpenSession(c);
  EXPECT_NE(session.prompter->tokenizer().Decode(session.problems[0].prompt.ids).find("Use 48 tokens."), std::string::npos);
  const LoraAdapter trained = MakeModel(session)->ToLora();
  EXPECT_EQ(trained.budget, expected);
  WritePeft(trained, scratch.path + "/first");
  c.run.init_adapter = scratch.path + "/first";
  c.run.stage = "sft";
  c.budget = BudgetSettings();
  EXPECT_EQ(OpenSession(c).initial.budget, expected) << "SFT without a budget keeps what there is";
  c.budget.tokens = 64;
  c.budget.announcement = "budget {budget}:";
  EXPECT_EQ(OpenSession(c).initial.budget, (AdapterBudget{64, 32, "\n#### ", "", "budget {budget}:"})) << "with one it is that";
  c.budget = BudgetSettings();
  c.run.stage = "rl";
  EXPECT_FALSE(OpenSession(c).initial.budget.has_value()) << "RL without a budget unlearns it";
}

TEST(Logits, RefuseAnAdapterOfAnotherBase) {
  const Scratch scratch;
  LoraAdapter adapter = ReadPeft(std::string(PITH_TEST_GOLDEN) + "/tiny-alora");
  adapter.base_sha256 = BaseModel::Load(kTiny)->Identity();
  WritePeft(adapter, scratch.path + "/right");
  EXPECT_NE(LogitsJson(kTiny, scratch.path + "/right", {1, 2, 3}, false), "");
  adapter.base_sha256 = std::string(64, 'b');
  WritePeft(adapter, scratch.path + "/wrong");
  EXPECT_REFUSED(LogitsJson(kTiny, scratch.path + "/wrong", {1, 2, 3}, false), "was trained on base bbbbbbbbbbbb");
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(LogitsJson(kTiny, scratch.path + "/wrong", {1, 2, 3}, true), LogitsJson(kTiny, scratch.path + "/right", {1, 2, 3}, false));
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("--any-base"), std::string::npos);
}

TEST(Program, HelpListsTheKeys) {
  const std::string program = std::string(PITH_TEST_BINARY) + "/pith-train";
  if (!FileExists(program)) GTEST_SKIP() << "pith-train is not built at " << program;
  FILE* pipe = popen((program + " --help").c_str(), "r");
  ASSERT_NE(pipe, nullptr);
  std::string text;
  for (char buffer[4096]; size_t n = fread(buffer, 1, sizeof buffer, pipe);) text.append(buffer, n);
  EXPECT_EQ(pclose(pipe), 0);
  for (const char* part : {"--dry-run", "rl.group_size (integer, default 8): ", "adapter.dropout (number, default 0): "}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace pith
