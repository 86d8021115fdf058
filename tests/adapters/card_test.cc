#include "adapters/card.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "adapters/model_card.h"
#include "adapters/packed_adapter.h"
#include "adapters/peft.h"
#include "base/file.h"
#include "base/gguf.h"
#include "tests/adapters/random_adapter.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

using testing::RandomAdapter;
using testing::Refusal;
using testing::TinyConfig;

AdapterCard FullCard() {
  AdapterCard card;
  card.name = "gsm8k-rl";
  card.stage = "rl";
  card.loss = "dapo";
  card.reward = "correct × budget";
  card.steps = 200;
  card.rank = 4;
  card.budget_tokens = 120;
  card.learning_rate = 4.7e-5;
  card.datasets = {"gsm8k", "größte.jsonl"};
  card.seed = 18446744073709551615u;
  card.base_name = "Tiny \"Llama\"";
  card.base_sha256 = std::string(64, 'b');
  card.parent_path = "runs/sft/adapter";
  card.parent_sha256 = std::string(64, 'c');
  card.data_sha256 = std::string(64, 'd');
  card.config_sha256 = std::string(64, 'e');
  CardPoint training{.from = "training", .step = 50, .dataset = "gsm8k", .budget_tokens = 64, .accuracy = 0.25, .accuracy_lenient = 0.5, .mean_tokens = 61.75,
                     .curve = "announced"};
  CardPoint evaluation{.from = "evaluation", .mode = "base", .dataset = "gsm8k", .num_problems = 1319, .chains = 4, .accuracy = 1.0 / 3, .accuracy_lenient = 0.4,
                       .mean_tokens = 200.1};
  card.curve = {training, evaluation};
  return card;
}

LoraAdapter Carded() {
  LoraAdapter adapter = RandomAdapter(TinyConfig(), 4, 1);
  adapter.base_sha256 = std::string(64, 'b');
  adapter.base_path = "models/tiny.gguf";
  adapter.card = FullCard();
  return adapter;
}

class CardTest : public ::testing::Test {
 protected:
  TempFolder folder_;
};

TEST_F(CardTest, JsonKeepsEverything) {
  AdapterCard card = FullCard();
  card.adapter_sha256 = std::string(64, 'f');
  EXPECT_EQ(ReadCard("here", CardJson(card)), card);
  EXPECT_EQ(CardJson({}), "{}") << "what is unknown is not claimed";
  EXPECT_EQ(ReadCard("here", "{}"), AdapterCard());
  EXPECT_EQ(ReadCard("here", R"({"recipe": {"stage": "sft", "new": [1]}, "newer": {}, "parent": null})").stage, "sft");
}

TEST_F(CardTest, WhatIsNoCardIsRefusedByName) {
  const auto refusal = [](const std::string& json) { return Refusal([&] { ReadCard("file.gguf", json); }); };
  EXPECT_EQ(refusal(R"({"recipe": {"steps": "many"}})"), "'file.gguf': card.recipe.steps is \"many\", expected a whole number");
  EXPECT_EQ(refusal(R"({"recipe": {"steps": -3}})"), "'file.gguf': card.recipe.steps is -3, expected a whole number");
  EXPECT_EQ(refusal(R"({"recipe": []})"), "'file.gguf': card.recipe is [], expected an object");
  EXPECT_EQ(refusal(R"({"recipe": {"datasets": ["a", 1]}})"), "'file.gguf': card.recipe.datasets is 1, expected a list of texts");
  EXPECT_EQ(refusal(R"({"curve": {"step": 1}})"), "'file.gguf': card.curve is {\"step\":1}, expected a list of objects");
  EXPECT_EQ(refusal(R"({"curve": [{"accuracy": "high"}]})"), "'file.gguf': card.curve.accuracy is \"high\", expected a number");
  EXPECT_NE(refusal("{\"name\": ").find("'file.gguf': the adapter's card is not a JSON object"), std::string::npos);
}

TEST_F(CardTest, FoldersAndFilesCarryIt) {
  const LoraAdapter written = Carded();
  WritePeft(written, folder_ / "adapter");
  const LoraAdapter read = ReadPeft(folder_ / "adapter");
  AdapterCard expected = FullCard();
  expected.adapter_sha256 = AdapterHash(written);
  ASSERT_TRUE(read.card);
  EXPECT_EQ(*read.card, expected);
  EXPECT_EQ(AdapterHash(read), expected.adapter_sha256) << "the hash is of what the folder holds";

  PackedAdapter::FromLora(read, TinyConfig(), TensorType::kQ8_0)->WriteGguf(folder_ / "a.gguf");
  const auto packed = PackedAdapter::FromGguf(folder_ / "a.gguf", TinyConfig());
  EXPECT_EQ(packed->card(), expected);
  packed->WriteGguf(folder_ / "b.gguf");
  const GgufFile file(folder_ / "b.gguf");
  EXPECT_EQ(ReadCard("b", file.Get<std::string>("pith.card")), expected);
  EXPECT_EQ(file.Get<std::string>("general.description"), "LoRA adapter of rank 4 for Tiny \"Llama\", trained by rl (dapo) on gsm8k, größte.jsonl, 200 steps");
  EXPECT_EQ(file.Get<int64_t>("general.base_model.count"), 1);
  EXPECT_EQ(file.Get<std::string>("general.base_model.0.name"), "Tiny \"Llama\"");
  EXPECT_EQ(file.Get<int64_t>("general.dataset.count"), 2);
  EXPECT_EQ(file.Get<std::string>("general.dataset.1.name"), "größte.jsonl");
}

TEST_F(CardTest, FilesWithoutOneLoadAsBefore) {
  EXPECT_FALSE(ReadPeft(std::string(PITH_TEST_GOLDEN) + "/tiny-lora").card);
  LoraAdapter bare = Carded();
  bare.card.reset();
  WritePeft(bare, folder_ / "adapter");
  EXPECT_FALSE(ReadPeft(folder_ / "adapter").card);
  PackedAdapter::FromLora(bare, TinyConfig(), TensorType::kF16)->WriteGguf(folder_ / "a.gguf");
  const GgufFile file(folder_ / "a.gguf");
  for (const char* key : {"pith.card", "general.description", "general.base_model.count", "general.dataset.count"}) EXPECT_FALSE(file.Has(key)) << key;
}

TEST_F(CardTest, AnyChangedValueChangesTheHash) {
  const std::string hash = AdapterHash(Carded());
  for (const bool in_b : {false, true}) {
    LoraAdapter other = Carded();
    LoraPair& pair = other.pairs.rbegin()->second;
    (in_b ? pair.b : pair.a).back() += 1e-3f;
    EXPECT_NE(AdapterHash(other), hash);
  }
}

// base_model of the front matter links to Hugging Face: a name there, never a path.
TEST_F(CardTest, ReadmeNamesTheBaseAsHuggingFaceDoes) {
  const std::string folder = folder_ / "local";
  MakeFolders(folder);
  struct Case {
    std::string path, name, expected;
  };
  for (const Case& c : std::vector<Case>{{"org/tiny", "", "org/tiny"}, {folder, "org/tiny", "org/tiny"}, {folder, "Tiny", ""}, {"", "org/tiny", "org/tiny"}, {"./tiny", "", ""},
                                         {"../models/tiny", "", ""}, {"~/tiny", "", ""}, {"org/tiny.Q4_0.gguf", "", ""}, {"org/tiny/x.gguf", "", ""}, {"org/tiny@v1", "", ""},
                                         {"tiny", "c0ffee", ""}, {"C:\\models\\tiny", "", ""}}) {
    LoraAdapter adapter = Carded();
    adapter.base_path = c.path;
    adapter.card->base_name = c.name;
    const std::string page = ModelCard(adapter), line = "---\nbase_model: \"" + c.expected + "\"\n";
    EXPECT_EQ(page.starts_with(line), !c.expected.empty()) << c.path << "\n" << page;
    EXPECT_EQ(page.find("base_model:") == std::string::npos, c.expected.empty()) << c.path << "\n" << page;
    EXPECT_EQ(page.find("- \"base_model:adapter:" + c.expected + "\"\n") != std::string::npos, !c.expected.empty()) << page;
  }
  // What looks like a name, but is a folder here.
  const auto before = std::filesystem::current_path();
  MakeFolders(folder_ / "org/tiny");
  std::filesystem::current_path(folder_.path());
  LoraAdapter adapter = Carded();
  adapter.base_path = "org/tiny";
  EXPECT_EQ(ModelCard(adapter).find("base_model:"), std::string::npos);
  std::filesystem::current_path(before);
}

TEST_F(CardTest, Readme) {
  LoraAdapter adapter = Carded();
  WritePeft(adapter, folder_ / "adapter");
  const std::string page = ReadFile(folder_ / "adapter/README.md");
  EXPECT_TRUE(page.starts_with("---\nlibrary_name: peft\npipeline_tag: text-generation\ntags:\n- lora\n- pith\n---\n"
                               "<!-- written by pith; edit it and it stays as it is ("))
      << page;
  for (const char* part : {"\n# gsm8k-rl\n", "| reward | correct × budget |\n", "| seed | 18446744073709551615 |\n", "| steps | 200 |\n",
                           "| training | 50 | adapter | gsm8k | 64, announced |  | 0.250 | 0.500 | 61.8 |\n",
                           "| evaluation |  | base | gsm8k | none | 1319 | 0.333 | 0.400 | 200.1 |\n"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part << "\n" << page;
  }
  EXPECT_TRUE(IsUntouchedModelCard(page));
  WritePeft(adapter, folder_ / "adapter");
  EXPECT_EQ(ReadFile(folder_ / "adapter/README.md"), page) << "the same adapter, the same bytes";

  adapter.card->steps = 300;
  WritePeft(adapter, folder_ / "adapter");
  EXPECT_NE(ReadFile(folder_ / "adapter/README.md").find("| steps | 300 |\n"), std::string::npos) << "ours is kept up to date";

  for (const std::string& own : {std::string("# Mine\n"), page + "\nA line of mine.\n", page.substr(1)}) {
    EXPECT_FALSE(IsUntouchedModelCard(own));
    WriteFile(folder_ / "adapter/README.md", own);
    WritePeft(adapter, folder_ / "adapter");
    EXPECT_EQ(ReadFile(folder_ / "adapter/README.md"), own);
  }
}

}  // namespace
}  // namespace pith
