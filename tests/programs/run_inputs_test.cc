// What people give to pith-run: numbers on its command line, gold answers, files with a byte order mark.
#include <array>
#include <sstream>

#include "tests/programs/run_program.h"

namespace pith {
namespace {

TEST_F(RunProgramTest, NumbersThatAreNoneOrBeyondTheirRange) {
  const std::string huge = "9223372036854775807", beyond = "99999999999999999999999999";
  const auto refuse = [&](const std::vector<std::string>& command, const std::string& option, const std::string& expected,
                          const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      std::vector<std::string> arguments = command;
      arguments.insert(arguments.end(), {option, value});
      ExpectRefusal(arguments, option + ": got '" + value + "', expected " + expected);
    }
  };
  const std::vector<std::string> logits = {"logits", "--model", model_}, bench = {"bench", "--model", model_};
  const std::vector<std::string> none = {"", "abc", "1.5", "0x10", " 7", beyond, "-" + beyond};
  const std::vector<std::string> no_double = {"", "nan", "inf", "1e999", "abc", "0.5x"};
  const auto with = [](std::vector<std::string> values, const std::vector<std::string>& more) {
    values.insert(values.end(), more.begin(), more.end());
    return values;
  };
  struct Option {
    const char *name, *expected;
    std::vector<std::string> values;
  };
  const std::vector<Option> sampling = {
      {"--reserve", "an integer from 0 to 100000000", with(none, {"-1", huge})},
      {"--chains", "an integer from 1 to 256", with(none, {"0", "257", huge})},
      {"--max-tokens", "an integer from 1 to 1048576", with(none, {"0", huge})},
      {"--seed", "an integer from 0 to 18446744073709551615", with(none, {"-1", "18446744073709551616"})},
      {"--top-k", "an integer from 0 to 1000000000", with(none, {"-1", huge})},
      {"--temperature", "a number from 0 to 100", with(no_double, {"-0.5", "101"})},
      {"--top-p", "a number more than 0 and at most 1", with(no_double, {"0", "1.5"})},
      {"--min-p", "a number of at least 0 and less than 1", with(no_double, {"1", "-1"})},
  };
  for (const Option& option : sampling) {
    refuse(Generate({}), option.name, option.expected, option.values);
    refuse(Eval({}), option.name, option.expected, {option.values.front(), option.values.back()});
  }
  refuse(Generate({}), "--budget", "an integer from 0 to 100000000", with(none, {"-1", huge}));
  for (const Option& option : std::vector<Option>{{"--limit", "an integer from 0 to 1000000000", with(none, {huge})},
                                                  {"--data-seed", "an integer from 0 to 18446744073709551615", none},
                                                  {"--max-batch", "an integer from 1 to 1024", with(none, {"0"})}}) {
    refuse(Eval({}), option.name, option.expected, option.values);
  }
  for (const Option& option : std::vector<Option>{{"--min-steps", "an integer from 1 to 8", with(none, {"0"})},
                                                  {"--max-steps", "an integer from 1 to 8", {huge}},
                                                  {"--max-number", "an integer from 10 to 1000000", {"9", huge}},
                                                  {"--distractor-rate", "a number from 0 to 1", with(no_double, {"2"})}}) {
    refuse(Eval({}, "synthetic"), option.name, option.expected, option.values);
  }
  for (const char* option : {"--prompt", "--gen"}) refuse(bench, option, "an integer from 1 to 1048576", with(none, {"0", huge}));
  for (const auto& command : {bench, logits}) refuse(command, "--threads", "an integer from 0 to 1024", with(none, {"-1", "1025", "4294967297", huge}));
  refuse(bench, "--reps", "an integer from 1 to 100", {"", "0", huge});
  for (const std::string& list : std::vector<std::string>{"", ",", "1,,2", "1,x", "0", "1,1025", "1," + beyond}) {
    std::vector<std::string> arguments = bench;
    arguments.insert(arguments.end(), {"--batch", list});
    ExpectRefusal(arguments, ", expected an integer from 1 to 1024");
  }
  for (const std::string& list : std::vector<std::string>{"", "1,", "-1", "320", "4294967297", "1," + beyond}) {
    ExpectRefusal({"logits", "--model", model_, "--ids", list}, ", expected an integer from 0 to 319");
  }
  for (const std::string& list : std::vector<std::string>{"", "64,", "0", "-5", "none,x", "64," + huge}) {
    ExpectRefusal(Eval({"--budgets", list}), ", expected an integer from 1 to 100000000, or none");
  }
  EXPECT_EQ(Run(Generate({"--max-tokens", "+010", "--json"})).code, 0);
}

TEST_F(RunProgramTest, GradeShowsWhereReadingsAndFormDiffer) {
  WriteFile(folder_ / "pairs",
            "{\"gold\": \"7\", \"pred\": \"\\\\boxed{7}\"}\n"
            "{\"gold\": \"7\", \"pred\": \"The answer is 7.\", \"id\": \"b\"}\n\n"
            "{\"gold\": \"72\", \"pred\": \"#### 48/2+48\"}\n");
  const Outcome outcome = Shell("$P grade --audit < " + (folder_ / "pairs"));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(outcome.out,
            "{\"line\":2,\"id\":\"b\",\"gold\":\"7\",\"strict\":\"unparsed\",\"lenient\":\"correct\",\"form\":\"finished\",\"extracted_strict\":\"\",\"extracted_lenient\":\"7\"}\n"
            "{\"line\":4,\"gold\":\"72\",\"strict\":\"unsimplified\",\"lenient\":\"unsimplified\",\"form\":\"unsimplified\",\"extracted_strict\":\"48/2+48\","
            "\"extracted_lenient\":\"48/2+48\"}\n");
  EXPECT_NE(outcome.err.find("3 answers, 2 on which the readings or the form differ"), std::string::npos) << outcome.err;
}

TEST_F(RunProgramTest, GoldAnswersKeepTheDigitsThatTheyAreWrittenWith) {
  const std::vector<std::array<const char*, 3>> cases = {
      {"18446744073709551616", R"("\\boxed{18446744073709551616}")", "correct"},
      {"18446744073709551616", R"("\\boxed{18446744073709551617}")", "wrong"},
      {"-9223372036854775809", R"("-9223372036854775809")", "correct"},
      {"0.12345678901234567890123", R"("0.12345678901234567890123")", "correct"},
      {"0.12345678901234567890123", R"("0.12345678901234567890124")", "wrong"},
      {"1e400", R"("\\boxed{1e400}")", "correct"},
      {"[1, 18446744073709551616]", R"("[1, 18446744073709551616]")", "correct"},
      {"null", R"("null")", "wrong"},
      {"null", "null", "unparsed"},
      {"null", R"("\\boxed{}")", "unparsed"},
      {R"("")", R"("")", "unparsed"},
  };
  std::string input = "\xef\xbb\xbf\n";
  for (const auto& [gold, pred, verdict] : cases) input += std::string("{\"gold\": ") + gold + ", \"pred\": " + pred + "}\n";
  WriteFile(folder_ / "pairs", input);
  const Outcome outcome = Shell("$P grade < " + (folder_ / "pairs"));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  std::istringstream lines(outcome.out);
  for (const auto& [gold, pred, verdict] : cases) {
    std::string line;
    ASSERT_TRUE(std::getline(lines, line)) << gold;
    EXPECT_EQ(nlohmann::json::parse(line)["verdict"], verdict) << gold << " and " << pred;
  }
  for (const char* line : {"[1]", "{\"gold\": 1}", "{\"gold\": 1, \"pred\": 01}", "{\"gold\": 1, 2: 3}"}) {
    WriteFile(folder_ / "pairs", line);
    const Outcome refused = Shell("$P grade < " + (folder_ / "pairs"));
    EXPECT_EQ(refused.code, 2) << line;
    EXPECT_NE(refused.err.find("standard input, line 1"), std::string::npos) << refused.err;
  }
}

TEST_F(RunProgramTest, FilesThatBeginWithAByteOrderMark) {
  const std::string mark = "\xef\xbb\xbf", marked = folder_ / "marked";
  MakeFolders(marked);
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    const std::string name = entry.path().filename().string(), bytes = ReadFile(entry.path().string());
    WriteFile(marked + "/" + (name == "model.safetensors" ? "part.safetensors" : name), (name.ends_with(".json") ? mark : "") + bytes);
  }
  WriteFile(marked + "/model.safetensors.index.json", mark + R"({"weight_map": {"all": "part.safetensors"}})");
  const auto tokens = [&](const std::string& model) {
    const Outcome outcome = Run({"generate", "--model", model, "--prompt", "What is 3 + 4?", "--max-tokens", "8", "--json"});
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out, nullptr, false)["token_ids"].dump();
  };
  EXPECT_EQ(tokens(marked), tokens(kFolder));
  WriteFile(folder_ / "t.jinja", "{{ messages[0].content }}");
  WriteFile(folder_ / "m.json", mark + R"([{"role": "user", "content": "hi"}])");
  EXPECT_EQ(Run({"template", "--template", folder_ / "t.jinja", "--messages", folder_ / "m.json"}).out, "hi");
  WriteFile(folder_ / "array.jsonl", mark + R"([{"question": "1 + 1?", "answer": 2}])");
  EXPECT_EQ(Run(Eval({"--max-tokens", "4"}, folder_ / "array.jsonl")).code, 0);
}

}  // namespace
}  // namespace pith
