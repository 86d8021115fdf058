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

Count Draw(const std::vector<std::string>& golds, uint64_t seed, long responses) {
  Count count;
  std::mt19937_64 random(seed);
  const auto pick = [&](const auto& list) -> const auto& { return list[random() % list.size()]; };
  for (long i = 0; i < responses; ++i) {
    const std::string &a = pick(golds), &b = pick(golds), &connector = pick(kConnectors);
    const auto& dress = pick(kDresses);
    const std::string response = dress.first + a + connector + b + dress.second;
    const auto paid = [&](const std::string& gold) {
      return GradePrediction(gold, response).verdict == Verdict::kCorrect || GradeResponse(gold, response, Reading::kStrict).verdict == Verdict::kCorrect ||
             GradeResponse(gold, response, Reading::kLenient).verdict == Verdict::kCorrect;
    };
    ++count.responses;
    const bool for_a = paid(a), for_b = paid(b);
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

}  // namespace
}  // namespace pith
