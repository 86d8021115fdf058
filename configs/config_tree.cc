#include "configs/config_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <sstream>

#include "base/error.h"
#include "configs/field_table.h"

namespace pith {
namespace {

using Kind = ConfigNode::Kind;

// A configuration is written by hand. The place of each value is kept under its path, so these also bound what a file costs.
constexpr size_t kMaxDepth = 12;
constexpr size_t kMaxKeyBytes = 500;  // printed with every character escaped it must stay in the 1024 that YAML looks back for a key
constexpr size_t kMaxValues = 10'000;

// What is wrong with a key; empty: nothing.
std::string KeyProblem(const std::string& key) {
  if (key.size() > kMaxKeyBytes) return Str("got a key of ", key.size(), " bytes, expected at most ", kMaxKeyBytes);
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(key.begin(), key.end(), control)) return Str("the key ", PrintValue(key), " holds a control character");
  return "";
}

std::string TooDeep() { return Str("lists and groups are nested deeper than ", kMaxDepth, " levels, which no setting is"); }

// Thrown out of yaml-cpp's callbacks, caught in ParseConfigTree.
struct Refused {
  int line;
  std::string text;
};

// Builds the tree from parser events. The parser's own node type would expand aliases and forget repeated keys.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(ConfigNode* root, std::vector<ConfigProblem>* problems) : root_(root), problems_(problems) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { Add(mark, Kind::kNull, "", false); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused{mark.line + 1, "aliases (*name) are not supported; write the value out"};
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) override {
    Add(mark, Kind::kScalar, value, tag == "!");
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    Open(mark, Kind::kList);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
    Open(mark, Kind::kMap);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Frame {
    ConfigNode node;
    bool has_key = false;
    std::string key, path;
    int key_line = 0;
  };

  void Open(const YAML::Mark& mark, Kind kind) {
    if (!stack_.empty() && stack_.back().node.kind == Kind::kMap && !stack_.back().has_key) {
      throw Refused{mark.line + 1, "not valid YAML: a key must be a word (is a bracket left open?)"};
    }
    if (stack_.size() == kMaxDepth) throw Refused{mark.line + 1, TooDeep()};
    Frame frame;
    frame.node.kind = kind;
    frame.node.place.line = mark.line + 1;
    if (!stack_.empty()) frame.path = ChildPath();
    stack_.push_back(std::move(frame));
  }

  void Close() {
    ConfigNode node = std::move(stack_.back().node);
    stack_.pop_back();
    Attach(std::move(node));
  }

  void Add(const YAML::Mark& mark, Kind kind, const std::string& text, bool quoted) {
    if (!stack_.empty() && stack_.back().node.kind == Kind::kMap && !stack_.back().has_key) {
      if (kind != Kind::kScalar) throw Refused{mark.line + 1, "not valid YAML: a key must be a word (is a bracket left open?)"};
      if (const std::string problem = KeyProblem(text); !problem.empty()) throw Refused{mark.line + 1, problem};
      stack_.back().has_key = true;
      stack_.back().key = text;
      stack_.back().key_line = mark.line + 1;
      return;
    }
    ConfigNode node;
    node.kind = kind;
    node.text = text;
    node.quoted = quoted;
    node.place.line = mark.line + 1;
    Attach(std::move(node));
  }

  std::string ChildPath() const {
    const Frame& top = stack_.back();
    if (top.node.kind == Kind::kList) return Str(top.path, "[", top.node.children.size(), "]");
    return top.path.empty() ? top.key : top.path + "." + top.key;
  }

  void Attach(ConfigNode node) {
    if (++num_values_ > kMaxValues) throw Refused{node.place.line, Str("a configuration with more than ", kMaxValues, " values")};
    if (stack_.empty()) {
      *root_ = std::move(node);
      return;
    }
    Frame& top = stack_.back();
    if (top.node.kind == Kind::kMap) {
      top.has_key = false;
      node.place.line = top.key_line;
      if (const ConfigNode* first = top.node.Child(top.key)) {
        problems_->push_back(
            {ChildPath(), Str("given twice (first on line ", first->place.line, "); keep one"), {top.key_line, ""}});
        return;
      }
      node.key = top.key;
    }
    top.node.children.push_back(std::move(node));
  }

  ConfigNode* root_;
  std::vector<ConfigProblem>* problems_;
  std::vector<Frame> stack_;
  size_t num_values_ = 0;
};

void SetPlace(ConfigNode* node, const ConfigPlace& place) {
  node->place = place;
  for (ConfigNode& child : node->children) SetPlace(&child, place);
}

void Collect(const ConfigNode& node, const std::string& path, std::map<std::string, ConfigPlace>* places) {
  if (!path.empty()) (*places)[path] = node.place;
  for (size_t i = 0; i < node.children.size(); ++i) {
    const ConfigNode& child = node.children[i];
    const std::string child_path = node.kind == Kind::kList ? Str(path, "[", i, "]")
                                   : path.empty()           ? child.key
                                                            : path + "." + child.key;
    Collect(child, child_path, places);
  }
}

// At most 60 bytes, cut between characters.
std::string Shortened(const std::string& text) {
  if (text.size() <= 60) return text;
  size_t end = 57;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

// Optimal string alignment distance: insertions, deletions, substitutions, swaps of neighbours.
size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<size_t> before(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
  std::iota(previous.begin(), previous.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

}  // namespace

ConfigNode* ConfigNode::Child(const std::string& name) {
  if (kind != Kind::kMap) return nullptr;
  for (ConfigNode& child : children) {
    if (child.key == name) return &child;
  }
  return nullptr;
}

ConfigNode ParseConfigTree(const std::string& yaml, std::vector<ConfigProblem>* problems) {
  ConfigNode root;
  TreeBuilder builder(&root, problems);
  try {
    std::istringstream stream(yaml);
    YAML::Parser parser(stream);
    parser.HandleNextDocument(builder);
    ConfigNode second;
    std::vector<ConfigProblem> ignored;
    TreeBuilder rest(&second, &ignored);
    if (parser.HandleNextDocument(rest)) {
      problems->push_back({"", "a second document begins; a configuration is one document", second.place});
    }
  } catch (const Refused& refused) {
    problems->push_back({"", refused.text, {refused.line, ""}});
  } catch (const YAML::Exception& error) {
    problems->push_back({"", "not valid YAML: " + error.msg, {error.mark.is_null() ? 0 : error.mark.line + 1, ""}});
  }
  return root;
}

void ApplyOverride(const std::string& assignment, ConfigNode* root, std::vector<ConfigProblem>* problems) {
  const ConfigPlace place{0, assignment.empty() ? "''" : assignment};
  const size_t equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0) {
    problems->push_back({"", "expected section.key=value", place});
    return;
  }
  std::string path = assignment.substr(0, equals);
  const std::string value = assignment.substr(equals + 1);

  ConfigNode parsed;
  if (value.empty()) {
    parsed.kind = Kind::kScalar;  // "--set key=" means the empty text
    parsed.quoted = true;
  } else {
    std::vector<ConfigProblem> own;
    parsed = ParseConfigTree(value, &own);
    for (ConfigProblem& problem : own) {
      problem.place = place;
      problem.key = path + (problem.key.empty() ? "" : "." + problem.key);
      problems->push_back(problem);
    }
    if (!own.empty()) return;
  }
  SetPlace(&parsed, place);

  if (root->kind == Kind::kNull) root->kind = Kind::kMap;
  ConfigNode* node = root;
  std::istringstream parts(path);
  std::string walked, part;
  size_t depth = 0;
  while (std::getline(parts, part, '.')) {
    const std::string wrong = ++depth > kMaxDepth ? TooDeep() : KeyProblem(part);
    if (!wrong.empty()) {
      problems->push_back({walked, wrong, {0, Shortened(assignment)}});
      return;
    }
    if (part.empty()) {
      problems->push_back({"", "expected section.key=value", place});
      return;
    }
    if (node->kind == Kind::kList) {
      size_t index = 0;
      const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
      if (error != std::errc() || end != part.data() + part.size() || index > node->children.size()) {
        problems->push_back({walked, Str("is a list of ", node->children.size(), "; got the index '", part,
                                         "', expected 0 to ", node->children.size()), place});
        return;
      }
      if (index == node->children.size()) node->children.emplace_back();
      node = &node->children[index];
    } else {
      if (node->kind == Kind::kNull) node->kind = Kind::kMap;
      if (node->kind == Kind::kScalar) {
        problems->push_back({walked, Str("is one value and has no key '", part, "' inside; set it whole"), place});
        return;
      }
      ConfigNode* child = node->Child(part);
      if (child == nullptr) {
        node->children.emplace_back();
        child = &node->children.back();
        child->key = part;
        child->place = place;
      }
      node = child;
    }
    walked += (walked.empty() ? "" : ".") + part;
  }
  parsed.key = node->key;
  *node = std::move(parsed);
}

std::map<std::string, ConfigPlace> CollectPlaces(const ConfigNode& root) {
  std::map<std::string, ConfigPlace> places;
  Collect(root, "", &places);
  return places;
}

bool StandsIn(const std::string& key, const std::string& path) {
  return key.starts_with(path) && (key.size() == path.size() || key[path.size()] == '.' || key[path.size()] == '[');
}

std::string DescribeNode(const ConfigNode& node) {
  switch (node.kind) {
    case Kind::kNull: return "nothing";
    case Kind::kList: return "a list";
    case Kind::kMap: return "a group of keys";
    case Kind::kScalar: break;
  }
  const std::string shown = Shortened(node.text);
  return node.quoted ? "the text \"" + shown + "\"" : "'" + shown + "'";
}

std::string NearestName(const std::string& word, const std::vector<std::string>& candidates) {
  if (word.size() > 100) return "";
  std::string nearest;
  size_t best = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = EditDistance(word, candidate);
    if (distance < best && distance < candidate.size()) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace pith
