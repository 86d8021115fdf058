// Global functions of templates, and the things with a state that they make.
#pragma once

#include <utility>
#include <vector>

#include "data/template/jinja_runtime.h"

namespace pith {

// jinja2's cycler('a', 'b'): next() gives one after the other, over and over.
struct JinjaCycler : JinjaObject {
  JinjaValue items;  // a tuple, not empty
  size_t place = 0;
  const char* TypeName() const override { return "Cycler"; }
  int Depth() const override { return items.Depth() + 1; }
};

// jinja2's joiner(', '): empty when it is called first, the separator from then on.
struct JinjaJoiner : JinjaObject {
  JinjaValue separators;  // a list of one, so that chains of joiners are as deep as they are
  bool used = false;
  const char* TypeName() const override { return "Joiner"; }
  int Depth() const override { return separators.Depth() + 1; }
  const JinjaValue& separator() const { return separators.Items()[0]; }
  bool Callable() const override { return true; }
};

// entries[key] = value, as Python's dictionaries do it. JinjaError for a key that cannot be one.
void JinjaPut(std::vector<std::pair<JinjaValue, JinjaValue>>& entries, const JinjaValue& key, const JinjaValue& value, JinjaRuntime& rt);

}  // namespace pith
