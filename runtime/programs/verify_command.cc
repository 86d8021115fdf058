// verify: replays the proof that an adapter carries, and says whether the adapter does here what its maker computed.
#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/model_path.h"
#include "runtime/programs/command_line.h"
#include "runtime/programs/commands.h"
#include "runtime/session/verify.h"

namespace pith {
namespace {

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
  if (f.verifier_bound > 0) text += Str("verifier       its logits off by ", Figure(f.verifier_deviation), ", allowed up to ", Figure(f.verifier_bound), "\n");
  if (f.switcher_bound > 0) text += Str("switcher       its values off by ", Figure(f.switcher_deviation), ", allowed up to ", Figure(f.switcher_bound), "\n");
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
                     {"stored_deviation", f.stored_deviation}, {"stored_bound", f.stored_bound}, {"base_deviation", f.base_deviation}, {"base_bound", f.base_bound}, {"rounding", f.rounding}, {"scale", f.scale}, {"can_hide", f.unseen},
                     {"verifier_deviation", f.verifier_deviation}, {"verifier_bound", f.verifier_bound},
                     {"switcher_deviation", f.switcher_deviation}, {"switcher_bound", f.switcher_bound}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
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
  const ModelConfig& c = base->config();
  const ProofPrompts prompts = MakeProofPrompts(base->path(), c.vocab_size, c.context_length, adapter->template_now(), adapter->template_kwargs(), adapter->invocation());
  const ProofResult result = VerifyAdapter(base, adapter, path, prompts, {.engine = model.Engine(0), .any_base = model.any_base});
  std::cout << (json ? VerifyJson(*adapter->proof(), result) : VerifyText(*adapter->proof(), result));
  return result.ok() ? 0 : 1;
}

}  // namespace pith
