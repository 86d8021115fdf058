// A prompt and a line that is being edited, as a terminal shows them: over several rows where one is not wide enough.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pith {

// Gives what to write to the terminal, whose cursor is its own from the first Show() to Leave().
class LineView {
 public:
  // The prompt, and the line with the cursor before its byte `at`, in place of what was shown before. `columns`: the terminal's width, 2 or
  // more; `rows` of a screen that has just been cleared are forgotten by Forget().
  std::string Show(std::string_view prompt, std::string_view line, size_t at, int columns);
  std::string ToEnd() const;  // the cursor behind the line's last character
  std::string Leave();        // … and on the row below; nothing is shown any more
  void Forget() { cursor_ = end_ = {}; }

 private:
  struct Place {
    int row = 0, column = 0;
  };
  static Place Behind(Place from, std::string_view text, int columns);

  Place cursor_, end_;  // rows from that of the prompt's first character on
};

}  // namespace pith
