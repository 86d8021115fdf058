// Rotary settings as GGUF has them: <arch>.rope.*, and tensors of divisors (rope_freqs.weight, rope_factors_short.weight).
#pragma once

#include "base/model/gguf_fields.h"
#include "base/rotary.h"

namespace pith {

// `rotary_dim`: of each head. `context`: of the file.
Rotary ReadGgufRotary(const GgufFields& fields, int64_t context, int64_t rotary_dim);
void WriteGgufRotary(const std::string& arch, const Rotary& rotary, GgufWriter* writer);  // the keys
std::vector<std::string> GgufDivisorNames(const Rotary& rotary);                           // the tensors
void WriteGgufDivisors(const Rotary& rotary, GgufWriter* writer);

}  // namespace pith
