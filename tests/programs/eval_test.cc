// The evaluation takes many budgets from one greedy trace; here every answer is compared with a decoding of its own.
#include "runtime/programs/eval.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "adapters/peft.h"
#include "rewards/answer.h"
#include "runtime/programs/report.h"

namespace pith {
namespace {

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

  std::vector<EvalRow> Run() {
    EngineOptions options;
    options.num_threads = 2;
    Engine engine(base_, options);
    return RunEval(engine, *prompter_, problems_, {{"base", nullptr}, {"tiny", adapter_}}, settings_,
                   [](int64_t, int64_t, const std::string&) {});
  }

  std::shared_ptr<const BaseModel> base_;
  std::unique_ptr<Prompter> prompter_;
  AdapterRef adapter_;
  std::vector<Problem> problems_;
  EvalSettings settings_;
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

TEST_F(EvalTest, ResultsJsonHoldsTheDocumentedKeys) {
  settings_.budgets = {40, 0};
  const std::vector<EvalRow> rows = Run();
  const auto json = nlohmann::json::parse(ResultsJson(rows));
  ASSERT_EQ(json.size(), 4u);
  for (const char* key : {"mode", "dataset", "budget", "n", "accuracy", "accuracy_lenient", "accuracy_ci", "mean_tokens", "p95_tokens",
                          "forced_rate", "truncated_rate", "chains", "seed", "pass_at_k", "maj_at_k", "ttft_ms", "tok_per_s", "rss_mb"}) {
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
  EXPECT_DOUBLE_EQ(c.mcnemar_p, 1.0);
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
