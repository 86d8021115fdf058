// JSON whose numbers keep the digits that they were written with. A parser makes 1.8446744073709552e+19 of 18446744073709551616
// and 0.1 of 0.10, and refuses 1e400; a gold answer is what its author wrote.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pith {

// `json` with each number as a marked string, which a parser leaves as it is. What is no JSON stays none.
std::string MarkNumbers(std::string_view json);

// The number that `text`, a string of marked JSON, stands for; nothing where it was a string before.
std::optional<std::string> MarkedNumber(std::string_view text);

// Marked JSON with its numbers as they were.
std::string UnmarkNumbers(std::string_view json);

}  // namespace pith
