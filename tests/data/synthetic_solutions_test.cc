// Every equation in every generated solution is read back and worked out.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <map>
#include <regex>
#include <string>

#include "data/dataset.h"
#include "data/synthetic.h"

namespace pith {
namespace {

struct Equation {
  int64_t a, b, value;
  char op;
};

std::vector<Equation> Equations(const std::string& text) {
  static const std::regex pattern(R"((\d+) ?([-+*/]) ?(\d+) ?= ?(\d+))");
  std::vector<Equation> equations;
  for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it) {
    equations.push_back({std::stoll((*it)[1]), std::stoll((*it)[3]), std::stoll((*it)[4]), (*it)[2].str()[0]});
  }
  return equations;
}

bool Holds(const Equation& e) {
  switch (e.op) {
    case '+': return e.a + e.b == e.value;
    case '-': return e.a - e.b == e.value && e.value >= 0;
    case '*': return e.a * e.b == e.value;
    default: return e.b != 0 && e.b * e.value == e.a;
  }
}

TEST(SyntheticSolutions, EveryEquationHoldsAndLeadsToTheAnswer) {
  int64_t checked = 0;
  for (const std::string verbosity : {"short", "mixed", "verbose"}) {
    DatasetSpec spec;
    spec.name = "synthetic";
    spec.limit = 4000;
    spec.max_steps = 5;
    spec.max_number = 60;
    spec.verbosity = verbosity;
    for (const Problem& problem : LoadProblems(spec)) {
      const std::string& text = problem.solution;
      const std::string close = "\n#### " + problem.answer;
      ASSERT_TRUE(text.ends_with(close)) << text;
      const std::vector<Equation> equations = Equations(text);
      ASSERT_FALSE(equations.empty()) << text;
      // No "=" escapes the check by being written otherwise.
      ASSERT_EQ(static_cast<int64_t>(equations.size()), std::count(text.begin(), text.end(), '=')) << text;
      bool reaches_answer = false;
      for (const Equation& equation : equations) {
        EXPECT_TRUE(Holds(equation)) << equation.a << equation.op << equation.b << " = " << equation.value
                                     << " in: " << text;
        reaches_answer |= std::to_string(equation.value) == problem.answer;
        ++checked;
      }
      EXPECT_TRUE(reaches_answer) << text;
      EXPECT_TRUE(verbosity != "short" || std::to_string(equations.back().value) == problem.answer) << text;
    }
  }
  EXPECT_GT(checked, 40000);
}

// Independent of the generator's own arithmetic: these two simplest stories are solved from their text alone.
TEST(SyntheticSolutions, AnswersAgreeWithAReadingOfTheQuestion) {
  const std::string ending = R"( does .+ have[a-z ]*\?$)";
  const std::regex boxes(R"((?:^|\. )\S+(?: \S+)? has (\d+) \w+ with (\d+) [a-z ]+ in each\. How many [a-z ]+)" +
                         ending);
  const std::regex fewer(
      R"(has (\d+) ([a-z ]+)\. (?:[A-Z]\S+|The \w+) has (\d+) (more|fewer) \2 than .+\. How many \2)" + ending);
  DatasetSpec spec;
  spec.name = "synthetic";
  spec.limit = 5000;
  spec.max_steps = 1;
  spec.distractor_rate = 0;
  int read = 0;
  for (const Problem& problem : LoadProblems(spec)) {
    std::smatch match;
    int64_t expected = 0;
    if (std::regex_search(problem.question, match, boxes)) {
      expected = std::stoll(match[1]) * std::stoll(match[2]);
    } else if (std::regex_search(problem.question, match, fewer)) {
      expected = std::stoll(match[1]) + (match[4] == "more" ? 1 : -1) * std::stoll(match[3]);
    } else {
      continue;
    }
    EXPECT_EQ(problem.answer, std::to_string(expected)) << problem.question;
    ++read;
  }
  EXPECT_GT(read, 200);
}

TEST(SyntheticSolutions, LevelsGrowLonger) {
  Rng rng(11);
  double length[4] = {};
  for (int made = 0; made < 600;) {
    const Story story = MakeStory(rng, 1 + made % 3, 30, false);
    if (story.steps.empty()) continue;
    for (int level = 0; level < 4; ++level)
      length[level] += static_cast<double>(WriteSolution(story, level, rng).size());
    ++made;
  }
  for (int level = 1; level < 4; ++level) EXPECT_GT(length[level], 1.3 * length[level - 1]) << "level " << level;
}

TEST(SyntheticSolutions, TheBriefRateIsTheShareOfBareEquations) {
  DatasetSpec spec;
  spec.name = "synthetic";
  spec.limit = 3000;
  spec.brief_rate = 0.3;
  int64_t brief = 0;
  for (const Problem& problem : LoadProblems(spec)) {
    const std::string body = problem.solution.substr(0, problem.solution.find("####"));
    brief += std::none_of(body.begin(), body.end(), [](unsigned char c) { return std::isalpha(c); });
  }
  EXPECT_NEAR(static_cast<double>(brief) / 3000, 0.3, 0.034);  // 4 standard errors
}

// No wording dominates: with its numbers and names masked, the commonest solution of a level is rare.
TEST(SyntheticSolutions, WordingVaries) {
  DatasetSpec spec;
  spec.name = "synthetic";
  spec.limit = 2000;
  std::map<std::string, int> openings;
  for (const Problem& problem : LoadProblems(spec)) {
    std::string key = std::regex_replace(problem.solution, std::regex(R"(\d+)"), "n");
    ++openings[NormaliseQuestion(key)];
  }
  for (const auto& [text, count] : openings) EXPECT_LT(count, 40) << text;
  EXPECT_GT(openings.size(), 1500u);
}

}  // namespace
}  // namespace pith
