#include "configs/sections.h"

#include <algorithm>

namespace pith {
namespace {

// A field of one member struct, seen as a field of the whole configuration.
template <class S>
FieldTable<TrainConfig> Lift(S TrainConfig::*member, const FieldTable<S>& table) {
  FieldTable<TrainConfig> lifted;
  for (const Field<S>& field : table) {
    Field<TrainConfig> whole;
    whole.key = field.key;
    whole.type = field.type;
    whole.unit = field.unit;
    whole.doc = field.doc;
    whole.rule = field.rule;
    whole.only_when = field.only_when;
    whole.stages = field.stages;
    whole.alias = field.alias;
    whole.read = [member, read = field.read](const ConfigNode& node, const std::string& path, TrainConfig* config,
                                             Problems* problems) {
      read(node, path, &(config->*member), problems);
    };
    whole.check = [member, check = field.check](const TrainConfig& config, const std::string& path,
                                                Problems* problems) { check(config.*member, path, problems); };
    whole.print = [member, print = field.print](const TrainConfig& config) { return print(config.*member); };
    if (field.print_in) {
      whole.print_in = [member, print = field.print_in](const TrainConfig& config, const std::string& stage) { return print(config.*member, stage); };
    }
    if (field.applies) {
      whole.applies = [member, applies = field.applies](const TrainConfig& config) { return applies(config.*member); };
    }
    lifted.push_back(std::move(whole));
  }
  return lifted;
}

std::vector<Section> MakeSections() {
  const std::vector<std::string> all = {"sft", "rl", "distill", "verifier", "switcher"}, learning = {"sft", "rl", "distill"};
  return {
      {"", "The run. These keys stand at the top level of the file.", all, Lift(&TrainConfig::run, RunFields())},
      {"model", "The frozen base model.", all, Lift(&TrainConfig::model, ModelFields())},
      {"adapter", "The LoRA adapter that is trained.", learning, Lift(&TrainConfig::adapter, AdapterFields())},
      {"data", "The problems that are trained on.", all, Lift(&TrainConfig::data, DataFields())},
      {"sft", "Supervised fine-tuning on worked solutions; distillation takes its examples in the same way.", {"sft", "distill"},
       Lift(&TrainConfig::sft, SftFields())},
      {"distill", "Learning from a teacher: from its distribution at each token, or from its own solutions.", {"distill"},
       Lift(&TrainConfig::distill, DistillFields())},
      {"check", "A verifier: what a trained adapter (`init_adapter`) is asked behind its answers, and the head that learns to read right or wrong from it.", {"verifier"},
       Lift(&TrainConfig::check, CheckFields())},
      {"switch", "A switcher: heads that tell, from how the base reads a prompt, whether the base or a trained adapter (`init_adapter`) will answer it right, and in how many tokens.", {"switcher"},
       Lift(&TrainConfig::switcher, SwitchFields())},
      {"rl", "Group-relative policy optimisation.", {"rl"}, Lift(&TrainConfig::rl, RlFields())},
      {"rollout", "How completions are sampled.", {"rl"}, Lift(&TrainConfig::rollout, RolloutFields())},
      {"budget", "The length budget. A length counts every token after the generation prompt, the end-of-turn token too.",
       {"rl", "sft"}, Lift(&TrainConfig::budget, BudgetFields())},
      {"reward", "How an answer is judged, and what a completion is paid: outcome × Π times + Σ weight × plus.", all,
       Lift(&TrainConfig::reward, RewardFields())},
      {"controller", "Holds a mean length, or an accuracy, by adapting how much the length terms of `reward` weigh.", {"rl"},
       Lift(&TrainConfig::controller, ControllerFields())},
      {"curriculum", "Which problems are drawn: those that are solved always or never are seen less often.", {"rl"},
       Lift(&TrainConfig::curriculum, CurriculumFields())},
      {"alarms", "Signs that a run goes wrong. Each names the number, since when, and the cure.", {"rl"},
       Lift(&TrainConfig::alarms, AlarmFields())},
      {"optimizer", "AdamW.", learning, Lift(&TrainConfig::optimizer, OptimizerFields())},
      {"eval", "Evaluation while training goes on, which it does not touch.", learning, Lift(&TrainConfig::eval, EvaluationFields())},
      {"log", "What is kept of a run.", all, Lift(&TrainConfig::log, LogFields())},
  };
}

}  // namespace

bool Section::BelongsTo(const std::string& stage) const {
  return std::find(stages.begin(), stages.end(), stage) != stages.end();
}

const std::vector<Section>& TrainSections() {
  static const std::vector<Section>* const sections = new std::vector<Section>(MakeSections());
  return *sections;
}

}  // namespace pith
