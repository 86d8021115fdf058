#include "runtime/programs/line_editor.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iostream>

#include "runtime/programs/line_view.h"

namespace pith {
namespace {

// The terminal as keys come, until this goes.
class RawTerminal {
 public:
  RawTerminal() {
    tcgetattr(STDIN_FILENO, &before_);
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO | ISIG);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  }
  ~RawTerminal() { tcsetattr(STDIN_FILENO, TCSADRAIN, &before_); }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  termios before_;
};

// A signal that comes while nobody types, such as Ctrl-C's from another program, is not the end of the input.
bool ReadByte(char* byte) {
  ssize_t got;
  while ((got = ::read(STDIN_FILENO, byte, 1)) < 0 && errno == EINTR) {
  }
  return got == 1;
}
bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }
size_t Before(const std::string& line, size_t at) {
  while (at > 0 && IsContinuation(line[--at])) {
  }
  return at;
}
size_t Behind(const std::string& line, size_t at) {
  while (++at < line.size() && IsContinuation(line[at])) {
  }
  return std::min(at, line.size());
}

// '\x1b[A' and the like as one letter: A up, B down, C right, D left, H home, F end, 3 delete; 0 for others.
char ReadEscape() {
  char c = 0;
  if (!ReadByte(&c) || (c != '[' && c != 'O') || !ReadByte(&c)) return 0;
  if (c < '0' || c > '9') return c;
  char end = 0;
  while (ReadByte(&end) && end != '~' && !(end >= 'A' && end <= 'Z')) {
  }
  return c == '1' || c == '7' ? 'H' : c == '4' || c == '8' ? 'F' : c == '3' ? '3' : 0;
}

// A character that begins with `key`, whose other bytes follow at once.
void Insert(char key, std::string* line, size_t* at) {
  const auto lead = static_cast<unsigned char>(key);
  if (lead < 32) return;
  std::string character(1, key);
  for (int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0; more > 0 && ReadByte(&key); --more) character += key;
  line->insert(*at, character);
  *at += character.size();
}

int Columns() {
  winsize size = {};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 2 ? size.ws_col : 80;
}

}  // namespace

bool LineEditor::Read(const std::string& prompt, std::string* line) {
  if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) return ReadTerminal(prompt, line);
  return static_cast<bool>(std::getline(std::cin, *line));
}

bool LineEditor::ReadTerminal(const std::string& prompt, std::string* line) {
  const RawTerminal raw;
  LineView view;
  line->clear();
  std::string unsent;  // what was being written when earlier lines were gone back to
  size_t at = 0, past = history_.size();
  const auto recall = [&](size_t which) {
    if (past == history_.size()) unsent = *line;
    past = which;
    *line = past < history_.size() ? history_[past] : unsent;
    at = line->size();
  };
  const auto move = [&](char direction) {
    switch (direction) {
      case 'A': if (past > 0) recall(past - 1); break;
      case 'B': if (past < history_.size()) recall(past + 1); break;
      case 'C': at = at < line->size() ? Behind(*line, at) : at; break;
      case 'D': at = Before(*line, at); break;
      case 'H': at = 0; break;
      case 'F': at = line->size(); break;
      case '3': if (at < line->size()) line->erase(at, Behind(*line, at) - at); break;
      default: break;
    }
  };
  const auto show = [&] { std::cout << view.Show(prompt, *line, at, Columns()) << std::flush; };
  show();
  for (char key = 0; ReadByte(&key); show()) {
    switch (key) {
      case '\r':
      case '\n':
        std::cout << view.Leave() << std::flush;
        if (!line->empty() && (history_.empty() || history_.back() != *line)) history_.push_back(*line);
        return true;
      case 4:  // Ctrl-D
        if (line->empty()) {
          std::cout << view.Leave() << std::flush;
          return false;
        }
        move('3');
        break;
      case 3:  // Ctrl-C
        std::cout << view.ToEnd() << "^C\n";
        view.Forget();
        line->clear();
        at = 0;
        past = history_.size();
        break;
      case 12:  // Ctrl-L
        std::cout << "\x1b[H\x1b[2J";
        view.Forget();
        break;
      case 1: move('H'); break;
      case 2: move('D'); break;
      case 5: move('F'); break;
      case 6: move('C'); break;
      case 14: move('B'); break;
      case 16: move('A'); break;
      case 11: line->resize(at); break;
      case 21:
        line->erase(0, at);
        at = 0;
        break;
      case 23: {
        size_t begin = at;
        while (begin > 0 && (*line)[begin - 1] == ' ') --begin;
        while (begin > 0 && (*line)[begin - 1] != ' ') --begin;
        line->erase(begin, at - begin);
        at = begin;
        break;
      }
      case 8:
      case 127:
        if (at > 0) {
          const size_t begin = Before(*line, at);
          line->erase(begin, at - begin);
          at = begin;
        }
        break;
      case 27: move(ReadEscape()); break;
      default: Insert(key, line, &at);
    }
  }
  return false;
}

}  // namespace pith
