#include "configs/adapter_rules.h"

#include <algorithm>

namespace pith {

void CheckAdapterRules(const TrainConfig& config, Problems* problems) {
  const AdapterSettings& adapter = config.adapter;
  const auto clean = [&](const std::string& key) {
    return std::none_of(problems->begin(), problems->end(), [&](const ConfigProblem& p) { return StandsIn(p.key, key); });
  };
  const auto report = [&](const std::string& text) { problems->push_back({"adapter.dora", text, {}}); };
  if (!adapter.dora || !clean("adapter.dora")) return;
  if (clean("adapter.activation") && adapter.activation != "always") {
    report("rescales whole rows of the base, so it cannot act from an invocation on; set adapter.activation: always");
  }
  if (clean("stage") && config.run.stage == "rl") {
    report("cannot be trained by rl: the sampler runs adapters kept apart from the base, and a DoRA can only be fused; use stage: sft");
  }
  if (clean("adapter.init") && adapter.init == "pissa") report("does not go with adapter.init: pissa; drop one of them");
  if (clean("adapter.dropout") && adapter.dropout > 0) report("does not go with adapter.dropout; set that to 0");
}

}  // namespace pith
