#include "rewards/math/spelling.h"

#include <array>
#include <utility>

#include "rewards/math/words.h"

namespace pith {
namespace {

struct Mapping {
  std::string_view from, to;  // to: a command name, or one sign
};
constexpr auto kUnicode = std::to_array<Mapping>({
    {"∛", "cbrt"}, {"‰", "permille"}, {"‑", "-"}, {"‒", "-"}, {"－", "-"}, {"∣", "|"}, {"≦", "le"}, {"≧", "ge"}, {"≅", "approx"}, {"˚", "degree"},
    {"⋯", "ldots"}, {"，", ","}, {"’", "'"}, {"“", ""}, {"”", ""}, {"⇒", "Rightarrow"}, {"∴", "therefore"}, {"→", "to"}, {"∧", "and"},
    {"∨", "or"}, {"∉", "notin"}, {"％", "%"}, {"∶", ":"}, {"−", "-"}, {"–", "-"}, {"—", "-"}, {"×", "times"}, {"·", "cdot"}, {"⋅", "cdot"}, {"÷", "div"}, {"∗", "*"}, {"∕", "/"}, {"⁄", "/"},
    {"π", "pi"}, {"√", "sqrt"}, {"∞", "infty"}, {"≤", "le"}, {"⩽", "le"}, {"≥", "ge"}, {"⩾", "ge"}, {"≠", "ne"}, {"∪", "cup"},
    {"∩", "cap"}, {"∈", "in"}, {"°", "degree"}, {"º", "degree"}, {"±", "pm"}, {"∓", "mp"}, {"≈", "approx"}, {"≡", "equiv"},
    {"∅", "emptyset"}, {"ℝ", "reals"}, {"ℤ", "integers"}, {"ℚ", "rationals"}, {"ℕ", "naturals"}, {"ℂ", "complexes"}, {"⟨", "langle"},
    {"⟩", "rangle"}, {"⌊", "lfloor"}, {"⌋", "rfloor"}, {"⌈", "lceil"}, {"⌉", "rceil"}, {"θ", "theta"}, {"α", "alpha"}, {"β", "beta"},
    {"λ", "lambda"}, {"φ", "phi"}, {"∖", "setminus"}, {"€", "euro"}, {"£", "pounds"}, {"¥", "yen"}, {"₹", "rupee"}, {"¢", "cents"},
    {"′", "'"}, {"″", "dprime"}, {"…", "ldots"}});
constexpr auto kSmallDigits = std::to_array<std::pair<std::string_view, int>>({
    {"⁰", 0}, {"¹", 1}, {"²", 2}, {"³", 3}, {"⁴", 4}, {"⁵", 5}, {"⁶", 6}, {"⁷", 7}, {"⁸", 8}, {"⁹", 9},
    {"₀", 10}, {"₁", 11}, {"₂", 12}, {"₃", 13}, {"₄", 14}, {"₅", 15}, {"₆", 16}, {"₇", 17}, {"₈", 18}, {"₉", 19}});
constexpr auto kSmallFractions = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"½", "12"}, {"⅓", "13"}, {"⅔", "23"}, {"¼", "14"}, {"¾", "34"}, {"⅕", "15"}, {"⅙", "16"}, {"⅛", "18"},
    {"⅖", "25"}, {"⅗", "35"}, {"⅘", "45"}, {"⅚", "56"}, {"⅜", "38"}, {"⅝", "58"}, {"⅞", "78"}, {"⅐", "17"}, {"⅑", "19"}});
constexpr auto kWideSpaces = std::to_array<std::string_view>({"\u00a0", "\u202f", "\u2009", "\u2002", "\u2003", "\u3000"});

// Commands that only dress.
constexpr auto kDropped = std::to_array<std::string_view>({
    "left", "right", "big", "Big", "bigg", "Bigg", "bigl", "bigr", "Bigl", "Bigr", "biggl", "biggr", "displaystyle", "textstyle",
    "limits", "nolimits", "quad", "qquad", "hspace", "phantom", "rm", "bf", "it", "mathstrut", "strut", "middle", "thinspace",
    "enspace", "space", "medspace", "thickspace", "scriptstyle", "boldmath", "large", "Large", "LARGE", "huge", "Huge", "small", "normalsize", "tiny", "underline", "color", "textcolor",
    "vphantom", "hphantom", "vspace", "tag", "label", "nobreak", "hfill", "blacksquare", "checkmark", "qed"});
constexpr auto kTextCommands = std::to_array<std::string_view>({"text", "textbf", "textit", "textrm", "mbox", "mathrm", "operatorname",
                                                            "texttt", "textsf", "emph", "hbox", "mathsf", "textnormal", "boxed", "fbox",
                                                            "textup", "textsc", "mathtt"});
constexpr auto kFigures = std::to_array<std::string_view>({"triangle", "angle", "measuredangle", "square", "odot", "overleftrightarrow"});
constexpr auto kAccents = std::to_array<std::string_view>({"mathbf", "vec", "hat", "bar", "boldsymbol", "bm", "mathcal", "tilde", "mathfrak"});
constexpr auto kSameAs = std::to_array<Mapping>({
    {"nicefrac", "frac"}, {"sfrac", "frac"}, {"flatfrac", "frac"}, {"xfrac", "frac"}, {"dfrac", "frac"}, {"tfrac", "frac"}, {"cfrac", "frac"}, {"dbinom", "binom"}, {"tbinom", "binom"}, {"leq", "le"}, {"leqslant", "le"},
    {"geq", "ge"}, {"geqslant", "ge"}, {"neq", "ne"}, {"lt", "<"}, {"gt", ">"}, {"times", "times"}, {"ast", "*"}, {"circ", "degree"},
    {"degrees", "degree"}, {"lbrack", "["}, {"rbrack", "]"}, {"vert", "|"}, {"mid", "mid"}, {"dots", "ldots"}, {"cdots", "ldots"},
    {"dotsc", "ldots"}, {"varnothing", "emptyset"}, {"infinity", "infty"}, {"R", "reals"}, {"Z", "integers"},
    {"varphi", "phi"}, {"vartheta", "theta"}, {"varepsilon", "epsilon"}, {"simeq", "approx"}, {"sim", "approx"}, {"backslash", "setminus"},
    {"prime", "'"}, {"colon", ":"}, {"land", "and"}, {"wedge", "and"}, {"lor", "or"}, {"vee", "or"}, {"bigcup", "cup"}, {"lbrace", "{{"},
    {"rbrace", "}}"}, {"percent", "%"}});
// Words of plain text that are mathematics.
constexpr auto kPlainNames = std::to_array<Mapping>({{"pi", "pi"}, {"inf", "infty"}, {"infty", "infty"}, {"infinity", "infty"},
    {"theta", "theta"}, {"alpha", "alpha"}, {"beta", "beta"}, {"lambda", "lambda"}, {"sqrt", "sqrt"}, {"cup", "cup"}, {"union", "cup"},
    {"oo", "infty"}, {"frac", "frac"}, {"mod", "bmod"}, {"dfrac", "frac"}});

}  // namespace

SignSpelling FindUnicodeSign(std::string_view text) {
  for (const auto& [from, to] : kUnicode) {
    if (text.starts_with(from)) return {to, from.size()};
  }
  return {};
}

SmallDigit FindSmallDigit(std::string_view text) {
  for (const auto& [from, value] : kSmallDigits) {
    if (text.starts_with(from)) return {value % 10, value < 10, from.size()};
  }
  return {};
}

SignSpelling FindSmallFraction(std::string_view text) {
  for (const auto& [from, digits] : kSmallFractions) {
    if (text.starts_with(from)) return {digits, from.size()};
  }
  return {};
}

size_t WideSpaceLength(std::string_view text) {
  for (std::string_view wide : kWideSpaces) {
    if (text.starts_with(wide)) return wide.size();
  }
  return 0;
}

bool OnlyDresses(std::string_view command) { return IsOneOf(command, kDropped); }
bool HoldsText(std::string_view command) { return IsOneOf(command, kTextCommands); }
bool NamesFigure(std::string_view command) { return IsOneOf(command, kFigures); }
bool IsAccent(std::string_view command) { return IsOneOf(command, kAccents); }

std::string_view CommonName(std::string_view command) {
  for (const auto& [from, to] : kSameAs) {
    if (command == from) return to;
  }
  return command;
}

std::string_view CommandOfWord(std::string_view word) {
  const std::string lower = LowerCase(word);
  for (const auto& [from, to] : kPlainNames) {
    if (word == from || (word.size() > 2 && lower == from)) return to;
  }
  return {};
}

}  // namespace pith
