#include <algorithm>

#include "data/synthetic_builder.h"

namespace pith {
namespace {

class Money : public StoryFamily {
 public:
  int max_start() const override { return 2; }
  int max_end() const override { return 2; }

  static void Choose(StoryBuilder& b) {
    b.Set("items", "dollars");
    b.Set("goods",
          b.Pick({"notebooks", "comic books", "ice creams", "sandwiches", "posters", "tickets", "pens", "toys"}));
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
      b.Say(b.Pick(
          {"{S} saves {n} dollars a week for {k} weeks", "{S} puts {n} dollars in a jar every day for {k} days"}));
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
      b.Say(b.Pick({"{R} gives {him} {n} dollars", "{S} earns {n} dollars by walking dogs",
                    "{S} finds {n} dollars in a coat", "{S} gets {n} dollars for helping a neighbor"}),
            true);
      b.Compute('+', v, n, Now());
      return 1;
    }
    if (dice < 0.65 || (max_steps < 2 && dice < 0.9)) {
      const int64_t n = b.Draw(2, std::min(b.max_number(), v - 2));
      b.Set("n", n);
      b.Say(b.Pick({"{S} spends {n} dollars on lunch", "{S} pays {n} dollars for a book",
                    "{S} buys a toy for {n} dollars", "{S} gives {n} dollars to {G}"}),
            true);
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
    b.Set("goods",
          b.Pick({"notebooks", "comic books", "ice creams", "sandwiches", "posters", "tickets", "pens", "toys"}));
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
      b.Compute('/', v, k,
                {"{S} can buy {v} {goods}", "how many {goods} {P} can buy", {"How many {goods} can {P} buy?"}});
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

StoryFamily& MoneyFamily(StoryBuilder& b) {
  static Money money;
  Money::Choose(b);
  return money;
}

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
    b.Set("times", TimesWord(k));
    b.Say("{E} " + c.has + " {times} as many {items} as {P}");
    b.Compute('*', own, k, other);
  } else {
    b.Say("{E} " + c.has + " half as many {items} as {P}");
    b.Compute('/', own, 2, other);
  }
  if (steps == 2) b.Compute('+', own, b.value(), both);
}

}  // namespace pith
