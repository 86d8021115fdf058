// Judges of the user's as real processes: the two examples of docs/verifiers.md as they stand there, and one that misbehaves on demand.
#include "rewards/external/external.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <deque>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "rewards/external/command_verifier.h"
#include "rewards/external/http.h"
#include "rewards/external/url_verifier.h"
#include "rewards/external/wire.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

// The block of Python in docs/verifiers.md that begins with "# NAME:".
std::string Example(const std::string& name) {
  const std::string page = ReadFile(PITH_TEST_SOURCE "/docs/verifiers.md");
  const size_t begin = page.find("```python\n# " + name + ":");
  EXPECT_NE(begin, std::string::npos) << name;
  const size_t code = page.find('\n', begin) + 1;
  return page.substr(code, page.find("\n```\n", code) + 1 - code);
}

// Does as the response says.
constexpr const char* kOddJudge = R"(
import json, os, sys, time
print("judge", os.getpid(), "is here", file=sys.stderr, flush=True)
for line in sys.stdin:
    a = json.loads(line)
    r, id = a["response"], a["id"]
    def say(**more): print(json.dumps({"id": id, **more}), flush=True)
    if r == "die": sys.exit(3)
    elif r == "hang": time.sleep(100)
    elif r == "rubbish": print("loading the model …", flush=True)
    elif r == "list": print("[1]", flush=True)
    elif r == "no id": print('{"score": 1}', flush=True)
    elif r == "other id": print(json.dumps({"id": id + 5, "score": 1}), flush=True)
    elif r == "twice": say(score=1); say(score=0)
    elif r == "close": os.close(1); time.sleep(100)
    elif r == "no score": say(reason="forgot")
    elif r == "big score": say(score=1.5)
    elif r == "odd verdict": say(verdict="superb")
    elif r == "contradiction": say(correct=True, score=0)
    elif r == "own error": say(verdict="error", reason="no compiler")
    elif r == "whole": say(score=1, reason=line)
    elif r == "pid": time.sleep(0.2); say(correct=True, extracted=str(os.getpid()))
    else: say(score=float(r))
)";

class ExternalTest : public ::testing::Test {
 protected:
  ExternalTest() {
    WriteFile(folder_ / "odd.py", kOddJudge);
    settings_.command = {"python3", folder_ / "odd.py"};
    settings_.workers = 1;
    settings_.timeout_seconds = 20;
  }
  static Attempt Of(std::string_view response, std::string_view payload = "") {
    Attempt attempt;
    attempt.kind = "odd", attempt.response = response, attempt.payload = payload;
    return attempt;
  }
  static std::vector<Attempt> All(const std::vector<std::string>& responses) {
    std::vector<Attempt> attempts;
    for (const std::string& response : responses) attempts.push_back(Of(response));
    return attempts;
  }
  // No child of this process is left, dead or alive.
  static void ExpectNoChildren() {
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
  }
  TempFolder folder_;
  VerifierSettings settings_;
};

TEST_F(ExternalTest, TheExampleOfACommandRunsAsItStands) {
  WriteFile(folder_ / "judge.py", Example("judge.py"));
  settings_.command[1] = folder_ / "judge.py";
  settings_.workers = 2;
  CommandVerifier verifier(settings_, false, "");
  const std::string payload = R"({"function": "double", "cases": [[2, 4], [5, 10]]})";
  const std::vector<std::string> responses = {"Here:\n```python\ndef double(n):\n    return 2 * n\n```\n", "```python\ndef double(n): return n + 2\n```", "no code"};
  std::vector<Attempt> attempts;
  for (const std::string& response : responses) attempts.push_back(Of(response, payload));
  attempts.push_back(Of(responses[0], "{}"));
  const auto judged = verifier.Judge(attempts);
  EXPECT_EQ(judged[0].verdict, Verdict::kCorrect) << judged[0].reason;
  EXPECT_EQ(judged[0].reason, "2 of 2 cases");
  EXPECT_EQ(judged[0].extracted, "\ndef double(n):\n    return 2 * n\n");
  EXPECT_EQ(judged[1].verdict, Verdict::kWrong);
  EXPECT_EQ(judged[1].score, 0.5);
  EXPECT_EQ(judged[2].score, 0);
  EXPECT_EQ(judged[3].verdict, Verdict::kError);
  EXPECT_EQ(judged[3].reason, "KeyError('cases')");
}

TEST_F(ExternalTest, WhatAJudgeIsSent) {
  CommandVerifier verifier(settings_, false, "");
  Attempt attempt;
  attempt.problem = "p-1", attempt.kind = "odd", attempt.payload = R"({"n":18446744073709551616,"e":1e400})";
  attempt.question = "wh\xc3\xa4t\n?", attempt.gold = "\"g\"", attempt.response = "whole";
  attempt.tokens = 93, attempt.ended_by = EndedBy::kAnswer, attempt.forced = true;
  const Judgement j = verifier.Judge(std::span(&attempt, 1))[0];
  ASSERT_EQ(j.verdict, Verdict::kCorrect) << j.reason;
  EXPECT_EQ(j.reason, R"({"id":1,"problem":"p-1","kind":"odd","question":"whät\n?","gold":"\"g\"","response":"whole","tokens":93,)"
                      R"("truncated":true,"ended_by":"answer","forced":true,"payload":{"n":18446744073709551616,"e":1e400}})" "\n");
  EXPECT_NE(AttemptJson(2, Of("a\xff" "b")).find("\"payload\":null"), std::string::npos);
}

TEST_F(ExternalTest, EachFailureSaysWhatItWas) {
  {
    CommandVerifier verifier(settings_, false, folder_ / "verifier.log");
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"die", "ended without an answer (exit status 3); its standard error is in "},
        {"rubbish", "what is no JSON: loading the model … (its standard output is for answers alone"},
        {"list", "answered a JSON array, expected an object"},
        {"no id", "lacks the \"id\""},
        {"other id", "when it was asked"},
        {"close", "ended without an answer"},
        {"no score", "neither \"score\" nor \"correct\""},
        {"big score", "\"score\" is 1.5, expected a number from 0 to 1"},
        {"odd verdict", "\"verdict\" is \"superb\", expected one of correct,"},
        {"contradiction", "contradicts itself"},
        {"own error", "no compiler"}};
    for (const auto& [response, reason] : cases) {
      const auto judged = verifier.Judge(All({response, "0.5"}));
      EXPECT_EQ(judged[0].verdict, Verdict::kError) << response;
      EXPECT_NE(judged[0].reason.find(reason), std::string::npos) << response << ": " << judged[0].reason;
      EXPECT_EQ(judged[1].verdict, Verdict::kWrong) << "after " << response << " a new process goes on: " << judged[1].reason;
      EXPECT_EQ(judged[1].score, 0.5);
    }
  }
  EXPECT_NE(ReadFile(folder_ / "verifier.log").find("is here"), std::string::npos);
  ExpectNoChildren();
}

TEST_F(ExternalTest, AJudgeThatHangsIsEndedAndStartedAnew) {
  settings_.timeout_seconds = 4;  // python3 has to start within it
  CommandVerifier verifier(settings_, false, "");
  const auto judged = verifier.Judge(All({"1", "hang", "1"}));
  EXPECT_EQ(judged[0].verdict, Verdict::kCorrect) << judged[0].reason;
  EXPECT_EQ(judged[1].verdict, Verdict::kError);
  EXPECT_NE(judged[1].reason.find("no answer within 4 s"), std::string::npos) << judged[1].reason;
  EXPECT_EQ(judged[2].verdict, Verdict::kCorrect) << judged[2].reason;
}

TEST_F(ExternalTest, OfTwoAnswersTheFirstCounts) {
  CommandVerifier verifier(settings_, false, "");
  testing::internal::CaptureStderr();
  const auto judged = verifier.Judge(All({"twice", "0.25", "twice", "0.75"}));
  const std::string warnings = testing::internal::GetCapturedStderr();
  EXPECT_EQ(judged[0].score, 1) << judged[0].reason;
  EXPECT_EQ(judged[1].score, 0.25) << judged[1].reason;
  EXPECT_EQ(judged[2].score, 1);
  EXPECT_EQ(judged[3].score, 0.75);
  EXPECT_NE(warnings.find("answered an attempt twice (id 1)"), std::string::npos) << warnings;
}

TEST_F(ExternalTest, ProcessesWorkSideBySide) {
  settings_.workers = 3;
  CommandVerifier verifier(settings_, false, "");
  const auto judged = verifier.Judge(All({"pid", "pid", "pid", "pid", "pid", "pid", "pid", "pid", "pid"}));
  std::set<std::string> pids;
  for (const Judgement& j : judged) {
    EXPECT_EQ(j.verdict, Verdict::kCorrect) << j.reason;
    pids.insert(j.extracted);
  }
  EXPECT_EQ(pids.size(), 3u);
}

TEST_F(ExternalTest, ManyThreadsMayAsk) {
  settings_.workers = 2;
  CommandVerifier verifier(settings_, false, "");
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::vector<std::string> responses;
      for (int i = 0; i < 20; ++i) responses.push_back("0." + std::to_string(t * 20 + i + 1));
      const auto judged = verifier.Judge(All(responses));
      for (size_t i = 0; i < judged.size(); ++i) right += judged[i].score == std::stod(responses[i]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 80);
}

TEST_F(ExternalTest, WhatCannotBeStartedEndsTheRun) {
  settings_.command = {"/no/such/judge"};
  Verifiers verifiers;
  UseExternal(settings_, false, "", &verifiers);
  try {
    verifiers.JudgeBoth(All({"1", "1", "1"}));
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("'/no/such/judge' cannot be started (No such file or directory)"), std::string::npos) << error.what();
  }
  settings_.command = {"true"};
  CommandVerifier ends(settings_, false, "");
  const auto judged = ends.Judge(All(std::vector<std::string>(12, "1")));
  EXPECT_NE(judged[0].reason.find("ended without an answer"), std::string::npos) << judged[0].reason;
  EXPECT_NE(judged[11].reason.find("given up after failing 10 times in a row"), std::string::npos) << judged[11].reason;
}

TEST_F(ExternalTest, NothingIsLeftWhereARunThrows) {
  WriteFile(folder_ / "deaf.sh", "trap '' TERM\nsleep 100 &\necho $! > " + (folder_ / "grandchild") + "\nwhile true; do sleep 1; done\n");
  settings_.command = {"sh", folder_ / "deaf.sh"};
  settings_.timeout_seconds = 1;
  try {
    Verifiers verifiers;
    UseExternal(settings_, false, "", &verifiers);
    verifiers.JudgeBoth(All({"1"}));
    FAIL();
  } catch (const UserError&) {
  }
  ExpectNoChildren();
  const pid_t grandchild = std::stoi(ReadFile(folder_ / "grandchild"));
  for (int i = 0; i < 100 && kill(grandchild, 0) == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const std::string status = FileExists("/proc/" + std::to_string(grandchild) + "/status") ? ReadFile("/proc/" + std::to_string(grandchild) + "/status") : "";
  EXPECT_TRUE(kill(grandchild, 0) != 0 || status.find("State:\tZ") != std::string::npos) << "what a judge started ends with it";
}

TEST_F(ExternalTest, ProgramsThatAreEndedWhileTheyPrepareDoNotWait) {
  const auto begin = std::chrono::steady_clock::now();
  {
    settings_.timeout_seconds = 100;
    Verifiers verifiers;
    UseExternal(settings_, false, "", &verifiers);
    verifiers.Prepare(All({"hang", "hang", "hang"}));
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
  ExpectNoChildren();
}

TEST(ParseVerifier, TakesACommandInWordsOrAUrl) {
  EXPECT_EQ(ParseVerifier("python3  judge.py --x 'a b' \"\"").command, (std::vector<std::string>{"python3", "judge.py", "--x", "a b", ""}));
  EXPECT_EQ(ParseVerifier("http://localhost:80/x").url, "http://localhost:80/x");
  for (const char* text : {"", "  ", "python3 'judge", "https://x/", "ftp://x/", "http://", "http://:80/", "http://a:b/", "http://u@h/"}) {
    EXPECT_THROW(ParseVerifier(text), UserError) << text;
  }
  const HttpUrl url = ParseHttpUrl("http://[::1]:81?a=1#b");
  EXPECT_EQ(url.host + " " + url.port + " " + url.path, "::1 81 /?a=1");
}

// ---- a URL

constexpr const char* kOddServer = R"(
import json, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *more): pass
    def do_POST(self):
        attempts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kinds = {a["kind"] for a in attempts}
        answers = [{"id": a["id"], "score": float(a["response"])} for a in attempts]
        if "hang" in kinds: time.sleep(100)
        if "drop" in kinds: self.close_connection = True; return
        if "status" in kinds: self.send_error(503, "too busy"); return
        if "backwards" in kinds: answers.reverse()
        if "twice" in kinds: answers += [{"id": a["id"], "score": 0} for a in attempts]
        if "missing" in kinds: answers = answers[1:] + [{"id": 99, "score": 1}]
        body = json.dumps(answers).encode()
        if "rubbish" in kinds: body = b"<html>"
        if "object" in kinds: body = b"{}"
        self.send_response(200)
        if "chunked" in kinds:
            self.send_header("Transfer-Encoding", "chunked"); self.end_headers()
            for i in range(0, len(body), 7):
                piece = body[i:i + 7]; self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n"); return
        if "short" in kinds: self.close_connection = True
        self.send_header("Content-Length", str(len(body) + (10 if "short" in kinds else 0))); self.end_headers()
        self.wfile.write(body)
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print("listening on port", server.server_port, flush=True)
server.serve_forever()
)";

class UrlTest : public ExternalTest {
 protected:
  // Starts a server that says its port; it ends with the test.
  std::string Serve(const std::string& code, const std::string& argument) {
    WriteFile(folder_ / "server.py", code);
    server_ = std::make_unique<ChildProcess>(std::vector<std::string>{"python3", folder_ / "server.py", argument}, -1, &never_);
    std::string line;
    EXPECT_EQ(server_->ReadLine(&line, std::chrono::steady_clock::now() + std::chrono::seconds(60)), ChildProcess::Result::kDone);
    return "http://127.0.0.1:" + line.substr(line.rfind(' ') + 1) + "/judge";
  }
  void TearDown() override {
    if (server_) server_->End();
  }
  const std::atomic<bool> never_ = false;
  std::unique_ptr<ChildProcess> server_;
};

TEST_F(UrlTest, TheExampleRunsAsItStands) {
  settings_.command.clear();
  settings_.url = Serve(Example("judge_server.py"), "0");
  UrlVerifier verifier(settings_, false);
  const auto judged = verifier.Judge(std::vector{Of("tea and cake", R"({"words": ["tea", "cake"]})"), Of("only tea", R"({"words": ["tea", "cake"]})")});
  EXPECT_EQ(judged[0].verdict, Verdict::kCorrect) << judged[0].reason;
  EXPECT_EQ(judged[1].score, 0.5);
  EXPECT_EQ(judged[1].reason, "missing: cake");
}

TEST_F(UrlTest, AnswersAreMatchedByIdAndFailuresAreErrors) {
  settings_.command.clear();
  settings_.url = Serve(kOddServer, "");
  settings_.workers = 3;
  settings_.timeout_seconds = 20;
  UrlVerifier verifier(settings_, false);
  const auto judge = [&](UrlVerifier& by, const std::string& kind, size_t n) {
    static std::deque<std::string> texts;
    std::vector<Attempt> attempts;
    for (size_t i = 0; i < n; ++i) {
      attempts.push_back(Of(texts.emplace_back(Str("0.", i + 1))));
      attempts.back().kind = kind;
    }
    return by.Judge(attempts);
  };
  for (const std::string kind : {"plain", "backwards", "twice", "chunked"}) {
    const auto judged = judge(verifier, kind, 70);  // more than three requests of 16
    for (size_t i = 0; i < judged.size(); ++i) EXPECT_EQ(judged[i].score, std::stod(Str("0.", i + 1))) << kind << i << judged[i].reason;
  }
  const std::vector<std::pair<std::string, std::string>> cases = {{"drop", "without an answer"}, {"status", "status 503"},
                                                                  {"rubbish", "what is no JSON, expected a list: <html>"},
                                                                  {"object", "a JSON object, expected a list"}, {"short", "ends too early"}};
  for (const auto& [kind, reason] : cases) {
    for (const Judgement& j : judge(verifier, kind, 2)) {
      EXPECT_EQ(j.verdict, Verdict::kError) << kind;
      EXPECT_NE(j.reason.find(reason), std::string::npos) << kind << ": " << j.reason;
    }
  }
  settings_.workers = 1;
  settings_.timeout_seconds = 3;
  UrlVerifier one(settings_, false);
  const auto missing = judge(one, "missing", 3);
  EXPECT_NE(missing[0].reason.find("has no answer to this attempt; it has one to id 99"), std::string::npos) << missing[0].reason;
  EXPECT_EQ(missing[1].score, 0.2) << missing[1].reason;
  EXPECT_NE(judge(one, "hang", 1)[0].reason.find("gave no answer in time"), std::string::npos);
  server_->End();
  EXPECT_NE(judge(one, "plain", 1)[0].reason.find("no connection to 127.0.0.1:"), std::string::npos);
}

}  // namespace
}  // namespace pith
