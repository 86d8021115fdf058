#include "export/card_results.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "adapters/packed_adapter.h"
#include "adapters/peft.h"
#include "base/file.h"
#include "export/commands.h"
#include "tests/adapters/random_adapter.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

using nlohmann::json;
using testing::Refusal;

const std::string kHash(64, 'a'), kOther(64, 'b');

json Row(const std::string& mode, const json& budget, double accuracy, double tokens) {
  return {{"mode", mode}, {"dataset", "data/sums.jsonl"}, {"budget", budget}, {"n", 40}, {"accuracy", accuracy}, {"accuracy_lenient", accuracy + 0.125},
          {"mean_tokens", tokens}, {"chains", 1}, {"seed", 0}};
}

class CardResultsTest : public ::testing::Test {
 protected:
  std::string Write(const json& rows) {
    WriteFile(folder_ / "results.json", rows.dump());
    return folder_ / "results.json";
  }
  std::string Complaint(const json& rows, const std::string& mode = "short", const std::string& hash = kHash) {
    const std::string path = Write(rows);
    return Refusal([&] { ReadResults(path, mode, hash); });
  }
  TempFolder folder_;
};

TEST_F(CardResultsTest, TheRowsOfOneAdapterAndOfTheBase) {
  const json rows = {Row("base", nullptr, 0.25, 200), Row("long", nullptr, 0.5, 150), Row("short", 64, 0.375, 60), Row("short", nullptr, 0.5, 80)};
  const CardPoint base{.from = "evaluation", .mode = "base", .dataset = "sums.jsonl", .num_problems = 40, .accuracy = 0.25, .accuracy_lenient = 0.375,
                       .mean_tokens = 200};
  CardPoint cut = base, whole = base;
  cut.mode = whole.mode = "adapter";
  cut.budget_tokens = 64, cut.accuracy = 0.375, cut.accuracy_lenient = 0.5, cut.mean_tokens = 60;
  whole.accuracy = 0.5, whole.accuracy_lenient = 0.625, whole.mean_tokens = 80;
  EXPECT_EQ(ReadResults(Write(rows), "short", kHash), (std::vector<CardPoint>{base, cut, whole}));
  json told = rows;
  told[2]["curve"] = "announced";
  told[3]["curve"] = nullptr;
  CardPoint announced = cut;
  announced.curve = "announced";
  EXPECT_EQ(ReadResults(Write(told), "short", kHash), (std::vector<CardPoint>{base, announced, whole})) << "a card does not lay two curves on one";
  EXPECT_EQ(ReadResults(Write({rows[0], rows[3]}), "of another name", kHash), (std::vector<CardPoint>{base, whole})) << "only one can be meant";
}

TEST_F(CardResultsTest, ByTheHashOfTheAdapter) {
  const auto of = [](json row, const json& hash) {
    row["adapter_sha256"] = hash;
    return row;
  };
  const json base = of(Row("base", nullptr, 0.25, 200), nullptr), mine = of(Row("a name", nullptr, 0.5, 80), kHash), other = of(Row("short", nullptr, 0.375, 60), kOther);
  const json second = of(Row("second", nullptr, 0.375, 70), kHash), unknown = of(Row("unknown", nullptr, 0.375, 70), nullptr);
  ::testing::internal::CaptureStderr();
  const auto points = ReadResults(Write({base, other, mine, unknown}), "short", kHash);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "") << "the hash leaves no doubt";
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[1].mean_tokens, 80);
  EXPECT_EQ(ReadResults(Write({mine, second}), "second", kHash).at(0).mean_tokens, 70);
  EXPECT_NE(Complaint({mine, second}, "third").find("has rows of 'a name', 'second'"), std::string::npos);
  EXPECT_NE(Complaint({base, other}).find("has rows of other adapters ('short'), by their adapter_sha256"), std::string::npos);
  EXPECT_NE(Complaint({base, other}, "any").find("has rows of other adapters"), std::string::npos);
  EXPECT_NE(Complaint({other, unknown}).find("has rows of other adapters"), std::string::npos) << "the name alone would mean them";
  EXPECT_EQ(Complaint({other, unknown}, "unknown"), "");
  EXPECT_NE(Complaint(json::array({of(other, 7)})).find("'adapter_sha256' of a row is 7"), std::string::npos);
}

TEST_F(CardResultsTest, WhatCannotBeMeant) {
  const json base = Row("base", nullptr, 0.25, 200), other = Row("long", nullptr, 0.5, 150), more = Row("longer", nullptr, 0.5, 150);
  EXPECT_NE(Complaint({base, other, more}).find("has rows of 'long', 'longer'; let --out be named"), std::string::npos);
  EXPECT_NE(Complaint(json::array({base})).find("of the base alone"), std::string::npos);
  EXPECT_NE(Complaint(json::array()).find("is not a results.json"), std::string::npos);
  EXPECT_NE(Complaint({{"mode", "a"}}).find("is not a results.json"), std::string::npos);
  json broken = other;
  broken["n"] = "many";
  EXPECT_NE(Complaint(json::array({broken})).find("'n' of a row is \"many\""), std::string::npos);
  broken.erase("n");
  EXPECT_NE(Complaint(json::array({broken})).find("a row has no 'n'"), std::string::npos);
  WriteFile(folder_ / "results.json", "[{");
  EXPECT_NE(Refusal([&] { ReadResults(folder_ / "results.json", "a", kHash); }).find("it is not JSON"), std::string::npos);
}

TEST_F(CardResultsTest, ThePackedAdapterCarriesThem) {
  ::setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
  RunConvert({PITH_TEST_GOLDEN "/tiny-llama", {TensorType::kF32, {}}, folder_ / "base.gguf"});
  const auto base = BaseModel::Load(folder_ / "base.gguf");
  AdapterOptions options{PITH_TEST_GOLDEN "/tiny-alora", folder_ / "base.gguf", TensorType::kF16, folder_ / "short.gguf", false,
                         Write(json::array({Row("short", 64, 0.375, 60)}))};
  RunAdapter(options);
  const auto card = PackedAdapter::FromGguf(folder_ / "short.gguf", base->config())->card();
  ASSERT_TRUE(card);
  ASSERT_EQ(card->curve.size(), 1u);
  EXPECT_EQ(card->curve[0].mean_tokens, 60);
  EXPECT_EQ(card->adapter_sha256, AdapterHash(ReadPeft(PITH_TEST_GOLDEN "/tiny-alora")));
  EXPECT_EQ(card->base_sha256, base->Identity());
  EXPECT_EQ(card->stage, "") << "PEFT does not tell how it was trained";

  json row = Row("short", 64, 0.375, 60);
  row["adapter_sha256"] = kOther;
  Write(json::array({row}));
  EXPECT_NE(Refusal([&] { RunAdapter(options); }).find("has rows of other adapters"), std::string::npos);

  // A folder whose tensors were changed behind its card's back.
  LoraAdapter lora = ReadPeft(PITH_TEST_GOLDEN "/tiny-alora");
  lora.card.emplace().stage = "sft";
  WritePeft(lora, folder_ / "mine");
  options.adapter = folder_ / "mine";
  options.results.clear();
  RunAdapter(options);
  EXPECT_EQ(PackedAdapter::FromGguf(folder_ / "short.gguf", base->config())->card()->stage, "sft");
  lora.pairs.begin()->second.b[0] += 1;
  WritePeft(lora, folder_ / "other");
  std::filesystem::copy_file(folder_ / "other/adapter_model.safetensors", folder_ / "mine/adapter_model.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
  RunAdapter(options);
  EXPECT_EQ(PackedAdapter::FromGguf(folder_ / "short.gguf", base->config())->card()->stage, "");
}

}  // namespace
}  // namespace pith
