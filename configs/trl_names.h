// TRL's, Transformers' and PEFT's names of settings, which may be written instead of ours where they mean the same; where they do not,
// they are refused with our name and how to convert. docs/config-reference.md lists them all, from the same table.
#pragma once

#include <string>
#include <vector>

#include "configs/config_tree.h"
#include "configs/field_table.h"
#include "configs/train_config.h"

namespace pith {

// Understood at the top level of a file, in the sections `sft`, `rl` and `distill`, and in the section of the key that is meant; a name
// that is a key of ours where it stands is ours.
class TrlNames {
 public:
  TrlNames(const std::string& stage, Problems* problems) : stage_(stage), problems_(problems) {}

  // Moves what is written under another name to our keys, with its value as we say it. `over`: what is moved replaces what is there
  // (a --set); else both is a problem. Names that only say something together wait for Finish().
  void Rename(ConfigNode* root, bool over);
  // Once all has been merged: what several names say together (batches, the schedule's least rate).
  void Finish(ConfigNode* root);
  // Names that count optimiser steps, where our key counts steps of RL that take several.
  void CheckCounts(const TrainConfig& config, const ConfigNode& root);

 private:
  struct Counted {
    std::string name, path;
    ConfigPlace place;
  };
  std::string stage_;
  Problems* problems_;
  std::vector<Counted> counted_;
  std::vector<ConfigPlace> bare_constant_;  // where lr_scheduler_type: constant was written

  void RenameIn(ConfigNode* root, const std::string& section, bool over);
  bool Take(ConfigNode* root, const std::string& section, ConfigNode node, bool over);
  void Put(ConfigNode* root, const std::string& path, ConfigNode node, const std::string& name, bool over);
  void Batches(ConfigNode* root);
  void LeastRate(ConfigNode* root);
};

// Our key for TRL's `name`, in any stage; empty where there is none.
std::string TrlMeaning(const std::string& name);

// The table of docs/config-reference.md.
std::string TrlReference();

}  // namespace pith
