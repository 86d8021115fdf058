// What moves during a run: LASER-D's targets, the controller, and their state.
#include "rewards/steering.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <set>

#include "base/error.h"
#include "base/rng.h"
#include "configs/reward_kinds.h"
#include "rewards/budget.h"

namespace pith {
namespace {

GroupOutcome Outcome(std::vector<int64_t> lengths, int64_t right) {
  GroupOutcome outcome;
  outcome.lengths = std::move(lengths);
  for (size_t i = 0; i < outcome.lengths.size(); ++i) outcome.right.push_back(static_cast<int64_t>(i) < right);
  return outcome;
}

TEST(LaserTargets, AreTheLeastGridLengthsThatOneExpectedRightAnswerFits) {
  LaserTargets::Options options;
  options.start_tokens = 160;
  options.max_tokens = 160;
  options.grid_tokens = 10;
  options.update_every = 2;
  options.window_steps = 2;
  options.group_size = 6;  // C = 4, 2, 1
  LaserTargets laser(options);
  EXPECT_EQ(laser.targets(), (LengthTargets{{160, 160, 160}}));
  const std::vector<GroupOutcome> first = {Outcome({31, 42, 53, 64, 75, 86}, 6), Outcome({50, 60, 70, 80, 90, 100}, 3)};
  laser.Observe(first);
  EXPECT_EQ(laser.targets(), (LengthTargets{{160, 160, 160}})) << "every second step";
  laser.Observe(std::vector<GroupOutcome>{Outcome({21, 120, 120, 120, 120, 120}, 4)});
  // Easy: 21 31 42 53 64 75 86 120×5, n = 12, C = 4: ⌈12/4⌉ = 3rd, 42 → 50 (⌊3/12·4⌋ = 1 there; at 40 ⌊2/12·4⌋ = 0).
  // Medium: 50 … 100, n = 6, C = 2: 3rd, 70. Hard: nothing seen.
  EXPECT_EQ(laser.targets(), (LengthTargets{{50, 70, 160}}));
  // Two steps on, the first two are out of the window. Hard: n = 6, C = 1: all must fit, 155 → 160.
  laser.Observe(std::vector<GroupOutcome>{Outcome({91, 92, 93, 94, 95, 96}, 6)});
  laser.Observe(std::vector<GroupOutcome>{Outcome({10, 20, 30, 40, 50, 155}, 1)});
  EXPECT_EQ(laser.targets(), (LengthTargets{{100, 70, 160}})) << "easy: 2nd of 6; medium keeps its target";
}

// The paper's rule as it is written: the least T with ⌊cover(T)·C⌋ ≥ 1.
TEST(LaserTargets, EqualTheRuleTriedLengthByLength) {
  Rng random(5);
  for (int round = 0; round < 200; ++round) {
    LaserTargets::Options options;
    options.start_tokens = options.max_tokens = 200;
    options.grid_tokens = random.Int(1, 40);
    options.update_every = 1;
    options.window_steps = 1;
    options.group_size = random.Int(2, 9);
    std::vector<int64_t> lengths;
    for (int64_t i = 0; i < options.group_size; ++i) lengths.push_back(random.Int(1, 200));
    LaserTargets laser(options);
    laser.Observe(std::vector<GroupOutcome>{Outcome(lengths, options.group_size)});
    const int64_t c = std::max<int64_t>(1, 2 * options.group_size / 3);
    int64_t expected = 200;
    for (int64_t t = options.grid_tokens; t < 200; t += options.grid_tokens) {
      int64_t covered = 0;
      for (int64_t l : lengths) covered += l <= t;
      if (covered * c / options.group_size >= 1) {
        expected = t;
        break;
      }
    }
    EXPECT_EQ(laser.targets().tokens[0], expected) << round;
  }
}

ControllerSettings Target(int64_t tokens) {
  ControllerSettings s;
  s.target_tokens = tokens;
  s.gain = 0.5;
  s.ema = 0.5;
  s.start_weight = 0.5;
  return s;
}

TEST(LengthController, HoldsALengthByHand) {
  LengthController c(Target(100));
  EXPECT_EQ(c.weight(), 0.5);
  c.Observe(120, 0);  // mean 120: 0.5 + 0.5·0.2
  EXPECT_NEAR(c.weight(), 0.6, 1e-12);
  c.Observe(60, 0);   // mean 90: 0.6 − 0.5·0.1
  EXPECT_NEAR(c.mean(), 90, 1e-12);
  EXPECT_NEAR(c.weight(), 0.55, 1e-12);
  c.Observe(310, 0);  // mean 200: 0.55 + 0.5·1, clipped to 1
  EXPECT_EQ(c.weight(), 1.0);
  c.Observe(40, 0);   // mean 120: stays at 1
  EXPECT_EQ(c.weight(), 1.0);
  c.Observe(0, 0);    // mean 60: 1 − 0.5·0.4
  EXPECT_NEAR(c.weight(), 0.8, 1e-12);
}

TEST(LengthController, HoldsAnAccuracyByHand) {
  ControllerSettings s;
  s.accuracy_floor = 0.6;
  s.gain = 0.2;
  s.ema = 0;
  s.start_weight = 0.5;
  LengthController c(s);
  c.Observe(0, 0.8);  // 0.5 + 0.2·0.2/0.4
  EXPECT_NEAR(c.weight(), 0.6, 1e-12);
  c.Observe(0, 0.5);  // 0.6 − 0.2·0.1/0.4
  EXPECT_NEAR(c.weight(), 0.55, 1e-12);
  c.Observe(1e9, 0.6);
  EXPECT_NEAR(c.weight(), 0.55, 1e-12) << "on the floor nothing moves, however long";
  for (int i = 0; i < 50; ++i) c.Observe(0, 0);
  EXPECT_EQ(c.weight(), 0.0);
}

TEST(LengthController, IsOneWhenOff) {
  ControllerSettings off;
  off.start_weight = 0.25;
  off.max_weight = 9;
  LengthController c(off);
  EXPECT_EQ(c.weight(), 1.0);
  c.Observe(1000, 1);
  EXPECT_EQ(c.weight(), 1.0);
}

// A plant as a policy is one: it drifts towards a length that falls with the weight, slowly and with noise.
TEST(LengthController, SettlesOnItsTarget) {
  ControllerSettings s = Target(80);
  s.gain = 0.1;
  s.ema = 0.8;
  s.start_weight = 1;
  LengthController c(s);
  Rng random(3);
  double length = 150, sum = 0, lowest = 1, highest = 0;
  for (int step = 0; step < 600; ++step) {
    length += 0.1 * (140 - 100 * c.weight() - length);  // rests at 80 for a weight of 0.6
    c.Observe(length + 4 * random.Normal(), 0);
    if (step < 400) continue;
    sum += length / 200;
    lowest = std::min(lowest, c.weight());
    highest = std::max(highest, c.weight());
  }
  EXPECT_NEAR(sum, 80, 1.5);
  EXPECT_GT(lowest, 0.5);
  EXPECT_LT(highest, 0.7);
}

TEST(LengthController, SettlesAboveItsFloor) {
  ControllerSettings s;
  s.accuracy_floor = 0.7;
  s.gain = 0.05;
  LengthController c(s);
  Rng random(4);
  double accuracy = 0.8, sum = 0;
  for (int step = 0; step < 800; ++step) {
    accuracy += 0.1 * (0.85 - 0.3 * c.weight() - accuracy);  // 0.7 for a weight of 0.5
    c.Observe(0, accuracy + 0.03 * random.Normal());
    if (step >= 500) sum += accuracy / 300;
  }
  EXPECT_NEAR(sum, 0.7, 0.01);
  EXPECT_NEAR(c.weight(), 0.5, 0.1);
}

TrainConfig Steered() {
  TrainConfig config;
  config.run.stage = "rl";
  config.reward.plus = {DefaultRewardTerm("laser_d")};
  config.reward.plus[0].update_every = 3;
  config.controller = Target(60);
  config.controller.ema = 0.7;
  return config;
}

std::vector<GroupOutcome> RandomStep(Rng& random) {
  std::vector<GroupOutcome> groups;
  for (int g = 0; g < 4; ++g) {
    std::vector<int64_t> lengths;
    for (int i = 0; i < 8; ++i) lengths.push_back(random.Int(1, 160));
    groups.push_back(Outcome(lengths, random.Int(0, 8)));
  }
  return groups;
}

TEST(RewardSteering, GoesOnFromItsSavedStateAsIfNothingHappened) {
  RewardSteering whole(Steered());
  Rng random(9);
  for (int step = 0; step < 20; ++step) {
    RewardSteering resumed(Steered());
    resumed.Load(whole.Save());
    const std::vector<GroupOutcome> groups = RandomStep(random);
    whole.Observe(groups);
    resumed.Observe(groups);
    EXPECT_EQ(whole.Save(), resumed.Save()) << step;
    EXPECT_EQ(whole.state().length_weight, resumed.state().length_weight);
    EXPECT_EQ(whole.state().targets, resumed.state().targets);
    EXPECT_EQ(whole.Metrics(), resumed.Metrics());
  }
  EXPECT_EQ(whole.Metrics().size(), 5u);
  EXPECT_NE(whole.state().length_weight, 0.5);
  EXPECT_LT(whole.state().targets.tokens[0], 160);
}

TEST(RewardSteering, MovesNothingThatIsNotConfigured) {
  TrainConfig config;
  RewardSteering steering(config);
  Rng random(2);
  steering.Observe(RandomStep(random));
  EXPECT_EQ(steering.state().length_weight, 1.0);
  EXPECT_EQ(steering.state().targets, LengthTargets{});
  EXPECT_TRUE(steering.Metrics().empty());
  EXPECT_EQ(steering.Save(), "{}");
}

TEST(RewardSteering, RefusesADamagedState) {
  RewardSteering steering(Steered());
  for (const char* text : {"", "[", "{}", "{\"controller\": 5}", "{\"controller\": \"{}\", \"laser_d\": \"{}\"}", "null",
                           "{\"controller\": \"{\\\"weight\\\":null,\\\"mean\\\":0,\\\"seen\\\":true}\"}"}) {
    EXPECT_THROW(steering.Load(text), UserError) << text;
  }
  LaserTargets::Options options;
  options.start_tokens = options.max_tokens = 10;
  LaserTargets laser(options);
  for (const char* text : {"{\"targets\":[1,2],\"steps\":1,\"window\":[]}", "{\"targets\":[1,2,0],\"steps\":1,\"window\":[]}",
                           "{\"targets\":[1,2,3],\"steps\":1,\"window\":[[[1]]]}", "{\"targets\":[1,2,3],\"steps\":-1,\"window\":[]}"}) {
    EXPECT_THROW(laser.Load(text), UserError) << text;
  }
}

TEST(DrawBudget, IsNamedByStepAndPlaceAndFair) {
  std::vector<int64_t> counts(3, 0);
  std::set<std::vector<size_t>> steps;
  for (int64_t step = 0; step < 300; ++step) {
    std::vector<size_t> drawn;
    for (int64_t place = 0; place < 10; ++place) {
      const size_t choice = DrawBudget(3, 7, step, place);
      ASSERT_LT(choice, 3u);
      EXPECT_EQ(choice, DrawBudget(3, 7, step, place));
      ++counts[choice];
      drawn.push_back(choice);
    }
    steps.insert(drawn);
  }
  for (int64_t count : counts) EXPECT_NEAR(static_cast<double>(count), 1000, 3 * std::sqrt(3000.0 * 2 / 9));  // 3σ
  EXPECT_GT(steps.size(), 290u);
}

}  // namespace
}  // namespace pith
