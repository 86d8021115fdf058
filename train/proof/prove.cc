#include "train/proof/prove.h"

#include <cstdint>

#include "adapters/peft.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process_memory.h"
#include "data/template/proof_prompts.h"
#include "train/proof/logits.h"

namespace pith {
namespace {

bool FitsInFloat32(const BaseModel& base) {
  int64_t values = 0;
  for (const std::string& name : base.names()) {
    const TensorView view = base.Tensor(name);
    values += view.rows * view.cols;
  }
  const std::optional<int64_t> available = AvailableBytes();
  return !available || values * static_cast<int64_t>(sizeof(float)) < *available / 10 * 9;
}

}  // namespace

void ProveAdapter(const Session& session, const std::string& folder) {
  const LoraAdapter adapter = ReadPeft(folder);
  if (adapter.dora) return;
  if (!FitsInFloat32(*session.base)) {
    LogWarning("the base in float32 does not fit the memory that is left: the adapter goes without the trainer's proof, and pith-export will compute one");
    return;
  }
  const ModelConfig& c = session.base->config();
  const ProofPrompts made = MakeProofPrompts(session.base->path(), c.vocab_size, c.context_length, adapter.template_now, adapter.template_kwargs, adapter.invocation);
  AdapterProof proof = StartProof(adapter, *session.base, made.ids, made.begins, made.template_sha256, "trainer");
  const Model model(session.base, at::kFloat, &adapter);
  for (const ProofPrompt& prompt : proof.prompts) {
    const auto policy = SequenceLogits(model, prompt.ids, prompt.begin), base = SequenceLogits(model, prompt.ids, std::nullopt);
    for (size_t i = policy.size() - static_cast<size_t>(proof.positions); i < policy.size(); ++i) AddProofRow(policy[i], base[i], &proof);
  }
  WriteFile(folder + "/" + kProofFile, ProofJson(proof));
}

}  // namespace pith
