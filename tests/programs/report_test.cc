// The pages of an evaluation: what is drawn, what is told, that it opens offline.
#include "runtime/programs/report.h"

#include <gtest/gtest.h>

#include <regex>

#include "runtime/programs/report_chart.h"

namespace pith {
namespace {

const std::vector<Problem> kProblems = {{"a", "?", "1", ""}, {"b", "?", "1", ""}, {"c", "?", "1", ""}};

EvalRow RowAt(const std::string& mode, int64_t budget, Curve curve, double tokens, double accuracy) {
  EvalRow row;
  row.mode = mode;
  row.n = 3;
  row.budget = budget;
  row.curve = curve;
  row.mean_tokens = tokens;
  row.accuracy = row.ci_low = row.ci_high = accuracy;
  for (int p = 0; p < 3; ++p) row.answers.push_back({p, 0, "so", 10, true, true, false, false, "1", Verdict::kCorrect});
  return row;
}

size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// The points of each line, by their number.
std::vector<int64_t> LineSizes(const std::string& svg) {
  std::vector<int64_t> sizes;
  const std::regex line("<polyline[^>]*points=\"([^\"]*)\"");
  for (std::sregex_iterator it(svg.begin(), svg.end(), line), end; it != end; ++it) {
    const std::string points = (*it)[1];
    sizes.push_back(std::count(points.begin(), points.end(), ','));
  }
  return sizes;
}

TEST(ReportTest, NoLineJoinsTheTwoCurves) {
  const std::vector<EvalRow> rows = {RowAt("m", 40, Curve::kCut, 30, 0.3), RowAt("m", 80, Curve::kCut, 60, 0.4), RowAt("m", 0, Curve::kBoth, 90, 0.6),
                                     RowAt("m", 40, Curve::kAnnounced, 35, 0.5)};
  const std::string chart = AccuracyLengthChart(rows);
  EXPECT_EQ(LineSizes(chart), (std::vector<int64_t>{3, 2})) << "each with the point of no budget";
  EXPECT_EQ(Count(chart, "stroke-dasharray"), 1u);
  EXPECT_EQ(Count(chart, "<circle"), 3u + 1) << "and one of the legend";
  EXPECT_EQ(Count(chart, "<rect"), 1u);
  EXPECT_NE(chart.find("m, budget 40, told: 50 %"), std::string::npos) << chart;
  // Without the untold ones the told ones have the only line.
  EXPECT_EQ(LineSizes(AccuracyLengthChart({rows[2], rows[3]})), (std::vector<int64_t>{2}));
  EXPECT_EQ(LineSizes(AccuracyLengthChart({rows[2]})), (std::vector<int64_t>{}));
  const std::string page = ReportHtml({"t", "m", "c"}, {{"set", kProblems, rows}});
  EXPECT_NE(page.find("<td>40, told</td>"), std::string::npos);
  EXPECT_NE(page.find("Squares on a broken line"), std::string::npos);
  EXPECT_EQ(ReportHtml({"t", "m", "c"}, {{"set", kProblems, {rows[0], rows[2]}}}).find("Squares"), std::string::npos);
}

TEST(ReportTest, EachDataSetHasItsOwnChartAndTables) {
  const std::vector<EvaluatedSet> sets = {{"first", kProblems, {RowAt("m", 0, Curve::kBoth, 30, 0.3), RowAt("k", 0, Curve::kBoth, 40, 0.4)}},
                                          {"second", kProblems, {RowAt("m", 0, Curve::kBoth, 90, 0.6)}}};
  const std::string page = ReportHtml({"t", "m", "c"}, sets), file = AccuracyLengthSvgFile(sets), text = ReportText(sets);
  EXPECT_EQ(Count(page, "<figure>"), 2u);
  EXPECT_EQ(Count(page, "Paired comparisons"), 1u) << "the second has one mode";
  EXPECT_EQ(Count(file, "<svg"), 3u);
  EXPECT_EQ(Count(file, "</svg>"), 3u);
  for (const std::string name : {"first", "second"}) {
    EXPECT_NE(page.find("<h2>" + name), std::string::npos);
    EXPECT_NE(file.find(">" + name + "</text>"), std::string::npos);
    EXPECT_NE(text.find(name + ", 3 problems\n"), std::string::npos) << text;
  }
  EXPECT_EQ(ReportText({sets[0]}).find("3 problems"), std::string::npos) << "one set needs no name";
}

TEST(ReportTest, AComparisonIsAllOnOneLine) {
  EvalRow first = RowAt("a", 64, Curve::kCut, 10, 1), second = RowAt("b", 64, Curve::kCut, 10, 1);
  second.answers[1].correct = false;
  const std::string text = ReportText({{"set", kProblems, {first, second}}});
  EXPECT_NE(text.find("a -> b, budget 64: accuracy -33.3 points ("), std::string::npos) << text;
  EXPECT_NE(text.find("McNemar p = 1.000\n"), std::string::npos) << text;
  for (EvalRow* row : {&first, &second}) {  // two chains of one problem and one of another make no whole problems
    row->chains = 3;
    row->n = 1;
    for (int c = 0; c < 3; ++c) row->answers[static_cast<size_t>(c)].problem = 0;
  }
  EXPECT_EQ(ReportText({{"set", {kProblems[0]}, {first, second}}}).find("McNemar"), std::string::npos) << "that wants one answer each";
}

TEST(ReportTest, SaysOfWhatMachineAndWhatWasGoneOnWith) {
  EvalRow row = RowAt("m", 0, Curve::kBoth, 30, 0.3);
  const std::string run = R"({"pith": {"version": "1", "commit": "abc"}, "model": {"weights": {"q4_0": 1, "q8_0": 2}}, "activations": "int8", "kv": "f16", "goes": [{"processor": "A <fast> one",
      "cpus": 2, "threads": 2, "instruction_set": "avx2", "memory_mb": 100, "kernel": "Linux", "pages_in_memory": 0.5, "start": "partly warm", "answers_before": 0, "started": "s", "ended": null},
      {"processor": "another", "cpus": 4, "threads": 4, "instruction_set": "avx2", "memory_mb": 100, "kernel": "Linux", "pages_in_memory": null, "start": null, "answers_before": 7,
       "started": "s", "ended": "e"}]})";
  const std::string page = ReportHtml({"t", "m", "c", run}, {{"set", kProblems, {row}}});
  for (const char* words : {"A &lt;fast&gt; one", "50.0 % (partly warm)", "another", "Weights q4_0, q8_0; activations int8"}) EXPECT_NE(page.find(words), std::string::npos) << words;
  EXPECT_EQ(page.find("of several goes"), std::string::npos);
  row.resumed = true;
  EXPECT_NE(ReportHtml({"t", "m", "c", run}, {{"set", kProblems, {row}}}).find("of several goes"), std::string::npos);
}

TEST(ReportTest, TextOfModelsAndProblemsIsEscaped) {
  EvalRow row = RowAt("<script>", 0, Curve::kBoth, 9, 1);
  row.n = 1;
  row.answers.resize(1);
  row.answers[0].text = "</pre><script>alert(1)</script>";
  const std::string html = ReportHtml({"t", "m", "c <x>"}, {{"<script>", {{"id", "is 1 < 2 & 3?", "1", "", "math", "", "<script>"}}, {row}}, {"b", kProblems, {RowAt("m", 0, Curve::kBoth, 1, 1)}}});
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_NE(html.find("is 1 &lt; 2 &amp; 3?"), std::string::npos);
  EXPECT_EQ(html.find("http"), std::string::npos) << "the page must open offline";
}

}  // namespace
}  // namespace pith
