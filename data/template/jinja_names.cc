// The names of filters and tests, before anything runs.
#include "data/template/jinja_interpreter.h"

namespace pith {
namespace {

// `soft`: a condition stands before it, and jinja2 looks for the name only when it comes to that.
void CheckNames(const JinjaExpr* node, bool soft) {
  if (node == nullptr) return;
  soft = soft || node->kind == JinjaExpr::kCondition;
  if (!soft && node->kind == JinjaExpr::kFilter && !JinjaHasFilter(node->text)) {
    throw JinjaError(Str("pith lacks the filter '", node->text, "'"), node->line);
  }
  if (!soft && node->kind == JinjaExpr::kTest && !JinjaHasTest(node->text)) {
    throw JinjaError(Str("pith lacks the test '", node->text, "'"), node->line);
  }
  for (const auto& item : node->items) CheckNames(item.get(), soft);
  for (const auto& [name, item] : node->named) CheckNames(item.get(), soft);
}

void CheckBody(const JinjaBody& body, bool soft) {
  for (const auto& node : body) {
    CheckNames(node->expr.get(), soft);
    CheckNames(node->target.get(), soft);
    CheckNames(node->condition.get(), false);
    for (const auto& [condition, branch] : node->branches) {
      CheckNames(condition.get(), true);
      CheckBody(branch, true);
    }
    for (const auto& [name, expr] : node->parameters) CheckNames(expr.get(), false);
    CheckBody(node->body, false);
    CheckBody(node->otherwise, node->kind == JinjaNode::kIf);
  }
}

}  // namespace

void CheckJinjaNames(const JinjaBody& body) { CheckBody(body, false); }

}  // namespace pith
