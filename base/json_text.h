// JSON files, looked at before a parser builds values from them.
#pragma once

#include <cstdint>
#include <exception>
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
enum class RepeatedKeys { kRefused, kLastCounts };  // the last is what Python takes, and the parser
std::string JsonObjectProblem(std::string_view text, int max_depth = kMaxJsonDepth, RepeatedKeys repeated = RepeatedKeys::kRefused);

// JSON as Python's programs write it: beside RFC 8259 the values NaN, Infinity and -Infinity, in `text` each as a string of that name.
// So they cost nothing where nobody reads them, and a reader that wants a number says what it got. For files by other programs, together with
// kLastCounts; pith's own are strict.
std::string PythonJson(std::string_view text);

// Where `text` stops being JSON, for people: "line 3, column 7", of a text of one line "column 7", or "it breaks off at the end"; empty where
// it is JSON, but for numbers beyond a double.
std::string JsonBreak(std::string_view text);
// What an exception of nlohmann's library says, without the library's name for it.
std::string JsonErrorText(const std::exception& error);

// `text` without the UTF-8 byte order mark that some editors begin a file with. (The parsers of whole JSON and YAML files skip it
// by themselves; this is for those who take a text apart first.)
std::string_view WithoutByteOrderMark(std::string_view text);

// `object`, the text of a JSON object, with one more member at its end; `json` is put in as it is written, digits and all.
std::string WithMember(std::string object, std::string_view key, std::string_view json);

}  // namespace pith
