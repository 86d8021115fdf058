// Tables of the sections that steer a run while it goes on: controller, curriculum, alarms.
#include "configs/sections.h"

namespace pith {
namespace {

bool Controls(const ControllerSettings& c) { return c.enabled(); }
TextRule AlarmName() {
  return OneOf({"truncated", "repetition", "entropy_low", "entropy_rise", "no_signal", "wrong_longer", "after_close", "accuracy_drop"});
}
bool HasCurriculum(const CurriculumSettings& c) { return c.enabled; }

}  // namespace

FieldTable<ControllerSettings> ControllerFields() {
  using S = ControllerSettings;
  const std::string on = "controller.target_tokens or controller.accuracy_floor is set";
  return {
      MakeField(&S::target_tokens, "target_tokens", "tokens",
                "Mean length to hold: the weight grows while completions are longer, and falls while they are shorter; 0: off.",
                Between(0, 100000000)),
      MakeField(&S::accuracy_floor, "accuracy_floor", "share",
                "Instead of a length: the weight grows while more than this share is right, and falls below; 0: off.",
                FromBelow(0, 1)),
      MakeField(&S::gain, "gain", "", "How far the weight moves per step, per relative error.", AboveUpTo(0, 10)).When(on, Controls),
      MakeField(&S::ema, "ema", "", "Share of the past in the running mean that is compared.", FromBelow(0, 1)).When(on, Controls),
      MakeField(&S::start_weight, "start_weight", "",
                "λ of the first step: a `times` term w of length counts as 1 − λ(1 − w), a `plus` term's weight is multiplied by λ.",
                Between(0, 1000))
          .When(on, Controls),
      MakeField(&S::min_weight, "min_weight", "", "Least λ.", Between(0, 1000)).When(on, Controls),
      MakeField(&S::max_weight, "max_weight", "", "Greatest λ; above 1 a `times` term may fall to 0 earlier than it says.",
                AboveUpTo(0, 1000))
          .When(on, Controls),
  };
}

FieldTable<CurriculumSettings> CurriculumFields() {
  using S = CurriculumSettings;
  const std::string on = "curriculum.enabled is true";
  return {
      MakeField(&S::enabled, "enabled", "Draw problems by their pass rate; off: every problem once before any comes again."),
      MakeField(&S::solved_above, "solved_above", "share", "A problem passed more often than this is solved.", AboveUpTo(0, 1))
          .When(on, HasCurriculum),
      MakeField(&S::hopeless_below, "hopeless_below", "share", "A problem passed less often than this is hopeless for now.",
                Between(0, 1))
          .When(on, HasCurriculum),
      MakeField(&S::visits, "visits", "", "Before a problem can be called either.", Between(1, 1000000)).When(on, HasCurriculum),
      MakeField(&S::revisit, "revisit", "share", "Of a step's places, for solved and hopeless problems: they can come back.",
                Between(0, 1))
          .When(on, HasCurriculum),
      MakeField(&S::ema, "ema", "", "Share of the past in a problem's pass rate.", FromBelow(0, 1)).When(on, HasCurriculum),
  };
}

FieldTable<AlarmSettings> AlarmFields() {
  using S = AlarmSettings;
  return {
      MakeField(&S::patience, "patience", "steps", "An alarm sounds once it has held so many steps in a row.", Between(1, 1000000)),
      MakeField(&S::stop, "stop", "", "Alarms that end the run; its adapter is then the best checkpoint's, where log.best_metric keeps one.",
                AlarmName()),
      MakeField(&S::roll_back, "roll_back", "",
                "Alarms that take adapter and optimiser back to the best checkpoint; the steps go on. The others only warn.", AlarmName()),
      MakeField(&S::truncated, "truncated", "share", "More completions than this are cut off; 0: no such alarm.", FromBelow(0, 1)),
      MakeField(&S::repetition, "repetition", "share", "More of the token trigrams than this are repeats; 0: no such alarm.",
                FromBelow(0, 1)),
      MakeField(&S::entropy_low, "entropy_low", "nats", "The sampler's entropy is less than this; 0: no such alarm.", AtLeast(0)),
      MakeField(&S::entropy_rise, "entropy_rise", "", "The entropy is this many times the first steps'; 0: no such alarm.",
                NumberRule{"0, or more than 1", [](double x) { return x == 0 || x > 1; }}),
      MakeField(&S::no_signal, "no_signal", "share", "More groups than this have equal rewards throughout; 0: no such alarm.",
                FromBelow(0, 1)),
      MakeField(&S::wrong_longer, "wrong_longer", "",
                "Wrong answers are this many times as long as right ones, and more so than at the start; 0: no such alarm.",
                NumberRule{"0, or more than 1", [](double x) { return x == 0 || x > 1; }}),
      MakeField(&S::after_close, "after_close", "",
                "This many times as many tokens as at first follow the closed reasoning or the marked answer; 0: no such alarm.",
                NumberRule{"0, or more than 1", [](double x) { return x == 0 || x > 1; }}),
      MakeField(&S::accuracy_drop, "accuracy_drop", "share", "Accuracy is this far below the run's best; 0: no such alarm.",
                FromBelow(0, 1)),
  };
}

}  // namespace pith
