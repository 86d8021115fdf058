// How long a step takes on this machine, from a second or so of the run's own work on the model's first layers.
#pragma once

#include <vector>

#include "train/forecast/shapes.h"
#include "train/supervised/sft.h"

namespace pith {

struct TimeForecast {  // seconds a step
  double sampling = 0;  // rl: with every completion as long as it may be
  double encoding = 0;  // prompts up to where the adapter acts
  double learning = 0;  // all passes over the sequences
  double updating = 0;  // the optimiser
  double total() const { return sampling + encoding + learning + updating; }
};

// Sequences of the first steps are run forwards and backwards through one layer with the head, and through one and five without: a layer takes a quarter of
// the difference. Where some are long, at two lengths, since attention grows with the square. Rollouts: a few decoding steps of the whole model, with as
// many sequences as the run decodes together and half of their tokens behind them. `examples`: of a run that learns from examples.
// What else is at work on the machine is in the figures.
TimeForecast ForecastTime(const Session& session, const RunShapes& shapes, const std::vector<SftExample>& examples);

}  // namespace pith
