#include <initializer_list>

#include "base/error.h"
#include "data/synthetic.h"
#include "data/synthetic_builder.h"

namespace pith {
namespace {

// One draw of random numbers per statement: the order of evaluation inside an expression is the compiler's.
class SolutionWriter {
 public:
  SolutionWriter(const Story& story, Rng& rng) : story_(story), rng_(rng) {}

  std::string Brief() {
    const bool spaced = rng_.Uniform() < 0.15;
    const std::string separator = Pick({", ", ", ", "; ", "\n"});
    std::string text;
    for (const StoryStep& step : story_.steps) text += (text.empty() ? "" : separator) + Equation(step, spaced);
    return text + Close();
  }

  std::string Plain() {
    std::string text;
    const int64_t voice = rng_.Int(0, 3);  // one voice for most of a solution
    int used_fact = -1;
    for (size_t i = 0; i < story_.steps.size(); ++i) {
      const StoryStep& step = story_.steps[i];
      const int64_t kind = rng_.Uniform() < 0.75 ? voice : rng_.Int(0, 3);
      const bool fresh_fact = step.fact != used_fact;
      used_fact = step.fact;
      if (!text.empty()) text += " ";
      const std::string& fact = story_.facts[step.fact];
      if (kind == 0 && fresh_fact) {
        text += Capitalised(fact);
        text += ", so " + Result(step, Equation(step), StartsWithSubject(fact)) + ".";
      } else if (kind == 1) {
        text += Equation(step) + ", so " + Result(step, Value(step), false) + ".";
      } else if (kind == 2 && story_.steps.size() > 1) {
        text += Connector(i) + Result(step, Equation(step), false) + ".";
      } else {
        text += Capitalised(Result(step, Equation(step), false)) + ".";
      }
    }
    if (rng_.Uniform() < 0.3) text += Pick({" The answer is ", " So the answer is "}) + Answer() + ".";
    return text + Close();
  }

  std::string Verbose() {
    std::string text = Introduction();
    text += Steps();
    if (rng_.Uniform() < 0.6) text += " " + Check();
    if (rng_.Uniform() < 0.4) text += Pick({" So the answer is ", " That makes the answer "}) + Answer() + ".";
    return text + Close();
  }

  std::string VeryVerbose() {
    std::string text = Introduction();
    text += Steps();
    text += " ";
    text += Check();
    text += Pick({" Let me go over it once more.", " Now let me look at the whole result again.",
                  " To be sure, let us repeat the steps."});
    for (size_t i = 0; i < story_.steps.size(); ++i) {
      // Each follows another word than the one before it.
      constexpr const char* kNext[] = {" Then ", " Next, ", " After that, "};
      text += i == 0 ? Pick({" First, ", " We had "}) : kNext[(i - 1) % 3];
      text += Equation(story_.steps[i]) + ".";
    }
    text += Pick({" The result is the same, so the answer is ", " Everything fits, so the answer is ",
                  " This agrees with what we found, so the answer is "}) + Answer() + ".";
    return text + Close();
  }

 private:
  const Story& story_;
  Rng& rng_;

  std::string Pick(std::initializer_list<const char*> options) {
    return options.begin()[rng_.Int(0, static_cast<int64_t>(options.size()) - 1)];
  }
  std::string Answer() const { return std::to_string(story_.answer()); }
  std::string Close() const { return "\n#### " + Answer(); }
  static std::string Value(const StoryStep& step) { return std::to_string(step.value); }

  static std::string Equation(const StoryStep& step, bool spaced = true) {
    const char* space = spaced ? " " : "";
    return Str(step.a, space, step.op, space, step.b, spaced ? " = " : "=", step.value);
  }

  bool StartsWithSubject(const std::string& clause) const {
    return clause.starts_with(story_.subject + " ") || clause.starts_with(story_.pronoun + " ");
  }

  std::string Result(const StoryStep& step, const std::string& value, bool pronoun) const {
    std::string text = step.result;
    if (const size_t at = text.find("{S}"); at != std::string::npos) {
      text.replace(at, 3, pronoun ? story_.pronoun : story_.subject);
    }
    const size_t at = text.find("{v}");
    PITH_CHECK(at != std::string::npos, text);
    return text.replace(at, 3, value);
  }

  std::string Connector(size_t i) {
    if (i == 0) return "First, ";
    if (i + 1 == story_.steps.size()) return Pick({"Finally, ", "So in the end ", "Then "});
    return Pick({"Next, ", "Then ", "After that, "});
  }

  std::string Introduction() {
    const std::string& aim = story_.steps.back().aim;
    std::string text;
    if (rng_.Uniform() < 0.5) {
      text = Pick({"We need to find ", "We want to know ", "The question is ", "Let's work out "}) + aim + ". ";
    } else {
      text = Pick({"The problem says that ", "We know that ", "We are told that "}) + Facts() + ". ";
      if (rng_.Uniform() < 0.3) text += "We want to know " + aim + ". ";
    }
    if (!story_.distraction.empty() && rng_.Uniform() < 0.6) {
      text += Capitalised(story_.distraction);
      text += Pick({" does not matter here. ", " is not needed for this. "});
    }
    return text;
  }

  std::string Facts() const {
    std::string text;
    for (size_t i = 0; i < story_.facts.size(); ++i) {
      if (i > 0) text += i + 1 < story_.facts.size() ? ", that " : ", and that ";
      text += story_.facts[i];
    }
    return text;
  }

  std::string Work(const StoryStep& step) {
    const int64_t a = step.a, b = step.b;
    switch (step.op) {
      case '+': return rng_.Uniform() < 0.5 ? Str("add ", a, " and ", b) : Str("add ", b, " to ", a);
      case '-': return rng_.Uniform() < 0.5 ? Str("subtract ", b, " from ", a) : Str("take ", b, " away from ", a);
      case '*': return Str("multiply ", a, " by ", b);
      default: return Str("divide ", a, " by ", b);
    }
  }

  std::string Steps() {
    std::string text;
    const bool numbered = rng_.Uniform() < 0.25 && story_.steps.size() > 1;
    for (size_t i = 0; i < story_.steps.size(); ++i) {
      const StoryStep& step = story_.steps[i];
      if (i > 0) text += " ";
      if (numbered) text += Str("Step ", i + 1, ": ");
      const int64_t kind = rng_.Int(0, 2);
      const bool fresh_fact = i == 0 || step.fact != story_.steps[i - 1].fact;
      if (kind == 0) {
        text += "To find " + step.aim + ", we " + Work(step) + ": " + Equation(step) + ".";
        if (rng_.Uniform() < 0.5) text += " So " + Result(step, Value(step), true) + ".";
      } else if (kind == 1 && fresh_fact) {
        const std::string& fact = story_.facts[step.fact];
        text += Capitalised(fact) + ", so we " + Work(step) + ". This gives " + Equation(step) + ". " +
                Capitalised(Result(step, Value(step), StartsWithSubject(fact))) + ".";
      } else {
        text += numbered ? "We " : i == 0 ? Pick({"We ", "First we "}) : Pick({"Next we ", "Now we ", "Then we "});
        text += Work(step);
        text += " to get " + Equation(step);
        text += Pick({", which means that ", ", so "});
        text += Result(step, Value(step), false) + ".";
      }
    }
    return text;
  }

  std::string Check() {
    const StoryStep& step = story_.steps.back();
    const char inverse = step.op == '+' ? '-' : step.op == '-' ? '+' : step.op == '*' ? '/' : '*';
    std::string text = Pick({"Check: ", "We can check this: ", "To check, "});
    text += Str(step.value, " ", inverse, " ", step.b, " = ", step.a);
    text += Pick({", which is right.", ", as it should be.", ", so it works."});
    return text;
  }
};

}  // namespace

std::string WriteSolution(const Story& story, int level, Rng& rng) {
  SolutionWriter writer(story, rng);
  switch (level) {
    case 0: return writer.Brief();
    case 1: return writer.Plain();
    case 2: return writer.Verbose();
    case 3: return writer.VeryVerbose();
  }
  PITH_CHECK(false, "level ", level);
  return {};
}

}  // namespace pith
