#include "rewards/math/lexer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "rewards/math/words.h"

namespace pith {
namespace {

constexpr int kMaxTextDepth = 8;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || IsUpper(c); }

struct Mapping {
  std::string_view from, to;  // to: a command name, or one sign
};
constexpr std::array<Mapping, 52> kUnicode = {{
    {"−", "-"}, {"–", "-"}, {"—", "-"}, {"×", "times"}, {"·", "cdot"}, {"⋅", "cdot"}, {"÷", "div"}, {"∗", "*"}, {"∕", "/"}, {"⁄", "/"},
    {"π", "pi"}, {"√", "sqrt"}, {"∞", "infty"}, {"≤", "le"}, {"⩽", "le"}, {"≥", "ge"}, {"⩾", "ge"}, {"≠", "ne"}, {"∪", "cup"},
    {"∩", "cap"}, {"∈", "in"}, {"°", "degree"}, {"º", "degree"}, {"±", "pm"}, {"∓", "mp"}, {"≈", "approx"}, {"≡", "equiv"},
    {"∅", "emptyset"}, {"ℝ", "reals"}, {"ℤ", "integers"}, {"ℚ", "rationals"}, {"ℕ", "naturals"}, {"ℂ", "complexes"}, {"⟨", "langle"},
    {"⟩", "rangle"}, {"⌊", "lfloor"}, {"⌋", "rfloor"}, {"⌈", "lceil"}, {"⌉", "rceil"}, {"θ", "theta"}, {"α", "alpha"}, {"β", "beta"},
    {"λ", "lambda"}, {"φ", "phi"}, {"∖", "setminus"}, {"€", "euro"}, {"£", "pounds"}, {"¥", "yen"}, {"₹", "rupee"}, {"¢", "cents"},
    {"′", "'"}, {"…", "ldots"}}};
constexpr std::array<std::pair<std::string_view, int>, 20> kSmallDigits = {{
    {"⁰", 0}, {"¹", 1}, {"²", 2}, {"³", 3}, {"⁴", 4}, {"⁵", 5}, {"⁶", 6}, {"⁷", 7}, {"⁸", 8}, {"⁹", 9},
    {"₀", 10}, {"₁", 11}, {"₂", 12}, {"₃", 13}, {"₄", 14}, {"₅", 15}, {"₆", 16}, {"₇", 17}, {"₈", 18}, {"₉", 19}}};
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kSmallFractions = {{
    {"½", "12"}, {"⅓", "13"}, {"⅔", "23"}, {"¼", "14"}, {"¾", "34"}, {"⅕", "15"}, {"⅙", "16"}, {"⅛", "18"}}};
constexpr std::array<std::string_view, 6> kWideSpaces = {"\u00a0", "\u202f", "\u2009", "\u2002", "\u2003", "\u3000"};

// Commands that only dress.
constexpr std::array<std::string_view, 33> kDropped = {
    "left", "right", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl", "biggr", "displaystyle", "textstyle",
    "limits", "nolimits", "quad", "qquad", "hspace", "phantom", "rm", "bf", "it", "mathstrut", "strut", "middle", "thinspace",
    "enspace", "space", "medspace", "thickspace", "scriptstyle", "boldmath"};
constexpr std::array<std::string_view, 14> kTextCommands = {"text", "textbf", "textit", "textrm", "mbox", "mathrm", "operatorname",
                                                            "texttt", "textsf", "emph", "hbox", "mathsf", "textnormal", "boxed"};
constexpr std::array<std::string_view, 9> kAccents = {"mathbf", "vec", "hat", "bar", "boldsymbol", "bm", "mathcal", "tilde", "mathfrak"};
constexpr std::array<Mapping, 44> kSameAs = {{
    {"dfrac", "frac"}, {"tfrac", "frac"}, {"cfrac", "frac"}, {"dbinom", "binom"}, {"tbinom", "binom"}, {"leq", "le"}, {"leqslant", "le"},
    {"geq", "ge"}, {"geqslant", "ge"}, {"neq", "ne"}, {"lt", "<"}, {"gt", ">"}, {"times", "times"}, {"ast", "*"}, {"circ", "degree"},
    {"degrees", "degree"}, {"lbrack", "["}, {"rbrack", "]"}, {"vert", "|"}, {"mid", "mid"}, {"dots", "ldots"}, {"cdots", "ldots"},
    {"dotsc", "ldots"}, {"varnothing", "emptyset"}, {"infinity", "infty"}, {"R", "reals"}, {"Z", "integers"},
    {"varphi", "phi"}, {"vartheta", "theta"}, {"varepsilon", "epsilon"}, {"simeq", "approx"}, {"sim", "approx"}, {"backslash", "setminus"},
    {"prime", "'"}, {"colon", ":"}, {"land", "and"}, {"wedge", "and"}, {"lor", "or"}, {"vee", "or"}, {"bigcup", "cup"}, {"lbrace", "{{"},
    {"rbrace", "}}"}, {"percent", "%"}}};
// Words of plain text that are mathematics.
constexpr std::array<Mapping, 16> kPlainNames = {{{"pi", "pi"}, {"inf", "infty"}, {"infty", "infty"}, {"infinity", "infty"},
    {"theta", "theta"}, {"alpha", "alpha"}, {"beta", "beta"}, {"lambda", "lambda"}, {"sqrt", "sqrt"}, {"cup", "cup"}, {"union", "cup"},
    {"oo", "infty"}, {"frac", "frac"}, {"pm", ""}, {"mod", "bmod"}, {"dfrac", "frac"}}};

template <class List>
bool IsIn(std::string_view name, const List& list) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

class Lexer {
 public:
  Lexer(std::string_view text, const LexerOptions& options, Work* work, bool in_text, int depth)
      : text_(text), options_(options), work_(work), in_text_(in_text), text_depth_(depth) {
    const size_t dollars = static_cast<size_t>(std::count(text.begin(), text.end(), '$'));
    currency_ = dollars % 2 == 1;
  }

  std::vector<Token> Run() {
    while (at_ < text_.size() && work_->Spend()) Step();
    return std::move(tokens_);
  }

 private:
  char Peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  bool Starts(std::string_view token) const { return text_.substr(at_, token.size()) == token; }
  bool Eat(std::string_view token) {
    if (!Starts(token)) return false;
    at_ += token.size();
    return true;
  }

  void Emit(Token::Kind kind, std::string_view text, int base = 0) {
    tokens_.push_back({kind, std::string(text), base, space_, in_text_});
    space_ = false;
  }
  // A mapping's right side: "{{" and "}}" are the braces of sets.
  void EmitMapped(std::string_view to) {
    if (to == "{{") Emit(Token::kCommand, "lbrace");
    else if (to == "}}") Emit(Token::kCommand, "rbrace");
    else if (to == "and" || to == "or") Emit(Token::kWord, to);
    else if (to.size() == 1) Sign(to[0]);
    else Emit(Token::kCommand, to);
  }
  void Sign(char c) {
    if (c == '(' || c == '[') ++brackets_;
    if (c == ')' || c == ']') brackets_ = std::max(0, brackets_ - 1);
    Emit(Token::kSign, std::string_view(&c, 1));
  }
  const Token* Last() const { return tokens_.empty() ? nullptr : &tokens_.back(); }
  bool LastIsOperand() const {
    const Token* last = Last();
    return last && (last->kind == Token::kNumber || last->kind == Token::kBased || last->kind == Token::kLetter ||
                    (last->kind == Token::kSign && std::string_view(")]}|!'").find(last->text) != std::string_view::npos));
  }

  void Step() {
    const char c = Peek();
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '~') {
      ++at_;
      space_ = true;
      return;
    }
    if (c == '\\') return Command();
    if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) return Number();
    if (IsLetter(c)) return Letters();
    if (static_cast<unsigned char>(c) >= 0x80) return Unicode();
    if (c == '$') {
      ++at_;
      if (currency_ && IsDigit(Peek())) Emit(Token::kCommand, "dollar");
      return;
    }
    if (Starts("...")) {
      at_ += 3;
      return Emit(Token::kCommand, "ldots");
    }
    if (Starts("<=") || Starts(">=")) {
      at_ += 2;
      return Emit(Token::kCommand, c == '<' ? "le" : "ge");
    }
    if (Starts("!=") && !(LastIsOperand() && Last()->kind != Token::kLetter)) {
      at_ += 2;
      return Emit(Token::kCommand, "ne");
    }
    // "3 +- 2" is ±; "3+-2" is 3 + (−2).
    if (Eat("+/-") || ((tokens_.empty() || text_.substr(at_, 3) == "+- ") && Eat("+-"))) return Emit(Token::kCommand, "pm");
    if (Eat("**")) {
      if (LastIsOperand() && at_ < text_.size()) Sign('^');
      return;
    }
    if (Eat("==")) return Sign('=');
    ++at_;
    if (c == '`' || c == '"') return;
    if (c == '{') open_braces_.push_back(false);
    if (c == '}' && !open_braces_.empty()) {
      const bool dropped = open_braces_.back();
      open_braces_.pop_back();
      if (dropped) return;
    }
    // {,} is the comma of a long number.
    if (c == '{' && Peek() == ',' && Peek(1) == '}') {
      at_ += 2;
      open_braces_.pop_back();
      return Sign(',');
    }
    if (std::string_view("+-*/^_()[]{}|,;:=<>!%&'.?").find(c) != std::string_view::npos) return Sign(c);
    Emit(Token::kCommand, std::string_view(&c, 1));  // no grammar knows it
  }

  void Unicode() {
    for (std::string_view wide : kWideSpaces) {
      if (Eat(wide)) {
        space_ = true;
        return;
      }
    }
    for (const auto& [from, to] : kUnicode) {
      if (Eat(from)) return EmitMapped(to);
    }
    for (const auto& [from, digit] : kSmallDigits) {
      if (!Starts(from)) continue;
      Sign(digit < 10 ? '^' : '_');
      std::string digits;
      for (bool more = true; more;) {  // a run of them: x¹²
        more = false;
        for (const auto& [other, value] : kSmallDigits) {
          if ((value < 10) != (digit < 10) || !Starts(other)) continue;
          at_ += other.size();
          digits.push_back(static_cast<char>('0' + value % 10));
          more = true;
          break;
        }
      }
      return Emit(Token::kNumber, digits);
    }
    for (const auto& [from, digits] : kSmallFractions) {
      if (!Eat(from)) continue;
      Emit(Token::kCommand, "frac");
      Emit(Token::kNumber, digits.substr(0, 1));
      return Emit(Token::kNumber, digits.substr(1, 1));
    }
    // Other letters of Unicode are words.
    const size_t begin = at_;
    while (at_ < text_.size() && (static_cast<unsigned char>(Peek()) >= 0x80 || IsLetter(Peek()))) ++at_;
    Emit(Token::kWord, text_.substr(begin, at_ - begin));
  }

  // What {…} at the cursor holds; the cursor moves behind it. Empty without a group.
  std::string_view Group() {
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

  void Inline(std::string_view content, bool in_text) {
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

  void Command() {
    const char next = Peek(1);
    if (!IsLetter(next)) {
      at_ += 2;
      switch (next) {
        case ',':
        case '!':
        case ';':
        case ':':
        case ' ': space_ = next != '!'; return;
        case '{': ++brackets_; return Emit(Token::kCommand, "lbrace");
        case '}': brackets_ = std::max(0, brackets_ - 1); return Emit(Token::kCommand, "rbrace");
        case '%': return Sign('%');
        case '$': return Emit(Token::kCommand, "dollar");
        case '&': return Sign('&');
        case '\\': return Emit(Token::kCommand, "\\");
        case '|': return Sign('|');
        case '(':
        case ')':
        case '[':
        case ']': space_ = true; return;  // \( … \)
        default: return Emit(Token::kCommand, "?");
      }
    }
    size_t end = at_ + 1;
    while (end < text_.size() && IsLetter(text_[end])) ++end;
    std::string_view name = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end;
    if (IsIn(name, kDropped)) {
      if ((name == "left" || name == "right") && Peek() == '.') ++at_;
      if (name == "hspace" || name == "phantom") Group();
      if (name.ends_with("quad") || name.ends_with("space")) space_ = true;
      return;
    }
    if (IsIn(name, kTextCommands)) {
      size_t after = at_;
      while (after < text_.size() && text_[after] == ' ') ++after;
      if (after < text_.size() && text_[after] == '{') {
        const std::string_view content = Group();
        const bool math = name == "boxed" || (content.size() == 1 && name != "text" && name != "mbox" && name != "textbf");
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
      return Emit(Token::kCommand, std::string(name) + ":" + std::string(environment));
    }
    if (IsIn(name, kAccents)) {
      const std::string_view content = Group();
      if ((content.size() == 1 && IsLetter(content[0])) || content.starts_with('\\')) {
        return Emit(Token::kLetter, std::string(name) + ":" + std::string(content));
      }
      return Inline(content, false);
    }
    if (name == "overline" || name == "overrightarrow" || name == "widehat" || name == "underline") {
      const std::string_view content = Group();
      return Emit(Token::kLetter, std::string(name) + ":" + std::string(content));
    }
    for (const auto& [from, to] : kSameAs) {
      if (name == from) return EmitMapped(to);
    }
    if (name == "lbrace") ++brackets_;
    Emit(Token::kCommand, name);
  }

  bool ThreeDigits(size_t at) const {
    return at + 2 < text_.size() && IsDigit(text_[at]) && IsDigit(text_[at + 1]) && IsDigit(text_[at + 2]) &&
           !(at + 3 < text_.size() && IsDigit(text_[at + 3]));
  }

  // Joins the groups of a long number: 1,234 and 1{,}234 and 1,\!234 and 1\,234.
  void Thousands(std::string* digits) {
    if (digits->size() > 3) return;
    for (;;) {
      constexpr std::array<std::string_view, 7> kSure = {"{,}", ",\\!", ",\\,", "\\,", "\\!", "\u2009", "\u202f"};
      size_t length = 0;
      for (std::string_view separator : kSure) {
        if (Starts(separator) && ThreeDigits(at_ + separator.size())) length = separator.size();
      }
      if (length == 0 && options_.thousands && brackets_ == 0 && Peek() == ',' && ThreeDigits(at_ + 1)) length = 1;
      if (length == 0) return;
      *digits += text_.substr(at_ + length, 3);
      at_ += length + 3;
    }
  }

  // "_2", "_{16}", "_{\text{two}}" right behind digits: the base, else 0.
  int BaseAfter(size_t at, size_t* end) const {
    if (at >= text_.size() || text_[at] != '_') return 0;
    ++at;
    const bool group = at < text_.size() && text_[at] == '{';
    if (group) ++at;
    int base = 0;
    const size_t begin = at;
    while (at < text_.size() && IsDigit(text_[at]) && at - begin < 3) base = base * 10 + (text_[at++] - '0');
    if (group && (at >= text_.size() || text_[at] != '}')) return 0;
    *end = at + (group ? 1 : 0);
    return base >= 2 && base <= 36 ? base : 0;
  }

  void Number() {
    // Digits of another base: 101_2, 1A_{16}, 0.0011_2.
    size_t end = at_;
    while (end < text_.size() && (IsDigit(text_[end]) || IsUpper(text_[end]) || (text_[end] == '.' && end > at_))) ++end;
    size_t behind = 0;
    if (const int base = BaseAfter(end, &behind)) {
      const std::string_view digits = text_.substr(at_, end - at_);
      at_ = behind;
      return Emit(Token::kBased, digits, base);
    }
    std::string digits;
    while (IsDigit(Peek())) digits.push_back(text_[at_++]);
    Thousands(&digits);
    const bool whole = !digits.empty();
    bool point = false;
    if (Peek() == '.' && IsDigit(Peek(1))) {
      point = true;
      digits.push_back('.');
      ++at_;
      while (IsDigit(Peek())) digits.push_back(text_[at_++]);
    }
    for (std::string_view bar : {"\\overline", "\\bar", "\\dot"}) {
      const size_t start = at_;
      if (!whole || (!point && Peek() != '.') || text_.substr(at_ + (point ? 0 : 1), bar.size()) != bar) continue;
      at_ += bar.size() + (point ? 0 : 1);
      const std::string_view repeating = Group();
      if (repeating.empty() || repeating.size() > 200 || !std::all_of(repeating.begin(), repeating.end(), IsDigit)) {
        at_ = start;
        continue;
      }
      digits += (point ? "(" : ".(") + std::string(repeating) + ")";
      return Emit(Token::kNumber, digits);
    }
    if (point && (Starts("...") || Starts("\\ldots") || Starts("\\dots") || Starts("…"))) {
      if (const size_t period = Period(digits)) {
        at_ += Starts("\\ldots") ? 6 : Starts("\\dots") ? 5 : 3;
        digits.insert(digits.size() - period, "(");
        return Emit(Token::kNumber, digits + ")");
      }
    }
    if (Peek() == 'e' || Peek() == 'E') {
      const size_t sign = Peek(1) == '-' || Peek(1) == '+' ? 1 : 0;
      size_t last = at_ + 1 + sign;
      while (last < text_.size() && IsDigit(text_[last])) ++last;
      if (last > at_ + 1 + sign && last < at_ + 8 && !(last < text_.size() && IsLetter(text_[last]))) {
        digits += "e" + std::string(text_.substr(at_ + 1, last - at_ - 1));
        at_ = last;
      }
    }
    Emit(Token::kNumber, digits);
  }

  // 0.333…, 0.1666…, 0.2727…: the length of the block that is written at least twice (thrice for one digit) at the end.
  static size_t Period(std::string_view digits) {
    const std::string_view decimals = digits.substr(digits.find('.') + 1);
    for (size_t length = 1; length <= 6; ++length) {
      const size_t times = length == 1 ? 3 : 2;
      if (decimals.size() < length * times) break;
      const std::string_view tail = decimals.substr(decimals.size() - length * times);
      bool same = true;
      for (size_t i = length; i < tail.size(); ++i) same = same && tail[i] == tail[i - length];
      if (same) return length;
    }
    return 0;
  }

  // A run of letters in plain text: a function, a constant, a word, or variables side by side.
  void Letters() {
    const size_t begin = at_;
    while (IsLetter(Peek())) ++at_;
    std::string_view run = text_.substr(begin, at_ - begin);
    const std::string lower = LowerCase(run);
    const bool touches = begin > 0 && IsDigit(text_[begin - 1]) && !space_;
    // a.m., p.m.
    if ((lower == "a" || lower == "p") && (Starts(".m") || Starts(".M"))) {
      at_ += 2;
      if (Peek() == '.') ++at_;
      return Emit(Token::kWord, lower + "m");
    }
    if (run.size() == 1 && !in_text_) {
      // (−∞, 3) U (3, ∞)
      if ((run == "U" || run == "u") && LastIsOperand() && (Last()->text == ")" || Last()->text == "]") && NextIsBracket()) {
        return Emit(Token::kCommand, "cup");
      }
      // 1.2 x 10^5
      if ((run == "x" || run == "X") && Last() && Last()->kind == Token::kNumber && (space_ || touches) && TenFollows()) {
        return Emit(Token::kCommand, "times");
      }
      return Emit(Token::kLetter, run);
    }
    size_t behind = 0;
    if (run.size() >= 2 && std::all_of(run.begin(), run.end(), [](char c) { return c >= 'A' && c <= 'F'; })) {
      if (const int base = BaseAfter(at_, &behind); base > 10) {  // FF_{16}
        at_ = behind;
        return Emit(Token::kBased, run, base);
      }
    }
    if (IsFunctionName(run) && !(in_text_ && run == "min")) {
      if (touches && run == "min") return Emit(Token::kWord, run);
      if (run != "min" || Peek() == '(') return Emit(Token::kCommand, run);
    }
    if (lower != "pm" && lower != "am") {
      for (const auto& [from, to] : kPlainNames) {
        if (run == from || (run.size() > 2 && lower == from)) return Emit(Token::kCommand, to);
      }
    }
    if (!in_text_ && run.size() == 4 && IsFunctionName(run.substr(0, 3))) {  // sinx
      Emit(Token::kCommand, run.substr(0, 3));
      return Emit(Token::kLetter, run.substr(3));
    }
    if (in_text_ || !IsProduct(run, lower, touches)) {
      Emit(Token::kWord, run);
      if (Peek() == '.') ++at_;  // an abbreviation's
      return;
    }
    for (char c : run) Emit(Token::kLetter, std::string_view(&c, 1));
  }

  bool IsProduct(std::string_view run, const std::string& lower, bool touches) const {
    if (touches) return !IsTouchingUnit(lower) && lower != "am" && lower != "pm";
    if (IsUnitWord(lower) || IsShortWord(lower)) return false;
    if (run.size() == 2) return true;
    if (run.size() > 6) return false;
    if (lower.find_first_of("aeiou") == std::string::npos) return lower != "by" && lower != "dry" && lower != "fly";
    std::string sorted(run);
    std::sort(sorted.begin(), sorted.end());
    return sorted == "abc" || sorted == "abcd" || sorted == "abd";
  }

  bool NextIsBracket() const {
    size_t at = at_;
    while (at < text_.size() && text_[at] == ' ') ++at;
    return at < text_.size() && (text_[at] == '(' || text_[at] == '[' || text_[at] == '\\' || text_[at] == '{');
  }
  bool TenFollows() const {
    size_t at = at_;
    while (at < text_.size() && text_[at] == ' ') ++at;
    return text_.substr(at, 3) == "10^";
  }

  std::string_view text_;
  LexerOptions options_;
  Work* work_;
  bool in_text_;
  int text_depth_;
  bool currency_ = false;
  size_t at_ = 0;
  int brackets_ = 0;
  bool space_ = false;
  std::vector<bool> open_braces_;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> Tokenize(std::string_view text, const LexerOptions& options, Work* work) {
  std::vector<Token> tokens = Lexer(text, options, work, /*in_text=*/false, 0).Run();
  tokens.push_back({});
  return tokens;
}

}  // namespace pith
