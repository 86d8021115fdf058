// pith-run with a judge of the user's: grade and eval.
#include <sstream>

#include "tests/programs/run_program.h"

namespace pith {
namespace {

class VerifierProgramTest : public RunProgramTest {
 protected:
  VerifierProgramTest() {
    // Right where the payload's word is in the response; says so on stderr, keeps what it was sent.
    WriteFile(folder_ / "judge.py",
              "import json, sys\n"
              "print('a judge begins', file=sys.stderr, flush=True)\n"
              "for line in sys.stdin:\n"
              "    a = json.loads(line)\n"
              "    open('" + (folder_ / "sent") + "', 'a').write(line)\n"
              "    if a['response'] == 'die': sys.exit(1)\n"
              "    word = (a['payload'] or {}).get('word', '')\n"
              "    print(json.dumps({'id': a['id'], 'correct': word in a['response'], 'reason': 'looked for ' + word, 'extracted': a['response'][:3]}), flush=True)\n");
  }
  const std::string judge_ = "python3 " + (folder_ / "judge.py");
};

TEST_F(VerifierProgramTest, GradeAsksTheJudge) {
  WriteFile(folder_ / "pairs",
            "{\"gold\": \"1/2\", \"pred\": \"so 0.5\"}\n"
            "{\"pred\": \"tea time\", \"kind\": \"words\", \"payload\": {\"word\": \"tea\"}, \"question\": \"When?\", \"id\": \"q-7\"}\n"
            "\n"
            "{\"pred\": \"coffee\", \"kind\": \"words\", \"payload\": {\"word\": \"tea\"}, \"gold\": \"x\"}\n");
  const Outcome outcome = Shell("$P grade --verifier '" + judge_ + "' --verifier-kinds words < " + (folder_ / "pairs"));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            "{\"extracted\":\"0.5\",\"verdict\":\"correct\"}\n"
            "{\"extracted\":\"tea\",\"reason\":\"looked for tea\",\"verdict\":\"correct\"}\n"
            "{\"extracted\":\"cof\",\"reason\":\"looked for tea\",\"verdict\":\"wrong\"}\n");
  EXPECT_NE(outcome.err.find("a judge begins"), std::string::npos);
  const std::string sent = ReadFile(folder_ / "sent");
  EXPECT_NE(sent.find("\"problem\":\"q-7\",\"kind\":\"words\",\"question\":\"When?\",\"gold\":\"\",\"response\":\"tea time\""), std::string::npos) << sent;
  EXPECT_NE(sent.find("\"payload\":{\"word\":\"tea\"}"), std::string::npos);
  EXPECT_EQ(std::count(sent.begin(), sent.end(), '\n'), 2) << "mathematics is judged here";
}

TEST_F(VerifierProgramTest, GradeSaysWhatNobodyJudges) {
  WriteFile(folder_ / "pairs", "{\"gold\": 1, \"pred\": 1}\n{\"pred\": \"x\", \"kind\": \"words\"}\n");
  Outcome outcome = Shell("$P grade < " + (folder_ / "pairs"));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_EQ(outcome.out, "{\"extracted\":\"1\",\"verdict\":\"correct\"}\n");
  EXPECT_NE(outcome.err.find("standard input, line 2: there is no verifier of its kind 'words'; there are math"), std::string::npos) << outcome.err;
  WriteFile(folder_ / "pairs", "{\"pred\": \"die\", \"kind\": \"words\"}\n");
  outcome = Shell("$P grade --verifier '" + judge_ + "' < " + (folder_ / "pairs"));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("judged none of the first 1 attempt; the last reason: the judge ended without an answer (exit status 1)"), std::string::npos) << outcome.err;
  ExpectRefusal({"grade", "--verifier-workers", "3"}, "--verifier-workers has no effect without --verifier");
  ExpectRefusal({"grade", "--verifier", "https://localhost/"}, "encryption");
}

TEST_F(VerifierProgramTest, EvalAsksTheJudge) {
  WriteFile(folder_ / "words.jsonl",
            "{\"question\": \"Say anything.\", \"kind\": \"words\", \"payload\": {\"word\": \"\"}}\n"
            "{\"question\": \"Say that.\", \"kind\": \"words\", \"payload\": {\"word\": \"no model says this\"}}\n"
            "{\"question\": \"What is 2 + 2?\", \"answer\": 4}\n");
  ExpectRefusal(Eval({}, folder_ / "words.jsonl"), "words.jsonl, line 1): there is no verifier of its kind 'words'; there are math");
  const Outcome outcome = Run(Eval({"--max-tokens", "8", "--verifier", judge_, "--verifier-kinds", "words"}, folder_ / "words.jsonl"));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto row = nlohmann::json::parse(ReadFile(folder_ / "new/out/results.json"))[0];
  EXPECT_NEAR(row["accuracy"].get<double>(), 1.0 / 3, 1e-12) << row.dump();
  EXPECT_EQ(row["accuracy"], row["accuracy_lenient"]);
  EXPECT_FALSE(row.contains("errors"));
  std::istringstream answers(ReadFile(folder_ / "new/out/answers.jsonl"));
  std::string line;
  std::getline(answers, line);
  const auto first = nlohmann::json::parse(line);
  EXPECT_EQ(first["verdict"], "correct");
  EXPECT_EQ(first["reason"], "looked for ");
  EXPECT_TRUE(first["correct_lenient"].get<bool>());
  std::getline(answers, line);
  EXPECT_EQ(nlohmann::json::parse(line)["verdict"], "wrong");
  std::getline(answers, line);
  EXPECT_EQ(nlohmann::json::parse(line)["verdict"], "cut") << "mathematics; 8 tokens of an untrained model mark no answer";
}

TEST_F(VerifierProgramTest, EvalEndsWhereTheJudgeCannotWork) {
  const Outcome outcome = Run(Eval({"--max-tokens", "8", "--verifier", "false"}));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_NE(outcome.err.find("judged none of the first 3 attempts; the last reason: the judge ended without an answer (exit status 1)"), std::string::npos)
      << outcome.err;
  EXPECT_NE(outcome.err.find("; what was answered is kept: go on with --resume\n"), std::string::npos) << outcome.err;
  EXPECT_FALSE(FileExists(folder_ / "new/out/results.json"));
  const Outcome resumed = Run(Eval({"--max-tokens", "8", "--resume"}));  // another judge: all is judged by the last one
  EXPECT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_EQ(nlohmann::json::parse(ReadFile(folder_ / "new/out/run.json"))["goes"][1]["answers_before"], 3);
}

}  // namespace
}  // namespace pith
