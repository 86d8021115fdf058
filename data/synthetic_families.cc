#include <algorithm>

#include "data/synthetic_builder.h"
#include "data/synthetic_words.h"

namespace pith {
namespace {

const char* const kTimes[] = {"", "", "twice", "3 times", "4 times", "5 times"};

// Comparison and total with somebody else: the closing turn that every family of owners shares. `has` is the verb phrase
// ("has", "has read").
struct Comparison {
  std::string has, question;  // question: "How many {items} does {E} have?"
  std::string together, together_aim, together_question;
};

void CompareAtEnd(StoryBuilder& b, const Comparison& c, int steps) {
  const int64_t own = b.value();
  const Frame other{"{E} " + c.has + " {v} {items}", "how many {items} {E} " + c.has, {c.question}};
  const Frame both{c.together, c.together_aim, {c.together_question}};
  const int64_t kind = b.rng().Int(0, steps == 1 ? 4 : 3);
  if (kind == 4) {
    const int64_t n = b.Draw(2, b.max_number());
    b.Set("n", n);
    b.Say("{E} " + c.has + " {n} {items}");
    b.Compute('+', own, n, both);
    return;
  }
  if (kind == 0) {
    const int64_t n = b.Draw(2, b.max_number());
    b.Set("n", n);
    b.Say("{E} " + c.has + " {n} more {items} than {P}");
    b.Compute('+', own, n, other);
  } else if (kind == 1) {
    const int64_t n = b.Draw(2, std::min(b.max_number(), own - 2));
    b.Set("n", n);
    b.Say("{E} " + c.has + " {n} fewer {items} than {P}");
    b.Compute('-', own, n, other);
  } else if (kind == 2) {
    const int64_t k = b.Draw(2, 4);
    b.Set("times", kTimes[k]);
    b.Say("{E} " + c.has + " {times} as many {items} as {P}");
    b.Compute('*', own, k, other);
  } else {
    b.Say("{E} " + c.has + " half as many {items} as {P}");
    b.Compute('/', own, 2, other);
  }
  if (steps == 2) b.Compute('+', own, b.value(), both);
}

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
      b.Scene(b.Pick({"it is a sunny Saturday", "{S} is having a busy day", "it is market day", "school is out today"}));
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
        b.Say(b.Pick({"{S} {makes} {n} {items} every day for {k} days", "each hour {S} {makes} {n} {items}, for {k} hours"}));
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
        b.Set("times", kTimes[times]);
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
      b.Set("times", kTimes[k]);
      b.Say(b.Pick({"a month later {S} has {times} as many {items}", "by the end of the week {S} has {times} as many {items}"}));
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
      b.Set("times", kTimes[times]);
      b.Say("{S} {makes} {n} {items} on Monday and {times} as many on Tuesday");
      b.Compute('*', n, times, tuesday);
    } else {
      b.Say("{S} {makes} {n} {items} on Monday and {m} more than that on Tuesday");
      b.Compute('+', n, m, tuesday);
    }
    b.Compute('+', n, b.value(), Total());
  }
};

class Money : public StoryFamily {
 public:
  int max_start() const override { return 2; }
  int max_end() const override { return 2; }

  static void Choose(StoryBuilder& b) {
    b.Set("items", "dollars");
    b.Set("goods", b.Pick({"notebooks", "comic books", "ice creams", "sandwiches", "posters", "tickets", "pens", "toys"}));
  }

  void Start(StoryBuilder& b, int steps) override {
    const int64_t n = b.Draw(2, b.max_number()), m = b.Draw(2, b.max_number()), k = b.Draw(2, b.max_factor());
    b.Set("n", n);
    b.Set("m", m);
    b.Set("k", k);
    if (steps == 0) {
      b.Say(b.Pick({"{S} has {n} dollars", "{S} has saved {n} dollars", "{S} has {n} dollars in {his} pocket"}));
      return b.SetValue(n);
    }
    const Frame earned{"{S} earns {v} dollars", "how much {P} earns", {"How much money does {P} earn?"}};
    if (steps == 2) {
      b.Say(b.Pick({"{S} works {k} hours for {n} dollars an hour and gets a tip of {m} dollars",
                    "{S} washes {k} cars for {n} dollars each and gets a tip of {m} dollars"}));
      b.Compute('*', k, n, earned);
      return b.Compute('+', b.value(), m, Total());
    }
    const int64_t kind = b.rng().Int(0, 3);
    if (kind == 0) {
      b.Say(b.Pick({"{S} earns {n} dollars an hour and works {k} hours", "{S} mows {k} lawns for {n} dollars each"}));
      return b.Compute('*', k, n, earned);
    }
    if (kind == 1) {
      b.Say(b.Pick({"{S} saves {n} dollars a week for {k} weeks", "{S} puts {n} dollars in a jar every day for {k} days"}));
      return b.Compute('*', n, k, Total());
    }
    if (kind == 2) {
      b.Say(b.Pick({"{S} gets {n} dollars from {his} grandmother and {m} dollars from {his} uncle",
                    "{S} has {n} dollars in a jar and {m} dollars in a wallet"}));
      return b.Compute('+', n, m, Total());
    }
    b.Say("{S} sells {k} {goods} for {n} dollars each");
    b.Compute('*', k, n, Total());
  }

  int Event(StoryBuilder& b, int max_steps) override {
    const int64_t v = b.value();
    const double dice = b.rng().Uniform();
    if (dice < 0.35) {
      const int64_t n = b.Draw(2, b.max_number());
      b.Set("n", n);
      b.Say(b.Pick({"{R} gives {him} {n} dollars", "{S} earns {n} dollars by walking dogs", "{S} finds {n} dollars in a coat",
                    "{S} gets {n} dollars for helping a neighbor"}), true);
      b.Compute('+', v, n, Now());
      return 1;
    }
    if (dice < 0.65 || (max_steps < 2 && dice < 0.9)) {
      const int64_t n = b.Draw(2, std::min(b.max_number(), v - 2));
      b.Set("n", n);
      b.Say(b.Pick({"{S} spends {n} dollars on lunch", "{S} pays {n} dollars for a book", "{S} buys a toy for {n} dollars",
                    "{S} gives {n} dollars to {G}"}), true);
      b.Compute('-', v, n, Left());
      return 1;
    }
    if (max_steps < 2 || dice < 0.72) {
      b.Say(b.Pick({"{S} spends half of the money", "{S} gives half of the money to {G}"}), true);
      b.Compute('/', v, 2, Left());
      return 1;
    }
    const int64_t k = b.Draw(2, b.max_factor()), n = b.Draw(2, std::min((v - 2) / k, b.max_number()));
    b.Set("k", k);
    b.Set("n", n);
    b.Set("goods", b.Pick({"notebooks", "comic books", "ice creams", "sandwiches", "posters", "tickets", "pens", "toys"}));
    b.Say("{S} buys {k} {goods} for {n} dollars each", true);
    b.Compute('*', k, n, {"the {goods} cost {v} dollars", "how much the {goods} cost", {}});
    b.Compute('-', v, b.value(), Left());
    return 2;
  }

  void End(StoryBuilder& b, int steps) override {
    const int64_t v = b.value(), kind = steps == 2 ? 3 : b.rng().Int(0, 3);
    if (kind == 0) {
      const int64_t n = b.Draw(v + 2, b.max_number());
      b.Set("n", n);
      b.Say(b.Pick({"{S} wants to buy a game that costs {n} dollars", "{S} needs {n} dollars for a trip"}));
      b.Compute('-', n, v, {"{S} needs {v} more dollars", "how much more money {P} needs",
                            {"How much more money does {P} need?", "How many more dollars does {P} need?"}});
    } else if (kind == 1) {
      const int64_t k = b.DrawDivisor(v);
      b.Set("k", k);
      b.Say("{S} divides the money equally among {k} envelopes");
      b.Compute('/', v, k, {"each envelope gets {v} dollars", "how many dollars go into each envelope",
                            {"How many dollars go into each envelope?"}});
    } else if (kind == 2) {
      const int64_t k = b.DrawDivisor(v);
      b.Set("k", k);
      b.Set("goods", b.Pick({"stickers", "pens", "cards", "bus tickets", "flowers"}));
      b.Say("{S} spends all of the money on {goods} that cost {k} dollars each");
      b.Compute('/', v, k, {"{S} can buy {v} {goods}", "how many {goods} {P} can buy", {"How many {goods} can {P} buy?"}});
    } else {
      CompareAtEnd(b, {"has", "How many {items} does {E} have?", "together they have {v} {items}",
                       "how many {items} they have together", "How many {items} do they have together?"}, steps);
    }
  }

 private:
  static Frame Total() {
    return {"{S} has {v} dollars", "how much money {P} has",
            {"How much money does {P} have?", "How many dollars does {P} have in total?"}};
  }
  static Frame Now() {
    return {"{S} now has {v} dollars", "how much money {P} has now",
            {"How much money does {P} have now?", "How many dollars does {P} have now?"}};
  }
  static Frame Left() {
    return {"{S} has {v} dollars left", "how much money {P} has left",
            {"How much money does {P} have left?", "How many dollars does {P} have left?"}};
  }
};

}  // namespace

StoryFamily& CrowdFamily(StoryBuilder& b);     // synthetic_families_more.cc
StoryFamily& ProgressFamily(StoryBuilder& b);

StoryFamily& PickFamily(StoryBuilder& b) {
  static Collection collection;
  static Money money;
  const double dice = b.rng().Uniform();
  if (dice < 0.5) {
    Collection::Choose(b);
    return collection;
  }
  if (dice < 0.7) {
    Money::Choose(b);
    return money;
  }
  return dice < 0.83 ? CrowdFamily(b) : ProgressFamily(b);
}

}  // namespace pith
