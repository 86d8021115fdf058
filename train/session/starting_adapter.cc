#include "train/session/starting_adapter.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "adapters/peft.h"
#include "adapters/torch/fresh_adapter.h"
#include "base/error.h"
#include "base/model_path.h"

namespace pith {
namespace {

std::string Ids(const std::vector<int32_t>& ids) {
  std::string text;
  for (int32_t id : ids) text += (text.empty() ? "" : ", ") + std::to_string(id);
  return "[" + text + "]";
}

LoraPlan Plan(const AdapterSettings& a) { return {a.targets, a.rank, a.alpha, a.rank_pattern, a.alpha_pattern}; }

LoraAdapter MakeFresh(const TrainConfig& config, const BaseModel& base) {
  LoraAdapter adapter = FreshAdapter(base.config(), Plan(config.adapter), config.adapter.rslora, config.run.seed);
  if (config.adapter.init == "pissa") StartFromPrincipal(base, &adapter);
  if (config.adapter.dora) StartMagnitudes(base, &adapter);
  return adapter;
}

// What a run goes on from must be what its configuration describes, layer by layer.
void CheckAgrees(const LoraAdapter& adapter, const AdapterSettings& settings, const ModelConfig& model) {
  const auto yes = [](bool value) { return value ? "true" : "false"; };
  if (adapter.dora != settings.dora) {
    ThrowUser("it is ", adapter.dora ? "a" : "no", " DoRA, but the configuration says adapter.dora: ", yes(settings.dora), "; make them agree");
  }
  const bool pissa = settings.init == "pissa";
  if (pissa && !adapter.pissa()) {
    ThrowUser("it was not started by PiSSA, but the configuration says adapter.init: pissa; set that to default");
  }
  const std::map<std::string, PlannedPair> planned = PlanPairs(Plan(settings), model);
  const std::vector<int> targets = TargetModules(settings.targets, model);
  for (const int number : ModuleKinds(model)) {
    const LinearKind& kind = kLinearKinds[number];
    const bool wanted = std::find(targets.begin(), targets.end(), number) != targets.end();
    bool present = false;
    for (const auto& [name, pair] : adapter.pairs) present |= name.ends_with(Str(".", kind.gguf, ".weight"));
    if (wanted != present) {
      ThrowUser("it ", present ? "acts" : "does not act", " on ", kind.target, ", unlike adapter.targets; make them agree");
    }
  }
  // The rank and alpha that its maker configured: those of the file are grown by PiSSA.
  const double growth = !pissa ? 1.0 : adapter.rslora ? std::sqrt(2.0) : 2.0;
  for (const auto& [name, plan] : planned) {
    const auto found = adapter.pairs.find(name);
    if (found == adapter.pairs.end()) ThrowUser("it does not act on ", name, ", which adapter.targets asks for");
    const LoraPair& pair = found->second;
    const int64_t rank = pissa ? pair.rank / 2 : pair.rank;
    const double alpha = pair.alpha.value_or(adapter.alpha) / growth;
    const bool same_alpha = std::abs(alpha - plan.alpha) <= 1e-9 * plan.alpha;
    if (rank == plan.rank && same_alpha && adapter.rslora == settings.rslora) continue;
    ThrowUser("it has rank ", rank, ", alpha ", alpha, ", rslora ", yes(adapter.rslora), " (", name, "), but the configuration says rank ", plan.rank,
              ", alpha ", plan.alpha, ", rslora ", yes(settings.rslora), "; make them agree",
              adapter.pissa() && !pissa ? ", or go on from its start with adapter.init: pissa" : "");
  }
}

LoraAdapter ReadInitial(const TrainConfig& config, const BaseModel& base, Activation activation, const std::vector<int32_t>& invocation) {
  const std::string& path = config.run.init_adapter;
  LoraAdapter adapter = ReadPeft(path);
  CheckAdapterFits(adapter, base.config());
  try {
    CheckAgrees(adapter, config.adapter, base.config());
  } catch (const UserError& error) {
    ThrowUser("init_adapter '", path, "': ", error.what());
  }
  if (adapter.activation != activation) {
    ThrowUser("init_adapter '", path, "' and adapter.activation: ", config.adapter.activation, " do not agree");
  }
  if (activation == Activation::kInvocation && adapter.invocation != invocation) {
    ThrowUser("init_adapter '", path, "' acts from ", Ids(adapter.invocation), " on, but this run's invocation is ",
              Ids(invocation), "; set adapter.invocation");
  }
  CheckSameBase(adapter, path, base, /*any_base=*/false);
  if (config.adapter.init != "pissa") {  // from here on a plain LoRA, all of which is trained
    for (auto& [name, pair] : adapter.pairs) pair.start_a.clear();
  }
  return adapter;
}

}  // namespace

LoraAdapter StartingAdapter(const TrainConfig& config, const BaseModel& base, const std::vector<int32_t>& invocation, bool fresh) {
  const Activation activation = config.adapter.activation == "always" ? Activation::kAlways : Activation::kInvocation;
  LoraAdapter adapter;
  if (fresh) {
    adapter = MakeFresh(config, base);
    adapter.activation = activation;
    if (activation == Activation::kInvocation) adapter.invocation = invocation;
  } else {
    adapter = ReadInitial(config, base, activation, invocation);
  }
  adapter.proof.reset();  // of the tensors that it starts from
  adapter.verifier.reset();
  adapter.switcher.reset();
  adapter.dropout = config.adapter.dropout;
  adapter.base_sha256 = base.Identity();
  adapter.base_path = PortableModelName(config.model.path);
  const BudgetSettings& b = config.budget;
  if (config.run.stage == "rl" || b.tokens > 0) {  // what examples without a budget are learned from says nothing of one: that of an earlier stage stays
    adapter.budget.reset();
    if (b.tokens > 0) adapter.budget = AdapterBudget{b.tokens, b.reserve_tokens, b.close_text, b.sentence, b.announcement};
  }
  return adapter;
}

LoraAdapter ReadTrained(const TrainConfig& config, const BaseModel& base) {
  LoraAdapter adapter = ReadPeft(config.run.init_adapter);
  CheckAdapterFits(adapter, base.config());
  CheckSameBase(adapter, config.run.init_adapter, base, /*any_base=*/false);
  if (adapter.dora) ThrowUser("init_adapter '", config.run.init_adapter, "' is a DoRA, which is fused into its base and has no file of its own that a ", config.run.stage, " could travel in; name a LoRA");
  if (config.run.stage == "verifier") adapter.verifier.reset();
  if (config.run.stage == "switcher") adapter.switcher.reset();
  return adapter;
}

}  // namespace pith
