#include "base/json_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace pith {
namespace {

TEST(JsonObjectProblem, FindsNothingInObjects) {
  for (const char* text : {"{}", " {\"a\": [1, -2, 3.5e3, true, null, {\"a\": \"\\u00e4\"}], \"b\": {\"a\": {}}}\n",
                           R"({"a": [{"k": 1}, {"k": 2}], "b": [], "k": [[], []]})"}) {
    EXPECT_EQ(JsonObjectProblem(text), "") << text;
  }
}

TEST(JsonObjectProblem, SaysWhereTextIsNotJson) {
  EXPECT_EQ(JsonObjectProblem("{\"a\": 1,\n \"b\" 2}"), "is not a JSON object (line 2, column 6)");
  for (const char* text : {"", "{", "{\"a\":1}}", "{\"a\":1} {}", "{a:1}", "{\"a\":01}", "{\"a\":1e999}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\xff\"}",
                           "{\"a\":nan}", "{\"a\":1,}", "// x\n{}"}) {
    EXPECT_TRUE(JsonObjectProblem(text).starts_with("is not a JSON object (line 1, column ")) << text << ": " << JsonObjectProblem(text);
  }
  for (const char* text : {"[]", "[{}]", "3", "\"{}\"", "null"}) EXPECT_EQ(JsonObjectProblem(text), "is not a JSON object") << text;
}

TEST(JsonObjectProblem, CountsListsAndObjectsThatAreOpen) {
  EXPECT_EQ(JsonObjectProblem(R"({"a": [[]], "b": [[]], "c": {"d": {}}})", 3), "");
  EXPECT_EQ(JsonObjectProblem(R"({"a": [[]], "b": [[[]]]})", 3), "nests lists and objects more than 3 deep");
  EXPECT_EQ(JsonObjectProblem(R"({"a": {"b": {"c": {}}}})", 3), "nests lists and objects more than 3 deep");
}

TEST(JsonObjectProblem, FindsKeysThatOccurTwiceInOneObject) {
  EXPECT_EQ(JsonObjectProblem(R"({"a": 1, "b": 2, "a": 3})"), "has an object in which the key 'a' occurs twice");
  EXPECT_EQ(JsonObjectProblem(R"({"a": [{"k": {"x": 1}, "k": 1}]})"), "has an object in which the key 'k' occurs twice");
  EXPECT_EQ(JsonObjectProblem(R"({"a": 1, "\u0061": 3})"), "has an object in which the key 'a' occurs twice");
}

TEST(JsonObjectProblem, TheLastOfEqualKeysMayCount) {
  EXPECT_EQ(JsonObjectProblem(R"({"a": 1, "b": {"c": 2, "c": [3]}, "a": 3})", kMaxJsonDepth, RepeatedKeys::kLastCounts), "");
  EXPECT_EQ(JsonObjectProblem(R"({"a": 1, "a": [[]]})", 2, RepeatedKeys::kLastCounts), "nests lists and objects more than 2 deep");
}

TEST(PythonJson, NumbersThatAreNone) {
  EXPECT_EQ(PythonJson(R"({"a": NaN, "b": [-Infinity,Infinity], "c": -1})"), R"({"a": "NaN", "b": ["-Infinity","Infinity"], "c": -1})");
  // In strings they are text, also behind a quote that is escaped.
  for (const char* text : {R"({"NaN": "a NaN", "b": "\"NaN", "c": "\\"})", R"({"a": "Infinity)", R"({"a": "\)", R"("\")", "", "N", "-", "Inf", "{\"a\": Nan}",
                           "{NaN: 1}", "{-Infinity :1}"}) {
    EXPECT_EQ(PythonJson(text), text);
  }
  // What is no JSON to Python either stays none.
  for (const char* text : {"{\"a\": NaN1}", "{\"a\": 1NaN}", "{\"a\": --Infinity}", "{\"a\": -NaN}", "{\"a\": NaN\"b\"}", "{\"a\": NaNNaN}"}) {
    EXPECT_NE(JsonObjectProblem(PythonJson(text)), "") << text;
  }
}

TEST(JsonBreak, IsNamedForPeople) {
  for (const char* text : {"{}", "[1, {\"a\": null}]", "3", "[1e999]", "\"x\"\n"}) EXPECT_EQ(JsonBreak(text), "") << text;
  EXPECT_EQ(JsonBreak("{\"a\": x}"), "column 7");
  EXPECT_EQ(JsonBreak("{\"a\": x}\n"), "column 7");
  EXPECT_EQ(JsonBreak("[1,\n 2 3]"), "line 2, column 4");
  EXPECT_EQ(JsonBreak("{\"a\": 1"), "it breaks off at the end");
  EXPECT_EQ(JsonBreak(""), "it breaks off at the end");
  EXPECT_EQ(JsonBreak("{\"a\": \"\xff\"}"), "column 8");
  const std::string deep(300'000, '[');
  EXPECT_EQ(JsonBreak(deep), "it breaks off at the end");
}

TEST(JsonErrorText, LeavesTheLibraryOut) {
  try {
    nlohmann::json(1).get<std::string>();
  } catch (const nlohmann::json::exception& error) {
    EXPECT_EQ(JsonErrorText(error), "type must be string, but is number");
  }
}

TEST(WithoutByteOrderMark, IsTheTextBehindIt) {
  EXPECT_EQ(WithoutByteOrderMark("\xef\xbb\xbf{}"), "{}");
  EXPECT_EQ(WithoutByteOrderMark("{}"), "{}");
  EXPECT_EQ(WithoutByteOrderMark("\xef\xbb"), "\xef\xbb");
  EXPECT_EQ(WithoutByteOrderMark("\xef\xbb\xbf\xef\xbb\xbf"), "\xef\xbb\xbf") << "one";
  EXPECT_EQ(JsonObjectProblem("\xef\xbb\xbf{\"a\": 1}"), "") << "the parser skips it by itself";
}

}  // namespace
}  // namespace pith
