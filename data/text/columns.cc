#include "data/text/columns.h"

#include <utf8proc.h>

namespace pith {

int ColumnsOf(int32_t code_point) { return code_point < 0 ? 1 : utf8proc_charwidth(code_point); }

}  // namespace pith
