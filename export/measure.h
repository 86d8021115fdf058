// What writing a model in another type costs: the written file beside what it was made from, over the same text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "adapters/packed_adapter.h"
#include "base/model/base_model.h"
#include "export/divergence.h"
#include "export/measured_text.h"

namespace pith {

struct Measurement {
  std::string text;                 // name of what was read
  int64_t window = 0, num_windows = 0, num_in_text = 0;
  double bits_per_weight = 0;       // of Q
  uint64_t file_bytes = 0;          // of Q
  Divergence divergence;
};

// `q` beside `base` with `adapter` (nullptr: none) acting from the first token on. By the runtime's engine, with activations, keys and values in float32, so
// that the weights alone make the difference. Memory: both models as mapped, a cache of one window each, and some rows of logits.
Measurement Measure(std::shared_ptr<const BaseModel> q, std::shared_ptr<const BaseModel> base, std::shared_ptr<const PackedAdapter> adapter,
                    const MeasuredText& text);

// A block for people, in llama.cpp's words.
std::string MeasurementText(const Measurement& measurement);
// The same for programs: an object, its names with underscores, shares as shares (not in percent).
std::string MeasurementJson(const Measurement& measurement);

}  // namespace pith
