// Filters, by kind. Private to this folder's jinja_*_filters.cc and jinja_filters.cc.
#pragma once

#include <map>
#include <string>

#include "data/template/jinja_runtime.h"

namespace pith {

using JinjaFilterMap =
    std::map<std::string, JinjaValue (*)(const JinjaValue&, const JinjaArgs&, JinjaRuntime&), std::less<>>;

const JinjaFilterMap& JinjaListFilters();  // of what can be iterated over
const JinjaFilterMap& JinjaTextFilters();

inline bool JinjaFlag(const JinjaValue* value, bool missing) { return value == nullptr ? missing : value->Truthy(); }

}  // namespace pith
