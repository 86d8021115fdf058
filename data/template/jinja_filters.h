// Filters, by kind. Private to this folder's jinja_*_filters.cc and jinja_filters.cc.
#pragma once

#include <map>
#include <string>

#include "data/template/jinja_signature.h"

namespace pith {

struct JinjaFilterSpec {
  JinjaSignature signature;  // without the value in front of the bar
  JinjaValue (*body)(const JinjaValue& value, const JinjaBound& args, JinjaRuntime& rt);
};
using JinjaFilterMap = std::map<std::string, JinjaFilterSpec, std::less<>>;

const JinjaFilterMap& JinjaNumberFilters();
const JinjaFilterMap& JinjaListFilters();     // one list or dictionary out of another
const JinjaFilterMap& JinjaElementFilters();  // a test, a filter or an attribute for each item; sums, extremes
const JinjaFilterMap& JinjaTextFilters();

// "a.b.0" looked up step by step; an integer is an index, None the item itself. `missing`, where given, stands in for each
// undefined step.
JinjaValue JinjaLookup(const JinjaValue& item, const JinjaValue* path, JinjaRuntime& rt, const JinjaValue* missing = nullptr);
// A text in small letters unless `case_sensitive`; anything else as it is.
JinjaValue JinjaFolded(const JinjaValue& value, bool case_sensitive);

}  // namespace pith
