// Characters younger than Unicode 9, the level of the tables by which the tokenizers library normalises.
#pragma once

#include <cstdint>

namespace pith {

bool IsYoungMark(int32_t code_point);           // a mark today, nothing then
bool IsYoungDecomposition(int32_t code_point);  // has a canonical or compatibility decomposition today

}  // namespace pith
