// The parameters of what templates call, written as Python writes them: "old, new, count=, /".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/template/jinja_runtime.h"

namespace pith {

// Arguments in the order of the parameters. Valid as long as the JinjaArgs that they came from.
struct JinjaBound {
  std::vector<const JinjaValue*> given;  // nullptr where an argument was left away
  const JinjaArgs* all = nullptr;

  const JinjaValue* operator[](size_t i) const { return given[i]; }
  // Nothing for an argument left away and for None.
  const JinjaValue* NotNone(size_t i) const { return given[i] != nullptr && !given[i]->IsNone() ? given[i] : nullptr; }
  bool Flag(size_t i) const { return given[i] != nullptr && given[i]->Truthy(); }
};

class JinjaSignature {
 public:
  // Names with commas between; "=" behind one that may be left away; "/" behind those that may not be given by name; "*" alone:
  // anything, unbound.
  JinjaSignature(const char* text);
  // JinjaError naming `function` for an argument too many, missing, unknown or given twice.
  JinjaBound Bind(std::string_view function, const JinjaArgs& args) const;

 private:
  struct Parameter {
    std::string name;
    bool optional = false, by_place_only = false;
  };
  std::vector<Parameter> parameters_;
  bool anything_ = false;
};

}  // namespace pith
