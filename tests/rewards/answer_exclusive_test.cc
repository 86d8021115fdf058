// Exclusivity: a response made of two different answers and anything between them is paid for one of the two gold answers at most.
// The answers are those of MATH, GSM8K and the examiners' pairs. PITH_EXCLUSIVE_RESPONSES sets how many are drawn (a million take
// about three minutes of a processor), PITH_EXCLUSIVE_SEED which.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "rewards/answers/answer.h"

namespace pith {
namespace {

std::vector<std::string> Golds() {
  std::vector<std::string> golds;
  if (const char* data = std::getenv("PITH_DATA")) {
    for (const char* name : {"/math/train.jsonl", "/math/math500.jsonl", "/gsm8k/test.jsonl"}) {
      std::ifstream in(std::string(data) + name);
      for (std::string line; std::getline(in, line);) {
        const auto record = nlohmann::json::parse(line);
        const bool worked = !record.contains("answer") || std::string_view(name).starts_with("/gsm8k");
        const std::string text = record[record.contains("answer") ? "answer" : "solution"];
        golds.push_back(worked ? ExtractAnswer(text, Reading::kStrict).value_or("") : text);
      }
    }
  }
  std::ifstream in(std::string(PITH_TEST_GOLDEN) + "/rewards/answer_pairs.txt");
  for (std::string line; std::getline(in, line);) {
    const size_t end = line.find(" | ");
    if (end != std::string::npos && line[0] != '#') golds.push_back(line.substr(0, end));
  }
  // Marks, and what is escaped twice, are no bare answers; a choice with its text is two in one.
  std::erase_if(golds, [](const std::string& g) {
    return g.empty() || g.find("\\boxed") != std::string::npos || g.find("####") != std::string::npos || (g.starts_with("\\textbf{(") && !g.ends_with(")}")) || (g.find("\\\\") != std::string::npos && g.find("\\begin") == std::string::npos);
  });
  std::sort(golds.begin(), golds.end());
  golds.erase(std::unique(golds.begin(), golds.end()), golds.end());
  return golds;
}

const std::vector<std::string> kConnectors = {
    " or ", ", ", " ≈ ", " = ", " \\approx ", " (", ") ", "(", ")(", " not ", ", not ", "\n", "\n\n", " and ", "; ", " / ", " | ", "|", " maybe ", " perhaps ", " instead of ",
    " rather than ", " but ", " so ", ". ", " -> ", " \\implies ", " \\text{ or } ", "=", "≈", " ", " vs ", " to ", " - ", " + ", " is ", ": ", " also ", " i.e. ", " \\ne ",
    " < ", " \\quad ", "\\\\", " \\pm ", "-", "%", "} or \\boxed{", "} \\boxed{", "}, \\boxed{", "} = \\boxed{", "}\n\\boxed{", "}$ or $\\boxed{", " because the answer is ",
    " so the answer is ", " is wrong, it is ", " since it is not ", " (or ", " [", "] ", " & ", "\n- ", "\n#### ", " #### ", " ... ", " equivalently ", " which is not ",
    " whereas the answer is ", "</think>", "\n\nWait, ", " |\n|---|\n| ", "**, not **", "**, **", " happens to be ", " times ", " of ", " if not "};
const std::vector<std::pair<std::string, std::string>> kDresses = {
    {"", ""}, {"\\boxed{", "}"}, {"#### ", ""}, {"The answer is ", "."}, {"$", "$"}, {"**", "**"}, {"The answer is $", "$."}, {"(", ")"}, {"| ", " |"}, {"\\text{", "}"},
    {"\\boxed{(", ")}"}, {"\\boxed{\\text{", "}}"}, {"so we get ", ""}, {"Either ", ""}, {"It is ", "."}, {"\\{", "\\}"}, {"- ", ""}, {"<answer>", "</answer>"}, {"x = ", ""},
    {"\\boxed{x=", "}"}, {"Option ", ""}, {"Final: ", "!"}, {"Not ", ""}, {"\\[", "\\]"}, {"The correct options are ", "."}, {"I am sure that it is ", ", trust me."}};

struct Count {
  long responses = 0, paid = 0;
  std::vector<std::string> doubles;
};

// Synonyms: the one alone is paid for the other, or both name one value (θ = π/6, ∠A = 30°).
bool AreOneGold(const std::string& a, const std::string& b) {
  const auto same = [](const std::string& x, const std::string& y) {
    const Verdict verdict = JudgeAnswer(x, y);
    return verdict == Verdict::kCorrect || verdict == Verdict::kUnsimplified;
  };
  const auto value = [](const std::string& text) { return text.substr(text.rfind('=') + 1); };
  return same(a, b) || same(b, a) || same(value(a), value(b));
}

// Under every reading.
bool IsPaid(const std::string& gold, const std::string& response) {
  return GradePrediction(gold, response).verdict == Verdict::kCorrect || GradeResponse(gold, response, Reading::kStrict).verdict == Verdict::kCorrect ||
         GradeResponse(gold, response, Reading::kLenient).verdict == Verdict::kCorrect;
}

Count Draw(const std::vector<std::string>& golds, uint64_t seed, long responses) {
  Count count;
  std::mt19937_64 random(seed);
  const auto pick = [&](const auto& list) -> const auto& { return list[random() % list.size()]; };
  for (long i = 0; i < responses; ++i) {
    const std::string &a = pick(golds), &b = pick(golds), &connector = pick(kConnectors);
    const auto& dress = pick(kDresses);
    const std::string response = dress.first + a + connector + b + dress.second;
    ++count.responses;
    const bool for_a = IsPaid(a, response), for_b = IsPaid(b, response);
    count.paid += for_a || for_b;
    if (!for_a || !for_b || AreOneGold(a, b)) continue;
    count.doubles.push_back("A: " + a + "   B: " + b + "   response: " + response);
  }
  return count;
}

TEST(AnswerExclusive, NoResponseIsPaidForTwoDifferentAnswers) {
  const std::vector<std::string> golds = Golds();
  const char* wanted = std::getenv("PITH_EXCLUSIVE_RESPONSES");
  const char* wanted_seed = std::getenv("PITH_EXCLUSIVE_SEED");
  const uint64_t seed = wanted_seed != nullptr ? std::strtoull(wanted_seed, nullptr, 10) : 20261127;
  const long responses = wanted != nullptr ? std::atol(wanted) : 100000;
  std::vector<Count> counts(2);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < counts.size(); ++t) {
    threads.emplace_back([&, t] { counts[t] = Draw(golds, seed + t, responses / 2); });
  }
  for (std::thread& thread : threads) thread.join();
  long all = 0, paid = 0;
  for (const Count& count : counts) {
    all += count.responses;
    paid += count.paid;
    for (const std::string& found : count.doubles) ADD_FAILURE() << found;
  }
  std::cout << golds.size() << " answers, " << all << " responses of two, " << paid << " paid for one of them\n";
  EXPECT_GT(paid, all / 10);  // the judge still pays
}

TEST(AnswerExclusive, NorForWhatDrawsOfMillionsHaveFound) {
  const std::vector<std::vector<std::string>> cases = {
      // A number cut out of a formula.
      {"(12)_3", "noon", "The answer is (12)_3 ... noon."},
      {"(12)_3", "12 in", "The answer is (12)_3 equivalently 12 in."},
      {"x \\equiv 3 \\pmod{7}", "3 \\text{ p.m.}", "The answer is x \\equiv 3 \\pmod{7}, not 3 \\text{ p.m.}."},
      {"3:1", "3^\\circ", "(3^\\circ because the answer is 3:1)"},
      // A number without its unit.
      {"[ABC] = 12", "noon", "Option [ABC] = 12, not noon"},
      {"5 \\text{ N}", "5 \\text{ mg}", "\\boxed{(5 \\text{ N}, not 5 \\text{ mg})}"},
      {"noon", "12:00 \\text{ a.m.}", "\\boxed{\\text{noon is 12:00 \\text{ a.m.}}}"},
      {"\\$3.50", "3.5 \\mathrm{~m}/\\mathrm{s}", "(\\$3.50 times 3.5 \\mathrm{~m}/\\mathrm{s})"},
      {"50 \\text{ euros}", "Rs. 50", "\\[50 \\text{ euros}} \\boxed{Rs. 50\\]"},
      {"10^\\circ", "\\$ 10", "I am sure that it is 10^\\circ #### \\$ 10, trust me."},
      // A price, or the dress of a formula.
      {"12 \\text{ in}", "$12.00", "$12 \\text{ in} so the answer is $12.00$"},
      {"$12.00", "12 in", "The answer is $$12.00 also 12 in$."},
      {"$12", "12\\text{ noon}", "The answer is $12\\text{ noon} i.e. $12$."},
      {"3.5 \\mathrm{~m}/\\mathrm{s}", "\\$3.50", "The answer is $3.5 \\mathrm{~m}/\\mathrm{s} so \\$3.50$."},
      // Signs that are no words.
      {"6!", "6\\%", "\\text{6! whereas the answer is 6\\%}"},
      {"\\$20", "20\\%", "\\text{\\$20 whereas the answer is 20\\%}"},
      // One of several said twice, or with a condition; a point and a choice; a vector and a number; a ratio of two kinds.
      {"(3, \\pm\\sqrt{7})", "(x, y) = (3, \\sqrt{7})", "(3, \\pm\\sqrt{7})\n(x, y) = (3, \\sqrt{7})"},
      {"(0, 0, 0)", "\\{x \\in \\mathbb{R} : x \\neq 2\\}", "\\boxed{x=(0, 0, 0)}\n\\boxed{\\{x \\in \\mathbb{R} : x \\neq 2\\}}"},
      {"\\angle A", "a", "- \\angle A, not a"},
      {"\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "x_1 = 1, x_2 = 2", "(\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix} vs x_1 = 1, x_2 = 2)"},
      {"100\\%", "1\\text{ foot}", "100\\% to 1\\text{ foot}"}};
  for (const auto& c : cases) EXPECT_FALSE(IsPaid(c[0], c[2]) && IsPaid(c[1], c[2])) << c[0] << " and " << c[1] << ": " << c[2];
}

}  // namespace
}  // namespace pith
