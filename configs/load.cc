#include "configs/load.h"

#include <algorithm>
#include <map>
#include <sstream>

#include "base/error.h"
#include "configs/config_tree.h"
#include "configs/data_sources.h"
#include "configs/layers.h"
#include "configs/rules.h"
#include "configs/sections.h"
#include "configs/trl_names.h"

namespace pith {
namespace {

constexpr size_t kMaxShownProblems = 100;

const Section* FindSection(const std::string& name) {
  for (const Section& section : TrainSections()) {
    if (!name.empty() && section.name == name) return &section;
  }
  return nullptr;
}

const Field<TrainConfig>* FindField(const Section& section, const std::string& key) {
  for (const Field<TrainConfig>& field : section.fields) {
    if (field.key == key) return &field;
  }
  return nullptr;
}

// "unknown key; did you mean clip_epsilon_high?": the same name elsewhere, first in what the stage reads, else the nearest here.
std::string UnknownKey(const Section& section, const std::string& key, const std::string& stage) {
  std::vector<std::string> names;
  for (const Field<TrainConfig>& field : section.fields) names.push_back(field.key);
  if (section.name.empty()) {
    for (const Section& other : TrainSections()) {
      if (!other.name.empty()) names.push_back(other.name);
    }
  }
  std::string found;
  for (const bool of_stage : {true, false}) {
    for (const Section& other : TrainSections()) {
      if (!found.empty() || other.BelongsTo(stage) != of_stage) continue;
      if (const Field<TrainConfig>* field = FindField(other, key)) found = other.Path(field->key);
    }
  }
  if (found.empty()) found = TrlMeaning(key);
  if (found.empty()) found = NearestName(key, names);
  return found.empty() ? "unknown key" : "unknown key; did you mean " + found + "?";
}

void ReadSection(const Section& section, const ConfigNode& node, TrainConfig* config, Problems* problems) {
  for (const ConfigNode& child : node.children) {
    if (section.name.empty() && FindSection(child.key) != nullptr) continue;
    const Field<TrainConfig>* field = FindField(section, child.key);
    const std::string path = section.Path(child.key);
    if (field == nullptr) {
      problems->push_back({path, UnknownKey(section, child.key, config->run.stage), {}});
    } else {
      field->read(child, path, config, problems);
    }
  }
}

// Which stage's settings the keys mean, before they are read.
std::string StageOf(std::vector<ConfigNode>& layers, const std::vector<std::string>& overrides) {
  std::string stage = RunConfig().stage;
  for (ConfigNode& layer : layers) {
    if (const ConfigNode* given = layer.Child("stage"); given != nullptr && given->kind == ConfigNode::Kind::kScalar) stage = given->text;
  }
  for (const std::string& assignment : overrides) {
    if (assignment.starts_with("stage=")) stage = assignment.substr(6);
  }
  return stage;
}

bool Reported(const Problems& problems, const std::string& path) {
  return std::any_of(problems.begin(), problems.end(), [&](const auto& problem) { return StandsIn(problem.key, path); });
}

// Rules of single fields, and settings that were given but would be ignored.
void CheckFields(const TrainConfig& config, const std::map<std::string, ConfigPlace>& places, Problems* problems) {
  for (const Section& section : TrainSections()) {
    for (const Field<TrainConfig>& field : section.fields) {
      if (section.Path(field.key) == "stage" && !Reported(*problems, "stage")) field.check(config, "stage", problems);
    }
  }
  const bool stage_known = !Reported(*problems, "stage");  // all others depend on it
  for (const Section& section : TrainSections()) {
    for (const Field<TrainConfig>& field : section.fields) {
      const std::string path = section.Path(field.key);
      if (Reported(*problems, path)) continue;
      const bool given = places.count(path) > 0;
      if (!section.BelongsTo(config.run.stage) || !field.BelongsTo(config.run.stage)) {
        if (given && stage_known) {
          problems->push_back({path, "has no effect when stage is " + config.run.stage + "; remove it", {}});
        }
      } else if (field.applies && !field.applies(config)) {
        if (given) problems->push_back({path, "has no effect unless " + field.only_when + "; remove it", {}});
      } else {
        field.check(config, path, problems);
      }
    }
  }
}

// Where `key` was written; for a default, where what holds it was written.
ConfigPlace PlaceOf(std::string key, const std::map<std::string, ConfigPlace>& places) {
  while (!key.empty()) {
    if (const auto it = places.find(key); it != places.end()) return it->second;
    const size_t cut = key.find_last_of(".[");
    key = cut == std::string::npos ? "" : key.substr(0, cut);
  }
  return {};
}

[[noreturn]] void Refuse(const std::string& path, const std::map<std::string, ConfigPlace>& places, Problems problems) {
  for (ConfigProblem& problem : problems) {
    if (problem.place.line == 0 && problem.place.override_text.empty()) problem.place = PlaceOf(problem.key, places);
  }
  std::stable_sort(problems.begin(), problems.end(), [](const ConfigProblem& a, const ConfigProblem& b) {
    const bool a_set = !a.place.override_text.empty(), b_set = !b.place.override_text.empty();
    if (a_set != b_set) return b_set;
    return a.place.file != b.place.file ? a.place.file < b.place.file : a.place.line < b.place.line;
  });
  std::ostringstream text;
  if (problems.size() > 1) text << problems.size() << " problems in the configuration:\n";
  for (size_t i = 0; i < std::min(problems.size(), kMaxShownProblems); ++i) {
    const ConfigProblem& problem = problems[i];
    if (i > 0) text << "\n";
    if (!problem.place.override_text.empty()) {
      text << "--set " << problem.place.override_text << ": ";
    } else if (problem.place.line > 0) {
      text << (problem.place.file.empty() ? path : problem.place.file) << ":" << problem.place.line << ": ";
    } else {
      text << path << ": ";
    }
    if (!problem.key.empty()) text << problem.key << ": ";
    text << problem.text;
    if (!problem.place.file.empty() && problem.text.find("has no effect") != std::string::npos) {
      text << " (or write `" << problem.key.substr(problem.key.rfind('.') + 1) << ": ~` in " << path << ", which takes it back)";
    }
  }
  if (problems.size() > kMaxShownProblems) text << "\n… and " << problems.size() - kMaxShownProblems << " more";
  throw UserError(text.str());
}

}  // namespace

TrainConfig LoadTrainConfig(const std::string& path, const std::vector<std::string>& overrides) {
  Problems problems;
  std::vector<ConfigNode> layers = ReadLayers(path, &problems);
  const bool broken = std::any_of(problems.begin(), problems.end(), [](const auto& p) { return p.key.empty() || p.key == "extends"; });
  if (broken) Refuse(path, {}, problems);

  TrlNames names(StageOf(layers, overrides), &problems);
  for (ConfigNode& layer : layers) names.Rename(&layer, /*over=*/false);
  ConfigNode root = MergeLayers(layers);
  for (const std::string& assignment : overrides) {
    const std::string name = assignment.substr(0, assignment.find('='));
    if (FindSection(name) != nullptr) {
      problems.push_back({name, "is a section; set one of its keys, such as --set " + name + "." +
                                    FindSection(name)->fields.front().key + "=…", {0, assignment}});
    } else if (name == "extends") {
      problems.push_back({name, "can stand in a file alone; give that file instead of this one", {0, assignment, ""}});
    } else {
      ApplyOverride(assignment, &root, &problems);
      names.Rename(&root, /*over=*/true);
    }
  }
  names.Finish(&root);
  InheritSources(&root, &problems);
  const std::map<std::string, ConfigPlace> places = CollectPlaces(root);

  TrainConfig config;
  for (const Section& section : TrainSections()) {
    const ConfigNode* node = section.name.empty() ? &root : root.Child(section.name);
    if (node == nullptr || node->kind == ConfigNode::Kind::kNull) continue;
    if (node->kind != ConfigNode::Kind::kMap) {
      problems.push_back({section.name, "got " + DescribeNode(*node) + ", expected a group of keys", {}});
      continue;
    }
    ReadSection(section, *node, &config, &problems);
  }
  CheckFields(config, places, &problems);
  if (!Reported(problems, "stage")) CheckSourceStages(config.run.stage, places, &problems);
  names.CheckCounts(config, root);
  CheckRulesBetweenFields(config, &problems);
  if (!problems.empty()) Refuse(path, places, problems);

  if (config.run.folder.empty()) config.run.folder = "runs/" + config.run.name;
  return config;
}

}  // namespace pith
