#include "runtime/programs/eval_facts.h"

#include <nlohmann/json.hpp>

#include "base/sha256.h"
#include "base/version.h"
#include "runtime/adapter_hash.h"
#include "runtime/kernels/linear.h"

namespace pith {
namespace {

using FactJson = nlohmann::json;

std::string AsText(const FactJson& json) { return json.dump(-1, ' ', false, FactJson::error_handler_t::replace); }

std::string PromptsHash(const std::vector<PlannedSet>& sets) {
  Sha256 hash;
  for (const PlannedSet& set : sets) {
    for (const std::vector<Prompt>& prompts : set.plan.prompts) {
      for (const Prompt& prompt : prompts) {
        const int64_t place[] = {static_cast<int64_t>(prompt.ids.size()), prompt.invocation_start};
        hash.Update(place, sizeof place);
        hash.Update(prompt.ids.data(), prompt.ids.size() * sizeof(prompt.ids[0]));
      }
    }
  }
  return hash.HexDigest();
}

// "base: none 64, tiny: none 64 64 told"
std::string PointsText(const EvalSettings& settings, const std::vector<NamedAdapter>& modes) {
  std::string text;
  for (const NamedAdapter& mode : modes) {
    text += (text.empty() ? "" : ", ") + mode.name + ":";
    for (const EvalPoint& point : settings.PointsOf(mode)) text += point.tokens == 0 ? " none" : " " + std::to_string(point.tokens) + (point.told ? " told" : "");
  }
  return text;
}

// [["tiny", "budget {budget}:"]]
std::string AnnouncementsText(const EvalSettings& settings, const std::vector<NamedAdapter>& modes) {
  FactJson list = FactJson::array();
  for (const NamedAdapter& mode : modes) {
    if (const std::string text = settings.AnnouncementTo(mode); !text.empty()) list.push_back({mode.name, text});
  }
  return AsText(list);
}

}  // namespace

std::string ProblemsHash(const std::vector<Problem>& problems) {
  Sha256 hash;
  for (const Problem& p : problems) {
    hash.Update(AsText({p.id, p.question, p.answer, p.kind, p.payload, p.domain, p.level}));
    hash.Update("\n");
  }
  return hash.HexDigest();
}

std::vector<EvalFact> FactsOf(const EvalOptions& options, const std::vector<NamedAdapter>& modes, const std::vector<PlannedSet>& sets, const Prompter& prompter,
                              const ModelConfig& config) {
  const EvalSettings& s = options.settings;
  const SamplingParams& sampling = s.sampling;
  std::vector<EvalFact> facts = {{"version of pith", std::string(Version()) + " " + Commit()},
                                 {"instruction set", IsaName(BestIsa())},
                                 {"base", s.base_sha256}};
  std::vector<std::string> names;
  for (const NamedAdapter& mode : modes) names.push_back(mode.name);
  facts.push_back({"list of modes", AsText(names)});
  for (const NamedAdapter& mode : modes) {
    if (!mode.adapter) continue;  // where it begins to act is no part of its content
    facts.push_back({"adapter " + mode.name, AdapterContentHash(*mode.adapter, config).substr(0, 32) + " from " + AsText(mode.adapter->invocation())});
  }
  names.clear();
  for (const PlannedSet& set : sets) names.push_back(set.dataset);
  facts.push_back({"list of data sets", AsText(names)});
  for (const PlannedSet& set : sets) facts.push_back({"set of problems of " + set.dataset, AsText(set.problems.size()) + " problems, SHA-256 " + ProblemsHash(set.problems)});
  for (const EvalFact& fact : std::vector<EvalFact>{
           {"list of budgets", PointsText(s, modes)},
           {"reserve", AsText(s.budget.reserve_tokens)},
           {"closing text", s.budget.close_text + (s.close_text_given ? " (given)" : "")},
           {"sentence", s.budget.sentence},
           {"list of announcements", AnnouncementsText(s, modes)},
           {"--max-tokens", AsText(s.max_tokens)},
           {"number of chains", AsText(s.chains)},
           {"temperature", AsText(sampling.temperature)},
           {"sampling", AsText({{"top_k", sampling.top_k}, {"top_p", sampling.top_p}, {"min_p", sampling.min_p}, {"repetition_penalty", sampling.repetition_penalty},
                                {"presence_penalty", sampling.presence_penalty}, {"frequency_penalty", sampling.frequency_penalty}, {"logit_bias", sampling.logit_bias}})},
           {"seed", AsText(sampling.seed)},
           {"type of activations", options.model.activations},
           {"type of the KV cache", options.model.kv},
           {"system message", s.system},
           {kTemplateTime, prompter.chat().TellsTime() ? options.of_template.now : ""},
           {"list of prompts (chat template, tokenizer)", PromptsHash(sets)}}) {
    facts.push_back(fact);
  }
  if (s.automatic) {
    Sha256 hash;
    hash.Update(SwitcherJson(s.automatic->head()));
    facts.push_back({"switcher", hash.HexDigest().substr(0, 32) + " at " + AsText(s.automatic->price())});
  }
  for (const NamedAdapter& mode : modes) {
    if (s.CheckFor(mode).ids.empty()) continue;
    Sha256 hash;
    hash.Update(VerifierJson(*mode.adapter->verifier()));
    facts.push_back({"verifier of " + mode.name, hash.HexDigest().substr(0, 32)});
  }
  return facts;
}

}  // namespace pith
