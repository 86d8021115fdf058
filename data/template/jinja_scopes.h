// Which names of a block are hidden until the block assigns them. jinja2 settles that when it compiles: a name that a
// block assigns before it reads it is the block's own from its beginning, and undefined until assigned, so that inner
// blocks and macros that stand earlier do not see what the template was given under that name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/template/jinja_ast.h"

namespace pith {

// Fills in `undefined` and `plain` of all nodes below. JinjaError when that is too much work.
void SettleJinjaScopes(JinjaBody& body);
// The hidden names of the template itself.
std::vector<std::string> JinjaHiddenNames(const JinjaBody& body);
bool JinjaMentions(const JinjaBody& body, std::string_view name);

}  // namespace pith
