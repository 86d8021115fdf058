// Rules about how a budget is told, and which of several a prompt of RL or an example of SFT has.
#include <algorithm>
#include <initializer_list>
#include <set>

#include "base/error.h"
#include "configs/rules.h"

namespace pith {
namespace {

class BudgetChecker {
 public:
  BudgetChecker(const TrainConfig& config, Problems* problems) : budget_(config.budget), sft_(config.run.stage == "sft"), problems_(problems) {}

  void All() {
    ToldOnce();
    Choices();
    if (sft_) Examples();
  }

 private:
  bool Clean(std::initializer_list<std::string> keys) const { return NoneReported(*problems_, keys); }
  void Report(const std::string& key, const std::string& text) { problems_->push_back({key, text, {}}); }

  void ToldOnce() {
    if (!budget_.sentence.empty() && !budget_.announcement.empty() && Clean({"budget.sentence", "budget.announcement"})) {
      Report("budget.announcement", "and budget.sentence both tell the model its budget; keep one of them");
    }
  }

  void Choices() {
    const std::vector<int64_t>& choices = budget_.choices;
    if (choices.empty() || !Clean({"budget.choices", "budget.sentence", "budget.announcement", "budget.tokens"})) return;
    const std::string& told = budget_.announcement.empty() ? budget_.sentence : budget_.announcement;
    if (std::all_of(choices.begin(), choices.end(), [](int64_t b) { return b == 0; })) {
      Report("budget.choices", "names no budget but 0; remove it, and set budget.tokens to 0");
    } else if (std::all_of(choices.begin(), choices.end(), [&](int64_t b) { return b == choices[0]; })) {
      Report("budget.choices", "leaves nothing to choose; name at least two budgets, or set budget.tokens alone");
    } else if (told.find("{budget}") == std::string::npos) {
      Report("budget.choices", Str(sft_ ? "gives each example a budget" : "draws a budget per prompt", ", which the model can only know by a budget.sentence that holds {budget}, "
                                   "or a budget.announcement that does; set one"));
    }
  }

  void Examples() {
    if (!Clean({"budget"})) return;
    if (budget_.tokens > 0 && budget_.sentence.empty() && budget_.announcement.empty()) {
      Report("budget.tokens", "has no effect: nothing is paid in SFT, and neither a budget.sentence nor a budget.announcement tells it; set one, or bound solutions by "
                              "data.max_response_tokens");
    }
    std::set<int64_t> seen;
    for (const int64_t b : budget_.choices) {
      if (seen.insert(b).second) continue;
      Report("budget.choices", Str("names ", b, " twice, but nothing is drawn in SFT: each example has the smallest budget that it keeps; name it once"));
      return;
    }
  }

  const BudgetSettings& budget_;
  const bool sft_;
  Problems* problems_;
};

}  // namespace

void CheckBudgetRules(const TrainConfig& config, Problems* problems) { BudgetChecker(config, problems).All(); }

}  // namespace pith
