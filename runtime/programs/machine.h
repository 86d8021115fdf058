// The machine that a result was made on, and the state it began in.
#pragma once

#include <string>

#include "base/model/base_model.h"

namespace pith {

std::string UtcNow();  // "2026-11-28T10:21:03Z"

// JSON object: {"processor", "cpus" (that this process may use), "threads" (used), "instruction_set", "memory_mb" (of the machine), "available_mb" (left when
// it was asked; null where the system does not say), "kernel" ("Linux 6.1.0 x86_64")}
std::string MachineJson(int threads);

// Asked before the weights are read. JSON object: {"pages_in_memory" (share of the base's files, null where the system does not say), "start": "cold" (less than a tenth) |
// "warm" (more than nine) | "partly warm" | null}
std::string StartJson(const BaseModel& base);

// JSON object: {"file", "base_sha256", "weights": {"q4_1": bytes, …}}
std::string ModelJson(const BaseModel& base, const std::string& path, const std::string& base_sha256);

}  // namespace pith
