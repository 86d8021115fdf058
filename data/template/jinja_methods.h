// Methods of Python's types, by name. Each type's are a table; jinja_methods.cc tells which table a value has, and what Python
// has beyond them.
#pragma once

#include <map>
#include <string>

#include "data/template/jinja_signature.h"

namespace pith {

struct JinjaMethodSpec {
  JinjaSignature signature;
  JinjaValue (*body)(const JinjaValue& self, const JinjaBound& args, JinjaRuntime& rt);
};
using JinjaMethodTable = std::map<std::string, JinjaMethodSpec, std::less<>>;

const JinjaMethodTable& JinjaTextMethods();         // str, but for the predicates
const JinjaMethodTable& JinjaTextPredicates();      // str.isdigit and its like
const JinjaMethodTable& JinjaDictMethods();
const JinjaMethodTable& JinjaSequenceMethods();     // list, tuple, range
const JinjaMethodTable& JinjaIntMethods();          // int, bool
const JinjaMethodTable& JinjaFloatMethods();
const JinjaMethodTable& JinjaLoopMethods();
const JinjaMethodTable& JinjaCyclerMethods();

}  // namespace pith
