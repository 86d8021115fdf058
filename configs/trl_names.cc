#include "configs/trl_names.h"

#include <algorithm>
#include <sstream>

#include "base/error.h"
#include "base/number_rule.h"
#include "configs/sections.h"
#include "configs/trl_table.h"

namespace pith {
namespace {

using NodeKind = ConfigNode::Kind;

const TrlName* FindTrl(const std::string& name) {
  for (const TrlName& row : TrlTable()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

const Section* SectionCalled(const std::string& name) {
  for (const Section& section : TrainSections()) {
    if (section.name == name) return &section;
  }
  return nullptr;
}

// The key that a field table gives `name` as its alias; empty: none.
std::string AliasedPath(const std::string& name) {
  for (const Section& section : TrainSections()) {
    for (const Field<TrainConfig>& field : section.fields) {
      if (!field.alias.empty() && field.alias == name) return section.Path(field.key);
    }
  }
  return "";
}

std::string SectionOf(const std::string& path) { return path.substr(0, path.find('.') == std::string::npos ? 0 : path.find('.')); }

bool Owns(const std::string& section, const std::string& key) {
  const Section* found = SectionCalled(section);
  if (section.empty() && key != "" && SectionCalled(key) != nullptr) return true;
  return found != nullptr && std::any_of(found->fields.begin(), found->fields.end(), [&](const auto& field) { return field.key == key; });
}

// Where settings are written as TRL's arguments are: all in one place.
bool HoldsArguments(const std::string& section) { return section.empty() || section == "sft" || section == "rl" || section == "distill"; }

// The node at "section.key"; null where it is not there.
ConfigNode* Find(ConfigNode* root, const std::string& path) {
  const std::string section = SectionOf(path);
  if (section.empty()) return root->Child(path);
  ConfigNode* node = root->Child(section);
  return node == nullptr ? nullptr : node->Child(path.substr(section.size() + 1));
}

void Remove(ConfigNode* root, const std::string& key) {
  std::erase_if(root->children, [&](const ConfigNode& node) { return node.key == key; });
}

bool SamePlace(const ConfigPlace& a, const ConfigPlace& b) { return a.line == b.line && a.override_text == b.override_text && a.file == b.file; }

ConfigNode Scalar(const std::string& text, const ConfigPlace& place) {
  ConfigNode node;
  node.kind = NodeKind::kScalar;
  node.text = text;
  node.place = place;
  return node;
}

}  // namespace

std::string TrlMeaning(const std::string& name) {
  if (const std::string aliased = AliasedPath(name); !aliased.empty()) return aliased;
  const TrlName* row = FindTrl(name);
  if (row == nullptr) return "";
  return row->rl.empty() ? row->sft : row->rl;
}

void TrlNames::Put(ConfigNode* root, const std::string& path, ConfigNode node, const std::string& name, bool over) {
  const std::string section = SectionOf(path), key = section.empty() ? path : path.substr(section.size() + 1);
  ConfigNode* parent = root;
  if (!section.empty()) {
    parent = root->Child(section);
    if (parent == nullptr) {
      ConfigNode group;
      group.key = section;
      group.place = node.place;
      root->children.push_back(std::move(group));
      parent = &root->children.back();
    }
    if (parent->kind == NodeKind::kNull) parent->kind = NodeKind::kMap;
    if (parent->kind != NodeKind::kMap) return;  // which is refused when it is read
  }
  node.key = key;
  if (ConfigNode* there = parent->Child(key)) {
    if (over) {
      *there = std::move(node);
    } else {
      problems_->push_back({path, "is given twice, here as " + name + ", its name in TRL; remove one", node.place});
    }
    return;
  }
  parent->children.push_back(std::move(node));
}

// Whether `node`, written in `section`, is another name and has been dealt with.
bool TrlNames::Take(ConfigNode* root, const std::string& section, ConfigNode node, bool over) {
  const std::string name = node.key, written = section.empty() ? name : section + "." + name;
  const TrlName* row = FindTrl(name);
  std::string path = AliasedPath(name);
  const bool waits = (row != nullptr && row->waits) || name == "steps_per_generation";
  if (waits && HoldsArguments(section)) {
    Put(root, name, std::move(node), name, over);
    return true;
  }
  if (path.empty()) {
    if (row == nullptr) return false;
    path = stage_ == "rl" ? row->rl : row->sft;
    if (path.empty()) path = row->rl.empty() ? row->sft : row->rl;
  }
  if (!HoldsArguments(section) && (path.empty() || SectionOf(path) != section)) return false;
  if (row != nullptr && row->refused()) {
    problems_->push_back({written, "is a setting of TRL that means nothing here; instead: " + row->how, node.place});
    return true;
  }
  if (row != nullptr && !row->values.empty()) {
    const auto value = std::find_if(row->values.begin(), row->values.end(), [&](const auto& v) { return node.kind == NodeKind::kScalar && v.first == node.text; });
    if (value == row->values.end()) {
      std::string known;
      for (const auto& [theirs, ours] : row->values) known += (known.empty() ? "" : ", ") + theirs;
      problems_->push_back({written, "got " + DescribeNode(node) + ", of TRL's values this takes " + known + (path.empty() ? ": " + row->how : " (" + path + ")"), node.place});
      return true;
    }
    if (row->dropped) return true;
    if (name == "lr_scheduler_type" && node.text == "constant") bare_constant_.push_back(node.place);
    node.text = value->second;
    node.quoted = false;
  }
  if (path == "adapter.targets" && node.kind == NodeKind::kScalar && node.text == "all-linear") return true;
  const bool of_other_stage = row != nullptr && (stage_ == "rl" ? row->rl : row->sft).empty();
  if (of_other_stage && row->counts_updates) {
    problems_->push_back({written, "is TRL's name of " + path + ", which has no effect when stage is " + stage_ + "; " + row->how, node.place});
    return true;
  }
  if (row != nullptr && row->counts_updates && stage_ == "rl") counted_.push_back({name, path, node.place});
  Put(root, path, std::move(node), name, over);
  return true;
}

void TrlNames::RenameIn(ConfigNode* root, const std::string& section, bool over) {
  ConfigNode* node = section.empty() ? root : root->Child(section);
  if (node == nullptr || node->kind != NodeKind::kMap) return;
  std::vector<ConfigNode> others;
  std::erase_if(node->children, [&](const ConfigNode& child) {
    const bool other = !Owns(section, child.key) && !(section.empty() && (FindTrl(child.key) != nullptr && FindTrl(child.key)->waits)) &&
                       !(section.empty() && child.key == "steps_per_generation");
    if (other) others.push_back(child);
    return other;
  });
  for (ConfigNode& other : others) {
    if (Take(root, section, other, over)) continue;
    ConfigNode* back = section.empty() ? root : root->Child(section);  // Take() may have moved it
    back->children.push_back(std::move(other));
  }
}

void TrlNames::Rename(ConfigNode* root, bool over) {
  for (const Section& section : TrainSections()) RenameIn(root, section.name, over);
  if (ConfigNode* scale = Find(root, "rl.scale_rewards"); scale != nullptr && scale->kind == NodeKind::kScalar && !scale->quoted) {
    if (scale->text == "true") scale->text = "group";
    if (scale->text == "false") scale->text = "none";
  }
}

void TrlNames::Batches(ConfigNode* root) {
  struct Count {
    ConfigPlace place;
    int64_t value = 0;  // 0: not given
  };
  bool sound = true;
  const auto count = [&](const char* name) {
    Count out;
    const ConfigNode* node = root->Child(name);
    if (node == nullptr) return out;
    out.place = node->place;
    const auto number = node->kind == NodeKind::kScalar && !node->quoted ? NumberFromText<int64_t>(node->text) : std::nullopt;
    if (number && *number > 0 && *number <= 1'000'000) {
      out.value = *number;
    } else {
      problems_->push_back({name, "got " + DescribeNode(*node) + ", expected an integer from 1 to 1000000", node->place});
      sound = false;
    }
    Remove(root, name);
    return out;
  };
  const Count device = count("per_device_train_batch_size"), accumulation = count("gradient_accumulation_steps"), generation = count("steps_per_generation");
  if (!sound) return;
  const auto put = [&](const char* path, int64_t value, const Count& from, const char* name) { Put(root, path, Scalar(std::to_string(value), from.place), name, false); };
  if (accumulation.value > 0 && device.value == 0) {
    problems_->push_back({"gradient_accumulation_steps", "says nothing here without per_device_train_batch_size; or write " +
                                                             std::string(stage_ == "rl" ? "rl.prompts_per_step and rl.minibatches" : "sft.batch_size, their product"), accumulation.place});
    return;
  }
  if (generation.value > 0 && stage_ != "rl") {
    problems_->push_back({"steps_per_generation", "is TRL's name of rl.minibatches, which has no effect when stage is " + stage_ + "; remove it", generation.place});
    return;
  }
  if (device.value == 0) {
    if (generation.value > 0) put("rl.minibatches", generation.value, generation, "steps_per_generation");
    return;
  }
  const int64_t g = std::max<int64_t>(1, accumulation.value);
  const char* micro = stage_ == "rl" ? "rl.micro_batch_size" : "sft.micro_batch_size";
  if (Find(root, micro) == nullptr) put(micro, device.value, device, "per_device_train_batch_size");
  if (stage_ != "rl") return put("sft.batch_size", device.value * g, device, "per_device_train_batch_size");
  const ConfigNode* group = Find(root, "rl.group_size");
  const auto given = group != nullptr && group->kind == NodeKind::kScalar ? NumberFromText<int64_t>(group->text) : std::nullopt;
  const int64_t n = given && *given > 0 ? *given : RlSettings().group_size, s = generation.value > 0 ? generation.value : g;
  if (device.value * s % n != 0) {
    problems_->push_back({"per_device_train_batch_size", Str("gives a step ", device.value, " x ", s, " completions, no multiple of num_generations = ", n), device.place});
  } else if (s % g != 0) {
    problems_->push_back({"steps_per_generation", Str("got ", s, ", expected a multiple of gradient_accumulation_steps = ", g), generation.place});
  } else {
    put("rl.prompts_per_step", device.value * s / n, device, "per_device_train_batch_size");
    if (s != g) put("rl.minibatches", s / g, generation, "steps_per_generation");
  }
}

void TrlNames::LeastRate(ConfigNode* root) {
  const ConfigNode* found = root->Child("lr_scheduler_kwargs");
  if (found == nullptr) return;
  const ConfigNode kwargs = *found;
  Remove(root, "lr_scheduler_kwargs");
  const auto refuse = [&](const std::string& text) { problems_->push_back({"lr_scheduler_kwargs", text, kwargs.place}); };
  if (kwargs.kind != NodeKind::kMap || kwargs.children.size() != 1 || (kwargs.children[0].key != "min_lr" && kwargs.children[0].key != "min_lr_rate")) {
    return refuse("got " + DescribeNode(kwargs) + ", of which {min_lr_rate: x} and {min_lr: x} are understood, as optimizer.min_ratio");
  }
  ConfigNode value = kwargs.children[0];
  if (value.key == "min_lr") {
    const ConfigNode* rate = Find(root, "optimizer.learning_rate");
    const auto highest = rate != nullptr ? NumberFromText<double>(rate->text) : std::nullopt, least = NumberFromText<double>(value.text);
    if (!highest || !least || *highest <= 0) return refuse("min_lr needs a number as optimizer.learning_rate; or write optimizer.min_ratio, min_lr divided by the rate");
    value = Scalar(PrintValue(*least / *highest), value.place);
  }
  Put(root, "optimizer.min_ratio", std::move(value), "lr_scheduler_kwargs", false);
}

void TrlNames::Finish(ConfigNode* root) {
  Batches(root);
  LeastRate(root);
  const ConfigNode* schedule = Find(root, "optimizer.schedule");
  for (const char* path : {"optimizer.warmup_steps", "optimizer.warmup_ratio"}) {
    const ConfigNode* warmup = Find(root, path);
    if (schedule == nullptr || warmup == nullptr || warmup->text == "0") continue;
    for (const ConfigPlace& place : bare_constant_) {
      if (!SamePlace(place, schedule->place)) continue;
      problems_->push_back({"lr_scheduler_type", Str("is constant, which leaves out the warm-up in TRL, but ", path, " is ", warmup->text,
                                                     "; write constant_with_warmup, or remove the warm-up"), place});
      break;
    }
  }
}

void TrlNames::CheckCounts(const TrainConfig& config, const ConfigNode& root) {
  if (config.run.stage != "rl" || config.rl.updates_per_step() == 1) return;
  const auto places = CollectPlaces(root);
  for (const Counted& counted : counted_) {
    const auto place = places.find(counted.path);
    if (place == places.end() || !SamePlace(place->second, counted.place)) continue;
    problems_->push_back({counted.path, Str("is given as ", counted.name, ", which counts optimiser steps; here a step takes ", config.rl.updates_per_step(),
                                            " of them (updates_per_rollout x minibatches): write ", counted.path, ", ", counted.name, " divided by that"), {}});
  }
}

std::string TrlReference() {
  std::ostringstream out;
  out << "| TRL | here | |\n|---|---|---|\n";
  for (const Section& section : TrainSections()) {
    for (const Field<TrainConfig>& field : section.fields) {
      if (!field.alias.empty()) out << "| `" << field.alias << "` | `" << section.Path(field.key) << "` | |\n";
    }
  }
  for (const TrlName& row : TrlTable()) {
    std::string ours;
    for (const std::string& path : {row.sft, row.rl}) {
      if (!path.empty() && ours.find("`" + path + "`") == std::string::npos) ours += (ours.empty() ? "`" : ", `") + path + "`";
    }
    if (row.waits) ours = "converted";
    if (row.refused()) ours = "refused";
    std::string how = row.refused() ? "instead: " + row.how : row.how;
    for (const auto& [theirs, value] : row.values) {
      if (!value.empty() && theirs != value) how += (how.empty() ? "" : "; ") + theirs + " is " + value;
    }
    if (row.dropped) {
      ours = "says nothing when";
      for (const auto& [theirs, value] : row.values) ours += " " + theirs;
    }
    if (row.counts_updates) how += std::string(how.empty() ? "" : "; ") + "in RL where a step takes one update";
    out << "| `" << row.name << "` | " << ours << " | " << how << " |\n";
  }
  return out.str();
}

}  // namespace pith
