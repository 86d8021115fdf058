// How wide a text is in a terminal.
#pragma once

#include <cstdint>

namespace pith {

// Columns that a character takes: 2 for East Asian wide ones and most emoji, 0 for marks that stand on the one before, and for what
// is not printed; 1 for a byte that begins no character (value −1), which terminals show as U+FFFD.
int ColumnsOf(int32_t code_point);

}  // namespace pith
