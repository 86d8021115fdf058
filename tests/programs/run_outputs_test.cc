// What people get from pith-run: output that cannot be written, results of earlier evaluations, votes, the version.
#include <optional>

#include "base/error.h"
#include "base/version.h"
#include "rewards/answers/answer.h"
#include "tests/programs/run_program.h"

namespace pith {
namespace {

TEST_F(RunProgramTest, AnEvaluationOnAFullDiskKeepsWhatItHas) {
  const std::string out = folder_ / "full", command = "$P eval --model " + model_ + " --dataset synthetic --limit 60 --max-tokens 10 --out " + out;
  const auto files = [&] {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(out)) names.push_back(entry.path().filename().string());
    return names;
  };
  const Outcome full = Shell("trap '' XFSZ; ( ulimit -f 20; " + command + " )");
  EXPECT_EQ(full.code, 2) << full.err;
  EXPECT_NE(full.err.find("cannot write"), std::string::npos) << full.err;
  EXPECT_NE(full.err.find("what was answered is kept: go on with --resume"), std::string::npos) << full.err;
  EXPECT_EQ(files(), std::vector<std::string>{"eval.journal"});
  // Room for the journal, and none for the page.
  const Outcome late = Shell("trap '' XFSZ; ( ulimit -f 48; " + command + " --resume )");
  EXPECT_EQ(late.code, 2) << late.err;
  EXPECT_NE(late.err.find("kept: write it with --resume"), std::string::npos) << late.err;
  EXPECT_NE(late.out.find("accuracy"), std::string::npos) << "the table is shown at least";
  EXPECT_EQ(files(), std::vector<std::string>{"eval.journal"});
  EXPECT_EQ(Shell(command + " --resume").code, 0);
  EXPECT_EQ(files().size(), 7u);
  // Not even room to begin.
  std::filesystem::remove_all(out);
  EXPECT_EQ(Shell("trap '' XFSZ; ( ulimit -f 1; " + command + " )").code, 2);
  EXPECT_FALSE(std::filesystem::exists(out));
}

TEST_F(RunProgramTest, InputThatCannotBeRead) {
  for (const std::string& command : {std::string("grade"), "tokenize --model " + kFolder + "/tokenizer.json --file -"}) {
    for (const char* input : {" < /", " <&-"}) {
      const Outcome outcome = Shell("$P " + command + input);
      EXPECT_EQ(outcome.code, 2) << command << input;
      EXPECT_NE(outcome.err.find("standard input cannot be read"), std::string::npos) << command << input << outcome.err;
    }
  }
}

TEST_F(RunProgramTest, OutputThatCannotBeWritten) {
  std::string lines;
  for (int i = 0; i < 3000; ++i) lines += "{\"gold\": \"1\", \"pred\": \"1\"}\n";
  WriteFile(folder_ / "pairs", lines);
  const std::string input = folder_ / "pairs", tokenizer = kFolder + "/tokenizer.json";
  const std::string generate = "generate --model " + model_ + " --prompt hi --max-tokens 4";
  const std::vector<std::string> commands = {"grade < " + input, "tokenize --model " + tokenizer + " --file " + input,
                                             "logits --model " + model_ + " --ids 1,2", generate, generate + " --json", "--help", "--version", "eval --help"};
  for (const std::string& command : commands) {
    const Outcome full = Shell("$P " + command + " > /dev/full");
    EXPECT_EQ(full.code, 2) << command;
    EXPECT_TRUE(full.err.starts_with("pith-run: cannot write to standard output: No space left on device")) << command << "\n" << full.err;
    EXPECT_EQ(std::count(full.err.begin(), full.err.end(), '\n'), 1) << full.err;
    const Outcome closed = Shell("$P " + command + " >&-");
    EXPECT_EQ(closed.code, 2) << command;
    EXPECT_NE(closed.err.find("Bad file descriptor"), std::string::npos) << command << "\n" << closed.err;
  }
  // A disk that fills up half-way: it ends there, instead of judging all the rest for nothing.
  const Outcome half = Shell("trap '' XFSZ; ulimit -f 8; $P grade < " + input + " > " + (folder_ / "half"));
  EXPECT_EQ(half.code, 2);
  EXPECT_NE(half.err.find("File too large"), std::string::npos) << half.err;
  EXPECT_GT(ReadFile(folder_ / "half").size(), 1000u);
}

TEST_F(RunProgramTest, AReaderThatHasHadEnoughEndsItQuietly) {
  std::string lines;
  for (int i = 0; i < 5000; ++i) lines += "{\"gold\": \"1\", \"pred\": \"1\"}\n";
  WriteFile(folder_ / "pairs", lines);
  for (const std::string before : {"", "trap '' PIPE; "}) {  // killed by the signal; or told by the write, where it is ignored
    const Outcome outcome = Shell(before + "{ $P grade < " + (folder_ / "pairs") + "; echo $? > " + (folder_ / "code") + "; } | head -n 1");
    EXPECT_EQ(outcome.out, "{\"extracted\":\"1\",\"verdict\":\"correct\"}\n");
    EXPECT_EQ(outcome.err, "") << before;
    EXPECT_EQ(ReadFile(folder_ / "code"), "141\n") << before;
  }
}

// A full disk takes neither results nor the table on the screen: with the results written, only the table is lost.

TEST_F(RunProgramTest, AnEvaluationKeepsItsResultsWhereTheTableCannotBeShown) {
  const Outcome outcome = Shell("$P eval --model " + model_ + " --dataset " + (folder_ / "sums.jsonl") + " --max-tokens 8 --out " + (folder_ / "kept") + " > /dev/full");
  EXPECT_EQ(outcome.code, 2);
  for (const char* name : {"results.json", "answers.jsonl", "chart.svg", "report.html"}) EXPECT_TRUE(FileExists(folder_ / "kept/" + name)) << name;
}

TEST_F(RunProgramTest, RowsNameAdapterAndBaseByTheirHashes) {
  const std::string adapter = folder_ / "short.gguf";
  RunAdapter({kAlora, model_, TensorType::kF16, adapter, /*any_base=*/true});
  const Outcome outcome = Run(Eval({"--adapter", adapter, "--max-tokens", "4", "--limit", "1"}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto rows = nlohmann::json::parse(ReadFile(folder_ / "new/out/results.json"));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_TRUE(rows[0]["adapter_sha256"].is_null());
  EXPECT_EQ(rows[1]["adapter_sha256"], AdapterHash(ReadPeft(kAlora)));
  for (const auto& row : rows) EXPECT_EQ(row["base_sha256"], BaseModel::Load(model_)->Identity());
}

TEST_F(RunProgramTest, AnEarlierEvaluationIsReplacedOnlyWhenAskedTo) {
  const Outcome first = Run(Eval({"--max-tokens", "8"}));
  ASSERT_EQ(first.code, 0) << first.err;
  const std::string results = ReadFile(folder_ / "new/out/results.json");
  ExpectRefusal(Eval({"--max-tokens", "12"}), "holds the results.json of an earlier evaluation; name another folder with --out, or replace it with --overwrite");
  EXPECT_EQ(ReadFile(folder_ / "new/out/results.json"), results);
  EXPECT_EQ(Run(Eval({"--max-tokens", "12", "--overwrite"})).code, 0);
  EXPECT_NE(ReadFile(folder_ / "new/out/results.json"), results);
  std::filesystem::remove(folder_ / "new/out/results.json");
  ExpectRefusal(Eval({"--max-tokens", "12"}), "holds the comparisons.json of");
}

TEST_F(RunProgramTest, OfSeveralChainsTheVotesWinnerIsTheAnswer) {
  bool other_than_first = false;
  for (int seed = 0; seed < 6; ++seed) {
    const Outcome outcome = Run(Generate({"--chains", "5", "--temperature", "1.5", "--max-tokens", "60", "--json", "--seed", std::to_string(seed)}));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const auto json = nlohmann::json::parse(outcome.out);
    size_t winner = 0, most = 0;
    std::vector<std::optional<std::string>> answers;
    for (const auto& chain : json["chains"]) {  // one that was stopped has no vote
      answers.push_back(chain["finish"] == "cancelled" ? std::nullopt : ExtractAnswer(chain["text"].get<std::string>(), Reading::kLenient));
    }
    for (size_t i = 0; i < answers.size(); ++i) {
      size_t votes = 0;
      for (const auto& other : answers) votes += answers[i] && other && AnswersEqual(*answers[i], *other);
      if (votes > most) winner = i, most = votes;
    }
    other_than_first |= winner > 0;
    if (most > 0) {
      EXPECT_EQ(json["vote"], *answers[winner]);
    } else {
      EXPECT_TRUE(json["vote"].is_null());
    }
    for (const char* key : {"text", "token_ids", "thinking_tokens", "answer_tokens", "forced", "finish"}) {
      EXPECT_EQ(json[key], json["chains"][winner][key]) << key << ", seed " << seed << ", chain " << winner;
    }
  }
  EXPECT_TRUE(other_than_first) << "the first chain always wins: this test compares nothing";
}

TEST_F(RunProgramTest, TheVersionAndWhatABugReportShouldSay) {
  const Outcome run = Run({"--version"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_TRUE(run.out.starts_with(Str("pith-run ", Version(), "\n"))) << run.out;
  EXPECT_NE(run.out.find("\n  compiler "), std::string::npos) << run.out;
  EXPECT_NE(Run({"--version"}, "PITH_ISA=scalar").out.find("\n  kernels scalar, of those that run here: scalar"), std::string::npos);
  const Outcome exporter = Shell(std::string(PITH_TEST_BINARY) + "/pith-export --version");
  EXPECT_TRUE(exporter.out.starts_with(Str("pith-export ", Version(), "\n"))) << exporter.out;
}

}  // namespace
}  // namespace pith
