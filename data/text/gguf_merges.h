// The merges of a GGUF, which may name what the vocabulary lacks.
#pragma once

#include <string>
#include <vector>

#include "data/text/vocabulary.h"

namespace pith {

// Fills in merges, merged and tokenless of `vocabulary`, as llama.cpp reads them: of two merges of one pair the first counts; a line that is not two
// texts joins nothing; a merge may yield, or begin with, a piece that has no token. Such a piece is merged on like any other, and what is left
// of it in the end becomes the tokens of its bytes, with a warning. A token that is marked as unused but that merges yield is a normal one. `texts[i]` is
// token i as the file spells it. UserError when two ids have one text.
void ReadGgufMerges(const std::vector<std::string>& merges, const std::vector<std::string>& texts, Vocabulary* vocabulary);

}  // namespace pith
