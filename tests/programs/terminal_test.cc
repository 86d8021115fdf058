// pith-run chat in a terminal: lines that are edited, longer than the terminal is wide, and what Ctrl-C stops.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cctype>
#include <chrono>

#include "base/rng.h"
#include "data/text/columns.h"
#include "data/text/utf8.h"
#include "runtime/programs/line_view.h"
#include "tests/programs/run_program.h"

namespace pith {
namespace {

// What a terminal shows of what is written to it, as far as pith uses its controls.
class Screen {
 public:
  Screen(int columns, int rows) : columns_(columns), cells_(static_cast<size_t>(rows), Row(static_cast<size_t>(columns), " ")) {}

  void Write(std::string_view text) {
    for (size_t at = 0; at < text.size();) {
      if (text.substr(at, 2) == "\x1b[") {
        size_t end = at + 2;
        while (end < text.size() && !std::isalpha(static_cast<unsigned char>(text[end]))) ++end;
        Control(text[end], std::max(1, std::atoi(std::string(text.substr(at + 2, end - at - 2)).c_str())));
        at = end + 1;
        continue;
      }
      const CodePoint c = DecodeUtf8(text, at);
      const std::string character(text.substr(at, c.size));
      at += c.size;
      if (c.value == '\r') {
        column_ = 0, full_ = false;
      } else if (c.value == '\n') {
        NextRow();
      } else {
        Print(character, ColumnsOf(c.value));
      }
    }
  }
  std::string Line(int row) const {
    std::string line;
    for (const std::string& cell : cells_[static_cast<size_t>(row)]) line += cell;
    line.resize(line.find_last_not_of(' ') + 1);
    return line;
  }
  // Rows that are not empty, joined.
  std::string All() const {
    std::string all;
    for (int row = 0; row < static_cast<int>(cells_.size()); ++row) all += Line(row).empty() ? "" : Line(row) + "\n";
    return all;
  }
  int row() const { return full_ ? row_ + 1 : row_; }
  int column() const { return full_ ? 0 : column_; }

 private:
  using Row = std::vector<std::string>;

  void NextRow() {
    full_ = false;
    if (++row_ < static_cast<int>(cells_.size())) return;
    cells_.erase(cells_.begin());
    cells_.emplace_back(static_cast<size_t>(columns_), " ");
    --row_;
  }
  void Print(const std::string& character, int width) {
    if (width == 0) return;
    if (full_ || column_ + width > columns_) {
      column_ = 0;
      NextRow();
    }
    cells_[static_cast<size_t>(row_)][static_cast<size_t>(column_)] = character;
    if (width == 2) cells_[static_cast<size_t>(row_)][static_cast<size_t>(column_ + 1)] = "";
    column_ += width;
    if (column_ == columns_) --column_, full_ = true;
  }
  void Control(char kind, int count) {
    if (kind == 'm') return;
    if (kind == 'A') row_ = std::max(0, row_ - count);
    if (kind == 'B') row_ = std::min(static_cast<int>(cells_.size()) - 1, row_ + count);
    if (kind == 'C') column_ = std::min(columns_ - 1, column_ + count);
    if (kind == 'J') {
      for (int row = row_; row < static_cast<int>(cells_.size()); ++row) {
        for (int column = row == row_ ? column_ : 0; column < columns_; ++column) cells_[static_cast<size_t>(row)][static_cast<size_t>(column)] = " ";
      }
    }
    full_ = false;
  }

  int columns_, row_ = 0, column_ = 0;
  bool full_ = false;  // the last column was written to: the next character goes to the next row
  std::vector<Row> cells_;
};

TEST(LineView, ShowsLinesOfAnyLengthInTerminalsOfAnyWidth) {
  const std::vector<std::string> characters = {"a", "b", " ", "é", "日", "e\xcc\x81", "🙂"};
  Rng rng(4);
  for (const int columns : {2, 3, 7, 20, 80}) {
    Screen screen(columns, 60);
    LineView view;
    std::string prompt = "> ", before;
    for (int change = 0; change < 200; ++change) {
      std::string left, right;
      const int64_t most = std::min<int64_t>(3 * columns, 40);
      for (int64_t i = rng.Int(0, most); i > 0; --i) left += characters[static_cast<size_t>(rng.Int(0, 6))];
      for (int64_t i = rng.Int(0, most); i > 0; --i) right += characters[static_cast<size_t>(rng.Int(0, 6))];
      screen.Write(view.Show(prompt, left + right, left.size(), columns));
      Screen whole(columns, 60), part(columns, 60);
      whole.Write(prompt + left + right);
      part.Write(prompt + left);
      ASSERT_EQ(screen.All(), whole.All()) << columns << " " << left << "|" << right;
      ASSERT_EQ(std::pair(screen.row(), screen.column()), std::pair(part.row(), part.column())) << columns << " " << left << "|" << right;
    }
  }
}

class TerminalTest : public RunProgramTest {
 protected:
  void SetUp() override {
    RunProgramTest::SetUp();
    if (IsSkipped()) return;
    terminal_ = ::posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal_ < 0 || ::grantpt(terminal_) != 0 || ::unlockpt(terminal_) != 0) GTEST_SKIP() << "the system gives no terminal";
    const winsize size = {24, 40, 0, 0};
    ::ioctl(terminal_, TIOCSWINSZ, &size);
    termios settings;
    ::tcgetattr(terminal_, &settings);
    settings.c_lflag |= NOFLSH;                        // else Ctrl-C throws away what has been written and not read yet
    settings.c_lflag &= ~static_cast<tcflag_t>(ECHO);  // and shows itself in the midst of it
    ::tcsetattr(terminal_, TCSANOW, &settings);
  }
  ~TerminalTest() override {
    if (child_ > 0) ::kill(child_, SIGKILL), ::waitpid(child_, nullptr, 0);
    if (terminal_ >= 0) ::close(terminal_);
  }

  void Start(std::vector<std::string> more) {
    std::vector<std::string> arguments = {Binary(), "chat", "--model", model_, "--threads", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    const std::string name = ::ptsname(terminal_);
    child_ = ::fork();
    if (child_ == 0) {
      ::setsid();  // and the terminal that it opens is its own: Ctrl-C goes to it
      const int end = ::open(name.c_str(), O_RDWR);
      for (int fd : {0, 1, 2}) ::dup2(end, fd);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
  }
  void Type(const std::string& keys) { ASSERT_EQ(::write(terminal_, keys.data(), keys.size()), static_cast<ssize_t>(keys.size())); }
  // What comes within so many milliseconds; what is there already, at once.
  std::string Read(int ms) {
    pollfd ready = {terminal_, POLLIN, 0};
    char bytes[4096];
    if (::poll(&ready, 1, ms) != 1) return "";
    const ssize_t size = ::read(terminal_, bytes, sizeof(bytes));
    const std::string got(bytes, static_cast<size_t>(std::max<ssize_t>(size, 0)));
    screen_.Write(got);
    return got;
  }
  // What has come up to `words` and with them; what comes behind is the next one's. Half a minute at most.
  std::string Until(const std::string& words) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    size_t found;
    while ((found = unread_.find(words)) == std::string::npos && std::chrono::steady_clock::now() < end) unread_ += Read(100);
    EXPECT_NE(found, std::string::npos) << "wants: " << words << "\ngot: " << unread_;
    const size_t size = found == std::string::npos ? unread_.size() : found + words.size();
    const std::string got = unread_.substr(0, size);
    unread_.erase(0, size);
    return got;
  }
  // Its exit code; −1 where it did not end by itself.
  int End() {
    int status = 0;
    for (int i = 0; i < 300; ++i) {
      if (::waitpid(child_, &status, WNOHANG) == child_) {
        child_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
      }
      ::usleep(100000);
    }
    return -1;
  }

  int terminal_ = -1;
  std::string unread_;
  pid_t child_ = -1;
  Screen screen_ = Screen(40, 24);
};

TEST_F(TerminalTest, LinesAreEditedAndComeBack) {
  Start({"--max-tokens", "2"});
  Until("base> ");
  Type("helo\x1b[Dl\x05!");
  Until("hello!");
  Type("\r");
  Until(" s]\r\n");
  Until("base> ");
  const std::string line = "A line that is more than twice as long as this terminal is wide, which has forty columns.";
  Type(line);
  Until("columns.");
  Type("\x01" "X\x05Y");
  Until("columns.Y");
  EXPECT_NE(screen_.All().find("base> X" + line.substr(0, 33) + "\n" + line.substr(33, 40) + "\n" + line.substr(73) + "Y\n"), std::string::npos) << screen_.All();
  Type("\x15" "draft\x1b[A");
  Until("hello!");
  EXPECT_NE(screen_.All().find("base> hello!\n"), std::string::npos) << screen_.All();
  Type("\x1b[B.");
  Until("draft.");
  EXPECT_NE(screen_.All().find("base> draft.\n"), std::string::npos) << "what was being written is there again\n" << screen_.All();
  Type("\x15\x04");
  EXPECT_EQ(End(), 0);
}

TEST_F(TerminalTest, CtrlCStopsAnAnswerAndNotTheProgram) {
  std::vector<std::string> options = {"--max-tokens", "450", "--chains", "32", "--temperature", "1"};
  for (const char* end : {"0=-100", "2=-100"}) options.insert(options.end(), {"--logit-bias", end});
  Start(options);
  Until("base> ");
  ::kill(child_, SIGINT);  // nobody types: a signal from elsewhere is as little the program's end
  Type("no\x03");
  Until("^C");
  Type("Hm?");
  Until("Hm?");
  Type("\r");
  Until("\n");
  for (int i = 0; i < 200 && unread_.find(" s]") == std::string::npos; ++i) {  // a key that comes too early is one of the line's
    Type("\x03");
    for (int wait = 0; wait < 5 && unread_.find(" s]") == std::string::npos; ++wait) unread_ += Read(30);
  }
  const std::string stopped = Until(" s]");
  EXPECT_NE(stopped.find("; stopped"), std::string::npos) << stopped;
  Until("base> ");
  Type("/quit\r");
  EXPECT_EQ(End(), 0);
}

}  // namespace
}  // namespace pith
