// Table of the section `switch`.
#include "configs/inherit_fields.h"
#include "configs/sections.h"

namespace pith {

FieldTable<SwitchSettings> SwitchFields() {
  using S = SwitchSettings;
  FieldTable<S> fields = {
      MakeField(&S::budgets, "budgets", "tokens",
                "The arms beside the base: the adapter under each of these budgets, told behind the invocation where it was trained with budget.announcement; 0: without a budget.",
                Between(0, 1048576)),
      MakeField(&S::cost, "cost", "tokens per answer",
                "What answers may cost on average: the price of a token is solved for it. 0: what the arm costs that is right most often when it answers everything.", AtLeast(0)),
  };
  for (Field<S>& field : InheritFields<S>(HeadFields())) fields.push_back(std::move(field));
  return fields;
}

}  // namespace pith
