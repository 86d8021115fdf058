// pith-run eval over several data sets, broken off and gone on with.
#include <signal.h>

#include <map>
#include <sstream>

#include "data/template/prompt.h"
#include "tests/programs/run_program.h"

namespace pith {
namespace {

using nlohmann::json;

class EvalResumeTest : public RunProgramTest {
 protected:
  EvalResumeTest() : adapter_(Adapter("tiny.gguf", "")), other_(Adapter("other.gguf", "", OtherInvocation())) {}

  // Two adapters, two data sets, budgets that are told and not.
  std::string Command(const std::string& out, const std::string& more = "") const {
    return "$P eval --model " + model_ + " --threads 1 --adapter " + adapter_ + " --adapter " + other_ + " --dataset " + (folder_ / "sums.jsonl") +
           " --dataset synthetic --limit 12 --budgets 40,none --reserve 16 --max-tokens 48 --max-batch 4 --sentence 'In {budget}.' --told both --out " + (folder_ / out) + " " + more;
  }
  std::string File(const std::string& out, const std::string& name) const { return ReadFile(folder_ / (out + "/" + name)); }

  // Without what the clock and the memory say.
  static json Timeless(const std::string& rows) {
    json list = json::parse(rows);
    for (json& row : list) {
      for (const char* key : {"ttft_ms", "tok_per_s", "rss_mb", "resumed"}) row.erase(key);
    }
    return list;
  }

  void ExpectTheSame(const std::string& out, const std::string& whole) const {
    EXPECT_EQ(Timeless(File(out, "results.json")), Timeless(File(whole, "results.json"))) << out;
    EXPECT_EQ(Timeless(File(out, "breakdown.json")), Timeless(File(whole, "breakdown.json"))) << out;
    for (const char* name : {"comparisons.json", "answers.jsonl", "chart.svg"}) EXPECT_EQ(File(out, name), File(whole, name)) << out << " " << name;
    EXPECT_FALSE(FileExists(folder_ / (out + "/eval.journal"))) << out;
  }

  const std::string adapter_, other_;

 private:
  std::vector<int32_t> OtherInvocation() const {
    const std::vector<int32_t> whole = Prompter::Load(model_)->invocation();
    return {whole.end() - 2, whole.end()};
  }
};

TEST_F(EvalResumeTest, EndsAsOneThatWasNeverBrokenOff) {
  const Outcome whole = Shell(Command("whole"));
  ASSERT_EQ(whole.code, 0) << whole.err;
  const json rows = json::parse(File("whole", "results.json"));
  ASSERT_EQ(rows.size(), 18u);
  EXPECT_EQ(rows[0]["dataset"], folder_ / "sums.jsonl");
  EXPECT_EQ(rows[0]["n"], 3);
  EXPECT_EQ(rows[9]["dataset"], "synthetic");
  EXPECT_EQ(rows[9]["n"], 12);
  EXPECT_EQ(rows[2]["curve"], "announced");
  for (const json& row : rows) EXPECT_EQ(row["resumed"], false);
  EXPECT_EQ(json::parse(File("whole", "comparisons.json")).size(), 2u * 3 * 3);
  const json groups = json::parse(File("whole", "breakdown.json"));
  EXPECT_EQ(groups.size(), 9u * 3) << "synthetic problems have levels, the file's say none";
  EXPECT_EQ(groups[0]["group"], "level");
  EXPECT_EQ(groups[0]["dataset"], "synthetic");
  std::map<std::string, int> answers;
  std::istringstream lines(File("whole", "answers.jsonl"));
  for (std::string line; std::getline(lines, line);) ++answers[json::parse(line)["dataset"].get<std::string>()];
  EXPECT_EQ(answers["synthetic"], 108);

  // Killed by a signal that nothing can be done against, where the journal has just so many bytes: with half a line at its end.
  for (const int kilobytes : {6, 16, 40}) {
    const std::string out = "cut" + std::to_string(kilobytes), limit = "ulimit -f " + std::to_string(kilobytes * 2) + "; ";  // of 512 bytes
    const Outcome cut = Shell("( " + limit + Command(out) + " )");
    EXPECT_EQ(cut.code, 128 + SIGXFSZ) << cut.err;
    const size_t size = File(out, "eval.journal").size();
    EXPECT_EQ(size % 512, 0u) << "it was not killed while it wrote";
    EXPECT_FALSE(FileExists(folder_ / (out + "/results.json")));
    const Outcome again = Shell(Command(out));
    EXPECT_EQ(again.code, 2);
    EXPECT_NE(again.err.find("holds an evaluation that was broken off; go on with it by the same command and --resume"), std::string::npos) << again.err;
    EXPECT_EQ(File(out, "eval.journal").size(), size);
    const Outcome resumed = Shell(Command(out, "--resume"));
    ASSERT_EQ(resumed.code, 0) << resumed.err;
    ExpectTheSame(out, "whole");
    const json run = json::parse(File(out, "run.json"));
    ASSERT_EQ(run["goes"].size(), 2u);
    EXPECT_TRUE(run["goes"][0]["ended"].is_null());
    EXPECT_FALSE(run["goes"][1]["ended"].is_null());
    EXPECT_EQ(run["goes"][0]["answers_before"], 0);
    EXPECT_EQ(run["goes"][1]["answers_before"].get<int>() > 0, true);
  }
  json resumed = json::parse(File("cut40", "results.json"));
  EXPECT_EQ(resumed[0]["resumed"], true);
  EXPECT_EQ(resumed[17]["resumed"], false) << "it never came so far";
  for (const char* name : {"processor", "cpus", "threads", "instruction_set", "memory_mb", "kernel", "pages_in_memory", "start", "started"}) {
    EXPECT_FALSE(json::parse(File("whole", "run.json"))["goes"][0][name].is_null()) << name;
  }
}

TEST_F(EvalResumeTest, SurvivesSigkill) {
  const std::string more = " --limit 200 --temperature 0.8 --chains 2";
  const std::string big = "$P eval --model " + model_ + " --threads 1 --dataset synthetic --max-tokens 100 --max-batch 8" + more + " --out ";
  const Outcome whole = Shell(big + (folder_ / "whole"));
  ASSERT_EQ(whole.code, 0) << whole.err;
  const std::string out = folder_ / "killed", journal = out + "/eval.journal";
  const Outcome killed = Shell(big + out + " & pid=$!; until [ $(wc -l < " + journal + " 2>/dev/null || echo 0) -gt 40 ]; do sleep 0.01; kill -0 $pid || exit 7; done; kill -9 $pid; wait $pid");
  ASSERT_EQ(killed.code, 128 + SIGKILL) << killed.err;
  const Outcome resumed = Shell(big + out + " --resume");
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  ExpectTheSame("killed", "whole");
  EXPECT_GE(json::parse(File("killed", "run.json"))["goes"][1]["answers_before"], 78);
}

TEST_F(EvalResumeTest, RefusesWhatItCannotGoOnWith) {
  const Outcome cut = Shell("( ulimit -f 16; " + Command("out") + " )");
  ASSERT_EQ(cut.code, 128 + SIGXFSZ) << cut.err;
  const std::string journal = File("out", "eval.journal");
  const auto expect = [&](const std::string& command, const std::string& words) {
    const Outcome outcome = Shell(command);
    EXPECT_EQ(outcome.code, 2) << command;
    EXPECT_NE(outcome.err.find(words), std::string::npos) << words << "\n" << outcome.err;
    EXPECT_EQ(File("out", "eval.journal"), journal) << command;
  };
  const auto instead = [&](const std::string& part, const std::string& other) {
    std::string command = Command("out", "--resume");
    return command.replace(command.find(part), part.size(), other);
  };
  expect(instead("--max-tokens 48", "--max-tokens 50"), "another --max-tokens: '48' there, '50' here");
  expect(instead("--limit 12", "--limit 11"), "another set of problems of synthetic: '12 problems");
  expect(instead("--dataset synthetic --limit 12", ""), "another list of data sets");
  expect(instead("--adapter " + other_, ""), "another list of modes");
  expect(instead("--adapter " + other_, "--adapter other=" + adapter_), "another adapter other");
  expect(instead("--told both", "--told never").replace(0, 0, "true; "), "--sentence has no effect with --told never");
  expect(instead("--told both", ""), "another list of budgets: 'base: 40 none 40 told, ");
  expect(instead("--threads 1", "--threads 1 --kv f32"), "another type of the KV cache: 'f16' there, 'f32' here");
  expect(instead("--threads 1", "--system Hi"), "another system message");
  const std::string sums = ReadFile(folder_ / "sums.jsonl");
  WriteFile(folder_ / "sums.jsonl", sums + sums);
  expect(Command("out", "--resume"), "another set of problems of " + (folder_ / "sums.jsonl"));
  WriteFile(folder_ / "sums.jsonl", sums);
  const Outcome none = Shell(Command("none", "--resume"));
  EXPECT_EQ(none.code, 2);
  EXPECT_NE(none.err.find("holds no evaluation that was broken off; start it without --resume"), std::string::npos) << none.err;
  EXPECT_FALSE(std::filesystem::exists(folder_ / "none"));
  // What no answer hangs on may change: threads, batches.
  const Outcome resumed = Shell(instead("--threads 1", "--threads 2"));
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_EQ(Shell(Command("anew")).code, 0);
  ExpectTheSame("out", "anew");
}

TEST_F(EvalResumeTest, OptionsThatNoDataSetLooksAt) {
  const std::vector<std::string> both = {"--dataset", "synthetic", "--limit", "2", "--max-tokens", "4"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), both.begin(), both.end());
    return Eval(more);
  };
  ExpectRefusal(Eval({"--dataset", folder_ / "sums.jsonl"}), "twice");
  ExpectRefusal(Eval({"--told", "both"}), "--told has no effect without a budget");
  ExpectRefusal(Eval({"--told", "both", "--budgets", "100"}), "--told both wants a text that tells the model its budget");
  ExpectRefusal(Eval({"--told", "often", "--budgets", "100"}), "--told");
  EXPECT_EQ(Run(with({"--min-steps", "2", "--question-field", "question", "--shuffle", "--split", "train", "--data-seed", "3"})).code, 0) << "one of the two looks at each";
}

}  // namespace
}  // namespace pith
