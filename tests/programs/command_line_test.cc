// Rules that several programs share: where an adapter begins, what closes a budget, which folders are left behind.
#include "runtime/programs/command_line.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "runtime/evaluation/eval_budget.h"
#include "runtime/programs/output_folder.h"
#include "tests/adapters/random_adapter.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

using testing::Refusal;

constexpr const char* kModel = PITH_TEST_GOLDEN "/tiny-llama";

AdapterRef AdapterFrom(const std::vector<int32_t>& invocation) {
  LoraAdapter lora = testing::RandomAdapter(testing::TinyConfig(RopeLayout::kHalves), 4, 1);
  lora.activation = invocation.empty() ? Activation::kAlways : Activation::kInvocation;
  lora.invocation = invocation;
  return PackedAdapter::FromLora(lora, testing::TinyConfig(RopeLayout::kHalves), TensorType::kF32);
}

TEST(CommandLineTest, AnAdapterActsFromItsOwnInvocationOn) {
  const auto tokenizer = Tokenizer::Load(kModel);
  const Prompt prompt{{1, 67, 9, 67, 270, 1, 67, 270, 280}, 5};
  EXPECT_EQ(FindSwitch({"base", nullptr}, prompt, *tokenizer), 5);
  EXPECT_EQ(FindSwitch({"always", AdapterFrom({})}, prompt, *tokenizer), 5);
  EXPECT_EQ(FindSwitch({"same", AdapterFrom({1, 67, 270, 280})}, prompt, *tokenizer), 5);
  EXPECT_EQ(FindSwitch({"shorter", AdapterFrom({67, 270})}, prompt, *tokenizer), 6);
  EXPECT_EQ(FindSwitch({"longer", AdapterFrom({270, 1, 67, 270})}, prompt, *tokenizer), 4);
  const std::string refusal = Refusal([&] { FindSwitch({"other", AdapterFrom({280, 280})}, prompt, *tokenizer); });
  EXPECT_NE(refusal.find("'other'"), std::string::npos) << refusal;
}

TEST(CommandLineTest, AClosingTextThatIsGivenWinsOverTheThinkTag) {
  const TempFolder folder;
  auto json = nlohmann::json::parse(ReadFile(std::string(kModel) + "/tokenizer.json"));
  json["added_tokens"].push_back({{"id", 320}, {"content", "</think>"}, {"single_word", false}, {"lstrip", false},
                                  {"rstrip", false}, {"normalized", false}, {"special", true}});
  WriteFile(folder / "tokenizer.json", json.dump());
  const auto plain = Tokenizer::Load(kModel), tags = Tokenizer::Load(folder / "tokenizer.json");
  Budget budget;
  budget.tokens = 100;
  EXPECT_EQ(MakeDecodeBudget(budget, false, *plain).close_ids, plain->Encode("\n#### "));
  EXPECT_EQ(MakeDecodeBudget(budget, false, *plain).think_close_ids, plain->Encode("</think>")) << "a tag of several tokens";
  EXPECT_EQ(MakeDecodeBudget(budget, false, *tags).close_ids, tags->Encode("\n#### ")) << "where no thoughts are open";
  EXPECT_EQ(MakeDecodeBudget(budget, false, *tags).think_close_ids, (std::vector<int32_t>{320}));
  EXPECT_EQ(MakeDecodeBudget(budget, true, *tags).close_ids, tags->Encode("\n#### "));
  EXPECT_TRUE(MakeDecodeBudget(budget, true, *tags).think_close_ids.empty());
  budget.close_text = "\n</think>\nSo: ";
  std::vector<int32_t> expected = tags->Encode("\n");
  expected.push_back(320);
  for (int32_t id : tags->Encode("\nSo: ")) expected.push_back(id);
  EXPECT_EQ(MakeDecodeBudget(budget, true, *tags).close_ids, expected);
}

TEST(CommandLineTest, WhatTheAdapterWasTrainedUnderIsTheDefault) {
  const ModelConfig config = testing::TinyConfig(RopeLayout::kHalves);
  LoraAdapter lora = testing::RandomAdapter(config, 4, 1);
  lora.budget = AdapterBudget{80, 24, "\nSo: ", "Use {budget} tokens."};
  const NamedAdapter trained{"trained", PackedAdapter::FromLora(lora, config, TensorType::kF32)};
  const auto budget_of = [&](std::vector<std::string> arguments, const std::vector<NamedAdapter>& adapters) {
    Budget budget;
    budget.tokens = 100;
    std::optional<std::string> announcement;
    CLI::App app;
    AddAnnouncement(app, &announcement);
    app.add_option("--reserve", budget.reserve_tokens);
    app.add_option("--close-text", budget.close_text);
    app.add_option("--sentence", budget.sentence);
    std::reverse(arguments.begin(), arguments.end());
    app.parse(arguments);
    TakeStoredBudget(app, adapters, announcement, &budget);
    return budget;
  };
  const Budget stored = budget_of({}, {{"base", nullptr}, {"plain", AdapterFrom({})}, trained});
  EXPECT_EQ(stored.tokens, 100);  // what is asked for stays
  EXPECT_EQ(stored.reserve_tokens, 24);
  EXPECT_EQ(stored.close_text, "\nSo: ");
  EXPECT_EQ(UserTurn("Q", stored), "Q Use 100 tokens.");
  const Budget given = budget_of({"--reserve", "8", "--sentence", "Be brief."}, {trained});
  EXPECT_EQ(given.reserve_tokens, 8);
  EXPECT_EQ(given.close_text, "\nSo: ");
  EXPECT_EQ(given.sentence, "Be brief.");
  EXPECT_EQ(budget_of({}, {{"base", nullptr}}).reserve_tokens, Budget().reserve_tokens);
  EXPECT_EQ(budget_of({"--announcement", "budget {budget}:"}, {trained}).sentence, "") << "an announcement takes its place";
  EXPECT_EQ(budget_of({"--announcement", ""}, {trained}).sentence, "Use {budget} tokens.");
}

TEST(CommandLineTest, APeftFolderIsToBePackedFirst) {
  ModelOptions options;
  options.model = "base.gguf";
  options.adapters = {PITH_TEST_GOLDEN "/tiny-alora"};
  const auto base = BaseModel::Load(kModel);
  const std::string refusal = Refusal([&] { LoadAdapters(options, *base); });
  EXPECT_NE(refusal.find("pith-export adapter --adapter " PITH_TEST_GOLDEN "/tiny-alora --base base.gguf"), std::string::npos) << refusal;
  options.adapters = {"short=" PITH_TEST_GOLDEN "/tiny-alora"};
  EXPECT_NE(Refusal([&] { LoadAdapters(options, *base); }).find("pith-export adapter"), std::string::npos);
}

TEST(OutputFolderTest, NothingIsLeftWhereNothingWasWritten) {
  const TempFolder folder;
  {
    OutputFolder out(folder / "a/b/", {"x", "y"});
    EXPECT_EQ(out.Path("x"), folder / "a/b/x");
  }
  EXPECT_FALSE(IsFolder(folder / "a"));
  MakeFolders(folder / "there");
  { OutputFolder out(folder / "there", {"x"}); }
  EXPECT_TRUE(IsFolder(folder / "there")) << "it was not made here";
  {
    OutputFolder out(folder / "a/b", {"x", "y"});
    EXPECT_TRUE(std::filesystem::is_empty(folder / "a/b"));
    WriteFile(out.Path("x"), "kept");
  }
  EXPECT_EQ(ReadFile(folder / "a/b/x"), "kept");
}

TEST(OutputFolderTest, APlaceThatCannotBeWrittenIsRefusedAtOnce) {
  const TempFolder folder;
  WriteFile(folder / "file", "");
  EXPECT_NE(Refusal([&] { OutputFolder(folder / "file/a", {"x"}); }), "");
  EXPECT_NE(Refusal([&] { OutputFolder(folder / "file", {"x"}); }), "");
  MakeFolders(folder / "out/y");
  EXPECT_NE(Refusal([&] { OutputFolder(folder / "out", {"x", "y"}); }).find("out/y"), std::string::npos);
  EXPECT_FALSE(FileExists(folder / "out/x"));
  EXPECT_NE(Refusal([&] { OutputFolder(folder / "new", {std::string(300, 'n')}); }), "");
  EXPECT_FALSE(IsFolder(folder / "new"));
}

}  // namespace
}  // namespace pith
