// A line from the terminal, edited as it is typed, with the lines before it to come back to; from a pipe, as it comes.
#pragma once

#include <string>
#include <vector>

namespace pith {

class LineEditor {
 public:
  // Shows `prompt` and reads a line without its end. False at the end of the input (Ctrl-D on an empty line). Ctrl-C empties the line.
  // Keys: arrows, Home, End, Backspace, Delete, Ctrl-A, -B, -E, -F, -K, -L, -N, -P, -U, -W; up and down go through earlier lines, and back to the
  // one that was being written. A line may be longer than the terminal is wide.
  bool Read(const std::string& prompt, std::string* line);

 private:
  bool ReadTerminal(const std::string& prompt, std::string* line);
  std::vector<std::string> history_;
};

}  // namespace pith
