#include <algorithm>
#include <array>

#include "rewards/math/lexer_state.h"
#include "rewards/math/spelling.h"

namespace pith {
namespace {

constexpr int kMaxTextDepth = 8;

// The letter in \hat{i}, \mathbf{\hat{\imath}}: what is left without commands and braces; empty where that is no letter.
std::string_view InnermostLetter(std::string_view content) {
  for (bool again = true; again;) {
    again = false;
    const bool wrapped = content.starts_with('\\') && content.ends_with('}');
    const size_t brace = wrapped ? content.find('{') : std::string_view::npos;
    if (brace != std::string_view::npos) {
      content = content.substr(brace + 1, content.size() - brace - 2);
      again = true;
    }
  }
  if (content == "\\imath") return "i";
  if (content == "\\jmath") return "j";
  if (content.size() == 1) return IsAsciiLetter(content[0]) ? content : std::string_view();
  return content.starts_with('\\') ? content : std::string_view();
}

}  // namespace

// \\[4pt]
void Lexer::SkipRowSkip() {
  if (Peek() != '[') return;
  size_t end = at_ + 1;
  while (end < text_.size() && end < at_ + 10 && (IsAsciiDigit(text_[end]) || text_[end] == '.' || text_[end] == ' ')) ++end;
  const std::string_view unit = text_.substr(std::min(end, text_.size()), 3);
  for (std::string_view known : {"pt]", "em]", "ex]", "mm]", "cm]", "in]"}) {
    if (unit == known && end > at_ + 1) at_ = end + 3;
  }
}

std::string_view Lexer::Group() {
  size_t at = at_;
  while (at < text_.size() && text_[at] == ' ') ++at;
  if (at >= text_.size() || text_[at] != '{') return {};
  const size_t begin = at + 1;
  int depth = 0;
  for (; at < text_.size(); ++at) {
    if (text_[at] == '\\') ++at;
    else if (text_[at] == '{') ++depth;
    else if (text_[at] == '}' && --depth == 0) break;
  }
  if (at >= text_.size()) return {};
  work_->Spend(static_cast<int64_t>(at - begin) / 8);
  at_ = at + 1;
  return text_.substr(begin, at - begin);
}

void Lexer::Inline(std::string_view content, bool in_text) {
  if (text_depth_ >= kMaxTextDepth) {
    Emit(Token::kCommand, "?");  // no grammar knows it
    return;
  }
  Lexer inner(content, options_, work_, in_text, text_depth_ + 1);
  inner.brackets_ = brackets_;
  bool first = true;
  for (Token& token : inner.Run()) {
    if (first) token.space = token.space || space_ || in_text;
    first = false;
    tokens_.push_back(std::move(token));
  }
  space_ = inner.space_;
}

// The capitals that name a figure, as one letter "angle:ABC".
bool Lexer::Points(std::string_view figure) {
  size_t begin = at_;
  while (begin < text_.size() && text_[begin] == ' ') ++begin;
  const bool group = begin < text_.size() && text_[begin] == '{';
  if (group) ++begin;
  size_t end = begin;
  while (end < text_.size() && IsAsciiUpper(text_[end])) ++end;
  if (end == begin || (group ? text_.substr(end, 1) != "}" : end < text_.size() && IsAsciiLetter(text_[end]))) return false;
  at_ = end + (group ? 1 : 0);
  Emit(Token::kLetter, std::string(figure) + ":" + std::string(text_.substr(begin, end - begin)));
  return true;
}

void Lexer::Command() {
  const char next = Peek(1);
  if (!IsAsciiLetter(next)) {
    at_ += 2;
    switch (next) {
      case ',':
      case '!':
      case ';':
      case ':':
      case '>':
      case '/':
      case '-':
      case ' ': space_ = next != '!' && next != '/' && next != '-'; return;
      case '{': ++brackets_; return Emit(Token::kCommand, "lbrace");
      case '}': brackets_ = std::max(0, brackets_ - 1); return Emit(Token::kCommand, "rbrace");
      case '%': return Sign('%');
      case '$': return Emit(Token::kCommand, "dollar");
      case '&': return Sign('&');
      case '\\': {
        SkipRowSkip();
        // "x &= 1 + 1 \\ &= 2" goes on.
        const size_t next = text_.find_first_not_of(" \n&", at_);
        if (aligned_ && next != std::string_view::npos && (text_[next] == '=' || text_.substr(next, 4) == "\\end")) return;
        return Emit(Token::kCommand, "\\");
      }
      case '|': return Sign('|');
      case '(':
      case ')':
      case '[':
      case ']': space_ = true; return;  // \( … \)
      default: return Emit(Token::kCommand, "?");
    }
  }
  size_t end = at_ + 1;
  while (end < text_.size() && IsAsciiLetter(text_[end])) ++end;
  std::string_view name = text_.substr(at_ + 1, end - at_ - 1);
  at_ = end;
  if (OnlyDresses(name)) {
    if ((name == "left" || name == "right") && Peek() == '.') ++at_;
    if (name.ends_with("phantom") || name == "hspace" || name == "vspace" || name == "tag" || name == "label" || name == "color" || name == "textcolor") Group();
    if (name.ends_with("quad") || name.ends_with("space")) space_ = true;
    return;
  }
  if (HoldsText(name)) {
    size_t after = at_;
    while (after < text_.size() && text_[after] == ' ') ++after;
    if (after < text_.size() && text_[after] == '{') {
      const std::string_view content = Group();
      const bool math = name == "boxed" || name == "fbox" || (content.size() == 1 && name != "text" && name != "mbox" && name != "textbf");
      Inline(content, !math);
    }
    return;
  }
  if (name == "mathbb" || name == "Bbb") {
    while (Peek() == ' ') ++at_;
    const std::string_view set = Peek() == '{' ? Group() : text_.substr(at_, 1);
    if (!set.empty() && set.end() == text_.begin() + static_cast<std::ptrdiff_t>(at_) + 1) ++at_;
    const std::string_view names = "RZQNC";
    constexpr std::array<std::string_view, 5> kSets = {"reals", "integers", "rationals", "naturals", "complexes"};
    const size_t index = set.size() == 1 ? names.find(set[0]) : std::string_view::npos;
    return Emit(Token::kCommand, index == std::string_view::npos ? "?" : kSets[index]);
  }
  if (name == "begin" || name == "end") {
    const std::string_view environment = Group();
    if (name == "begin" && environment == "array") Group();  // {cc}
    constexpr std::array<std::string_view, 5> kRows = {"aligned", "align", "align*", "gathered", "split"};
    if (std::find(kRows.begin(), kRows.end(), environment) != kRows.end()) {
      aligned_ = name == "begin";
      return;
    }
    return Emit(Token::kCommand, std::string(name) + ":" + std::string(environment));
  }
  if (IsAccent(name)) {
    const std::string_view content = Group();
    const std::string_view letter = InnermostLetter(content);
    if (letter.empty()) return Inline(content, false);
    // Bold, an arrow, and both are the same vector; so is a unit vector with its hat.
    const bool unit = name == "hat" && (letter == "i" || letter == "j" || letter == "k");
    const bool vector = unit || name == "mathbf" || name == "boldsymbol" || name == "bm";
    return Emit(Token::kLetter, (vector ? "vec" : std::string(name)) + ":" + std::string(letter));
  }
  if (NamesFigure(name) && Points(name == "measuredangle" ? "angle" : name)) return;
  if (name == "overline" || name == "overrightarrow" || name == "widehat") {
    const std::string_view content = Group();
    const bool points = content.size() > 1 && std::all_of(content.begin(), content.end(), IsAsciiUpper);
    if (name == "overline" && points) return Inline(content, false);  // a segment is written AB as well
    return Emit(Token::kLetter, std::string(name) + ":" + std::string(content));
  }
  if (name == "mu" && MicroUnit(0)) return;
  if (name == "Omega" || name == "ohm") return Ohm();
  if (const std::string_view common = CommonName(name); common != name) return EmitMapped(common);
  if (name == "lbrace") ++brackets_;
  Emit(Token::kCommand, name);
}

}  // namespace pith
