#include "configs/layers.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "configs/sections.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using Kind = ConfigNode::Kind;

constexpr size_t kMaxFileBytes = 1 << 20;  // a configuration is written by hand
constexpr size_t kMaxLayers = 16;
constexpr char kExtends[] = "extends";

void SetFile(ConfigNode* node, const std::string& file) {
  node->place.file = file;
  for (ConfigNode& child : node->children) SetFile(&child, file);
}

// How deep the keys of `path` ("rl", "reward.verifier") are merged one by one.
bool HoldsKeys(const std::string& path) {
  for (const Section& section : TrainSections()) {
    if (section.name == path) return true;
    for (const Field<TrainConfig>& field : section.fields) {
      if (section.Path(field.key) == path) return field.type == "group of keys";
    }
  }
  return false;
}

void Merge(const ConfigNode& over, const std::string& path, ConfigNode* into) {
  for (const ConfigNode& child : over.children) {
    ConfigNode* before = into->Child(child.key);
    const std::string child_path = path.empty() ? child.key : path + "." + child.key;
    if (before == nullptr) {
      into->children.push_back(child);
    } else if (child.kind == Kind::kNull) {
      std::erase_if(into->children, [&](const ConfigNode& node) { return node.key == child.key; });
    } else if (child.kind == Kind::kMap && before->kind == Kind::kMap && HoldsKeys(child_path)) {
      Merge(child, child_path, before);
    } else {
      *before = child;
    }
  }
}

}  // namespace

std::vector<ConfigNode> ReadLayers(const std::string& path, std::vector<ConfigProblem>* problems) {
  std::vector<ConfigNode> layers;
  std::vector<fs::path> seen;
  std::string file = path;
  ConfigPlace named;  // where `file` is named
  while (true) {
    std::error_code error;
    const fs::path whole = fs::weakly_canonical(file, error);
    const auto report = [&](const std::string& text) { problems->push_back({kExtends, text, named}); };
    if (std::find(seen.begin(), seen.end(), whole) != seen.end()) {
      report("'" + file + "' extends itself, in " + std::to_string(seen.size()) + (seen.size() == 1 ? " step" : " steps") + "; a base must not come back to what extends it");
      break;
    }
    if (seen.size() == kMaxLayers) {
      report(Str("is the ", kMaxLayers, "th base of a base; expected fewer"));
      break;
    }
    seen.push_back(whole);
    std::string yaml;
    if (layers.empty()) {
      yaml = ReadFile(file, kMaxFileBytes);
    } else {
      try {
        yaml = ReadFile(file, kMaxFileBytes);
      } catch (const UserError& unreadable) {
        report(unreadable.what());
        break;
      }
    }
    std::vector<ConfigProblem> own;
    ConfigNode root = ParseConfigTree(yaml, &own);
    if (root.kind == Kind::kNull) root.kind = Kind::kMap;
    if (root.kind != Kind::kMap) own.push_back({"", "got " + DescribeNode(root) + ", expected keys such as `stage: sft`", root.place});
    const std::string shown = layers.empty() ? "" : file;
    for (ConfigProblem& problem : own) {
      problem.place.file = shown;
      problems->push_back(std::move(problem));
    }
    if (root.kind != Kind::kMap) break;
    SetFile(&root, shown);
    std::string base;
    if (const ConfigNode* extends = root.Child(kExtends)) {
      named = extends->place;
      if (extends->kind != Kind::kScalar || extends->text.empty()) {
        problems->push_back({kExtends, "got " + DescribeNode(*extends) + ", expected the path of another configuration", named});
      } else {
        base = (fs::path(file).parent_path() / extends->text).lexically_normal().string();
      }
      std::erase_if(root.children, [](const ConfigNode& node) { return node.key == kExtends; });
    }
    layers.insert(layers.begin(), std::move(root));
    if (base.empty()) break;
    file = base;
  }
  return layers;
}

ConfigNode MergeLayers(const std::vector<ConfigNode>& layers) {
  ConfigNode merged = layers.front();
  for (size_t i = 1; i < layers.size(); ++i) Merge(layers[i], "", &merged);
  return merged;
}

}  // namespace pith
