#include "runtime/programs/line_view.h"

#include "data/text/columns.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

// Moves the cursor by so many rows or columns.
std::string MoveBy(int count, char direction) { return count > 0 ? "\x1b[" + std::to_string(count) + direction : ""; }

}  // namespace

// Where the next character goes. One that does not fit goes to the next row, and behind a full row begins the next.
LineView::Place LineView::Behind(Place from, std::string_view text, int columns) {
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeUtf8(text, at);
    const int width = ColumnsOf(c.value);
    at += c.size;
    if (from.column + width > columns) from = {from.row + 1, 0};
    from.column += width;
    if (from.column >= columns) from = {from.row + 1, 0};
  }
  return from;
}

std::string LineView::Show(std::string_view prompt, std::string_view line, size_t at, int columns) {
  std::string out = MoveBy(cursor_.row, 'A') + "\r\x1b[J";
  out += prompt;
  out += line;
  const Place begin = Behind({}, prompt, columns);
  cursor_ = Behind(begin, line.substr(0, at), columns);
  end_ = Behind(begin, line, columns);
  // A terminal waits at the end of a full row; with a space it goes on to the next.
  if (end_.column == 0 && end_.row > 0) out += " \r";
  out += MoveBy(end_.row - cursor_.row, 'A') + "\r" + MoveBy(cursor_.column, 'C');
  return out;
}

std::string LineView::ToEnd() const { return MoveBy(end_.row - cursor_.row, 'B') + "\r" + MoveBy(end_.column, 'C'); }

std::string LineView::Leave() {
  const std::string out = ToEnd() + "\n";
  Forget();
  return out;
}

}  // namespace pith
