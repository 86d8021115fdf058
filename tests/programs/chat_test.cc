// chat, fit and bench --reasoning from outside.
#include "data/template/prompt.h"
#include "runtime/session/vote.h"
#include "tests/programs/run_program.h"

namespace pith {
namespace {

class ChatTest : public RunProgramTest {
 protected:
  Outcome Chat(const std::string& lines, const std::string& options = "") {
    WriteFile(folder_ / "lines.txt", lines);
    return Shell("$P chat --model " + model_ + " --threads 1 --max-tokens 12 " + options + " < " + std::string(folder_ / "lines.txt"));
  }
};

TEST_F(ChatTest, TheFirstTurnIsGenerates) {
  const std::string adapter = Adapter("short.gguf", "", Prompter::Load(model_)->invocation());
  const std::string base = Run(Generate({"--max-tokens", "12"})).out, reasoned = Run(Generate({"--max-tokens", "12", "--adapter", adapter})).out;
  ASSERT_NE(base, reasoned);
  EXPECT_EQ(Chat("What is 3 + 4?\n").out, base);
  EXPECT_EQ(Chat("What is 3 + 4?\n", "--adapter " + adapter).out, reasoned);
  // Modes change in place; /undo makes the second turn the first again.
  const Outcome both = Chat("/base\nWhat is 3 + 4?\n/undo\n/reason\nWhat is 3 + 4?\n/quit\nnever\n", "--adapter " + adapter);
  EXPECT_EQ(both.code, 0);
  EXPECT_EQ(both.out, base + reasoned);
  EXPECT_EQ(std::count(both.err.begin(), both.err.end(), '['), 2) << both.err;
  EXPECT_NE(Chat("What is 3 + 4?\nWhat is 3 + 4?\n").out, base + base) << "the second turn knows of the first";
  EXPECT_EQ(Chat("What is 3 + 4?\n/new\nWhat is 3 + 4?\n").out, base + base);
}

TEST_F(ChatTest, BudgetsAndChains) {
  const Outcome held = Chat("/budget 40\nWhat is 3 + 4?\n/budget none\n/chains 3\nWhat is 3 + 4?\n");
  EXPECT_EQ(held.code, 0) << held.err;
  EXPECT_NE(held.err.find(" of 3 chains agree"), std::string::npos) << held.err;
  EXPECT_NE(held.err.find(" tokens in all"), std::string::npos) << held.err;
}

TEST_F(ChatTest, GoesOnAfterAMistake) {
  const std::string answer = Chat("What is 3 + 4?\n").out;
  const Outcome outcome = Chat("/budget ten\n/budget 3\n/reason\n/chains 0\n/dance\nWhat is 3 + 4?\n");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_TRUE(outcome.out.ends_with(answer)) << outcome.out;
  for (const char* words : {"got 'ten'", "twice the reserve", "/reason wants an adapter", "got '0'", "/dance is no command"}) {
    EXPECT_NE(outcome.err.find(words), std::string::npos) << words << "\n" << outcome.err;
  }
  EXPECT_EQ(Chat("").code, 0);
  ExpectRefusal({"chat", "--model", model_, "--chains", "3"}, "--temperature");
}

TEST_F(ChatTest, FitAddsUp) {
  const Outcome outcome = Run({"fit", "--model", model_, "--adapter", Adapter("short.gguf", ""), "--chains", "4", "--prompt", "100", "--max-tokens", "60", "--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_TRUE(json["fits"]);
  EXPECT_NEAR(json["weights_mb"].get<double>() * (1 << 20), static_cast<double>(std::filesystem::file_size(model_)), 1e5);
  EXPECT_NEAR(json["needed_mb"].get<double>(), json["mapped_mb"].get<double>() + json["anon_mb"].get<double>() + json["kv_mb"].get<double>(), 0.3);
  EXPECT_GT(json["anon_mb"].get<double>(), 0.5);
  EXPECT_GT(json["available_mb"].get<double>(), json["needed_mb"].get<double>());
  ExpectRefusal({"fit", "--model", model_, "--prompt", "5000"}, "context");
  EXPECT_TRUE(json["kv_max_mb"].is_null());
  for (const auto& [most, code] : {std::pair("1000000", 0), std::pair("20000", 1), std::pair("1", 1)}) {  // a bound on the cache, which is less than the answers want
    const Outcome bounded = Run({"fit", "--model", model_, "--chains", "4", "--prompt", "100", "--max-tokens", "60", "--kv-max-bytes", most, "--json"});
    EXPECT_EQ(bounded.code, code) << most << bounded.err;
    EXPECT_EQ(nlohmann::json::parse(bounded.out)["fits"], code == 0) << most;
  }
}

TEST_F(ChatTest, BudgetsAreKeptWhateverIsDrawn) {
  const Outcome outcome = Run({"bench", "--model", model_, "--adapter", Adapter("short.gguf", ""), "--threads", "1", "--reasoning", "--prompt", "100", "--gen", "16", "--reps", "1", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  std::istringstream lines(outcome.out);
  std::vector<std::string> tests;
  for (std::string line; std::getline(lines, line);) {
    const auto json = nlohmann::json::parse(line);
    tests.push_back(json["test"]);
    if (json["test"] == "budget") {
      EXPECT_GE(json["generations"], 1000);
      EXPECT_EQ(json["over"], 0);
      EXPECT_EQ(json["mislabelled"], 0);
      EXPECT_GT(json["forced"], 500);
    }
    if (json["test"] == "stall") {
      EXPECT_EQ(json["prompt_tokens"], 512 - 64);
      EXPECT_GE(json["steps"], (512 - 64) / 256) << "never more than so many rows of a step are a prompt's";
      EXPECT_GT(json["step_ms"], 0);
      EXPECT_GE(json["longest_gap_ms"], json["step_ms"]) << "some gap is at least the median's";
    }
    if (json["test"] == "swap") EXPECT_LT(json["grown_bytes"], 1 << 20);
  }
  EXPECT_EQ(tests, (std::vector<std::string>{"switch", "chains", "stall", "stall", "budget", "swap"}));
}

TEST(Vote, IsDecidedWhenNobodyCanChangeIt) {
  Vote vote(5);
  EXPECT_FALSE(vote.Decided());
  vote.Add(4, "#### 7");
  vote.Add(0, "#### 8");
  EXPECT_EQ(vote.Winner().answer, "8") << "equal votes: the first chain's";
  vote.Add(2, "It is \\boxed{7}.");
  EXPECT_FALSE(vote.Decided());
  vote.Add(1, "#### 7.0");
  EXPECT_TRUE(vote.Decided());
  EXPECT_EQ(vote.Winner().chain, 1u);
  EXPECT_EQ(vote.Winner().votes, 3u);
  Vote tie(3);
  tie.Add(0, "no answer at all, I fear");
  tie.Add(1, "#### 2");
  EXPECT_FALSE(tie.Decided()) << "another's would be as many, but of a higher number; and it might say nothing";
  Vote none(1);
  none.Add(0, "I do not know");
  EXPECT_TRUE(none.Decided());
  EXPECT_EQ(none.Winner().answer, "");
}

}  // namespace
}  // namespace pith
