// A YAML document as a plain tree that remembers where each value was written. Values from --set are grafted into the
// same tree, so that everything behind it treats both alike.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace pith {

// Where a value was written. Neither line nor override_text set: nowhere, the value is a default.
struct ConfigPlace {
  int line = 0;              // in the file, from 1
  std::string override_text = {};  // the "key=value" of a --set
  std::string file = {};     // that the line is of; empty: the one that is loaded, not one that it extends
};

// One thing that is wrong. `key` is a path: "rl.steps", "reward.times[0].kind"; empty for the document as a whole.
struct ConfigProblem {
  std::string key;
  std::string text;
  ConfigPlace place;
};

struct ConfigNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  std::string key;                   // its name in the map that holds it
  std::string text;                  // kScalar
  bool quoted = false;               // kScalar: written in quotes, so it is text whatever it looks like
  std::vector<ConfigNode> children;  // kList, kMap; a repeated key of a map is left out and reported
  ConfigPlace place;

  ConfigNode* Child(const std::string& name);
};

// Reads one YAML document. What is wrong with it is appended to `problems`: broken syntax (the tree then holds what came
// before), keys given twice, aliases, a second document.
ConfigNode ParseConfigTree(const std::string& yaml, std::vector<ConfigProblem>* problems);

// Grafts "a.b=value" or "list.0=value" into `root`; the value is YAML and replaces what was there.
void ApplyOverride(const std::string& assignment, ConfigNode* root, std::vector<ConfigProblem>* problems);

// Place of every node by its path.
std::map<std::string, ConfigPlace> CollectPlaces(const ConfigNode& root);

// Whether `key` is `path` or stands inside it: "reward.times[0].kind" stands inside "reward.times".
bool StandsIn(const std::string& key, const std::string& path);

// The node in words for a message: "the text "abc"", "a list", "nothing".
std::string DescribeNode(const ConfigNode& node);

// The nearest of `candidates` to a mistyped `word`; empty when none is near.
std::string NearestName(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace pith
