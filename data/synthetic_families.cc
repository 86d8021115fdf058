#include <algorithm>

#include "data/synthetic_builder.h"
#include "data/synthetic_words.h"

namespace pith {
namespace {

class Collection : public StoryFamily {
 public:
  int max_start() const override { return 3; }
  int max_end() const override { return 2; }

  static void Choose(StoryBuilder& b) {
    const std::span<const StoryTheme> themes = StoryThemes();
    const StoryTheme& theme = themes[b.rng().Int(0, static_cast<int64_t>(themes.size()) - 1)];
    b.Set("items", theme.items);
    b.Set("c", theme.containers);
    b.Set("x", theme.first);
    b.Set("y", theme.second);
    b.Set("makes", theme.makes);
    b.Set("kind", theme.kind == ThemeKind::kFood ? "food" : theme.kind == ThemeKind::kToy ? "toy" : "trade");
    if (theme.owner) b.Set("P", theme.owner);
  }

  void Start(StoryBuilder& b, int steps) override {
    if (b.Fill("{kind}") == "toy" && b.rng().Uniform() < 0.3) {
      b.Scene(b.Pick({"{S} is looking after {his} {items}", "{S} likes {items}", "{S} is sorting {his} {items}"}));
    } else if (b.rng().Uniform() < 0.15) {
      b.Scene(
          b.Pick({"it is a sunny Saturday", "{S} is having a busy day", "it is market day", "school is out today"}));
    }
    const int64_t n = b.Draw(2, b.max_number()), k = b.Draw(2, b.max_factor());
    int64_t m = b.Draw(2, b.max_number());
    b.Set("n", n);
    b.Set("k", k);
    b.Set("m", m);
    if (steps == 0) {
      b.Say(b.Pick({"{S} has {n} {items}", "{S} starts the day with {n} {items}", "{S} has {n} {items} at first"}));
      return b.SetValue(n);
    }
    if (steps == 3) {
      const int64_t q = b.Draw(2, b.max_factor());
      b.Set("q", q);
      b.Say("{S} has {k} small {c} with {n} {items} in each and {q} large {c} with {m} {items} in each");
      b.Compute('*', k, n, {"the small {c} hold {v} {items}", "how many {items} are in the small {c}", {}});
      const int64_t small = b.value();
      b.Compute('*', q, m, {"the large {c} hold {v} {items}", "how many {items} are in the large {c}", {}});
      return b.Compute('+', small, b.value(), Total());
    }
    if (steps == 2) return StartTwo(b, n, m, k);
    switch (b.rng().Int(0, 6)) {
      case 0:
      case 1:
        b.Say(b.Pick({"{S} has {k} {c} with {n} {items} in each", "{S} has {k} {c}, and each holds {n} {items}",
                      "{S} puts {n} {items} in each of {k} {c}"}));
        return b.Compute('*', k, n, Total());
      case 2:
        b.Say(b.Pick(
            {"{S} {makes} {n} {items} every day for {k} days", "each hour {S} {makes} {n} {items}, for {k} hours"}));
        return b.Compute('*', n, k, Total());
      case 3:
        b.Say("{S} has {n} {x} {items} and {m} {y} {items}");
        return b.Compute('+', n, m, Total());
      case 4:
        b.Say(b.Pick({"{S} {makes} {n} {items} on Monday and {m} {items} on Tuesday",
                      "{S} {makes} {n} {items} in the morning and {m} more in the evening"}));
        return b.Compute('+', n, m, Total());
      case 5: {
        const bool more = b.rng().Uniform() < 0.5;
        if (!more) b.Set("m", m = b.Draw(2, n - 2));
        b.Say("{F} has {n} {items}");
        b.Say(more ? "{S} has {m} more {items} than {F}" : "{S} has {m} fewer {items} than {F}");
        return b.Compute(more ? '+' : '-', n, m, Total());
      }
      default: {
        const int64_t times = b.Draw(2, 4);
        b.Set("times", TimesWord(times));
        b.Say("{F} has {n} {items}");
        if (n % 2 == 0 && b.rng().Uniform() < 0.3) {
          b.Say("{S} has half as many {items} as {F}");
          return b.Compute('/', n, 2, Total());
        }
        b.Say("{S} has {times} as many {items} as {F}");
        return b.Compute('*', n, times, Total());
      }
    }
  }

  int Event(StoryBuilder& b, int max_steps) override {
    const int64_t v = b.value();
    const std::string kind = b.Fill("{kind}");
    const double dice = b.rng().Uniform();
    if (dice < 0.36) {
      const int64_t n = b.Draw(2, b.max_number());
      b.Set("n", n);
      const bool trade = kind == "trade";
      b.Say(trade ? b.Pick({"{S} {makes} {n} more {items}", "a helper brings {n} more {items}"})
                  : b.Pick({"{S} {makes} {n} more {items}", "{R} gives {him} {n} more {items}",
                            "{S} gets {n} more {items} from {G}", "{S} buys {n} {items} at the market"}), true);
      b.Compute('+', v, n, Now());
      return 1;
    }
    if (dice < 0.74) {
      const int64_t n = b.Draw(2, std::min(b.max_number(), v - 2));
      b.Set("n", n);
      b.Say(kind == "trade"  ? b.Pick({"{S} sells {n} of the {items}", "customers buy {n} of the {items}",
                                       "{S} gives {n} of the {items} away"})
            : kind == "food" ? b.Pick({"{S} gives {n} of the {items} to {G}", "{his} family eats {n} of the {items}",
                                       "{S} sells {n} of the {items}", "{S} shares {n} of the {items} with the class"})
                             : b.Pick({"{S} gives {n} of the {items} to {G}", "{S} loses {n} of the {items}",
                                       "{S} sells {n} of the {items}", "{S} lends {n} of the {items} to {G}"}), true);
      b.Compute('-', v, n, Left());
      return 1;
    }
    if (dice < 0.84) {
      b.Say(b.Pick({"{S} gives half of the {items} away", "{S} sells half of the {items}"}), true);
      b.Compute('/', v, 2, Left());
      return 1;
    }
    if (dice < 0.92 || max_steps < 2) {
      const int64_t k = b.Draw(2, 3);
      b.Set("times", TimesWord(k));
      b.Say(b.Pick(
          {"a month later {S} has {times} as many {items}", "by the end of the week {S} has {times} as many {items}"}));
      b.Compute('*', v, k, Now());
      return 1;
    }
    const int64_t k = b.Draw(3, 4);
    b.Set("part", k == 3 ? "a third" : "a quarter");
    b.Say("{S} gives {part} of the {items} to {G}", true);
    b.Compute('/', v, k, {"{G} gets {v} {items}", "how many {items} {G} gets", {}});
    b.Compute('-', v, b.value(), Left());
    return 2;
  }

  void End(StoryBuilder& b, int steps) override {
    const int64_t v = b.value(), kind = steps == 2 ? 3 : b.rng().Int(0, 4);
    if (kind == 0) {
      const int64_t k = b.DrawDivisor(v);
      b.Set("k", k);
      b.Say("{S} shares the {items} equally among {k} friends");
      b.Compute('/', v, k, {"each friend gets {v} {items}", "how many {items} each friend gets",
                            {"How many {items} does each friend get?", "How many {items} does each of them get?"}});
    } else if (kind == 1) {
      const int64_t k = b.DrawDivisor(v);
      b.Set("k", k);
      b.Say(b.Pick({"{S} packs the {items} into bags of {k}", "{S} puts {k} {items} into each bag"}));
      b.Compute('/', v, k, {"{S} fills {v} bags", "how many bags {P} fills", {"How many bags does {P} fill?"}});
    } else if (kind == 2) {
      const int64_t k = b.Draw(2, std::min<int64_t>(6, b.max_number()));
      b.Set("k", k);
      b.Say("{S} sells all the {items} for {k} dollars each");
      b.Compute('*', v, k, {"{S} gets {v} dollars", "how much money {P} gets",
                            {"How much money does {P} get?", "How many dollars does {P} get?"}});
    } else {
      CompareAtEnd(b, {"has", "How many {items} does {E} have?", "together they have {v} {items}",
                       "how many {items} they have together", "How many {items} do they have together?"}, steps);
    }
  }

 private:
  static Frame Total() {
    return {"{S} has {v} {items}", "how many {items} {P} has",
            {"How many {items} does {P} have?", "How many {items} does {P} have in total?",
             "How many {items} does {P} have altogether?"}};
  }
  static Frame Now() {
    return {"{S} now has {v} {items}", "how many {items} {P} has now",
            {"How many {items} does {P} have now?", "How many {items} does {P} have in the end?"}};
  }
  static Frame Left() {
    return {"{S} has {v} {items} left", "how many {items} {P} has left",
            {"How many {items} does {P} have left?", "How many {items} are left?"}};
  }
  static void StartTwo(StoryBuilder& b, int64_t n, int64_t m, int64_t k) {
    const int64_t kind = b.rng().Int(0, 2);
    if (kind == 0) {
      b.Say("{S} has {k} {c} with {n} {items} in each and {m} loose {items}");
      b.Compute('*', k, n, {"the {c} hold {v} {items}", "how many {items} are in the {c}", {}});
      return b.Compute('+', b.value(), m, Total());
    }
    const Frame tuesday{"{S} {makes} {v} {items} on Tuesday", "how many {items} {P} {makes} on Tuesday", {}};
    if (kind == 1) {
      const int64_t times = b.Draw(2, 4);
      b.Set("times", TimesWord(times));
      b.Say("{S} {makes} {n} {items} on Monday and {times} as many on Tuesday");
      b.Compute('*', n, times, tuesday);
    } else {
      b.Say("{S} {makes} {n} {items} on Monday and {m} more than that on Tuesday");
      b.Compute('+', n, m, tuesday);
    }
    b.Compute('+', n, b.value(), Total());
  }
};

}  // namespace

StoryFamily& PickFamily(StoryBuilder& b) {
  static Collection collection;
  const double dice = b.rng().Uniform();
  if (dice < 0.5) {
    Collection::Choose(b);
    return collection;
  }
  if (dice < 0.7) return MoneyFamily(b);
  return dice < 0.83 ? CrowdFamily(b) : ProgressFamily(b);
}

}  // namespace pith
