// Fields of a base, as those of what derives from it.
#pragma once

#include "configs/field_table.h"

namespace pith {

template <class S, class Base>
FieldTable<S> InheritFields(const FieldTable<Base>& table) {
  FieldTable<S> fields;
  for (const Field<Base>& f : table) {
    fields.push_back({f.key, f.type, f.unit, f.doc, f.rule, f.read, f.check, f.print, f.only_when, f.applies, f.stages, f.alias});
  }
  return fields;
}

}  // namespace pith
