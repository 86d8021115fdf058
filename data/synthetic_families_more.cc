#include <algorithm>

#include "data/synthetic_builder.h"
#include "data/synthetic_words.h"

namespace pith {
namespace {

// People (or birds, or cars) who come and go.
class Crowd : public StoryFamily {
 public:
  int max_start() const override { return 1; }
  int max_end() const override { return 2; }

  void Start(StoryBuilder& b, int steps) override {
    const int64_t n = b.Draw(3, b.max_number()), k = b.Draw(2, b.max_factor());
    b.Set("n", n);
    b.Set("k", k);
    if (steps == 0) {
      b.Say(b.Pick(
          {"there are {n} {items} {where}", "at first, there are {n} {items} {where}", "{n} {items} are {where}"}));
      return b.SetValue(n);
    }
    b.Say(b.Pick({"there are {k} {groups} of {n} {items} each {where}",
                  "{where} there are {k} {groups} with {n} {items} each"}));
    b.Compute('*', k, n, {"there are {v} {items} {where}", "how many {items} are {where}",
                          {"How many {items} are {where}?", "How many {items} are there {where} in all?"}});
  }

  int Event(StoryBuilder& b, int) override {
    const int64_t v = b.value();
    const double dice = b.rng().Uniform();
    const Frame now{"there are now {v} {items} {where}", "how many {items} are {where} now",
                    {"How many {items} are {where} now?", "How many {items} are there {where} in the end?"}};
    const Frame left{"there are {v} {items} left {where}", "how many {items} are left {where}",
                     {"How many {items} are left {where}?", "How many {items} are still {where}?"}};
    if (dice < 0.45) {
      const int64_t n = b.Draw(2, b.max_number());
      b.Set("n", n);
      b.Say("{n} more {items} {arrive}", true);
      b.Compute('+', v, n, now);
    } else if (dice < 0.88) {
      const int64_t n = b.Draw(2, std::min(b.max_number(), v - 2));
      b.Set("n", n);
      b.Say(b.Pick({"{n} {items} {leave}", "{n} of the {items} {leave}"}), true);
      b.Compute('-', v, n, left);
    } else {
      b.Say("half of the {items} {leave}", true);
      b.Compute('/', v, 2, left);
    }
    return 1;
  }

  void End(StoryBuilder& b, int steps) override {
    const int64_t v = b.value(), kind = b.rng().Int(0, 2);
    const Frame other = kind == 2 ? Frame{"there are {v} {items} {where} the next day",
                                          "how many {items} are {where} the next day",
                                          {"How many {items} are {where} the next day?"}}
                                  : Frame{"there were {v} {items} {where} yesterday",
                                          "how many {items} were {where} yesterday",
                                          {"How many {items} were {where} yesterday?"}};
    if (kind == 2) {
      const int64_t k = b.Draw(2, 3);
      b.Set("times", k == 2 ? "twice" : "3 times");
      b.Say("the next day there are {times} as many {items}");
      b.Compute('*', v, k, other);
    } else {
      const int64_t n = b.Draw(2, kind == 0 ? b.max_number() : std::min(b.max_number(), v - 2));
      b.Set("n", n);
      b.Say(kind == 0 ? "yesterday there were {n} more {items} than that"
                      : "yesterday there were {n} fewer {items} than that");
      b.Compute(kind == 0 ? '+' : '-', v, n, other);
    }
    if (steps == 2) {
      b.Compute('+', v, b.value(),
                {"there were {v} {items} on the two days together",
                 "how many {items} there were on both days together",
                 {"How many {items} is that on the two days together?"}});
    }
  }
};

// Pages read, laps swum: what adds up.
class Progress : public StoryFamily {
 public:
  int max_start() const override { return 2; }
  int max_end() const override { return 1; }

  void Start(StoryBuilder& b, int steps) override {
    const int64_t n = b.Draw(2, b.max_number()), m = b.Draw(2, b.max_number()), k = b.Draw(2, b.max_factor());
    b.Set("n", n);
    b.Set("m", m);
    b.Set("k", k);
    if (steps == 0) {
      b.Say(b.Pick({"{S} has already {done} {n} {items}", "{S} {third} {n} {items} on Monday"}));
      return b.SetValue(n);
    }
    if (steps == 1) {
      if (b.rng().Uniform() < 0.6) {
        b.Say(
            b.Pick({"{S} {third} {n} {items} a day for {k} days", "every day for {k} days, {S} {third} {n} {items}"}));
        return b.Compute('*', n, k, Total());
      }
      b.Say(b.Pick({"{S} {third} {n} {items} on Monday and {m} {items} on Tuesday",
                    "{S} {third} {n} {items} before lunch and {m} more after lunch"}));
      return b.Compute('+', n, m, Total());
    }
    if (b.rng().Uniform() < 0.5) {
      b.Say("{S} {third} {n} {items} a day for {k} days and {m} {items} on the day after");
      b.Compute('*', n, k,
                {"{S} {third} {v} {items} in the {k} days", "how many {items} {P} {third} in the {k} days", {}});
      return b.Compute('+', b.value(), m, Total());
    }
    const int64_t times = b.Draw(2, 3);
    b.Set("times", times == 2 ? "twice" : "3 times");
    b.Say("{S} {third} {n} {items} on Monday and {times} as many on Tuesday");
    b.Compute('*', n, times, {"{S} {third} {v} {items} on Tuesday", "how many {items} {P} {third} on Tuesday", {}});
    b.Compute('+', n, b.value(), Total());
  }

  int Event(StoryBuilder& b, int max_steps) override {
    const int64_t v = b.value(), n = b.Draw(2, b.max_number()), k = b.Draw(2, std::min<int64_t>(4, b.max_factor()));
    b.Set("n", n);
    b.Set("k", k);
    if (max_steps < 2 || b.rng().Uniform() < 0.6) {
      b.Say(b.Pick({"{S} {third} {n} more {items} later in the week", "in the evening {S} {third} {n} more {items}",
                    "{S} {third} {n} more {items} on the weekend", "the day after, {S} {third} another {n} {items}"}));
      b.Compute('+', v, n, Total());
      return 1;
    }
    b.Say("for {k} more days, {S} {third} {n} {items} a day");
    b.Compute('*', k, n, {"{S} {third} {v} more {items}", "how many {items} {P} {third} in those {k} days", {}});
    b.Compute('+', v, b.value(), Total());
    return 2;
  }

  void End(StoryBuilder& b, int) override {
    const int64_t v = b.value(), kind = b.rng().Int(0, 3);
    const Frame other{
        "{E} has {done} {v} {items}", "how many {items} {E} has {done}", {"How many {items} has {E} {done}?"}};
    if (kind <= 1 && v + 2 <= b.max_number()) {
      const int64_t n = b.Draw(v + 2, b.max_number());
      b.Set("n", n);
      b.Say(b.Fill("{goal}"));
      b.Compute('-', n, v,
                {b.Fill("{more}"),
                 b.Fill("{more_aim}"),
                 {"How many {items} are left to {base}?", "How many more {items} does {P} have to {base}?"}});
    } else if (kind <= 2) {
      const bool more = b.rng().Uniform() < 0.5;
      const int64_t n = b.Draw(2, more ? b.max_number() : std::min(b.max_number(), v - 2));
      b.Set("n", n);
      b.Say(more ? "{E} has {done} {n} more {items} than {P}" : "{E} has {done} {n} fewer {items} than {P}");
      b.Compute(more ? '+' : '-', v, n, other);
    } else {
      b.Say("{E} has {done} twice as many {items} as {P}");
      b.Compute('*', v, 2, other);
    }
  }

 private:
  static Frame Total() {
    return {"{S} has {done} {v} {items}", "how many {items} {P} has {done}",
            {"How many {items} does {P} {base} in all?", "How many {items} has {P} {done} altogether?"}};
  }
};

}  // namespace

StoryFamily& CrowdFamily(StoryBuilder& b) {
  static Crowd crowd;
  const std::span<const StoryPlace> places = StoryPlaces();
  const StoryPlace& place = places[b.rng().Int(0, static_cast<int64_t>(places.size()) - 1)];
  b.Set("items", place.items);
  b.Set("where", place.where);
  b.Set("arrive", place.arrive);
  b.Set("leave", place.leave);
  b.Set("groups", place.groups);
  b.Set("P", "the guard");  // nobody owns a crowd: keeps {P} out of the distractors
  return crowd;
}

StoryFamily& ProgressFamily(StoryBuilder& b) {
  static Progress progress;
  const std::span<const StoryActivity> activities = StoryActivities();
  const StoryActivity& a = activities[b.rng().Int(0, static_cast<int64_t>(activities.size()) - 1)];
  b.Set("items", a.items);
  b.Set("base", a.base);
  b.Set("third", a.third);
  b.Set("done", a.done);
  b.Set("goal", a.goal);  // patterns themselves: filled again where they are used
  b.Set("more", a.more);
  b.Set("more_aim", a.more_aim);
  return progress;
}

}  // namespace pith
