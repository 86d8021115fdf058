// Table of the section `check`.
#include "configs/inherit_fields.h"
#include "configs/sections.h"

namespace pith {

FieldTable<CheckSettings> CheckFields() {
  using S = CheckSettings;
  FieldTable<S> fields = {
      MakeField(&S::text, "text", "", "What the user asks behind a finished answer, as the chat template renders it.", Required("a question, such as Is this answer right?")),
      MakeField(&S::reader, "reader", "", "Who reads the question: the adapter that has answered, or the bare base. Either way over the answer's own keys and values.",
                OneOf({"adapter", "base"})),
  };
  for (Field<S>& field : InheritFields<S>(HeadFields())) fields.push_back(std::move(field));
  return fields;
}

}  // namespace pith
