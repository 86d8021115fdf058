// pith-run bench from outside: where it runs, and what it says of long runs.
#include <sstream>

#include "base/cpu_clusters.h"
#include "tests/programs/run_program.h"

namespace pith {
namespace {

class BenchTest : public RunProgramTest {
 protected:
  // A short run with `more` options; a JSON object for each measurement.
  std::vector<nlohmann::json> Bench(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"bench", "--model", model_, "--prompt", "8", "--gen", "2", "--batch", "1", "--reps", "1", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Lines(arguments);
  }

  std::vector<nlohmann::json> Lines(const std::vector<std::string>& arguments) {
    const Outcome outcome = Run(arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    std::istringstream lines(outcome.out);
    std::vector<nlohmann::json> figures;
    for (std::string line; std::getline(lines, line);) figures.push_back(nlohmann::json::parse(line));
    return figures;
  }

  static std::vector<nlohmann::json> Of(const std::string& test, const std::vector<nlohmann::json>& figures) {
    std::vector<nlohmann::json> found;
    std::copy_if(figures.begin(), figures.end(), std::back_inserter(found), [&](const auto& line) { return line["test"] == test; });
    return found;
  }
};

TEST_F(BenchTest, ThreadsRunOnTheCpusThatAreNamed) {
  const std::vector<int> allowed = AllowedCpus();
  const std::string all = CpusText(allowed), last = std::to_string(allowed.back());
  const auto expect = [&](const std::vector<std::string>& options, size_t threads, const std::string& cpus) {
    const auto lines = Of("threads", Bench(options));
    ASSERT_EQ(lines.size(), 1u);
    EXPECT_EQ(lines[0]["threads"], threads);
    EXPECT_EQ(lines[0]["cpus"], cpus);
  };
  expect({"--cpus", last}, 1, last);
  expect({"--cpus", last, "--threads", "2"}, 2, last);
  expect({"--cpus", "all"}, allowed.size(), all);
  expect({"--cpus", all}, allowed.size(), all);
}

TEST_F(BenchTest, RefusesCpusThatAreNotThere) {
  for (const std::string& list : std::vector<std::string>{"", "x", "1,", "-1", "0-x", "All"}) {
    ExpectRefusal({"bench", "--model", model_, "--cpus", list}, "--cpus: got '");
  }
  ExpectRefusal({"bench", "--model", model_, "--cpus", "3-2"}, "--cpus: the range '3-2' ends before it begins; give it as 2-3");
  ExpectRefusal({"bench", "--model", model_, "--cpus", "1023"}, "--cpus: this process may not use CPU 1023; it has ");
}

TEST_F(BenchTest, SustainedTellsWhatIsLeftOfTheSpeed) {
  for (const auto& [options, batch] : std::vector<std::pair<std::vector<std::string>, int>>{{{}, 1}, {{"--batch", "3"}, 3}}) {
    std::vector<std::string> arguments = {"bench", "--model", model_, "--prompt", "8", "--gen", "5", "--json", "--sustained", "1s"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const auto figures = Lines(arguments);
    EXPECT_TRUE(Of("load", figures).empty() && Of("prefill", figures).empty());
    const auto parts = Of("sustained", figures), whole = Of("sustained_whole", figures);
    ASSERT_EQ(whole.size(), 1u);
    ASSERT_GT(parts.size(), 1u);
    ASSERT_LE(parts.size(), 20u);
    double before = 0, least = 1e300;
    for (size_t i = 0; i < parts.size(); ++i) {
      EXPECT_EQ(parts[i]["part"], i + 1);
      EXPECT_EQ(parts[i]["batch"], batch);
      EXPECT_GT(parts[i]["s"], before);
      EXPECT_GT(parts[i]["tok_per_s"], 0.0);
      before = parts[i]["s"];
      least = std::min<double>(least, parts[i]["tok_per_s"]);
    }
    EXPECT_GE(before, 1.0);
    EXPECT_EQ(whole[0]["first_tok_per_s"], parts.front()["tok_per_s"]);
    EXPECT_EQ(whole[0]["last_tok_per_s"], parts.back()["tok_per_s"]);
    EXPECT_EQ(whole[0]["least_tok_per_s"], least);
    const double first = parts.front()["tok_per_s"];
    EXPECT_NEAR(whole[0]["least_of_first"], least / first, 1e-3);
    EXPECT_NEAR(whole[0]["last_of_first"], double(parts.back()["tok_per_s"]) / first, 1e-3);
  }
}

TEST_F(BenchTest, SustainedRefusesWhatItCannotDo) {
  for (const char* time : {"", "10", "0s", "-1s", "25h", "m"}) {
    ExpectRefusal({"bench", "--model", model_, "--sustained", time}, "expected a time such as 30s, 10m or 2h, of a day at most");
  }
  ExpectRefusal({"bench", "--model", model_, "--sustained", "1s", "--batch", "1,2"}, "give one as --batch, not '1,2'");
  ExpectRefusal({"bench", "--model", model_, "--sustained", "1s", "--reps", "2"}, "--reps has no effect with --sustained");
}

}  // namespace
}  // namespace pith
