// The evaluation takes many budgets from one greedy trace; here every answer is compared with a decoding of its own.
#include "runtime/evaluation/eval.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "adapters/peft.h"
#include "runtime/evaluation/eval_budget.h"
#include "runtime/programs/report.h"
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
                   [this](int64_t done, int64_t total, const std::string&) { ++progress_, done_ = done, total_ = total; });
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
  int progress_ = 0;   // calls
  int64_t done_ = 0, total_ = 0;
};

TEST_F(EvalTest, BudgetsFromOneTraceEqualDecodingAfresh) {
  settings_.budgets = {26, 40, 0};
  const std::vector<EvalRow> shared = Run();
  ASSERT_EQ(shared.size(), 6u);
  int64_t forced = 0;
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
      EXPECT_LE(same.answers[p].tokens, same.budget);
      forced += same.answers[p].forced;
    }
  }
  EXPECT_GT(forced, 0) << "the tiny model never ran into its budget: this test compares nothing";
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
    EXPECT_EQ(rows[r].curve, budget == 0 ? "" : r / 3 == 1 ? "announced" : "cut");
    for (size_t p = 0; p < problems_.size(); ++p) {
      const Prompt prompt = prompter_->Build(problems_[p].question);
      GenerateRequest request;
      request.prompt = prompt.ids;
      request.invocation_start = FindSwitch(modes[r / 3], prompt, words);
      request.adapter = modes[r / 3].adapter;
      request.max_tokens = budget > 0 ? budget : settings_.max_tokens;
      if (budget > 0) request.budget = MakeDecodeBudget(settings_.BudgetOf(budget), false, words);
      if (r / 3 == 1) Announce("budget {budget}:", words, &request);
      Engine engine(base_, options);
      const Completion alone = Generate(engine, words, {&request, 1}, {})[0][0];
      EXPECT_EQ(alone.announced > 0, r / 3 == 1 && budget > 0);
      EXPECT_EQ(rows[r].answers[p].text, ResponseText(words, alone)) << rows[r].mode << ", budget " << budget << ", problem " << p;
      EXPECT_EQ(rows[r].answers[p].tokens, static_cast<int64_t>(alone.tokens.size()));
    }
  }
  EXPECT_TRUE(nlohmann::json::parse(ResultsJson(rows))[2]["curve"].is_null());
}

TEST_F(EvalTest, ResultsJsonHoldsTheDocumentedKeys) {
  settings_.budgets = {40, 0};
  const std::vector<EvalRow> rows = Run();
  const auto json = nlohmann::json::parse(ResultsJson(rows));
  ASSERT_EQ(json.size(), 4u);
  for (const char* key : {"mode", "dataset", "budget", "n", "accuracy", "accuracy_lenient", "accuracy_ci", "mean_tokens", "p95_tokens",
                          "forced_rate", "truncated_rate", "chains", "seed", "pass_at_k", "maj_at_k", "ttft_ms", "tok_per_s", "rss_mb", "adapter_sha256",
                          "base_sha256", "cut_rate", "accuracy_uncut", "curve"}) {
    EXPECT_TRUE(json[0].contains(key)) << key;
  }
  EXPECT_EQ(json[0]["budget"], 40);
  EXPECT_TRUE(json[1]["budget"].is_null());
  EXPECT_EQ(json[2]["mode"], "tiny");
  double tokens = 0;
  for (const EvalAnswer& answer : rows[3].answers) tokens += static_cast<double>(answer.tokens);
  EXPECT_DOUBLE_EQ(json[3]["mean_tokens"], tokens / 6);
}

TEST(ReportTest, ComparesRowsProblemByProblem) {
  EvalRow first, second;
  first.mode = "a";
  second.mode = "b";
  first.n = second.n = 4;
  first.mean_tokens = 80;
  second.mean_tokens = 40;
  for (int p = 0; p < 4; ++p) {
    first.answers.push_back({p, 0, "", 80, p < 3, p < 3, false, false, ""});
    second.answers.push_back({p, 0, "", 40, p > 0, p > 0, false, false, ""});
  }
  const RowComparison c = CompareRows(first, second);  // each is right alone on one problem
  EXPECT_DOUBLE_EQ(c.tokens_ratio, 0.5);
  EXPECT_DOUBLE_EQ(c.accuracy_difference, 0.0);
  EXPECT_EQ(c.mcnemar_p, 1.0);
}

TEST(ReportTest, OfSeveralChainsTheMeansAreCompared) {
  EvalRow first, second;
  first.mode = "a";
  second.mode = "b";
  first.n = second.n = 3;
  first.chains = second.chains = 2;
  first.tok_per_s = second.tok_per_s = 1;
  const bool a[3][2] = {{true, false}, {false, false}, {true, true}};   // ½, 0, 1
  const bool b[3][2] = {{true, true}, {false, true}, {true, false}};    // 1, ½, ½
  for (int p = 0; p < 3; ++p) {
    for (int chain = 0; chain < 2; ++chain) {
      first.answers.push_back({p, chain, "", 80, a[p][chain], true, false, false, ""});
      second.answers.push_back({p, chain, "", 40, b[p][chain], true, false, false, ""});
    }
  }
  const RowComparison c = CompareRows(first, second);
  EXPECT_NEAR(c.accuracy_difference, 1.0 / 6, 1e-12);
  EXPECT_NEAR(c.difference_low, 1.0 / 6 - 0.653321, 1e-5);   // 1.959964 · s / √3 with s² = ⅓
  EXPECT_NEAR(c.difference_high, 1.0 / 6 + 0.653321, 1e-5);
  EXPECT_FALSE(c.mcnemar_p.has_value());
  EXPECT_EQ(ReportText({first, second}).find("McNemar"), std::string::npos);
  EXPECT_NE(ReportHtml({"t", "m", "c"}, {first, second}, {{"a", "?", "1", ""}, {"b", "?", "1", ""}, {"c", "?", "1", ""}}).find("<td>–</td></tr>"),
            std::string::npos);
}

TEST(ReportTest, TextOfModelsAndProblemsIsEscaped) {
  EvalRow row;
  row.mode = "<script>";
  row.n = 1;
  row.answers.push_back({0, 0, "</pre><script>alert(1)</script>", 9, true, true, false, false, "1"});
  const std::string html = ReportHtml({"t", "m", "c <x>"}, {row}, {{"id", "is 1 < 2 & 3?", "1", ""}});
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_NE(html.find("is 1 &lt; 2 &amp; 3?"), std::string::npos);
  EXPECT_EQ(html.find("http"), std::string::npos) << "the page must open offline";
}

}  // namespace
}  // namespace pith
