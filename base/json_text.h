// JSON files, looked at before a parser builds values from them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pith {

// A description of a model or an adapter; larger files are something else.
inline constexpr uint64_t kMaxJsonBytes = 4 << 20;
inline constexpr int kMaxJsonDepth = 64;

// What keeps `text` from being read as one JSON object, to be put behind the name of a file; empty when nothing does.
//   "is not a JSON object (line 3, column 7)": other values, and what breaks the rules of RFC 8259, broken UTF-8 included
//   "nests lists and objects more than 64 deep": copying and printing such values is recursive, and would overflow the stack
//   "has an object in which the key 'a' occurs twice": of which a parser keeps one, and does not say which
// Takes time in proportion to the text.
std::string JsonObjectProblem(std::string_view text, int max_depth = kMaxJsonDepth);

// `text` without the UTF-8 byte order mark that some editors begin a file with. (The parsers of whole JSON and YAML files skip it
// by themselves; this is for those who take a text apart first.)
std::string_view WithoutByteOrderMark(std::string_view text);

// `object`, the text of a JSON object, with one more member at its end; `json` is put in as it is written, digits and all.
std::string WithMember(std::string object, std::string_view key, std::string_view json);

}  // namespace pith
