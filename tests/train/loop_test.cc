// The loop around a stage: what it keeps, what it sweeps away, what it does at a hook's demand. Runs of the tiny model where
// the model matters, a stage that only counts where it does not.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <sstream>
#include <thread>

#include "adapters/peft.h"
#include "tests/train/tiny_run.h"
#include "train/run/best.h"
#include "train/run/checkpoint.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using testing::Execute;
using testing::MetricsOf;
using testing::Refusal;
using testing::Scratch;
using testing::TinyConfig;

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<nlohmann::json> AllMetricsOf(const std::string& folder) {
  std::istringstream in(ReadFile(folder + "/metrics.jsonl"));
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

TEST(Ledger, BooksEveryMomentOnOneAccount) {
  const auto sleep = [] { std::this_thread::sleep_for(std::chrono::milliseconds(20)); };
  const auto start = std::chrono::steady_clock::now();
  Ledger ledger;
  sleep();
  {
    const Ledger::Scope outer = ledger.Time("outer");
    sleep();
    Ledger::Scope inner = ledger.Time("inner");
    sleep();
    sleep();
    inner.End();
    inner.End();  // as does its destructor
    sleep();
  }
  sleep();
  const Metrics first = ledger.Close();
  const double passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  double sum = 0;
  for (const char* account : {"time/inner", "time/other", "time/outer"}) {
    EXPECT_GE(FindMetric(first, account).value(), 0.04) << account;
    sum += FindMetric(first, account).value();
  }
  ASSERT_EQ(first.size(), 4u);
  EXPECT_DOUBLE_EQ(FindMetric(first, "step_time").value(), sum);
  EXPECT_LE(sum, passed);
  EXPECT_LT(FindMetric(first, "time/outer").value(), passed - 0.08) << "the inner one's time was booked twice";
  const Metrics second = ledger.Close();
  EXPECT_EQ(second.size(), 2u) << "accounts of the step before";
}

TEST(Ledger, OfARunSumsToTheTimeOfItsSteps) {
  const Scratch scratch;
  for (const char* stage : {"sft", "rl"}) {
    const TrainConfig c = TinyConfig(scratch, stage, stage);
    Execute(c);
    double before = 0;
    for (const auto& line : AllMetricsOf(c.run.folder)) {
      double sum = 0;
      for (const auto& [name, value] : line.items()) {
        if (name.starts_with("time/")) sum += value.get<double>();
      }
      EXPECT_DOUBLE_EQ(line["step_time"].get<double>(), sum) << line.dump();
      EXPECT_LT(line["time/other"].get<double>(), 0.5 * sum + 0.05) << "most of a step has a name: " << line.dump();
      EXPECT_GT(line["tokens_per_second"].get<double>(), 0.0);
      EXPECT_GT(line["time/gradients"].get<double>(), 0.0);
      if (before > 0) {
        EXPECT_NEAR(line["wall_time"].get<double>() - before, sum, 0.05) << "steps follow each other without a gap";
      }
      before = line["wall_time"].get<double>();
    }
    EXPECT_NEAR(before, WallTime(), 60);
  }
}

TEST(Saving, ByTheClockChangesNothingOfWhatIsLearned) {
  const Scratch scratch;
  TrainConfig plain = TinyConfig(scratch, "rl", "plain"), often = TinyConfig(scratch, "rl", "often");
  plain.log.save_every = often.log.save_every = 0;
  plain.log.keep_checkpoints = often.log.keep_checkpoints = 100;
  often.log.save_minutes = 1e-9;
  Execute(plain);
  Execute(often);
  EXPECT_EQ(NamesIn(plain.run.folder + "/checkpoints"), std::vector<std::string>{"step-4"});
  EXPECT_EQ(NamesIn(often.run.folder + "/checkpoints").size(), 4u);
  for (const char* file : {"adapter/adapter_model.safetensors", "checkpoints/step-4/optimizer.safetensors", "checkpoints/step-4/state.json"}) {
    EXPECT_EQ(ReadFile(plain.run.folder + "/" + file), ReadFile(often.run.folder + "/" + file)) << file;
  }
  EXPECT_EQ(MetricsOf(plain.run.folder), MetricsOf(often.run.folder));
}

TEST(Best, IsTheFirstOfTheBestAndKnowsItsMetric) {
  LogSettings log;
  log.best_metric = "x";
  Best best(log);
  const auto beats = [&](int64_t step, double value) { return best.Beats(step, {{"y", 9}, {"x", value}}); };
  EXPECT_TRUE(beats(1, 2));
  EXPECT_FALSE(beats(2, 2));
  EXPECT_FALSE(beats(3, NAN));
  EXPECT_FALSE(best.Beats(4, {{"y", 9}}));
  EXPECT_TRUE(beats(5, 3));
  EXPECT_FALSE(beats(6, 2.5));
  EXPECT_EQ(best.step(), 4) << "what step 5 began with";
  Best again(log);
  again.Load(best.Save());
  EXPECT_EQ(again.step(), 4);
  EXPECT_FALSE(again.Beats(7, {{"x", 3}}));
  log.best_mode = "min";
  Best lowest(log);
  lowest.Load(best.Save());
  EXPECT_EQ(lowest.step(), std::nullopt) << "a high value was good";
  EXPECT_TRUE(lowest.Beats(1, {{"x", 2}}));
  EXPECT_FALSE(lowest.Beats(2, {{"x", 3}}));
  EXPECT_TRUE(lowest.Beats(3, {{"x", 1}}));
  EXPECT_FALSE(Best(LogSettings()).Beats(1, {{"x", 2}, {"", 1}}));
  log.best_metric = "eval/x";
  Best evaluated(log);
  EXPECT_TRUE(evaluated.Beats(5, {{"eval/x", 1}}));
  EXPECT_EQ(evaluated.step(), 5) << "what step 5 left";
  EXPECT_FALSE(evaluated.judges_begin());
}

// A step's loss is that of the adapter which the step begins with.
TEST(Best, HoldsTheValuesThatEarnedIt) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "earned"), plain = TinyConfig(scratch, "sft", "plain");
  c.log.best_metric = "loss";
  c.log.best_mode = "min";
  c.log.save_every = plain.log.save_every = 0;
  Execute(c);
  const auto metrics = MetricsOf(c.run.folder);
  size_t best = 0;
  for (size_t i = 1; i < metrics.size(); ++i) {
    if (metrics[i]["loss"].get<double>() < metrics[best]["loss"].get<double>()) best = i;
  }
  ASSERT_GT(best, 0u) << "the loss falls";
  Execute(plain, FolderMode::kNew, static_cast<int64_t>(best));  // the steps before that one
  const std::string step = "/checkpoints/step-" + std::to_string(best);
  for (const char* file : {"/adapter/adapter_model.safetensors", "/optimizer.safetensors"}) {
    EXPECT_EQ(ReadFile(c.run.folder + step + file), ReadFile(plain.run.folder + step + file)) << file;
  }
  const auto note = nlohmann::json::parse(ReadFile(c.run.folder + "/checkpoints/best.json"));
  EXPECT_EQ(note["step"].get<size_t>(), best);
  EXPECT_EQ(note["measured_in"].get<size_t>(), best + 1);
  // A whole checkpoint: a run that has it alone goes on from it, and ends the same.
  std::filesystem::remove_all(c.run.folder + "/checkpoints/step-6");
  const std::string whole = ReadFile(c.run.folder + "/adapter/adapter_model.safetensors");
  Execute(c, FolderMode::kResume);
  EXPECT_EQ(ReadFile(c.run.folder + "/adapter/adapter_model.safetensors"), whole);
  EXPECT_EQ(MetricsOf(c.run.folder), metrics);
}

TEST(Best, CheckpointOutlivesTheNewerOnes) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "best");
  c.log.best_metric = "grad_norm";
  c.log.best_mode = "min";
  c.log.save_every = 1;
  c.log.keep_checkpoints = 1;
  Execute(c, FolderMode::kNew, 4);
  Execute(c, FolderMode::kResume);
  const auto metrics = MetricsOf(c.run.folder);
  size_t best = 0;
  for (size_t i = 1; i < metrics.size(); ++i) {
    if (metrics[i]["grad_norm"].get<double>() < metrics[best]["grad_norm"].get<double>()) best = i;
  }
  ASSERT_LT(best + 1, metrics.size()) << "choose a metric that is not best at the end";
  const auto note = nlohmann::json::parse(ReadFile(c.run.folder + "/checkpoints/best.json"));
  EXPECT_EQ(note["step"].get<size_t>(), best);
  EXPECT_EQ(note["value"], metrics[best]["grad_norm"]);
  EXPECT_EQ(NamesIn(c.run.folder + "/checkpoints"), (std::vector<std::string>{"best.json", "step-" + std::to_string(best), "step-6"}));
}

TEST(Best, IsSavedWhereNothingElseAsksForACheckpoint) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "seldom");
  c.log.best_metric = "learning_rate";  // falls from the first step on
  c.log.save_every = 0;
  Execute(c, FolderMode::kNew);
  EXPECT_EQ(NamesIn(c.run.folder + "/checkpoints"), (std::vector<std::string>{"best.json", "step-0", "step-6"}));
}

TEST(Resuming, SweepsWhatAKilledProcessLeftAndNothingElse) {
  const Scratch scratch;
  const TrainConfig c = TinyConfig(scratch, "sft", "swept");
  Execute(c, FolderMode::kNew, 3);
  const std::string folder = c.run.folder + "/";
  for (const char* left : {"adapter.tmp-12-3/x", "adapter.tmp-12-3.old/x", "checkpoints/.writing/adapter/x", "checkpoints/.removing/state.json",
                           "checkpoints/.writing.old/x", "checkpoints/best.json.tmp-3-4", "metrics.jsonl.tmp-1-0", "config.yaml.tmp-1-2",
                           "completions/step-3.jsonl.tmp-9-9", "completions/step-99.jsonl", "events.out.tfevents.17.pith", "events.out.tfevents.18.pith.tmp-1-1"}) {
    fs::create_directories(fs::path(folder + left).parent_path());
    WriteFile(folder + left, "left");
  }
  const std::vector<std::string> mine = {"notes.tmp-1-2", "adapter.tmp", "checkpoints/notes", "completions/notes.tmp-1-1"};
  for (const std::string& name : mine) WriteFile(folder + name, "mine");
  Execute(c, FolderMode::kResume);
  for (const std::string& name : mine) {
    EXPECT_EQ(ReadFile(folder + name), "mine");
    fs::remove(folder + name);
  }
  fs::remove(folder + "completions");
  std::vector<std::string> names = NamesIn(folder);
  ASSERT_EQ(names.size(), 5u) << nlohmann::json(names).dump();
  EXPECT_TRUE(names[3].starts_with("events.out.tfevents.")) << names[3];
  names.erase(names.begin() + 3);
  EXPECT_EQ(names, (std::vector<std::string>{"adapter", "checkpoints", "config.yaml", "metrics.jsonl"}));
  EXPECT_EQ(NamesIn(folder + "checkpoints"), (std::vector<std::string>{"step-4", "step-6"}));
}

TEST(Resuming, RefusesAFolderThatAnotherProcessWritesAndOtherData) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "busy");
  Execute(c, FolderMode::kNew, 2);
  const std::string sums = ReadFile(c.data.dataset);
  {
    const RunFolder held(c, FolderMode::kResume);
    for (const FolderMode mode : {FolderMode::kNew, FolderMode::kResume, FolderMode::kOverwrite}) {
      EXPECT_NE(Refusal([&] { Execute(c, mode); }).find("another pith-train is at work"), std::string::npos);
    }
  }
  WriteFile(c.data.dataset, sums.substr(0, sums.find('\n') + 1));
  EXPECT_NE(Refusal([&] { Execute(c, FolderMode::kResume); }).find("the problems that this run began with"), std::string::npos);
  WriteFile(c.data.dataset, sums);
  c.optimizer.beta1 = 0.5;
  EXPECT_NE(Refusal([&] { Execute(c, FolderMode::kResume); }).find("beta1"), std::string::npos);
  c.optimizer.beta1 = 0.9;
  c.log.save_every = 1;  // what is written changes nothing of what is computed
  Execute(c, FolderMode::kResume);
  EXPECT_EQ(MetricsOf(c.run.folder).size(), 6u);
  EXPECT_NE(ReadFile(c.run.folder + "/config.yaml").find("save_every: 1\n"), std::string::npos);
}

TEST(Resuming, RefusesAnotherStartingAdapter) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "first");
  Execute(c);
  TrainConfig second = TinyConfig(scratch, "rl", "second");
  second.run.init_adapter = c.run.folder + "/adapter";
  Execute(second, FolderMode::kNew, 2);
  c.sft.epochs = 1;
  Execute(c, FolderMode::kOverwrite);
  EXPECT_NE(Refusal([&] { Execute(second, FolderMode::kResume); }).find("the adapter that this run started from"), std::string::npos);
}

TEST(FullDisk, CostsNoFinishedCheckpoint) {
  const Scratch scratch;
  TrainConfig whole = TinyConfig(scratch, "sft", "whole"), full = TinyConfig(scratch, "sft", "full");
  Execute(whole);
  Execute(full, FolderMode::kNew, 2);
  const std::string checkpoints = full.run.folder + "/checkpoints";
  const auto moments = fs::file_size(checkpoints + "/step-2/optimizer.safetensors");
  ASSERT_LT(fs::file_size(checkpoints + "/step-2/adapter/adapter_model.safetensors"), moments);
  const auto previous_handler = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit previous;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &previous), 0);
  struct rlimit small = previous;
  small.rlim_cur = moments - 1;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string sentence = Refusal([&] { Execute(full, FolderMode::kResume); });
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &previous), 0);
  std::signal(SIGXFSZ, previous_handler);
  EXPECT_NE(sentence.find("the checkpoint of step 4 could not be written"), std::string::npos) << sentence;
  EXPECT_NE(sentence.find("optimizer.safetensors"), std::string::npos) << sentence;
  EXPECT_EQ(NamesIn(checkpoints), std::vector<std::string>{"step-2"});
  Execute(full, FolderMode::kResume);
  for (const char* file : {"/adapter/adapter_model.safetensors", "/checkpoints/step-6/optimizer.safetensors"}) {
    EXPECT_EQ(ReadFile(whole.run.folder + file), ReadFile(full.run.folder + file)) << file;
  }
  EXPECT_EQ(MetricsOf(whole.run.folder), MetricsOf(full.run.folder));
}

TEST(NotFinite, StopsTheRunBeforeTheUpdateAndNamesTheTensor) {
  const Scratch scratch;
  TrainConfig start = TinyConfig(scratch, "sft", "start"), c = TinyConfig(scratch, "sft", "broken");
  Execute(start, FolderMode::kNew, 2);
  const std::string folder = start.run.folder + "/checkpoints/step-2/adapter";
  LoraAdapter adapter = ReadPeft(folder);
  for (float& b : adapter.pairs.begin()->second.b) b = 3e38f;
  WritePeft(adapter, folder);
  c.run.init_adapter = folder;
  const std::string sentence = Refusal([&] { Execute(c); });
  EXPECT_NE(sentence.find("step 1: the log-probability of token 1 of "), std::string::npos) << sentence;
  EXPECT_NE(sentence.find(" of the solution of problem sums"), std::string::npos) << sentence;
  EXPECT_FALSE(FileExists(c.run.folder + "/metrics.jsonl"));
  EXPECT_FALSE(fs::exists(c.run.folder + "/checkpoints"));
}

// A stage of which each step adds its number to a sum that rolls back and to one that does not.
class Counting : public Stage, public StepHook {
 public:
  explicit Counting(std::vector<std::pair<int64_t, Demand>> demands) : demands_(std::move(demands)) {
    LoraPair pair = {1, 1, 1, {0}, {0}};
    adapter_.rank = 1;
    adapter_.alpha = 1;
    adapter_.activation = Activation::kAlways;
    adapter_.pairs["blk.0.attn_q.weight"] = pair;
    adapter_.card.emplace();
  }
  int64_t total_steps() const override { return 6; }
  StepRecord Step(int64_t step, Ledger*) override {
    learned_.sum += static_cast<double>(step + 1);
    counted_.sum += static_cast<double>(step + 1);
    StepRecord record;
    record.metrics = {{"learned", learned_.sum}, {"counted", counted_.sum}, {"good", step == 1 ? 1.0 : 0.0}, {"eval/good", step == 1 ? 1.0 : 0.0}};
    return record;
  }
  void After(StepRecord* record, Ledger*) override {
    record->metrics.emplace_back("seen", record->step);
    for (const auto& [step, demand] : demands_) {
      if (record->step == step) record->Ask(demand, "as the test wants it");
    }
  }
  std::string Line(const StepRecord&) const override { return ""; }
  LoraAdapter Adapter() const override {
    LoraAdapter adapter = adapter_;
    adapter.pairs.begin()->second.a[0] = static_cast<float>(learned_.sum);
    return adapter;
  }
  std::vector<Stateful*> parts() override { return {&learned_, &counted_}; }
  std::vector<StepHook*> hooks() override { return {this}; }

 private:
  struct Sum : Stateful {
    Sum(const std::string& key, bool back) : name(key), rolls(back) {}
    std::string name;
    bool rolls;
    double sum = 0;
    std::string key() const override { return name; }
    std::string Save() const override { return nlohmann::json(sum).dump(); }
    void Load(const std::string& json) override { sum = nlohmann::json::parse(json).get<double>(); }
    bool rolls_back() const override { return rolls; }
  };
  std::vector<std::pair<int64_t, Demand>> demands_;
  LoraAdapter adapter_;
  Sum learned_{"learned", true}, counted_{"counted", false};
};

double Learned(const TrainConfig& c) { return ReadPeft(c.run.folder + "/adapter").pairs.begin()->second.a[0]; }

class Demands : public ::testing::Test {
 protected:
  Demands() : config_(TinyConfig(scratch_, "rl", "counting")) {
    config_.log.best_metric = "good";  // steps 1 (0) and 2 (1): what step 2 began with is good
    options_.quiet = true;
  }
  void Run(std::vector<std::pair<int64_t, Demand>> demands) {
    Counting stage(std::move(demands));
    RunLoop(config_, options_, stage);
  }
  Scratch scratch_;
  TrainConfig config_;
  RunOptions options_;
};

TEST_F(Demands, OfNothingRunsToTheEnd) {
  Run({});
  EXPECT_EQ(Learned(config_), 21);
  const auto metrics = MetricsOf(config_.run.folder);
  ASSERT_EQ(metrics.size(), 6u);
  EXPECT_EQ(metrics[4]["seen"], 5);
}

TEST_F(Demands, RollBackTakesWhatIsLearnedToTheBestAndGoesOn) {
  Run({{4, Demand::kRollBack}});
  EXPECT_EQ(Learned(config_), 1 + 5 + 6);
  const auto metrics = MetricsOf(config_.run.folder);
  ASSERT_EQ(metrics.size(), 6u);
  EXPECT_EQ(metrics[3]["learned"], 10) << "the step itself is written down as it was";
  EXPECT_EQ(metrics[4]["learned"], 6);
  EXPECT_EQ(metrics[5]["counted"], 21);
}

TEST_F(Demands, RollBackIsRepeatedByAResumedRun) {
  for (const int64_t stop : {2, 3, 4, 5}) {
    options_.mode = FolderMode::kOverwrite;
    options_.stop_after_step = stop;
    Run({{4, Demand::kRollBack}});
    options_.mode = FolderMode::kResume;
    options_.stop_after_step = 0;
    Run({{4, Demand::kRollBack}});
    EXPECT_EQ(Learned(config_), 1 + 5 + 6) << stop;
    EXPECT_EQ(MetricsOf(config_.run.folder).size(), 6u);
  }
}

TEST_F(Demands, StopEndsTheRunWithTheBestAdapter) {
  Run({{4, Demand::kStop}, {4, Demand::kRollBack}});
  EXPECT_EQ(Learned(config_), 1);
  const auto metrics = MetricsOf(config_.run.folder);
  ASSERT_EQ(metrics.size(), 4u);
  EXPECT_EQ(metrics[3]["stopped"], "as the test wants it");
  const AdapterCard card = ReadPeft(config_.run.folder + "/adapter").card.value();
  EXPECT_EQ(card.stopped, "stopped after step 4: as the test wants it");
  EXPECT_EQ(card.steps, 1);
  options_.mode = FolderMode::kResume;  // goes on from where it stopped
  Run({});
  EXPECT_EQ(Learned(config_), 21);
}

TEST_F(Demands, OfTheStepThatMeasuredTheBestTakeItsUpdateBack) {
  Run({{2, Demand::kRollBack}});
  EXPECT_EQ(Learned(config_), 21 - 2);
  options_.mode = FolderMode::kOverwrite;
  Run({{2, Demand::kStop}});
  EXPECT_EQ(Learned(config_), 1);
  config_.log.best_metric = "eval/good";  // an evaluation judges what the step left: there is nothing to take back
  config_.eval.every = 1;
  Run({{2, Demand::kRollBack}});
  EXPECT_EQ(Learned(config_), 21);
  Run({{2, Demand::kStop}});
  EXPECT_EQ(Learned(config_), 3);
}

TEST_F(Demands, AnEvaluationsPlateauStopsTheRunAlsoAfterAResumption) {
  config_.log.best_metric = "eval/good";
  config_.eval.every = 1;
  config_.eval.patience = 2;
  config_.eval.watch = "eval/good";  // best in step 2
  for (const int64_t stop : {0, 1, 2, 3}) {
    options_.mode = FolderMode::kOverwrite;
    options_.stop_after_step = stop;
    Run({});
    options_.mode = FolderMode::kResume;
    options_.stop_after_step = 0;
    if (stop > 0) Run({});
    const auto metrics = MetricsOf(config_.run.folder);
    ASSERT_EQ(metrics.size(), 4u) << stop;
    EXPECT_EQ(metrics[3]["eval/without_progress"], 2);
    EXPECT_EQ(metrics[3]["stopped"], "eval/good has not come above 1 of step 2 in 2 evaluations (eval.patience)");
    EXPECT_FALSE(metrics[2].contains("stopped"));
    EXPECT_EQ(Learned(config_), 3);
    EXPECT_EQ(ReadPeft(config_.run.folder + "/adapter").card.value().stopped, "stopped after step 4: eval/good has not come above 1 of step 2 in 2 evaluations (eval.patience)");
  }
}

TEST_F(Demands, ACheckpointFromBeforeThereWasAPlateauIsGoneOnFrom) {
  options_.stop_after_step = 3;
  Run({});
  const std::string file = config_.run.folder + "/checkpoints/step-3/state.json";
  auto state = nlohmann::ordered_json::parse(ReadFile(file));
  ASSERT_EQ(state.erase("plateau"), 1u);
  WriteFile(file, state.dump());
  options_.mode = FolderMode::kResume;
  options_.stop_after_step = 0;
  Run({});
  EXPECT_EQ(Learned(config_), 21);
}

TEST_F(Demands, TheLinesOfMetricsAreSentAsTheyAreWritten) {
  const std::string sent = scratch_.path + "/sent";
  config_.log.command = {"sh", "-c", "echo \"$PITH_RUN_FOLDER $PITH_RUN_STEP\" > " + sent + "; cat >> " + sent};
  Run({});
  EXPECT_EQ(ReadFile(sent), config_.run.folder + " 0\n" + ReadFile(config_.run.folder + "/metrics.jsonl"));
}

TEST_F(Demands, WithoutABestKeepThePresentState) {
  config_.log.best_metric.clear();
  Run({{3, Demand::kRollBack}, {5, Demand::kStop}});
  EXPECT_EQ(Learned(config_), 15);
}

}  // namespace
}  // namespace pith
