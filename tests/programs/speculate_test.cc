// --speculate from outside: the same answers, figures of what was drafted, and what is refused.
#include <sstream>

#include "base/error.h"
#include "tests/programs/run_program.h"

namespace pith {
namespace {

class SpeculateTest : public RunProgramTest {
 protected:
  SpeculateTest() : small_(folder_ / "small.gguf") { RunConvert({kFolder, {TensorType::kQ4_0, {}}, small_}); }

  std::vector<std::string> Kinds() const { return {"ngram", "layers:1", "draft:" + small_, "draft:" + model_}; }

  const std::string small_;  // the tiny model in Q4_0
};

TEST_F(SpeculateTest, GenerateAnswersTheSame) {
  const std::string adapter = Adapter("tiny.gguf", "");
  const std::vector<std::vector<std::string>> ways = {{"--max-tokens", "200"},
                                                      {"--max-tokens", "100", "--adapter", adapter, "--temperature", "0.8", "--top-p", "0.9", "--seed", "3"},
                                                      {"--budget", "60", "--reserve", "16", "--chains", "5", "--temperature", "1"}};
  int64_t drafted = 0;
  for (std::vector<std::string> way : ways) {
    way.push_back("--json");
    const auto answer = [&](const std::string& kind) {
      std::vector<std::string> options = way;
      options.insert(options.end(), {"--speculate", kind});
      const Outcome outcome = Run(Generate(options));
      EXPECT_EQ(outcome.code, 0) << kind << "\n" << outcome.err;
      return nlohmann::json::parse(outcome.out, nullptr, false);
    };
    const auto timeless = [](nlohmann::json json) {
      for (const char* key : {"ttft_ms", "tok_per_s", "drafted_tokens", "accepted_tokens"}) {
        EXPECT_TRUE(json.contains(key)) << key;
        json.erase(key);
        for (auto& chain : json["chains"]) chain.erase(key);
      }
      return json;
    };
    const auto plain = answer("none");
    EXPECT_EQ(plain["drafted_tokens"], 0);
    for (const std::string& kind : Kinds()) {
      const auto json = answer(kind);
      EXPECT_EQ(timeless(json), timeless(plain)) << kind;
      EXPECT_LE(json["accepted_tokens"], json["drafted_tokens"]);
      drafted += json["drafted_tokens"].get<int64_t>();
    }
  }
  EXPECT_GT(drafted, 0) << "this test compares nothing";
}

TEST_F(SpeculateTest, ChatAndEvalAnswerTheSame) {
  WriteFile(folder_ / "lines.txt", "What is 3 + 4?\n/chains 2\nAnd 4 + 5?\n");
  const auto chat = [&](const std::string& kind) { return Shell("$P chat --model " + model_ + " --threads 1 --max-tokens 60 --speculate " + kind + " < " + (folder_ / "lines.txt")); };
  const auto eval = [&](const std::string& kind, const std::string& out) {
    const Outcome outcome = Run({"eval", "--model", model_, "--threads", "1", "--dataset", folder_ / "sums.jsonl", "--budgets", "40,none", "--reserve", "16", "--max-tokens", "60", "--speculate", kind,
                                 "--out", folder_ / out});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return ReadFile(folder_ / (out + "/answers.jsonl"));
  };
  const std::string said = chat("none").out, answers = eval("none", "plain");
  EXPECT_GT(answers.size(), 500u);
  int i = 0;
  for (const std::string& kind : Kinds()) {
    EXPECT_EQ(chat(kind).out, said) << kind;
    EXPECT_EQ(eval(kind, "out" + std::to_string(i++)), answers) << kind;
  }
}

TEST_F(SpeculateTest, BenchMeasuresIt) {
  ExpectRefusal({"bench", "--model", model_, "--speculate", "ngram", "--gen", "400"}, "pass the model's context of 512");
  if (!FileExists(PITH_DEMO_MODEL)) GTEST_SKIP() << "the demo model is not at " << PITH_DEMO_MODEL << "; ./pith setup fetches it";
  const Outcome outcome = Run({"bench", "--model", PITH_DEMO_MODEL, "--speculate", "ngram", "--draft-always", "--gen", "24", "--reps", "1", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  std::istringstream lines(outcome.out);
  int kinds = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line);
    if (json["test"] != "speculation") continue;
    ++kinds;
    EXPECT_EQ(json["draft"], "ngram");
    EXPECT_GT(json["ratio"], 0.0);
    EXPECT_LE(json["ratio_lowest"], json["ratio"]);
    EXPECT_LE(json["ratio"], json["ratio_highest"]);
    EXPECT_GT(json["drafted"], 0);
    EXPECT_LE(json["accepted"], json["drafted"]);
  }
  EXPECT_EQ(kinds, 2);
}

TEST_F(SpeculateTest, RefusesWhatIsNoDraft) {
  for (const char* text : {"", "all", "ngrams", "layers", "draft", "draft:"}) {
    ExpectRefusal(Generate({"--speculate", text}), Str("generate: --speculate '", text, "' is none of: none, ngram, layers:K, draft:FILE"));
  }
  ExpectRefusal(Generate({"--speculate", "layers:x"}), "--speculate layers: got 'x'");
  ExpectRefusal(Generate({"--speculate", "layers:2"}), "a draft by 2 layers of a model of 2 is none; give 1 to 1");
  ExpectRefusal(Generate({"--speculate", "draft:" + (folder_ / "missing.gguf")}), "missing.gguf");
  std::filesystem::copy(kFolder, folder_ / "other");
  auto tokenizer = nlohmann::json::parse(ReadFile(kFolder + "/tokenizer.json"));
  std::string last;
  for (const auto& [text, id] : tokenizer["model"]["vocab"].items()) {
    if (last.empty() || id > tokenizer["model"]["vocab"][last]) last = text;
  }
  const int id = tokenizer["model"]["vocab"][last];
  tokenizer["model"]["vocab"].erase(last);
  tokenizer["model"]["vocab"]["qqqq"] = id;
  tokenizer["model"]["merges"] = nlohmann::json::array();
  WriteFile(folder_ / "other/tokenizer.json", tokenizer.dump());
  ExpectRefusal(Generate({"--speculate", "draft:" + (folder_ / "other")}), "has another vocabulary than the model: its token");
  ExpectRefusal(Eval({"--speculate", "draft:" + (folder_ / "other"), "--max-tokens", "20"}), "take a draft of the same family");
  ExpectRefusal({"bench", "--model", model_, "--draft-always"}, "--draft-always has no effect without --speculate");
  ExpectRefusal({"bench", "--model", model_, "--speculate", "ngram", "--batch", "2"}, "--batch has no effect with --speculate");
}

}  // namespace
}  // namespace pith
