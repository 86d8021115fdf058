// TensorBoard event files: a run's metrics as scalars.
//
// A file is a row of records (TFRecord): u64 length, u32 masked CRC-32C of these eight bytes, the bytes, u32 masked CRC-32C
// of them, all little-endian; masked: rotated right by 15 bits, plus 0xa282ead8. The bytes are an Event of TensorBoard's
// event.proto.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/run/metrics.h"

namespace pith {

// The records that a file begins with: its version, and a start that tells a reader to forget what it knew of the run.
std::string EventsHead(double wall_time);
// The record of a step's scalars, as float32; metrics that are not finite are left out.
std::string EventOfStep(double wall_time, int64_t step, const Metrics& metrics);

class EventsFile {
 public:
  // Begins a file in `folder` that holds the steps of `lines`, which carry "wall_time"; files of earlier processes of the
  // run are removed once it is there.
  EventsFile(const std::string& folder, const std::vector<MetricsLine>& lines);
  // In the file, whole, when this returns.
  void Append(int64_t step, const Metrics& metrics);

  static bool IsName(const std::string& name);  // of an events file that pith wrote

 private:
  std::string path_;
};

}  // namespace pith
