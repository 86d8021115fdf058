// All settings of a training run as sections of type-erased fields, in the order of the reference page.
#pragma once

#include <string>
#include <vector>

#include "configs/field_table.h"
#include "configs/train_config.h"

namespace pith {

// The tables, one per struct.
FieldTable<RunConfig> RunFields();
FieldTable<ModelSettings> ModelFields();
FieldTable<AdapterSettings> AdapterFields();
FieldTable<DataSettings> DataFields();
FieldTable<DataSource> DataSourceOwnFields();  // what an entry of data.sources has beside the keys of a data set
FieldTable<SftSettings> SftFields();
FieldTable<DistillSettings> DistillFields();
FieldTable<HeadSettings> HeadFields();  // what the next two have in common
FieldTable<CheckSettings> CheckFields();
FieldTable<SwitchSettings> SwitchFields();
FieldTable<RlSettings> RlFields();
FieldTable<RolloutSettings> RolloutFields();
FieldTable<BudgetSettings> BudgetFields();
FieldTable<RewardTerm> RewardTermFields();
FieldTable<VerifierSettings> VerifierFields();
FieldTable<RewardSettings> RewardFields();
FieldTable<ControllerSettings> ControllerFields();
FieldTable<CurriculumSettings> CurriculumFields();
FieldTable<AlarmSettings> AlarmFields();
FieldTable<OptimizerSettings> OptimizerFields();
FieldTable<EvaluationSettings> EvaluationFields();
FieldTable<LogSettings> LogFields();

struct Section {
  std::string name;                 // empty: the keys stand at the top level of the file
  std::string doc;
  std::vector<std::string> stages;  // that read it
  FieldTable<TrainConfig> fields;

  bool BelongsTo(const std::string& stage) const;
  std::string Path(const std::string& key) const { return name.empty() ? key : name + "." + key; }
};

const std::vector<Section>& TrainSections();

}  // namespace pith
