// pith_verify
#include "runtime/capi/handles.h"
#include "runtime/session/verify.h"

namespace pith::capi {
namespace {

static_assert(static_cast<int>(ProofVerdict::kEqual) == PITH_EQUAL && static_cast<int>(ProofVerdict::kWithinQuantisation) == PITH_WITHIN_QUANTISATION &&
              static_cast<int>(ProofVerdict::kDifferent) == PITH_DIFFERENT && static_cast<int>(ProofVerdict::kWithoutEffect) == PITH_WITHOUT_EFFECT);

ProofResult Verify(const pith_adapter& adapter, bool as_run) {
  const Model& model = *adapter.model;
  const PackedAdapter& packed = *adapter.named.adapter;
  const ModelConfig& c = model.base().config();
  const ProofPrompts prompts = MakeProofPrompts(model.has_prompter() ? &model.prompter() : nullptr, c.vocab_size, c.context_length, packed.template_now(),
                                                packed.template_kwargs(), packed.invocation());
  VerifyOptions options;
  options.engine = model.settings().engine;
  options.any_base = adapter.any_base;
  if (!as_run) {
    options.engine.activations = ActivationType::kF32;
    options.engine.kv_type = KvType::kF32;
  }
  return VerifyAdapter(model.shared_base(), adapter.named.adapter, adapter.named.name, prompts, options);
}

pith_verification Told(const AdapterProof& proof, const ProofResult& result) {
  const ProofFigures& f = result.figures;
  pith_verification told = pith_verification_default();
  told.verdict = static_cast<int32_t>(result.verdict);
  told.num_findings = static_cast<int32_t>(result.findings.size());
  told.policy = proof.policy.c_str();
  told.prompts = static_cast<int64_t>(proof.prompts.size());
  told.change = f.change;
  told.expected_change = f.expected_change;
  told.deviation = f.deviation;
  told.equal_bound = f.equal_bound;
  told.bound = f.bound;
  told.stored_deviation = f.stored_deviation;
  told.stored_bound = f.stored_bound;
  told.base_deviation = f.base_deviation;
  told.base_bound = f.base_bound;
  told.rounding = f.rounding;
  told.scale = f.scale;
  told.can_hide = f.unseen;
  told.verifier_deviation = f.verifier_deviation;
  told.verifier_bound = f.verifier_bound;
  told.switcher_deviation = f.switcher_deviation;
  told.switcher_bound = f.switcher_bound;
  std::string lines;
  for (const ProofFinding& finding : result.findings) lines += Str(lines.empty() ? "" : "\n", finding.kind, ": ", finding.sentence);
  CopyCut(lines, told.findings, sizeof(told.findings));
  return told;
}

}  // namespace
}  // namespace pith::capi

using namespace pith::capi;

pith_status pith_verify(const pith_adapter* adapter, const pith_verify_options* options, pith_verification* verification, pith_error* error) {
  return Guarded(error, SinkOfHandle(adapter), [&] {
    const pith_adapter& of = Get(adapter, "adapter");
    const pith_verify_options given = ReadStruct(options, "options");
    CheckReserved(given.reserved, "options.reserved");
    CheckStruct(verification, "verification");
    pith::ProofResult result;
    of.model->Beside([&] { result = Verify(of, given.as_run != 0); });
    WriteStruct(Told(*of.named.adapter->proof(), result), verification, "verification");
  });
}
