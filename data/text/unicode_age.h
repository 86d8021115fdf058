// Characters younger than the tables by which the tokenizers library normalises (Unicode 9; 8 for BERT) and tells punctuation
// (Unicode 6).
#pragma once

#include <cstdint>

namespace pith {

// Assigned since Unicode 9: to those tables a starter that nothing is done to. What is older normalises alike in every version.
bool IsYoung(int32_t code_point);
// For a code point that is a mark today: whether it was none in Unicode 9, and no nonspacing one in Unicode 8.
bool IsMarkSince9(int32_t code_point);
bool IsNonspacingSince9(int32_t code_point);
bool IsYoungPunctuation(int32_t code_point);  // punctuation today, not then

}  // namespace pith
