// verify: replays the proof that an adapter carries, and says whether the adapter does here what its maker computed.
#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "adapters/proof_check.h"
#include "base/error.h"
#include "base/model_path.h"
#include "data/template/proof_prompts.h"
#include "runtime/programs/command_line.h"
#include "runtime/programs/commands.h"
#include "runtime/proof_replay.h"

namespace pith {
namespace {

constexpr size_t kWarmPrompts = 4;  // replayed over a cache that others filled

std::string Figure(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2g", x);
  return text;
}

std::string VerifyText(const AdapterProof& proof, const ProofResult& result) {
  const ProofFigures& f = result.figures;
  std::string text = Str(ProofVerdictName(result.verdict), "\n");
  for (const ProofFinding& finding : result.findings) text += Str("  ", finding.kind, ": ", finding.sentence, "\n");
  text += Str("proof          ", ProofSentence(proof), "\n");
  text += Str("change         ", Figure(f.change), " in the logits (root mean square), by the proof ", Figure(f.expected_change), "\n");
  text += Str("deviation      ", Figure(f.deviation), "; equal up to ", Figure(f.equal_bound), ", allowed up to ", Figure(f.bound), "\n");
  if (f.stored_bound > 0) text += Str("               ", Figure(f.stored_deviation), " from what the exporter computed with this file, allowed up to ", Figure(f.stored_bound), "\n");
  text += Str("base's logits  off by ", Figure(f.base_deviation), ", allowed up to ", Figure(f.base_bound), "\n");
  return text + Str("can hide       a fault of the computation of up to ", Figure(100 * f.unseen), " % of the change\n");
}

std::string VerifyJson(const AdapterProof& proof, const ProofResult& result) {
  using Json = nlohmann::ordered_json;
  const ProofFigures& f = result.figures;
  Json findings = Json::array();
  for (const ProofFinding& finding : result.findings) findings.push_back({{"kind", finding.kind}, {"sentence", finding.sentence}});
  const Json json = {{"verdict", ProofVerdictName(result.verdict)}, {"findings", findings}, {"policy", proof.policy}, {"prompts", proof.prompts.size()},
                     {"change", f.change}, {"expected_change", f.expected_change}, {"deviation", f.deviation}, {"equal_bound", f.equal_bound}, {"bound", f.bound},
                     {"stored_deviation", f.stored_deviation}, {"stored_bound", f.stored_bound}, {"base_deviation", f.base_deviation}, {"base_bound", f.base_bound}, {"rounding", f.rounding}, {"scale", f.scale}, {"can_hide", f.unseen}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// Where the adapter begins in the proof's prompts by its own invocation.
std::vector<int64_t> BeginsOf(const PackedAdapter& adapter, const AdapterProof& proof) {
  std::vector<int64_t> begins;
  for (const ProofPrompt& prompt : proof.prompts) {
    const bool always = adapter.activation() == Activation::kAlways;
    begins.push_back(always ? 0 : FindInvocation(prompt.ids, adapter.invocation()).value_or(static_cast<int64_t>(prompt.ids.size())));
  }
  return begins;
}

void LookAtTemplate(const BaseModel& base, const PackedAdapter& adapter, const AdapterProof& proof, ProofEvidence* evidence) {
  if (proof.template_sha256.empty()) return;
  const ModelConfig& c = base.config();
  const ProofPrompts made = MakeProofPrompts(base.path(), c.vocab_size, c.context_length, adapter.template_now(), adapter.template_kwargs(), adapter.invocation());
  evidence->template_sha256 = made.template_sha256;
  evidence->same_ids = made.ids.size() == proof.prompts.size();
  for (size_t p = 0; evidence->same_ids && p < made.ids.size(); ++p) evidence->same_ids = made.ids[p] == proof.prompts[p].ids;
}

}  // namespace

int VerifyCommand(const Arguments& args) {
  ModelOptions model;
  model.activations = "f32";
  model.kv = "f32";
  bool json = false;
  CLI::App app("Replays the proof inside an adapter: equal, within quantisation, different or without effect. Exit code 0, or 1 for the last two.", "verify");
  model.AddTo(app, /*many_adapters=*/false);
  app.add_flag("--json", json, "one JSON object instead of text");
  if (!ParseArguments(app, args)) return 0;
  if (model.adapters.empty()) ThrowUser("verify: --adapter is missing; name the adapter whose proof is to be replayed");

  const std::string path = ParseAdapterArgument(model, model.adapters[0]).path;
  const std::shared_ptr<const BaseModel> base = BaseModel::Load(ResolveModelPath(model.model));
  const AdapterRef adapter = PackedAdapter::FromGguf(path, base->config());
  if (!adapter->proof()) {
    ThrowUser("'", path, "' carries no proof, so there is nothing to verify it by; pack it again from its PEFT folder: pith-export adapter computes one");
  }
  const AdapterProof& proof = *adapter->proof();
  ProofEvidence evidence;
  evidence.pairs = StoredPairs(*adapter, base->config());
  evidence.base_sha256 = base->Identity();
  evidence.any_base = model.any_base;
  evidence.begins = BeginsOf(*adapter, proof);
  LookAtTemplate(*base, *adapter, proof, &evidence);

  EngineOptions options = model.Engine(ReplayTokens(proof));
  options.share_prefixes = false;
  evidence.arithmetic_noise = ArithmeticNoise(options);
  {
    Engine engine(base, options);
    evidence.logits = Replay(engine, proof, adapter, evidence.begins);
  }
  evidence.stale_kv = !WarmIsCold(base, options, proof, adapter, evidence.begins, kWarmPrompts, evidence.logits);
  const ProofResult result = CheckProof(proof, evidence);
  std::cout << (json ? VerifyJson(proof, result) : VerifyText(proof, result));
  return result.ok() ? 0 : 1;
}

}  // namespace pith
