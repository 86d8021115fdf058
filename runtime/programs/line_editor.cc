#include "runtime/programs/line_editor.h"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

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

bool ReadByte(char* byte) { return ::read(STDIN_FILENO, byte, 1) == 1; }
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

}  // namespace

bool LineEditor::Read(const std::string& prompt, std::string* line) {
  if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) return ReadTerminal(prompt, line);
  return static_cast<bool>(std::getline(std::cin, *line));
}

bool LineEditor::ReadTerminal(const std::string& prompt, std::string* line) {
  const RawTerminal raw;
  line->clear();
  size_t at = 0, past = history_.size();
  const auto show = [&] {
    std::string out = "\r" + prompt + *line + "\x1b[K";
    const auto columns = std::count_if(line->begin() + static_cast<std::ptrdiff_t>(at), line->end(), [](char c) { return !IsContinuation(c); });
    if (columns > 0) out += "\x1b[" + std::to_string(columns) + "D";
    std::cout << out << std::flush;
  };
  const auto recall = [&](size_t which) {
    past = which;
    *line = past < history_.size() ? history_[past] : "";
    at = line->size();
  };
  show();
  for (char key = 0; ReadByte(&key); show()) {
    switch (key) {
      case '\r':
      case '\n':
        std::cout << "\n" << std::flush;
        if (!line->empty() && (history_.empty() || history_.back() != *line)) history_.push_back(*line);
        return true;
      case 4:  // Ctrl-D
        if (line->empty()) {
          std::cout << "\n" << std::flush;
          return false;
        }
        if (at < line->size()) line->erase(at, Behind(*line, at) - at);
        break;
      case 3:  // Ctrl-C
        std::cout << "^C\n";
        line->clear();
        at = 0;
        break;
      case 1: at = 0; break;
      case 5: at = line->size(); break;
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
      case 27:
        switch (ReadEscape()) {
          case 'A': if (past > 0) recall(past - 1); break;
          case 'B': if (past < history_.size()) recall(past + 1); break;
          case 'C': at = at < line->size() ? Behind(*line, at) : at; break;
          case 'D': at = Before(*line, at); break;
          case 'H': at = 0; break;
          case 'F': at = line->size(); break;
          case '3': if (at < line->size()) line->erase(at, Behind(*line, at) - at); break;
          default: break;
        }
        break;
      default:
        if (static_cast<unsigned char>(key) >= 32) line->insert(line->begin() + static_cast<std::ptrdiff_t>(at++), key);
    }
  }
  return false;
}

}  // namespace pith
