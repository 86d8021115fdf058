// The methods of strings that a sandboxed template may call.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "data/template/jinja_runtime.h"

namespace pith {

using JinjaTextMethods =
    std::map<std::string, std::function<JinjaValue(const std::string&, const JinjaArgs&, JinjaRuntime&)>, std::less<>>;
const JinjaTextMethods& JinjaMethodsOfText();  // by name

}  // namespace pith
