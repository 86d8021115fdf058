// pith-run bench from outside: where it runs.
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

}  // namespace
}  // namespace pith
