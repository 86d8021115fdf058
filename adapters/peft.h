// PEFT folders: adapter_config.json and adapter_model.safetensors, which PEFT 0.21 loads and writes, and pith.json beside
// them, which carries the identity of the base, the budget and the card (card.h). README.md tells the same to people, unless
// one of their own is there, which stays; pith_proof.json, where there is one, is the proof (proof.h), pith_verifier.json the verifier (verifier_head.h),
// pith_switcher.json the switcher (switcher_head.h). An adapter that was started by PiSSA has a fourth file,
// pith_start.safetensors, which training goes on from: for everybody else it is a plain LoRA of twice the rank.
#pragma once

#include <string>

#include "adapters/lora.h"

namespace pith {

// Reads LoRA, aLoRA (alora_invocation_tokens) and DoRA (use_dora) on linear layers, with rank_pattern, alpha_pattern and use_rslora.
// UserError for what pith does not implement (modules_to_save, lora_bias, …), naming it. What PEFT loads with a warning is
// loaded with a warning: targets without tensors, settings that are not known.
LoraAdapter ReadPeft(const std::string& folder);
// Writes the folder whole or not at all (into a folder beside it, then renamed; an older one is replaced).
void WritePeft(const LoraAdapter& adapter, const std::string& folder);
// UserError when WritePeft would refuse to replace what stands at `folder`: to be asked before hours of training.
void CheckPeftPlace(const std::string& folder);

}  // namespace pith
