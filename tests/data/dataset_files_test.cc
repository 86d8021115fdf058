// JSONL files by field names, and the download cache.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "data/curriculum.h"
#include "data/dataset.h"
#include "data/download.h"

namespace pith {
namespace {

class Variable {  // an environment variable, restored at the end
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    value ? ::setenv(name, value, 1) : ::unsetenv(name);
  }
  ~Variable() { old_ ? ::setenv(name_.c_str(), old_->c_str(), 1) : ::unsetenv(name_.c_str()); }

 private:
  std::string name_;
  std::optional<std::string> old_;
};

std::string Folder(const std::string& name) {
  const std::string folder = testing::TempDir() + "pith_dataset_" + std::to_string(::getpid()) + "_" + name;
  MakeFolders(folder);
  return folder;
}

std::string ErrorOf(const DatasetSpec& spec) {
  try {
    LoadProblems(spec);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

DatasetSpec FileSpec(const std::string& name, const std::string& contents) {
  DatasetSpec spec;
  spec.name = Folder("files") + "/" + name;
  WriteFile(spec.name, contents);
  return spec;
}

TEST(DatasetFiles, FieldsAreTakenByName) {
  DatasetSpec spec = FileSpec("a.jsonl",
                              "{\"q\": \"Two and two?\", \"gold\": 4.0, \"why\": \"2+2=4\\n#### 4\"}\n\n"
                              "{\"q\": \"Ten minus 3?\", \"gold\": \"7\", \"why\": \"#### 7\"}\r\n");
  spec.question_field = "q";
  spec.answer_field = "gold";
  spec.solution_field = "why";
  const std::vector<Problem> problems = LoadProblems(spec);
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_TRUE(problems[0].place.ends_with("a.jsonl, line 1")) << problems[0].place;
  EXPECT_TRUE(problems[1].place.ends_with("a.jsonl, line 3")) << problems[1].place;
  EXPECT_EQ(problems[0].question, "Two and two?");
  EXPECT_EQ(problems[0].answer, "4.0") << "as it is written";
  EXPECT_EQ(problems[0].solution, "2+2=4\n#### 4");
  EXPECT_EQ(problems[1].answer, "7");
}

// What a curriculum knows of a problem it knows by its id: that must not pass to another when lines move.
TEST(DatasetFiles, AProblemKeepsItsIdWhereverItStands) {
  const std::string one = "{\"question\": \"1+1?\", \"answer\": 2}\n", two = "{\"question\": \"2+2?\", \"answer\": 4, \"solution\": \"4\"}\n",
                    rewritten = "{\"solution\": \"2+2=4\", \"question\": \"2+2?\", \"answer\": \"4\"}\n", code = "{\"question\": \"2+2?\", \"answer\": 4, \"kind\": \"code\"}\n",
                    tested = "{\"question\": \"2+2?\", \"answer\": 4, \"kind\": \"code\", \"payload\": [1]}\n";
  const std::vector<Problem> before = LoadProblems(FileSpec("moved.jsonl", one + two));
  CurriculumSettings settings;
  Curriculum old(settings, {before[0].id, before[1].id});
  old.Observe(1, 0.25);
  const std::vector<Problem> after = LoadProblems(FileSpec("moved.jsonl", code + rewritten + tested + one));
  std::vector<std::string> ids;
  for (const Problem& problem : after) ids.push_back(problem.id);
  EXPECT_EQ(ids[1], before[1].id);
  EXPECT_EQ(ids[3], before[0].id);
  EXPECT_TRUE(ids[0].starts_with("moved.jsonl-")) << ids[0];
  Curriculum now(settings, ids);  // refuses two of one name
  now.Load(old.Save());
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(now.PoolOf(i), i == 1 ? Pool::kLearning : Pool::kFresh) << i;
}

TEST(DatasetFiles, TheSameProblemTwiceIsNumbered) {
  const std::string one = "{\"question\": \"1+1?\", \"answer\": 2}\n";
  const std::vector<Problem> problems = LoadProblems(FileSpec("twice.jsonl", one + one + one));
  EXPECT_EQ(problems[1].id, problems[0].id + "-2");
  EXPECT_EQ(problems[2].id, problems[0].id + "-3");
}

TEST(DatasetFiles, TheSolutionMayBeAbsentUnlessItIsNamed) {
  DatasetSpec spec = FileSpec("b.jsonl", "{\"question\": \"1+1?\", \"answer\": 2}\n");
  EXPECT_EQ(LoadProblems(spec).at(0).solution, "");
  spec.solution_field = "worked";
  EXPECT_NE(ErrorOf(spec).find("'worked' is missing"), std::string::npos) << ErrorOf(spec);
}

// What nothing can be judged by is refused, however it is missing; a solution is left out instead.
TEST(DatasetFiles, BlankFieldsAreNone) {
  const std::string good = "{\"question\": \"1+1?\", \"answer\": 2, \"solution\": \"1+1=2\"}\n";
  for (const std::string blank : {"\"\"", "\"  \\n\"", "\"\\u00a0\\u3000\"", "\"\\u200b\"", "null"}) {
    const std::string is = blank == "null" ? "is null" : "is blank";
    EXPECT_NE(ErrorOf(FileSpec("h.jsonl", good + "{\"question\": \"x\", \"answer\": " + blank + "}\n")).find("line 2: field 'answer' " + is), std::string::npos) << blank;
    EXPECT_NE(ErrorOf(FileSpec("i.jsonl", good + "{\"question\": " + blank + ", \"answer\": 2}\n")).find("line 2: field 'question' " + is), std::string::npos) << blank;
    DatasetSpec spec = FileSpec("j.jsonl", good + "{\"question\": \"x\", \"answer\": 2, \"solution\": " + blank + ", \"worked\": " + blank + "}\n");
    const std::vector<Problem> problems = LoadProblems(spec);
    ASSERT_EQ(problems.size(), 2u) << blank;
    EXPECT_EQ(problems[0].solution, "1+1=2");
    EXPECT_EQ(problems[1].solution, "") << blank;
    spec.solution_field = "worked";
    WriteFile(spec.name, "{\"question\": \"x\", \"answer\": 2, \"worked\": " + blank + "}\n");
    EXPECT_NE(ErrorOf(spec).find("line 1: field 'worked' " + is), std::string::npos) << blank;
  }
}

TEST(DatasetFiles, KindsAndPayloadsAreKept) {
  const std::vector<Problem> problems = LoadProblems(FileSpec(
      "kinds.jsonl",
      "{\"question\": \"a?\", \"answer\": 1}\n"
      "{\"question\": \"b?\", \"answer\": 2, \"kind\": \"code\", \"payload\": {\"n\": 18446744073709551616, \"x\": [1.50, \"\\u00e4\\n\"]}}\n"
      "{\"question\": \"c?\", \"kind\": \"code\", \"payload\": \"text\"}\n"
      "{\"question\": \"d?\", \"answer\": 4, \"kind\": null, \"payload\": null}\n"));
  ASSERT_EQ(problems.size(), 4u);
  EXPECT_EQ(problems[0].kind, "math");
  EXPECT_EQ(problems[0].payload, "");
  EXPECT_EQ(problems[1].kind, "code");
  EXPECT_EQ(problems[1].payload, "{\"n\":18446744073709551616,\"x\":[1.50,\"\xc3\xa4\\n\"]}") << "on one line, digits as they were";
  EXPECT_EQ(problems[1].answer, "2");
  EXPECT_EQ(problems[2].answer, "") << "another kind's verifier may do without";
  EXPECT_EQ(problems[2].payload, "\"text\"");
  EXPECT_EQ(problems[3].kind, "math");
  EXPECT_EQ(problems[3].payload, "");
  EXPECT_NE(ErrorOf(FileSpec("kindless.jsonl", "{\"question\": \"c?\", \"payload\": {}}\n")).find("field 'answer' is missing"), std::string::npos);
}

TEST(DatasetFiles, ConversationsAreRead) {
  const std::string talk = "{\"messages\": [{\"role\": \"system\", \"content\": \"\"}, {\"content\": \"1+1?\", \"role\": \"user\", \"name\": null}, {\"role\": \"tool\", \"content\": \"2\"}, "
                           "{\"role\": \"assistant\", \"content\": \"It is 2.\", \"tool_calls\": []}], \"question\": null}\n";
  DatasetSpec spec = FileSpec("talk.jsonl", talk + "{\"question\": \"1+1?\", \"answer\": 2, \"messages\": 5}\n");
  EXPECT_NE(ErrorOf(spec).find("talk.jsonl, line 1: is a conversation ('messages'), which supervised training alone can use"), std::string::npos) << ErrorOf(spec);
  spec.conversations = true;
  const std::vector<Problem> problems = LoadProblems(spec);
  ASSERT_EQ(problems[0].messages.size(), 4u);
  EXPECT_EQ(problems[0].messages[1].role, "user");
  EXPECT_EQ(problems[0].messages[1].content, "1+1?");
  EXPECT_EQ(problems[0].messages[3].content, "It is 2.");
  EXPECT_TRUE(problems[1].messages.empty()) << "a question is one, as before";
  WriteFile(spec.name, talk + "{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}, {\"role\": \"assistant\", \"content\": \"y\"}]}\n");
  EXPECT_NE(LoadProblems(spec)[1].id, problems[0].id) << "named by what is said";
  EXPECT_EQ(LoadProblems(spec)[0].id, problems[0].id);
  const std::string said = "{\"role\": \"assistant\", \"content\": \"y\"}", place = "talk.jsonl, line 1: 'messages'";
  for (const auto& [messages, problem] : std::vector<std::pair<std::string, std::string>>{
           {"5", " is a JSON number, expected a list of messages"},
           {"[]", " is empty, expected a list of messages"},
           {"[\"x\"]", ", message 1 is a JSON string, expected an object"},
           {"[" + said + ", {\"role\": \"user\"}]", ", message 2 has no 'content', expected a text"},
           {"[" + said + ", {\"role\": \"user\", \"content\": [1]}]", ", message 2: its 'content' is a JSON array, expected a text"},
           {"[" + said + ", {\"role\": \"human\", \"content\": \"x\"}]", ", message 2 has the role 'human', expected system, user, assistant or tool"},
           {"[" + said + ", {\"role\": \"system\", \"content\": \"x\"}]", ", message 2 is of the system, which speaks first or not at all"},
           {"[{\"role\": \"assistant\", \"content\": \"\", \"tool_calls\": [{\"name\": \"f\"}]}]", ", message 1 has 'tool_calls', which is not learned from"},
           {"[{\"role\": \"user\", \"content\": \"x\"}, {\"role\": \"assistant\", \"content\": \" \\n\"}]", " has no message of the assistant that says something"}}) {
    WriteFile(spec.name, "{\"messages\": " + messages + "}\n");
    EXPECT_NE(ErrorOf(spec).find(place + problem), std::string::npos) << ErrorOf(spec);
  }
}

TEST(DatasetFiles, DomainsAndLevelsAreTakenWhereThereAreSome) {
  const std::vector<Problem> problems = LoadProblems(FileSpec(
      "levels.jsonl",
      "{\"question\": \"a?\", \"answer\": 1, \"level\": 3, \"domain\": \"Algebra\", \"subject\": \"Rings\"}\n"
      "{\"question\": \"b?\", \"answer\": 1, \"level\": \"hard\", \"subject\": \"Rings\"}\n"
      "{\"question\": \"c?\", \"answer\": 1, \"level\": [1, 2], \"domain\": null}\n"));
  EXPECT_EQ(problems[0].domain, "Algebra");
  EXPECT_EQ(problems[0].level, "3");
  EXPECT_EQ(problems[1].domain, "Rings") << "as MATH calls it";
  EXPECT_EQ(problems[1].level, "hard");
  EXPECT_EQ(problems[2].domain, "");
  EXPECT_EQ(problems[2].level, "[1,2]") << "a file that was read before is read still";
}

TEST(DatasetFiles, NumbersKeepTheirDigits) {
  for (const std::string number : {"18446744073709551616", "-9223372036854775809", "0.10", "1e400", "-1E-400", "12.0", "0.30000000000000004440892", "7"}) {
    for (const std::string before : {"", "\xef\xbb\xbf"}) {
      const std::string record = "{\"question\": \"a \\\"1.50\\\"?\", \"list\": [1, {\"b\": 2}], \"answer\":" + number + "}";
      for (const std::string& whole : {record + "\n", "[" + record + ",\n" + record + "]"}) {
        const std::vector<Problem> problems = LoadProblems(FileSpec("k.jsonl", before + whole));
        ASSERT_GE(problems.size(), 1u);
        EXPECT_EQ(problems.back().answer, number);
        EXPECT_EQ(problems.back().question, "a \"1.50\"?");
      }
    }
  }
}

TEST(DatasetFiles, WhatIsNoJsonStaysNone) {
  for (const std::string bad : {"01", "1.", ".5", "+1", "-", "1e", "1 2", "0x10", "1,, \"b\": 2", "1, 2: 3", "\"open", "NaN", "1-2"}) {
    const std::string error = ErrorOf(FileSpec("l.jsonl", "{\"question\": \"x\", \"answer\": " + bad + "}\n"));
    EXPECT_NE(error.find("l.jsonl, line 1: not valid JSON"), std::string::npos) << bad << "\n" << error;
  }
  // The place is that of the text as it stands in the file.
  EXPECT_NE(ErrorOf(FileSpec("m.jsonl", "{\"answer\": 1, \"x\": 2, \"question\" 5}\n")).find("column 34)"), std::string::npos)
      << ErrorOf(FileSpec("m.jsonl", "{\"answer\": 1, \"x\": 2, \"question\" 5}\n"));
}

TEST(DatasetFiles, MalformedLinesAreNamedByNumber) {
  const std::string good = "{\"question\": \"1+1?\", \"answer\": 2}\n";
  EXPECT_NE(ErrorOf(FileSpec("c.jsonl", good + "\n{\"question\": \n")).find("c.jsonl, line 3: not valid JSON (it breaks off at the end); expected"),
            std::string::npos);
  EXPECT_NE(ErrorOf(FileSpec("c.jsonl", good + "{\"question\": x, \"answer\": 17}\n")).find("line 2: not valid JSON (column 14); expected"), std::string::npos);
  EXPECT_NE(ErrorOf(FileSpec("c.jsonl", "[{\"question\": 3},\n {1: 2}]\n")).find("c.jsonl: not valid JSON (line 2, column 3); expected"), std::string::npos);
  EXPECT_NE(ErrorOf(FileSpec("d.jsonl", good + "[1]\n")).find("line 2: got a JSON array"), std::string::npos);
  EXPECT_NE(ErrorOf(FileSpec("e.jsonl", good + "{\"question\": \"x\"}\n")).find("line 2: field 'answer' is missing"),
            std::string::npos);
  EXPECT_NE(ErrorOf(FileSpec("f.jsonl", "{\"question\": [], \"answer\": 1}\n")).find("line 1: field 'question'"),
            std::string::npos);
  EXPECT_NE(ErrorOf(FileSpec("g.jsonl", "\n \n")).find("no records"), std::string::npos);
}

TEST(DatasetFiles, UnknownNamesAndMissingFilesAreRefused) {
  DatasetSpec spec;
  spec.name = "gsm9k";
  EXPECT_NE(ErrorOf(spec).find("gsm9k"), std::string::npos);
  spec.name = Folder("files") + "/absent.jsonl";
  EXPECT_NE(ErrorOf(spec).find("absent.jsonl"), std::string::npos);
  spec.name = "gsm8k";
  const Variable data("PITH_DATA", "/nonexistent");
  EXPECT_NE(ErrorOf(spec).find("PITH_DATA is /nonexistent"), std::string::npos) << ErrorOf(spec);
}

class Download : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("curl --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "the program curl is not installed";
    WriteFile(source_, "some data\n");
    ::unlink((cache_ + "/pith/data/x.jsonl").c_str());
    Sha256 hash;
    hash.Update("some data\n");
    digest_ = hash.HexDigest();
  }
  std::string cache_ = Folder("cache"), source_ = Folder("source") + "/x.jsonl", digest_;
  Variable home_{"XDG_CACHE_HOME", cache_.c_str()};

  std::string Error(const std::string& url, const std::string& digest) {
    try {
      CachedDownload(url, digest, "x.jsonl");
    } catch (const UserError& error) {
      return error.what();
    }
    return "no error";
  }
};

TEST_F(Download, IsKeptAndReused) {
  const std::string path = CachedDownload("file://" + source_, digest_, "x.jsonl");
  EXPECT_EQ(path, cache_ + "/pith/data/x.jsonl");
  EXPECT_EQ(ReadFile(path), "some data\n");
  ::unlink(source_.c_str());
  EXPECT_EQ(CachedDownload("file://" + source_, digest_, "x.jsonl"), path);
}

TEST_F(Download, ADamagedCopyIsFetchedAgain) {
  const std::string path = CachedDownload("file://" + source_, digest_, "x.jsonl");
  WriteFile(path, "some dat");
  EXPECT_EQ(ReadFile(CachedDownload("file://" + source_, digest_, "x.jsonl")), "some data\n");
}

TEST_F(Download, OtherContentsAreRefusedAndNotKept) {
  const std::string error = Error("file://" + source_, std::string(64, '0'));
  EXPECT_NE(error.find("expected 0000"), std::string::npos) << error;
  EXPECT_NE(error.find("PITH_DATA"), std::string::npos) << error;
  EXPECT_FALSE(FileExists(cache_ + "/pith/data/x.jsonl"));
}

TEST_F(Download, AFailedDownloadNamesTheWayOut) {
  testing::internal::CaptureStderr();
  const std::string error = Error("file:///nonexistent/x.jsonl", digest_);
  const std::string shown = testing::internal::GetCapturedStderr();
  EXPECT_EQ(shown.find("curl"), std::string::npos) << shown;
  EXPECT_NE(error.find("cannot download file:///nonexistent/x.jsonl: there is no such file; or get"), std::string::npos) << error;
  EXPECT_NE(error.find("PITH_DATA"), std::string::npos) << error;
}

TEST_F(Download, AMissingCurlIsNamed) {
  const Variable path("PATH", "/nonexistent");
  const std::string error = Error("file://" + source_, digest_);
  EXPECT_NE(error.find("curl could not be started"), std::string::npos) << error;
  EXPECT_NE(error.find("PITH_DATA"), std::string::npos) << error;
}

}  // namespace
}  // namespace pith
