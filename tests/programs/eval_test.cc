// The evaluation takes many budgets from one greedy trace; here every answer is compared with a decoding of its own.
#include "runtime/evaluation/eval.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "adapters/peft.h"
#include "runtime/evaluation/eval_budget.h"
#include "runtime/evaluation/eval_json.h"
#include "tests/adapters/random_adapter.h"

namespace pith {
namespace {

using testing::Refusal;

class EvalTest : public ::testing::Test {
 protected:
  static constexpr const char* kModel = PITH_TEST_GOLDEN "/tiny-llama";

  EvalTest() : base_(BaseModel::Load(kModel)), prompter_(Prompter::Load(kModel)) {
    const LoraAdapter lora = ReadPeft(PITH_TEST_GOLDEN "/tiny-alora");
    adapter_ = PackedAdapter::FromLora(lora, base_->config(), TensorType::kF32);
    for (int i = 0; i < 6; ++i) {
      problems_.push_back({"p" + std::to_string(i), "What is " + std::to_string(3 * i) + " + 4?", std::to_string(3 * i + 4), ""});
    }
    settings_.dataset = "test";
    settings_.max_tokens = 60;
    settings_.budget.reserve_tokens = 12;
    settings_.budget.close_text = "\n#### ";
    settings_.max_batch = 4;
  }

  std::vector<EvalRow> Run() { return Run({{"base", nullptr}, {"tiny", adapter_}}); }

  std::vector<EvalRow> Run(const std::vector<NamedAdapter>& modes) {
    EngineOptions options;
    options.num_threads = 2;
    Engine engine(base_, options);
    EvalPlan plan = PlanEval(base_->config(), *prompter_, problems_, modes, settings_);
    if (chunk_ > 0) plan.chunk = chunk_;
    return RunEval(engine, prompter_->tokenizer(), problems_, modes, settings_, plan,
                   [this](int64_t done, int64_t total, const std::string&) { ++progress_, done_ = done, total_ = total; }, keeper_);
  }

  // The tiny adapter, trained to act from other tokens on.
  AdapterRef AdapterFrom(const std::vector<int32_t>& invocation) const {
    LoraAdapter lora = ReadPeft(PITH_TEST_GOLDEN "/tiny-alora");
    lora.invocation = invocation;
    return PackedAdapter::FromLora(lora, base_->config(), TensorType::kF32);
  }

  std::shared_ptr<const BaseModel> base_;
  std::unique_ptr<Prompter> prompter_;
  AdapterRef adapter_;
  std::vector<Problem> problems_;
  EvalSettings settings_;
  int64_t chunk_ = 0;  // problems; 0: as planned
  EvalKeeper* keeper_ = nullptr;
  int progress_ = 0;   // calls
  int64_t done_ = 0, total_ = 0;
};

TEST_F(EvalTest, BudgetsFromOneTraceEqualDecodingAfresh) {
  settings_.budgets = {26, 40, 0};
  const std::vector<EvalRow> shared = Run();
  ASSERT_EQ(shared.size(), 6u);
  int64_t forced = 0, near_ties = 0;
  for (size_t row = 0; row < shared.size(); ++row) {
    if (shared[row].budget == 0) continue;
    settings_.budgets = {shared[row].budget};  // alone: no trace to share
    const std::vector<EvalRow> fresh = Run();
    const EvalRow& same = fresh[row < 3 ? 0 : 1];
    ASSERT_EQ(same.mode, shared[row].mode);
    for (size_t p = 0; p < problems_.size(); ++p) {
      EXPECT_EQ(same.answers[p].text, shared[row].answers[p].text) << same.mode << ", budget " << same.budget << ", problem " << p;
      EXPECT_EQ(same.answers[p].tokens, shared[row].answers[p].tokens);
      EXPECT_EQ(same.answers[p].forced, shared[row].answers[p].forced);
      EXPECT_EQ(same.answers[p].near_ties, shared[row].answers[p].near_ties);
      near_ties += same.answers[p].near_ties;
      EXPECT_LE(same.answers[p].tokens, same.budget);
      forced += same.answers[p].forced;
    }
  }
  EXPECT_GT(forced, 0) << "the tiny model never ran into its budget: this test compares nothing";
  EXPECT_GT(near_ties, 0) << "no step of the tiny model was close: this test compares nothing of them";
}

// Keeps answers in memory, and ends after so many as a process does that is killed.
class MemoryKeeper : public EvalKeeper {
 public:
  const EvalPiece* Find(size_t row, size_t problem) const override {
    const auto found = kept.find({row, problem});
    return found == kept.end() ? nullptr : &found->second;
  }
  void Keep(size_t row, size_t problem, const EvalPiece& piece) override {
    if (left-- == 0) throw std::runtime_error("killed");
    EXPECT_EQ(Find(row, problem), nullptr) << "answered twice: row " << row << ", problem " << problem;
    kept[{row, problem}] = piece;
  }
  void Settle() override {}

  std::map<std::pair<size_t, size_t>, EvalPiece> kept;
  int left = 0;
};

TEST_F(EvalTest, GoesOnWhereverItWasBrokenOff) {
  settings_.budgets = {26, 0, 40};
  settings_.budget.sentence = "Use {budget} tokens.";
  settings_.told = Told::kBoth;
  chunk_ = 4;
  for (const bool chains : {false, true}) {
    if (chains) settings_.chains = 3, settings_.sampling.temperature = 0.8;
    const std::vector<EvalRow> whole = Run();
    ASSERT_EQ(whole.size(), 10u);
    for (const int first : {0, 1, 7, 23, 59}) {
      MemoryKeeper keeper;
      keeper_ = &keeper;
      keeper.left = first;
      EXPECT_THROW(Run(), std::runtime_error);
      keeper.left = 1000;
      const std::vector<EvalRow> resumed = Run();
      keeper_ = nullptr;
      EXPECT_EQ(done_, total_);
      EXPECT_EQ(keeper.kept.size(), 60u);
      int of_several_goes = 0;
      for (size_t row = 0; row < whole.size(); ++row) {
        of_several_goes += resumed[row].resumed;
        EXPECT_EQ(resumed[row].mean_tokens, whole[row].mean_tokens);
        EXPECT_EQ(resumed[row].near_ties, whole[row].near_ties);
        EXPECT_GT(resumed[row].tok_per_s, 0);
        for (size_t i = 0; i < whole[row].answers.size(); ++i) {
          EXPECT_EQ(resumed[row].answers[i].text, whole[row].answers[i].text) << "broken off after " << first << ", row " << row << ", answer " << i;
          EXPECT_EQ(resumed[row].answers[i].verdict, whole[row].answers[i].verdict);
          EXPECT_EQ(resumed[row].answers[i].forced, whole[row].answers[i].forced);
        }
      }
      EXPECT_EQ(of_several_goes > 0, first > 0);
    }
  }
}

TEST_F(EvalTest, ABudgetIsToldOrNotAndNeverTheTwoInOne) {
  settings_.budgets = {40, 0, 26};
  settings_.budget.sentence = "Use {budget} tokens.";
  const auto points = [this](Told told) {
    settings_.told = told;
    return settings_.PointsOf({"base", nullptr});
  };
  EXPECT_EQ(points(Told::kAlways), (std::vector<EvalPoint>{{40, true}, {0, false}, {26, true}}));
  EXPECT_EQ(points(Told::kNever), (std::vector<EvalPoint>{{40, false}, {0, false}, {26, false}}));
  EXPECT_EQ(points(Told::kBoth), (std::vector<EvalPoint>{{40, false}, {0, false}, {26, false}, {40, true}, {26, true}}));
  const std::vector<NamedAdapter> modes = {{"tiny", adapter_}};
  EXPECT_EQ(PlanEval(base_->config(), *prompter_, problems_, modes, settings_).prompts.size(), 3u) << "one that tells nothing, and one for each budget";
  const std::vector<EvalRow> both = Run(modes);
  settings_.told = Told::kNever;
  const std::vector<EvalRow> untold = Run(modes);
  settings_.told = Told::kAlways;
  const std::vector<EvalRow> told = Run(modes);
  ASSERT_EQ(both.size(), 5u);
  const EvalRow* same[] = {&untold[0], &untold[1], &untold[2], &told[0], &told[2]};
  const Curve curves[] = {Curve::kCut, Curve::kBoth, Curve::kCut, Curve::kAnnounced, Curve::kAnnounced};
  int64_t different = 0;
  for (size_t row = 0; row < 5; ++row) {
    EXPECT_EQ(both[row].curve, curves[row]);
    EXPECT_EQ(same[row]->curve, curves[row]);
    for (size_t p = 0; p < problems_.size(); ++p) {
      EXPECT_EQ(both[row].answers[p].text, same[row]->answers[p].text) << row << " " << p;
      different += both[row].answers[p].text != both[row >= 3 ? (row - 3) * 2 : row].answers[p].text;
    }
  }
  EXPECT_GT(different, 0) << "the sentence makes no difference: this test compares nothing";
  settings_.budget.sentence = "";
  EXPECT_EQ(points(Told::kAlways), points(Told::kNever)) << "nothing tells it";
}

TEST_F(EvalTest, ChunksOfProblemsChangeNoAnswer) {
  settings_.budgets = {26, 0, 40};
  const std::vector<EvalRow> whole = Run();
  EXPECT_EQ(done_, 36);
  for (int64_t chunk : {1, 4}) {
    chunk_ = chunk;
    const std::vector<EvalRow> rows = Run();
    EXPECT_EQ(done_, total_);
    EXPECT_EQ(total_, 36);
    ASSERT_EQ(rows.size(), whole.size());
    for (size_t row = 0; row < rows.size(); ++row) {
      EXPECT_EQ(rows[row].budget, settings_.budgets[row % 3]);
      EXPECT_EQ(rows[row].mode, row < 3 ? "base" : "tiny");
      EXPECT_GT(rows[row].tok_per_s, 0);
      ASSERT_EQ(rows[row].answers.size(), 6u);
      for (size_t p = 0; p < 6; ++p) {
        EXPECT_EQ(rows[row].answers[p].problem, static_cast<int64_t>(p));
        EXPECT_EQ(rows[row].answers[p].text, whole[row].answers[p].text) << "chunks of " << chunk << ", row " << row << ", problem " << p;
      }
    }
  }
}

TEST_F(EvalTest, ThePlannedCacheKeepsThePromptsOfAChunk) {
  settings_.budgets = {0};
  const EvalPlan plan = PlanEval(base_->config(), *prompter_, problems_, {{"tiny", adapter_}}, settings_);
  EXPECT_EQ(plan.chunk, 6);
  EngineOptions options;
  options.num_threads = 2;
  options.kv_tokens = plan.kv_tokens;
  Engine engine(base_, options);
  const std::vector<NamedAdapter> modes = {{"tiny", adapter_}};
  RunEval(engine, prompter_->tokenizer(), problems_, modes, settings_, plan,
          [](int64_t, int64_t, const std::string&) {});
  for (const Prompt& prompt : plan.prompts[0]) {
    const SequenceId sequence = engine.NewSequence();
    EXPECT_GE(engine.AdoptPrefix(sequence, prompt.ids), prompt.invocation_start);
    engine.Free(sequence);
  }
}

TEST_F(EvalTest, AnAdapterActsFromItsOwnInvocationOn) {
  const std::vector<int32_t>& whole = prompter_->invocation();
  const AdapterRef own = AdapterFrom({whole.end() - 2, whole.end()});
  settings_.budgets = {0};
  const EvalRow row = Run({{"own", own}})[0], derived = Run({{"derived", adapter_}})[0];
  int64_t different = 0;
  for (size_t p = 0; p < problems_.size(); ++p) {
    const Prompt prompt = prompter_->Build(problems_[p].question);
    GenerateRequest request;
    request.prompt = prompt.ids;
    request.invocation_start = static_cast<int64_t>(prompt.ids.size()) - 2;
    request.adapter = own;
    request.max_tokens = settings_.max_tokens;
    EngineOptions options;
    options.num_threads = 2;
    Engine engine(base_, options);
    const GenerateRequest requests[] = {request};
    const std::vector<int32_t> tokens = Generate(engine, prompter_->tokenizer(), requests, {})[0][0].tokens;
    EXPECT_EQ(row.answers[p].text, prompter_->tokenizer().Decode(tokens)) << p;
    different += row.answers[p].text != derived.answers[p].text;
  }
  EXPECT_GT(different, 0) << "the template's invocation gives the same answers: this test compares nothing";
}

TEST_F(EvalTest, WhatDecodingWouldRefuseIsRefusedBeforeIt) {
  settings_.budgets = {0, 40};
  settings_.budget.close_text = "\nAnd so, after all of this, the answer has to be #### ";
  EXPECT_NE(Refusal([&] { Run(); }).find("closing text"), std::string::npos);
  settings_.budget.close_text = "\n#### ";
  settings_.budgets = {0, 400};  // with 400 more tokens the long prompt passes the context of 512, with 60 it does not
  Problem longer = problems_[0];
  longer.id = "longer";
  while (prompter_->Build(longer.question).ids.size() < 200) longer.question += " And 7?";
  problems_.push_back(longer);
  EXPECT_NE(Refusal([&] { Run(); }).find("problem longer"), std::string::npos);
  problems_.pop_back();
  settings_.budgets = {0, 40};
  const std::string refusal = Refusal([&] { Run({{"base", nullptr}, {"foreign", AdapterFrom({5, 6, 5, 6})}}); });
  EXPECT_NE(refusal.find("'foreign'"), std::string::npos) << refusal;
  EXPECT_EQ(progress_, 0) << "something was decoded before the refusal";
}

TEST_F(EvalTest, TheLongestSequenceCountsTheSentenceToo) {
  settings_.budgets = {0, 40};
  const std::vector<NamedAdapter> modes = {{"base", nullptr}};
  size_t longest = 0;
  for (const Problem& problem : problems_) longest = std::max(longest, prompter_->Build(problem.question).ids.size());
  EXPECT_EQ(PlanEval(base_->config(), *prompter_, problems_, modes, settings_).longest, static_cast<int64_t>(longest) + 60);
  settings_.budget.sentence = "Please answer this in at most {budget} tokens, however hard it is, and then stop.";
  longest = 0;
  for (const Problem& problem : problems_) {
    const std::string sentence = " Please answer this in at most 40 tokens, however hard it is, and then stop.";
    longest = std::max(longest, prompter_->Build(problem.question + sentence).ids.size());
  }
  EXPECT_EQ(PlanEval(base_->config(), *prompter_, problems_, modes, settings_).longest, static_cast<int64_t>(longest) + 40);
}

// A mode that is told its budget has answers of its own to each; the prompts, and what the base computes of them, are the same.
TEST_F(EvalTest, AnnouncedBudgetsAreRunsOfTheirOwn) {
  LoraAdapter lora = ReadPeft(PITH_TEST_GOLDEN "/tiny-alora");
  lora.budget = AdapterBudget{64, 12, "\n#### ", "", "budget {budget}:"};
  const NamedAdapter told = {"told", PackedAdapter::FromLora(lora, base_->config(), TensorType::kF32)};
  const std::vector<NamedAdapter> modes = {{"base", nullptr}, told, {"plain", adapter_}};
  settings_.budgets = {40, 48, 0};
  EXPECT_EQ(PlanEval(base_->config(), *prompter_, problems_, modes, settings_).prompts.size(), 1u);
  const std::vector<EvalRow> rows = Run(modes);
  ASSERT_EQ(rows.size(), 9u);
  const Tokenizer& words = prompter_->tokenizer();
  EngineOptions options;
  options.num_threads = 2;
  for (size_t r = 0; r < rows.size(); ++r) {
    const int64_t budget = settings_.budgets[r % 3];
    EXPECT_EQ(rows[r].curve, budget == 0 ? Curve::kBoth : r / 3 == 1 ? Curve::kAnnounced : Curve::kCut);
    for (size_t p = 0; p < problems_.size(); ++p) {
      const Prompt prompt = prompter_->Build(problems_[p].question);
      GenerateRequest request;
      request.prompt = prompt.ids;
      request.invocation_start = FindSwitch(modes[r / 3], prompt, words);
      request.adapter = modes[r / 3].adapter;
      request.max_tokens = budget > 0 ? budget : settings_.max_tokens;
      if (budget > 0) request.budget = MakeDecodeBudget(settings_.BudgetOf({budget}), false, words);
      if (r / 3 == 1) Announce("budget {budget}:", words, &request);
      Engine engine(base_, options);
      const Completion alone = Generate(engine, words, {&request, 1}, {})[0][0];
      EXPECT_EQ(alone.announced > 0, r / 3 == 1 && budget > 0);
      EXPECT_EQ(rows[r].answers[p].text, ResponseText(words, alone)) << rows[r].mode << ", budget " << budget << ", problem " << p;
      EXPECT_EQ(rows[r].answers[p].tokens, static_cast<int64_t>(alone.tokens.size()));
    }
  }
  EXPECT_TRUE(nlohmann::json::parse(ResultsJson({{"test", problems_, rows}}))[2]["curve"].is_null());
}

TEST_F(EvalTest, ResultsJsonHoldsTheDocumentedKeys) {
  settings_.budgets = {40, 0};
  const std::vector<EvalRow> rows = Run();
  const auto json = nlohmann::json::parse(ResultsJson({{"test", problems_, rows}}));
  ASSERT_EQ(json.size(), 4u);
  for (const char* key : {"mode", "dataset", "budget", "n", "accuracy", "accuracy_lenient", "accuracy_ci", "mean_tokens", "p95_tokens",
                          "forced_rate", "truncated_rate", "chains", "seed", "pass_at_k", "maj_at_k", "ttft_ms", "tok_per_s", "rss_mb", "adapter_sha256",
                          "base_sha256", "cut_rate", "accuracy_uncut", "curve", "median_tokens", "tokens_per_correct", "near_ties", "near_ties_per_1k", "resumed"}) {
    EXPECT_TRUE(json[0].contains(key)) << key;
  }
  EXPECT_EQ(json[0]["budget"], 40);
  EXPECT_EQ(json[0]["curve"], "cut");
  EXPECT_TRUE(json[1]["budget"].is_null());
  EXPECT_TRUE(json[1]["curve"].is_null());
  EXPECT_EQ(json[2]["mode"], "tiny");
  double tokens = 0;
  for (const EvalAnswer& answer : rows[3].answers) tokens += static_cast<double>(answer.tokens);
  EXPECT_DOUBLE_EQ(json[3]["mean_tokens"], tokens / 6);
}

}  // namespace
}  // namespace pith
