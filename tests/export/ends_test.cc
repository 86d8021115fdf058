// The tokens that end an answer, into GGUF files and folders.
#include <regex>

#include "base/gguf.h"
#include "data/text/tokenizer.h"
#include "tests/export/export_fixture.h"

namespace pith {
namespace {

std::vector<int32_t> Ends(const std::string& path) {
  const auto tokenizer = Tokenizer::Load(path);
  std::vector<int32_t> ends(tokenizer->end_ids().begin(), tokenizer->end_ids().end());
  std::sort(ends.begin(), ends.end());
  return ends;
}

class EndsTravel : public ExportTest {
 protected:
  // The tiny model with these files in place of its own.
  std::string Model(const std::string& generation_config, const std::string& tokenizer_config = "") {
    const std::string folder = Path("ends");
    fs::remove_all(folder);
    fs::copy(kModel, folder);
    fs::remove(folder + "/generation_config.json");
    if (!generation_config.empty()) WriteFile(folder + "/generation_config.json", generation_config);
    if (!tokenizer_config.empty()) WriteFile(folder + "/tokenizer_config.json", tokenizer_config);
    return folder;
  }
};

TEST_F(EndsTravel, IntoAGguf) {
  const std::string model = Model(R"({"eos_token_id": [5, 2, 0, 9]})"), gguf = Path("ends.gguf");
  RunConvert({model, {TensorType::kQ8_0, {}}, gguf});
  EXPECT_EQ(Ends(gguf), (std::vector<int32_t>{0, 2, 5, 9}));
  {
    const GgufFile file(gguf);
    EXPECT_EQ(file.Get<int64_t>("tokenizer.ggml.eos_token_id"), 2);
    EXPECT_EQ(file.Get<int64_t>("tokenizer.ggml.eot_token_id"), 5) << "llama.cpp knows <|endoftext|> by its text, these by keys alone";
    EXPECT_EQ(file.Get<int64_t>("tokenizer.ggml.eom_token_id"), 9);
    EXPECT_EQ(file.Get<std::vector<int64_t>>("tokenizer.ggml.eos_token_ids"), (std::vector<int64_t>{2, 5, 0, 9}));
  }
  RunFuse({kLora, model, TensorType::kF16, {}, Path("fused.gguf")});
  EXPECT_EQ(Ends(Path("fused.gguf")), Ends(gguf));
  RunConvert({gguf, {TensorType::kF16, {}}, Path("again.gguf")});
  EXPECT_EQ(Ends(Path("again.gguf")), Ends(gguf));

  // More than llama.cpp has keys for: pith stops at all, and says what llama.cpp will not do.
  ::testing::internal::CaptureStderr();
  RunConvert({Model(R"({"eos_token_id": [2, 5, 9, 11]})"), {TensorType::kQ8_0, {}}, gguf});
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("(token 11)"), std::string::npos);
  EXPECT_EQ(Ends(gguf), (std::vector<int32_t>{0, 2, 5, 9, 11}));
}

TEST_F(EndsTravel, AGgufAlwaysNamesAnEos) {
  const std::string model = Model("", "{}");
  WriteFile(model + "/config.json", std::regex_replace(ReadFile(model + "/config.json"), std::regex("\"eos_token_id\": 2,"), ""));
  RunConvert({model, {TensorType::kQ8_0, {}}, Path("ends.gguf")});
  EXPECT_EQ(GgufFile(Path("ends.gguf")).Get<int64_t>("tokenizer.ggml.eos_token_id"), 0) << "llama.cpp would take id 11";
  EXPECT_EQ(Ends(Path("ends.gguf")), Ends(model));
}

TEST_F(EndsTravel, IntoAFolder) {
  const auto fused = [&](const std::string& model) {
    fs::remove_all(Path("fused"));
    RunFuse({kLora, model, {}, {}, Path("fused")});
    EXPECT_EQ(Ends(Path("fused")), Ends(model));
    return ReadFile(Path("fused/generation_config.json"));
  };
  const std::string all = "{\"temperature\": 0.5,   \"eos_token_id\": [0, 2]}";
  EXPECT_EQ(fused(Model(all)), all) << "as it was";
  // transformers stops by this file alone: what only tokenizer_config.json or a token's text says is added, the rest stays.
  const auto extended = nlohmann::json::parse(fused(Model(R"({"temperature": 0.5, "eos_token_id": 7})")));
  EXPECT_EQ(extended, (nlohmann::json{{"temperature", 0.5}, {"eos_token_id", {7, 2, 0}}}));
  const auto made = nlohmann::json::parse(fused(Model("")));
  EXPECT_EQ(made, (nlohmann::json{{"bos_token_id", 1}, {"eos_token_id", {2, 0}}, {"pad_token_id", 2}})) << "where there is none, from config.json";
}

// What Python's json writes and reads beyond the standard.
TEST_F(EndsTravel, FromFilesOfPython) {
  const auto with = [](std::string json) { return json.insert(json.find('{') + 1, "\"loss\": NaN, \"loss\": [-Infinity, Infinity], "); };
  const std::string model = Model(R"({"eos_token_id": 5, "eos_token_id": [9], "temperature": NaN})", with(ReadFile(kModel + "/tokenizer_config.json")));
  for (const char* name : {"/config.json", "/tokenizer.json"}) WriteFile(model + name, with(ReadFile(model + name)));
  RunConvert({model, {TensorType::kQ8_0, {}}, Path("ends.gguf")});
  EXPECT_EQ(Ends(Path("ends.gguf")), (std::vector<int32_t>{0, 2, 9}));
  RunFuse({kLora, model, {}, {}, Path("fused")});
  EXPECT_EQ(Ends(Path("fused")), (std::vector<int32_t>{0, 2, 9}));
  EXPECT_EQ(nlohmann::json::parse(ReadFile(Path("fused/config.json")))["hidden_size"], 64);
}

}  // namespace
}  // namespace pith
