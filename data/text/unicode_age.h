// Characters younger than the tables by which the tokenizers library normalises (Unicode 9; 8 for BERT) and tells punctuation
// (Unicode 6).
#pragma once

#include <cstdint>

namespace pith {

bool IsYoungMark(int32_t code_point);           // a mark today, nothing then
bool IsNonspacingSince9(int32_t code_point);   // a nonspacing mark today, none in Unicode 8
bool IsYoungPunctuation(int32_t code_point);    // punctuation today, not then
bool IsYoungDecomposition(int32_t code_point);  // has a canonical or compatibility decomposition today

}  // namespace pith
