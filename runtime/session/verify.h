// Whether an adapter does on this device what its proof says (docs/verify.md): all that pith-run verify and the C API do.
#pragma once

#include <memory>
#include <string>

#include "adapters/packed_adapter.h"
#include "adapters/proof_check.h"
#include "data/template/proof_prompts.h"
#include "runtime/engine.h"

namespace pith {

struct VerifyOptions {
  EngineOptions engine;   // threads and types to compute in; the room in the cache is seen to
  bool any_base = false;  // another base is meant
};

// Replays the proof by engines of its own. `prompts`: those of proofs as this base's template and tokenizer make them, for this adapter. A
// base whose identity is not known yet is read as a whole. UserError naming `origin` where the adapter carries no proof.
ProofResult VerifyAdapter(std::shared_ptr<const BaseModel> base, const AdapterRef& adapter, const std::string& origin, const ProofPrompts& prompts,
                          const VerifyOptions& options);

}  // namespace pith
