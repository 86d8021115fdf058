#include "train/session/card.h"

#include <filesystem>

#include "base/error.h"
#include "base/sha256.h"
#include "configs/data_sources.h"
#include "configs/load.h"

namespace pith {
namespace {

std::string LossOf(const TrainConfig& config) {
  if (config.run.stage == "rl") return config.rl.loss;
  if (config.run.stage == "sft") return "cross-entropy";
  return config.distill.mode == "traces" ? "cross-entropy on the teacher's answers" : config.distill.divergence + " KL to the teacher";
}

// "correct × budget + 0.1 × l1_exact"
std::string RewardOf(const RewardSettings& reward) {
  std::string text = "correct";
  for (const RewardTerm& term : reward.times) text += " × " + term.kind;
  for (const RewardTerm& term : reward.plus) text += Str(" + ", term.weight, " × ", term.kind);
  return text;
}

std::string ConfigHash(const Session& session) {
  TrainConfig config = session.config;
  config.run.name = config.run.folder = "";
  config.data.now = session.initial.template_now;  // a time that no template tells changes nothing
  config.eval = {};
  config.log = {};
  Sha256 hash;
  hash.Update(DumpTrainConfig(config));
  return hash.HexDigest();
}

}  // namespace

AdapterCard CardOf(const Session& session) {
  const TrainConfig& config = session.config;
  AdapterCard card;
  card.name = config.run.name;
  card.stage = config.run.stage;
  card.loss = LossOf(config);
  if (config.run.stage == "rl") card.reward = RewardOf(config.reward);
  card.budget_tokens = config.budget.tokens;
  card.rank = config.adapter.rank;
  card.learning_rate = config.optimizer.learning_rate.value_or(0);
  for (size_t source = 0; source < NumSources(config.data); ++source) {
    card.datasets.push_back(std::filesystem::path(SourceSettings(config.data, source).dataset).filename().string());
  }
  card.seed = config.run.seed;
  card.base_name = session.base->config().name;
  card.base_sha256 = session.base->Identity();
  if (!session.fresh) {
    card.parent_path = config.run.init_adapter;
    card.parent_sha256 = AdapterHash(session.initial);
  }
  card.data_sha256 = ProblemsHash(session);
  card.config_sha256 = ConfigHash(session);
  return card;
}

std::string ProblemsHash(const Session& session) {
  Sha256 hash;
  for (const PreparedProblem& p : session.problems) {
    for (const std::string* text : {&p.problem.id, &p.problem.question, &p.problem.answer, &p.problem.solution}) {
      hash.Update(Str(text->size(), ":", *text));
    }
  }
  return hash.HexDigest();
}

}  // namespace pith
