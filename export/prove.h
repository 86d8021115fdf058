// The proof of an adapter whose maker left none, and what a packed file adds to it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/lora.h"
#include "adapters/proof_check.h"
#include "base/model/base_model.h"
#include "runtime/engine.h"

namespace pith {

// Computed by the runtime's engine in float32, with the adapter's factors as they are. The adapter fits `base` and is no DoRA.
AdapterProof ProveByEngine(std::shared_ptr<const BaseModel> base, const LoraAdapter& adapter);

// What `packed`, made of an adapter with this proof, computes on the proof's base, for proof->stored_logits. UserError naming `origin` where that is not
// what the proof says, within what rounding to the stored types allows.
void ProveStored(std::shared_ptr<const BaseModel> base, const AdapterRef& packed, const std::string& origin, AdapterProof* proof);

// What the verifier of `packed` says on the proof's prompts, on the proof's base: for VerifierHead::proof_logits.
std::vector<float> ProveVerifier(std::shared_ptr<const BaseModel> base, const AdapterRef& packed, const AdapterProof& proof);

// What the switcher of `packed` says of them, for SwitcherHead::proof_logits and proof_tokens.
SwitcherReplay ProveSwitcher(std::shared_ptr<const BaseModel> base, const AdapterRef& packed, const AdapterProof& proof);

}  // namespace pith
