// A sequence of an engine, saved to a KV file and restored from one.
#pragma once

#include <span>
#include <string>

#include "base/model/base_model.h"
#include "runtime/kernels/linear.h"
#include "runtime/sequences.h"

namespace pith {

// As Engine::SaveKv and Engine::RestoreKv say.
void SaveSequence(const Sequences& sequences, const KvCache& cache, const BaseModel& base, ActivationType activations, int32_t id,
                  const std::string& path);
int32_t RestoreSequence(Sequences& sequences, const KvCache& cache, const BaseModel& base, ActivationType activations,
                        const std::string& path, std::span<const AdapterRef> adapters);

}  // namespace pith
