// Running a parsed template.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "data/template/jinja_ast.h"
#include "data/template/jinja_runtime.h"

namespace pith {

using JinjaVariables = std::vector<std::pair<std::string, JinjaValue>>;

// The text that `body` renders to with these variables. JinjaError, with the line, for anything that goes wrong.
std::string RunJinja(const JinjaBody& body, const JinjaVariables& variables, JinjaRuntime& rt);

// The name of a filter or test that pith lacks is found before anything runs: JinjaError with its line. Behind a condition
// it is one only once it is reached, as in jinja2.
void CheckJinjaNames(const JinjaBody& body);

}  // namespace pith
