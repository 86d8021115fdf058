// mpirun -np 2 pith-train: two processes compute what one does.
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "base/safetensors.h"
#include "tests/programs/program.h"

namespace pith {
namespace {

using nlohmann::json;

// Two processes may share a core here, and share memory without asking the kernel to copy between them.
const std::string kTwo =
    "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl_vader_single_copy_mechanism=none "
    "mpirun -np 2 --oversubscribe";

class RanksTest : public ProgramTest {
 protected:
  RanksTest() : ProgramTest("pith-train") {}

  void SetUp() override {
    ProgramTest::SetUp();
    if (std::system("command -v mpirun > /dev/null") != 0) GTEST_SKIP() << "mpirun is not installed (Debian's openmpi-bin)";
  }

  // A configuration of `steps` steps whose run is folder_/NAME.
  std::string Config(const std::string& stage, const std::string& name, int steps, const std::string& more = "") {
    const std::string path = folder_ / (name + ".yaml");
    std::string text = "stage: " + stage + "\nfolder: " + (folder_ / name) + "\nthreads: 1\nmodel: {path: " PITH_TEST_GOLDEN
                       "/tiny-llama, dtype: float32}\nadapter: {rank: 4, alpha: 8}\noptimizer: {learning_rate: 5e-3}\n"
                       "log: {save_every: 1, keep_checkpoints: 9}\n";
    const std::string data = "data: {dataset: synthetic, limit: ";
    if (stage == "sft") {
      text += data + std::to_string(5 * steps) + "}\nsft: {batch_size: 5, micro_batch_size: 2, max_length: 500}\n";
    } else {
      text += data + "9}\nrl: {steps: " + std::to_string(steps) +
              ", prompts_per_step: 3, group_size: 4, micro_batch_size: 5, updates_per_rollout: 2, kl_beta: 0.02}\n"
              "rollout: {max_completion_tokens: 200, activations: f32}\nbudget: {tokens: 32, window: 0.4}\n"
              "reward:\n  times: [budget]\n  plus: [{kind: free_then_falling, free_tokens: 2, fall_tokens: 198, always: true}]\n";
    }
    WriteFile(path, text + more);
    return path;
  }

  std::vector<json> Metrics(const std::string& name) const {
    std::vector<json> lines;
    std::istringstream in(ReadFile(folder_ / (name + "/metrics.jsonl")));
    for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line));
    return lines;
  }

  static std::vector<std::string> Warnings(const std::string& err) {
    std::vector<std::string> lines;
    std::istringstream in(err);
    for (std::string line; std::getline(in, line);) {
      if (line.find("warning: ") != std::string::npos) lines.push_back(line);
    }
    return lines;
  }

  // The largest difference of all moments of the two runs after `step`, each as a share of the largest moment of its tensor.
  double MomentsDiffer(const std::string& a, const std::string& b, int step) const {
    const std::string file = "/checkpoints/step-" + std::to_string(step) + "/optimizer.safetensors";
    const SafetensorsFile x(folder_ / (a + file)), y(folder_ / (b + file));
    EXPECT_EQ(x.tensors().size(), y.tensors().size());
    double worst = 0;
    for (const auto& [name, tensor] : x.tensors()) {
      const SafeTensor* other = y.Find(name);
      if (!other || other->bytes != tensor.bytes) return INFINITY;
      const auto* p = reinterpret_cast<const float*>(tensor.data);
      const auto* q = reinterpret_cast<const float*>(other->data);
      double top = 0, gap = 0;
      for (uint64_t i = 0; i < tensor.bytes / 4; ++i) {
        top = std::max(top, std::fabs(double{p[i]}));
        gap = std::max(gap, std::fabs(double{p[i]} - q[i]));
      }
      if (top > 0) worst = std::max(worst, gap / top);
    }
    return worst;
  }
};

TEST_F(RanksTest, TwoGiveTheGradientsOfOne) {
  size_t warnings = 0;
  for (const std::string stage : {"sft", "rl"}) {
    const Outcome one = Run({Config(stage, stage + "1", 1)});
    ASSERT_EQ(one.code, 0) << one.err;
    const Outcome two = Run({Config(stage, stage + "2", 1)}, kTwo);
    ASSERT_EQ(two.code, 0) << two.err;
    EXPECT_EQ(Warnings(two.err), Warnings(one.err)) << stage << ": two say what one says, and once";
    warnings += Warnings(one.err).size();
    // The first moment is the gradient times 1 − β1. Sums are of other orders: rounding.
    EXPECT_LT(MomentsDiffer(stage + "1", stage + "2", 1), 2e-5) << stage;
    const json a = Metrics(stage + "1")[0], b = Metrics(stage + "2")[0];
    EXPECT_GT(a["grad_norm"], 1e-4) << stage << ": no gradient, this compares nothing";
    EXPECT_EQ(a.size(), b.size());
    for (const auto& [name, value] : a.items()) {
      if (name.starts_with("time/") || name == "step_time" || name == "wall_time" || name == "tokens_per_second") continue;
      ASSERT_TRUE(b.contains(name)) << name;
      EXPECT_NEAR(value.get<double>(), b[name].get<double>(), 1e-5 * (1 + std::fabs(value.get<double>()))) << stage << " " << name;
    }
  }
  EXPECT_GT(warnings, 0u) << "nobody warned, this compares nothing of warnings";
  EXPECT_EQ(ReadFile(folder_ / "rl1/completions/step-1.jsonl"), ReadFile(folder_ / "rl2/completions/step-1.jsonl"));
}

// The rate is too small to change a number, so both evaluate the same adapter.
TEST_F(RanksTest, TwoEvaluateAsOneDoes) {
  const std::string more = "eval: {every: 1, limit: 5, budgets: [70, 0], chains: 2, temperature: 0.9, max_tokens: 80, max_share: 1}\n";
  ASSERT_EQ(Run({Config("sft", "one", 1, more), "--set", "optimizer.learning_rate=1e-30"}).code, 0);
  const Outcome two = Run({Config("sft", "two", 1, more), "--set", "optimizer.learning_rate=1e-30"}, kTwo);
  ASSERT_EQ(two.code, 0) << two.err;
  const json a = Metrics("one")[0], b = Metrics("two")[0];
  EXPECT_GT(a["eval/none/mean_tokens"], 0.0);
  size_t compared = 0;
  for (const auto& [name, value] : a.items()) {
    if (!name.starts_with("eval/")) continue;
    EXPECT_EQ(value, b.value(name, json())) << name;
    ++compared;
  }
  EXPECT_EQ(compared, 17u);
}

TEST_F(RanksTest, ResumedTogetherTheyEndWhereTheyWouldHave) {
  const Outcome whole = Run({Config("rl", "whole", 4)}, kTwo);
  ASSERT_EQ(whole.code, 0) << whole.err;
  const std::string config = Config("rl", "cut", 4);
  ASSERT_EQ(Run({config}, kTwo).code, 0);
  // As if killed after step 2.
  for (const char* later : {"cut/checkpoints/step-3", "cut/checkpoints/step-4", "cut/adapter"}) {
    std::filesystem::remove_all(folder_ / later);
  }
  const Outcome resumed = Run({config, "--resume"}, kTwo);
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_EQ(ReadFile(folder_ / "whole/adapter/adapter_model.safetensors"), ReadFile(folder_ / "cut/adapter/adapter_model.safetensors"));
  EXPECT_EQ(Metrics("cut").size(), 4u);
}

// A judge that says something else each time would part the ranks, were each to ask it.
TEST_F(RanksTest, OneOfThemAsksTheJudge) {
  WriteFile(folder_ / "judge.py",
            "import json, random, sys\n"
            "for line in sys.stdin:\n"
            "    a = json.loads(line)\n"
            "    open('" + (folder_ / "sent") + "', 'a').write(json.dumps([a['problem'], a['response'], a['tokens'], a['truncated']]) + '\\n')\n"
            "    print(json.dumps({'id': a['id'], 'score': random.random()}), flush=True)\n");
  const Outcome two = Run({Config("rl", "judged", 3), "--set", "reward.verifier={command: [python3, " + (folder_ / "judge.py") + "], workers: 1}"}, kTwo);
  ASSERT_EQ(two.code, 0) << two.err;
  std::istringstream sent(ReadFile(folder_ / "sent"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(sent, line);) lines.push_back(line);
  EXPECT_GT(lines.size(), 18u);
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(std::adjacent_find(lines.begin(), lines.end()), lines.end()) << "asked twice";
  EXPECT_GT(Metrics("judged")[2]["grad_norm"].get<double>(), 0.0);
}

TEST_F(RanksTest, ADeadRankEndsAllWithAMessage) {
  const std::string config = Config("rl", "long", 100000);
  const std::string done = folder_ / "done";
  std::thread run([&] {
    const Outcome outcome = Run({config}, kTwo);
    WriteFile(done, std::to_string(outcome.code) + "\n" + outcome.err);
  });
  const auto wait_for = [](const std::string& path, int seconds) {
    for (int i = 0; i < 10 * seconds && !FileExists(path); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return FileExists(path);
  };
  EXPECT_TRUE(wait_for(folder_ / "long/metrics.jsonl", 60)) << "the run never began";
  const std::string both = "pgrep -f '^" + Binary() + " " + config + "'";
  EXPECT_EQ(std::system((both + " | tail -1 | xargs kill -9").c_str()), 0);
  const bool ended = wait_for(done, 30);
  EXPECT_TRUE(ended) << "the other rank waits for ever";
  if (!ended) std::ignore = std::system((both + " | xargs kill -9").c_str());
  run.join();
  const std::string outcome = ReadFile(done);
  EXPECT_NE(outcome.substr(0, 2), "0\n");
  EXPECT_NE(outcome.find("signal 9"), std::string::npos) << outcome;
  EXPECT_NE(std::system((both + " > /dev/null").c_str()), 0) << "a rank is still running";
}

TEST_F(RanksTest, AUsersMistakeEndsAll) {
  const std::string config = Config("rl", "twice", 1);
  ASSERT_EQ(Run({config}).code, 0);
  const Outcome outcome = Run({config}, kTwo);  // the folder holds a run: only the first rank knows
  EXPECT_EQ(outcome.code, 2) << outcome.err;
  EXPECT_NE(outcome.err.find("holds a run already"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace pith
