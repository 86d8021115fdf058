// Where a sentence ends: a place at which reasoning can be closed without tearing a thought apart.
#pragma once

#include <string_view>

namespace pith {

// Whether a sentence ends at the end of `text` when `next` would follow: after a line break; after '.', '!' or '?' (and closing
// quotes or brackets) before white space; after the full stops and marks of other scripts ("。", "！", "？", "।", "؟" …), which
// want no space. The point of "3.14" and of a line's number "2." ends none, nor does a place within a character.
bool SentenceEnds(std::string_view text, std::string_view next);

}  // namespace pith
