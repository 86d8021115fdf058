#include "data/template/jinja_scopes.h"

#include <map>
#include <set>

namespace pith {
namespace {

constexpr int64_t kMaxWork = 5'000'000;

// The names of one block, as they are met from its first statement to its last.
struct Symbols {
  enum Kind { kParameter, kGiven, kOuter, kUndefined };  // where the value at the beginning comes from
  const Symbols* parent = nullptr;
  std::map<std::string, Kind> own;
  std::set<std::string> stores;

  bool Knows(const std::string& name) const { return own.count(name) != 0 || (parent != nullptr && parent->Knows(name)); }
  void Load(const std::string& name) {
    if (!Knows(name)) own[name] = kGiven;
  }
  void Store(const std::string& name) {
    stores.insert(name);
    if (own.count(name) == 0) own[name] = parent != nullptr && parent->Knows(name) ? kOuter : kUndefined;
  }
  void Declare(const std::string& name) {
    stores.insert(name);
    own[name] = kParameter;
  }
};

class Settler {
 public:
  // `nodes`: whose fields are to be filled in, or null to look only.
  std::vector<std::string> Block(const JinjaBody& body, Symbols& symbols, bool fill) {
    Statements(body, symbols);
    if (fill) Children(body, symbols);
    std::vector<std::string> hidden;
    for (const auto& [name, kind] : symbols.own) {
      if (kind == Symbols::kUndefined) hidden.push_back(name);
    }
    return hidden;
  }

 private:
  int64_t work_ = 0;

  void Work(size_t amount) {
    if ((work_ += static_cast<int64_t>(amount) + 1) > kMaxWork) throw JinjaError("the template has too many names in too many blocks", 1);
  }

  void Loads(const JinjaExpr* expr, Symbols& symbols) {
    if (expr == nullptr) return;
    Work(1);
    if (expr->kind == JinjaExpr::kName || expr->kind == JinjaExpr::kNamespaceItem) symbols.Load(expr->text);
    for (const auto& item : expr->items) Loads(item.get(), symbols);
    for (const auto& [name, item] : expr->named) Loads(item.get(), symbols);
  }

  void Target(const JinjaExpr* target, Symbols& symbols, bool declare) {
    if (target == nullptr) return;
    if (target->kind == JinjaExpr::kName) {
      declare ? symbols.Declare(target->text) : symbols.Store(target->text);
    } else if (target->kind == JinjaExpr::kNamespaceItem) {
      symbols.Load(target->text);
    }
    for (const auto& item : target->items) Target(item.get(), symbols, declare);
  }

  void Statements(const JinjaBody& body, Symbols& symbols) {
    for (const auto& node : body) {
      Work(1);
      switch (node->kind) {
        case JinjaNode::kOutput:
        case JinjaNode::kFor:
        case JinjaNode::kCallBlock:
        case JinjaNode::kFilterBlock: Loads(node->expr.get(), symbols); break;
        case JinjaNode::kSet:
          Loads(node->expr.get(), symbols);
          Target(node->target.get(), symbols, false);
          break;
        case JinjaNode::kSetBlock: Target(node->target.get(), symbols, false); break;
        case JinjaNode::kMacro: symbols.Store(node->text); break;
        case JinjaNode::kWith:
          for (const auto& [name, value] : node->parameters) Loads(value.get(), symbols);
          break;
        case JinjaNode::kIf: If(*node, symbols); break;
        default: break;
      }
    }
  }

  void If(const JinjaNode& node, Symbols& symbols) {
    Loads(node.branches[0].first.get(), symbols);
    Work(symbols.own.size() * 3);
    std::vector<Symbols> ways(3, symbols);
    Statements(node.branches[0].second, ways[0]);
    for (size_t i = 1; i < node.branches.size(); ++i) {  // each elif is a condition of its own, without an else
      Loads(node.branches[i].first.get(), ways[1]);
      Work(ways[1].own.size() * 3);
      std::vector<Symbols> inner(3, ways[1]);
      Statements(node.branches[i].second, inner[0]);
      Join(ways[1], inner);
    }
    Statements(node.otherwise, ways[2]);
    Join(symbols, ways);
  }

  // What only some of the ways assign has, at the beginning, the value from outside.
  void Join(Symbols& symbols, const std::vector<Symbols>& ways) {
    std::map<std::string, size_t> counts;
    for (const Symbols& way : ways) {
      Work(way.own.size());
      for (const std::string& name : way.stores) {
        if (symbols.stores.count(name) == 0) ++counts[name];
      }
    }
    for (const Symbols& way : ways) {
      for (const auto& [name, kind] : way.own) symbols.own[name] = kind;
      symbols.stores.insert(way.stores.begin(), way.stores.end());
    }
    for (const auto& [name, count] : counts) {
      if (count == ways.size()) continue;
      symbols.own[name] = symbols.parent != nullptr && symbols.parent->Knows(name) ? Symbols::kOuter : Symbols::kGiven;
    }
  }

  void Children(const JinjaBody& body, const Symbols& symbols) {
    for (const auto& node : body) {
      Symbols inner;
      inner.parent = &symbols;
      switch (node->kind) {
        case JinjaNode::kIf:
          for (const auto& [condition, branch] : node->branches) Children(branch, symbols);
          Children(node->otherwise, symbols);
          continue;
        case JinjaNode::kFor: {
          Symbols otherwise;
          otherwise.parent = &symbols;
          Block(node->otherwise, otherwise, true);
          inner.Declare("loop");
          Target(node->target.get(), inner, true);
          break;
        }
        case JinjaNode::kWith:
        case JinjaNode::kMacro:
        case JinjaNode::kCallBlock:
          for (const auto& [name, value] : node->parameters) inner.Declare(name);
          for (const auto& [name, value] : node->parameters) {
            if (node->kind != JinjaNode::kWith) Loads(value.get(), inner);
          }
          if (node->kind == JinjaNode::kWith) break;
          for (const char* name : {"varargs", "kwargs", "caller"}) {
            if (!JinjaMentions(node->body, name)) continue;
            node->plain = false;
            inner.Declare(name);
          }
          break;
        case JinjaNode::kSetBlock:
        case JinjaNode::kFilterBlock:
        case JinjaNode::kScope: break;
        default: continue;
      }
      node->undefined = Block(node->body, inner, true);
    }
  }
};

bool Mentions(const JinjaExpr* expr, std::string_view name) {
  if (expr == nullptr) return false;
  if (expr->kind == JinjaExpr::kName && expr->text == name) return true;
  for (const auto& item : expr->items) {
    if (Mentions(item.get(), name)) return true;
  }
  for (const auto& [key, item] : expr->named) {
    if (Mentions(item.get(), name)) return true;
  }
  return false;
}

}  // namespace

void SettleJinjaScopes(JinjaBody& body) {
  Symbols symbols;
  Settler().Block(body, symbols, true);
}

std::vector<std::string> JinjaHiddenNames(const JinjaBody& body) {
  Symbols symbols;
  return Settler().Block(body, symbols, false);
}

bool JinjaMentions(const JinjaBody& body, std::string_view name) {
  for (const auto& node : body) {
    if (Mentions(node->expr.get(), name) || Mentions(node->condition.get(), name)) return true;
    for (const auto& [condition, branch] : node->branches) {
      if (Mentions(condition.get(), name) || JinjaMentions(branch, name)) return true;
    }
    for (const auto& [key, value] : node->parameters) {
      if (Mentions(value.get(), name)) return true;
    }
    if (JinjaMentions(node->body, name) || JinjaMentions(node->otherwise, name)) return true;
  }
  return false;
}

}  // namespace pith
