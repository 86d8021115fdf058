// data.sources: a weighted mix of data sets, each described by the same keys as `data` itself.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "configs/config_tree.h"
#include "configs/field_table.h"
#include "configs/train_config.h"

namespace pith {

// Gives each entry of data.sources the keys of `data` that it leaves out and that mean something for its data set, and takes them
// out of `data`. A bare text becomes {dataset: text}. A key of `data` that no entry takes is a problem. Without entries nothing happens.
void InheritSources(ConfigNode* root, Problems* problems);

// Keys of an entry that the stage has no use for, where they were given.
void CheckSourceStages(const std::string& stage, const std::map<std::string, ConfigPlace>& places, Problems* problems);

// What metrics call it: its name, else its data set, a file without folder and ending. Letters, digits and . _ - alone.
std::string SourceName(const DataSource& source);

// Whether a data set of this name is made up as it is asked for: synthetic, everyday.
inline bool IsGenerated(const std::string& dataset) { return dataset == "synthetic" || dataset == "everyday"; }

// The data sets of a run as a list: the sources of a mix, else `data` itself as the only one.
size_t NumSources(const DataSettings& data);
const DatasetSettings& SourceSettings(const DataSettings& data, size_t source);

// What an evaluation inside training asks for, its data set filled in: `data`, and of a mix the first source of data set
// eval.dataset, or the first of all where that is empty; defaults for a data set that is none of the sources'.
DatasetSettings EvaluatedData(const TrainConfig& config);

}  // namespace pith
