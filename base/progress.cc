#include "base/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "base/error.h"
#include "base/log.h"

namespace pith {
namespace {

constexpr double kRedrawSeconds = 0.1;  // on a terminal
constexpr double kLineSeconds = 10.0;   // elsewhere
constexpr int64_t kBarWidth = 24;
constexpr char kEraseLine[] = "\r\x1b[K";

double SecondsBetween(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

ProgressBar::ProgressBar(std::string title, int64_t total)
    : title_(std::move(title)), total_(std::max<int64_t>(total, 0)), start_(std::chrono::steady_clock::now()) {
  last_draw_ = start_;
  if (StderrIsTerminal()) Draw();
}

ProgressBar::~ProgressBar() {
  Draw();
  if (StderrIsTerminal()) std::fputs("\n", stderr);
}

void ProgressBar::Update(int64_t done, const std::string& note) {
  done_ = std::clamp<int64_t>(done, 0, total_);
  note_ = note;
  const double waited = SecondsBetween(last_draw_, std::chrono::steady_clock::now());
  if (waited >= (StderrIsTerminal() ? kRedrawSeconds : kLineSeconds)) Draw();
}

void ProgressBar::Print(const std::string& line) {
  const bool was_drawn = drawn_ && StderrIsTerminal();
  if (was_drawn) Erase();
  std::fprintf(stderr, "%s\n", line.c_str());
  if (was_drawn) Draw();
}

void ProgressBar::Draw() {
  last_draw_ = std::chrono::steady_clock::now();
  const double elapsed = SecondsBetween(start_, last_draw_);
  const double share = total_ > 0 ? static_cast<double>(done_) / static_cast<double>(total_) : 1.0;
  std::string time;
  if (done_ == total_) {
    time = Str("took ", FormatDuration(elapsed));
  } else if (done_ > 0) {
    time = Str(FormatDuration(elapsed / share - elapsed), " to go");
  }
  std::string text = title_ + " ";
  if (StderrIsTerminal()) {
    const auto filled = static_cast<int64_t>(std::lround(share * kBarWidth));
    text += Str('[', std::string(static_cast<size_t>(filled), '#'),
                std::string(static_cast<size_t>(kBarWidth - filled), '.'), "] ");
  }
  text += Str(done_, "/", total_);
  if (!time.empty()) text += "  " + time;
  if (!note_.empty()) text += "  " + note_;
  if (StderrIsTerminal()) {
    std::fprintf(stderr, "%s%s", kEraseLine, text.c_str());
  } else {
    std::fprintf(stderr, "%s\n", text.c_str());
  }
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressBar::Erase() { std::fputs(kEraseLine, stderr); }

std::string FormatDuration(double seconds) {
  const auto whole = static_cast<int64_t>(std::llround(std::clamp(seconds, 0.0, 1e12)));
  if (whole < 60) return Str(whole, " s");
  const bool hours = whole >= 3600;
  const auto major = static_cast<long long>(hours ? whole / 3600 : whole / 60);
  char text[40];
  std::snprintf(text, sizeof(text), hours ? "%lld h %02d m" : "%lld m %02d s", major,
                static_cast<int>(hours ? whole / 60 % 60 : whole % 60));
  return text;
}

}  // namespace pith
