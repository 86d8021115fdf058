// From a pith_request to what the scheduler takes.
#pragma once

#include "runtime/capi/handles.h"

namespace pith::capi {

// UserError for what cannot be, as pith-run generate says it.
CheckedRequest ReadRequest(const std::shared_ptr<Model>& model, const pith_request* given);

}  // namespace pith::capi
