// A LoRA adapter as training sees it: float32 factors, rows in Hugging Face order.
//
//   y = W x + s · B (A x)      A: R×in, B: out×R, s = alpha / R, or alpha / sqrt(R) with rsLoRA
//
// (Hu et al., arXiv 2106.09685; Kalajdzievski, arXiv 2312.03732.) R and alpha may differ from weight to weight, as PEFT's
// rank_pattern and alpha_pattern have it.
//
// DoRA (Liu et al., arXiv 2402.09353, eq. 5) adds a magnitude m per row:
//
//   y = (m / ‖W + s·B·A‖) ⊙ (W x + s · B (A x))      ‖·‖: of each row
//
// PiSSA (Meng et al., arXiv 2404.02948) starts from the principal part of W, A₀ and B₀, and would take it out of W. Here W
// stays as it is and the adapter is the difference, a LoRA of twice the rank:
//
//   s·(B·A − B₀·A₀) = s · [B − B₀, B₀] · [A; A − A₀]
//
// Both steps, B − B₀ and A − A₀, are zero at the start, so that the start is W exactly, in any number format.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "adapters/adapter_budget.h"
#include "adapters/card.h"
#include "adapters/proof.h"
#include "adapters/switcher_head.h"
#include "adapters/verifier_head.h"
#include "base/model/base_model.h"

namespace pith {

enum class Activation {
  kInvocation,  // acts from the invocation tokens on (PEFT's aLoRA)
  kAlways,      // plain LoRA
};

struct LoraPair {
  int64_t rank = 0, in = 0, out = 0;
  std::vector<float> a;  // rank × in
  std::vector<float> b;  // out × rank
  std::optional<double> alpha = {};    // of this pair; nothing: the adapter's
  std::vector<float> magnitude = {};   // DoRA's m: out; empty: no DoRA
  std::vector<float> start_a = {};     // PiSSA's A₀: rank/2 × in, where a and b are as above; empty: a plain pair

  bool pissa() const { return !start_a.empty(); }
  int64_t num_trained() const;         // values that training moves
};

struct LoraAdapter {
  int64_t rank = 0;                           // of pairs unless they differ; PEFT's r
  double alpha = 0;
  bool rslora = false;
  bool dora = false;                          // every pair has a magnitude
  double dropout = 0;                         // as trained; no effect at inference
  Activation activation = Activation::kInvocation;
  std::vector<int32_t> invocation;            // token ids; empty for kAlways
  std::string base_sha256;                    // identity of the base it was trained on; empty when unknown
  std::string base_path;                      // as PEFT's base_model_name_or_path
  std::optional<AdapterBudget> budget;        // nothing: trained without one
  std::optional<AdapterCard> card;            // nothing: its maker left none
  std::optional<AdapterProof> proof;          // nothing: its maker left none
  std::optional<VerifierHead> verifier = {};  // nothing: none was fitted
  std::optional<SwitcherHead> switcher = {};  // likewise
  std::string template_now;                   // time that the chat template told in training (base/iso_time.h); empty: it tells none
  std::string template_kwargs;                // variables that the chat template was given in training, a JSON object; empty: none
  std::map<std::string, LoraPair> pairs;      // by GGUF weight name: "blk.0.attn_q.weight"

  double scale() const;                       // s of a pair of rank `rank`
  double scale(const LoraPair& pair) const;   // s of one of the pairs
  bool pissa() const;                         // any pair has a start
};

// Whether two adapters differ in their values alone: the same pairs, ranks, scales, kinds and activation.
bool SameForm(const LoraAdapter& a, const LoraAdapter& b);

// Throws UserError when a pair names a tensor that `config` lacks, or has another shape.
void CheckAdapterFits(const LoraAdapter& adapter, const ModelConfig& config);

// UserError when the adapter, read from `origin`, was trained on another base than `base`, unless `any_base`, which warns
// instead. An adapter that names no base is warned about.
void CheckSameBase(const LoraAdapter& adapter, const std::string& origin, const BaseModel& base, bool any_base);

// UserError naming `origin` and `key` when what is read from there as a chat template's variables is neither empty nor a JSON object.
void CheckTemplateKwargs(const std::string& origin, const std::string& key, const std::string& kwargs);

}  // namespace pith
