// Source of a template to its tree.
#pragma once

#include <string_view>

#include "data/template/jinja_ast.h"

namespace pith {

// JinjaError with the line for syntax errors, and for constructs pith lacks, by name.
JinjaBody ParseJinja(std::string_view source);

}  // namespace pith
