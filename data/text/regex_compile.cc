// Patterns to programs: a tree by recursive descent, then instructions. Longer than usual: one grammar.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "data/text/regex_program.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

constexpr int kMaxDepth = 200, kMaxRepeat = 1000;
constexpr size_t kMaxOps = 100'000;

struct Node {
  enum Kind { kEmpty, kSet, kSequence, kChoice, kRepeat, kLook, kAtomic, kAssert } kind = kEmpty;
  RegexSet set;
  std::vector<std::unique_ptr<Node>> items;
  int min = 0, max = -1;
  RegexOp::Greed greed = RegexOp::kGreedy;
  RegexOp::What what = RegexOp::kLineBegin;
  bool negated = false, behind = false;
};
using NodePtr = std::unique_ptr<Node>;

NodePtr MakeNode(Node::Kind kind) {
  auto node = std::make_unique<Node>();
  node->kind = kind;
  return node;
}

class Parser {
 public:
  explicit Parser(std::string_view pattern) : text_(pattern) {}

  NodePtr Run() {
    NodePtr node = Choice();
    if (at_ < text_.size()) Fail("an unexpected ')'");
    return node;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
  bool any_case_ = false, dot_all_ = false, extended_ = false;

  template <class... Args>
  [[noreturn]] void Fail(const Args&... args) const {
    ThrowUser("the pattern '", text_, "' has ", args..., " at byte ", at_);
  }

  bool End() const { return at_ >= text_.size(); }
  bool Is(std::string_view what) const { return text_.substr(std::min(at_, text_.size())).starts_with(what); }
  bool Skip(std::string_view what) {
    if (!Is(what)) return false;
    at_ += what.size();
    return true;
  }
  int32_t Take() {
    const CodePoint c = DecodeUtf8(text_, at_);
    if (c.size == 0) Fail("an end too early");
    if (c.value < 0) Fail("a byte that is not UTF-8");
    at_ += c.size;
    return c.value;
  }

  NodePtr Choice() {
    if (++depth_ > kMaxDepth) Fail("nesting deeper than ", kMaxDepth);
    const bool any_case = any_case_, dot_all = dot_all_, extended = extended_;
    NodePtr choice = MakeNode(Node::kChoice);
    do choice->items.push_back(Sequence());
    while (Skip("|"));
    any_case_ = any_case;
    dot_all_ = dot_all;
    extended_ = extended;
    --depth_;
    return choice->items.size() == 1 ? std::move(choice->items[0]) : std::move(choice);
  }

  NodePtr Sequence() {
    NodePtr sequence = MakeNode(Node::kSequence);
    while (!End() && !Is("|") && !Is(")")) {
      if (extended_ && (Is(" ") || Is("\n") || Is("\t"))) {
        ++at_;
        continue;
      }
      if (Is("(?") && !Is("(?:") && !Is("(?<") && !Is("(?=") && !Is("(?!") && !Is("(?>") && !Is("(?'")) {
        if (NodePtr group = Options()) sequence->items.push_back(Quantified(std::move(group)));
        continue;
      }
      sequence->items.push_back(Quantified(Atom()));
    }
    return sequence;
  }

  // (?i) to the end of the group, or (?i:…); nullptr for the former.
  NodePtr Options() {
    at_ += 2;
    if (Skip("#")) {
      while (!End() && !Skip(")")) ++at_;
      return nullptr;
    }
    const bool any_case = any_case_, dot_all = dot_all_, extended = extended_;
    bool on = true;
    for (;;) {
      if (Skip("-")) {
        on = false;
      } else if (Skip("i")) {
        any_case_ = on;
      } else if (Skip("m")) {
        dot_all_ = on;
      } else if (Skip("x")) {
        extended_ = on;
      } else {
        break;
      }
    }
    if (Skip(")")) return nullptr;
    if (!Skip(":")) Fail("a group '(?' of a kind that pith lacks");
    NodePtr inner = Choice();
    Close();
    any_case_ = any_case;
    dot_all_ = dot_all;
    extended_ = extended;
    return inner;
  }

  void Close() {
    if (!Skip(")")) Fail("a group without ')'");
  }

  NodePtr Atom() {
    if (Skip("(?:")) return Group(MakeNode(Node::kSequence));
    if (Skip("(?>")) return Group(MakeNode(Node::kAtomic));
    if (Is("(?=") || Is("(?!") || Is("(?<=") || Is("(?<!")) {
      NodePtr look = MakeNode(Node::kLook);
      at_ += 2;
      look->behind = Skip("<");
      look->negated = Take() == '!';
      return Group(std::move(look));
    }
    if (Skip("(?<")) {
      while (!End() && !Skip(">")) ++at_;
      return Group(MakeNode(Node::kSequence));
    }
    if (Skip("(")) return Group(MakeNode(Node::kSequence));
    if (Is("[")) return SetNode(Class());
    if (Skip(".")) {
      RegexSet set;
      if (!dot_all_) set.ranges.push_back({'\n', '\n'});
      set.negated = true;
      return SetNode(std::move(set));
    }
    if (Skip("^")) return Assert(RegexOp::kLineBegin);
    if (Skip("$")) return Assert(RegexOp::kLineEnd);
    if (Is("*") || Is("+") || Is("?")) Fail("a repetition of nothing");
    if (Is("\\")) return Escape();
    return Character(Take());
  }

  NodePtr Group(NodePtr outer) {
    outer->items.push_back(Choice());
    Close();
    return outer;
  }

  NodePtr SetNode(RegexSet set) {
    set.any_case = set.any_case || any_case_;
    NodePtr node = MakeNode(Node::kSet);
    node->set = std::move(set);
    return node;
  }
  NodePtr Character(int32_t c) {
    RegexSet set;
    set.ranges.push_back({c, c});
    return SetNode(std::move(set));
  }
  static NodePtr Assert(RegexOp::What what) {
    NodePtr node = MakeNode(Node::kAssert);
    node->what = what;
    return node;
  }

  NodePtr Escape() {
    const size_t begin = at_;
    ++at_;
    if (Skip("A")) return Assert(RegexOp::kTextBegin);
    if (Skip("z")) return Assert(RegexOp::kTextEnd);
    if (Skip("Z")) return Assert(RegexOp::kTextEndOrBreak);
    if (Skip("b")) return Assert(RegexOp::kWordEdge);
    if (Skip("B")) return Assert(RegexOp::kNoWordEdge);
    if (Skip("R")) {  // \r\n, or one line break
      NodePtr choice = MakeNode(Node::kChoice), pair = MakeNode(Node::kSequence);
      pair->items.push_back(Character('\r'));
      pair->items.push_back(Character('\n'));
      RegexSet one;
      one.ranges = {{0x0A, 0x0D}, {0x85, 0x85}, {0x2028, 0x2029}};
      choice->items.push_back(std::move(pair));
      choice->items.push_back(SetNode(std::move(one)));
      NodePtr atomic = MakeNode(Node::kAtomic);
      atomic->items.push_back(std::move(choice));
      return atomic;
    }
    if (!End() && (std::string_view("XGKkgNO").find(text_[at_]) != std::string_view::npos ||
                   (text_[at_] >= '1' && text_[at_] <= '9'))) {
      Fail("'\\", text_.substr(at_, 1), "', which pith lacks,");
    }
    at_ = begin;
    return SetNode(EscapedSet());
  }

  // \s, \p{L}, \n, \x{41}, \[ … as a set.
  RegexSet EscapedSet() {
    ++at_;
    RegexSet set;
    const int32_t c = Take();
    switch (c) {
      case 'S': set.negated = true; [[fallthrough]];
      case 's': set.space = true; return set;
      case 'D': set.negated = true; [[fallthrough]];
      case 'd': set.categories = CategoriesByName("Nd"); return set;
      case 'W': set.negated = true; [[fallthrough]];
      case 'w': set.word = true; return set;
      case 'H': set.negated = true; [[fallthrough]];
      case 'h': set.ranges = {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}; return set;
      case 'P': set.negated = true; [[fallthrough]];
      case 'p': Property(set); return set;
      default: set.ranges.push_back({EscapedCharacter(c), 0}); break;
    }
    set.ranges[0].last = set.ranges[0].first;
    return set;
  }

  int32_t EscapedCharacter(int32_t c) {
    switch (c) {
      case 'n': return '\n';
      case 't': return '\t';
      case 'r': return '\r';
      case 'f': return '\f';
      case 'v': return '\v';
      case 'a': return '\a';
      case 'e': return 0x1B;
      case '0': return 0;
      case 'x': return Skip("{") ? Hex(8, true) : Hex(2, false);
      case 'u': return Hex(4, false);
      default: break;
    }
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      Fail("the escape '\\", std::string(1, static_cast<char>(c)), "', which pith lacks,");
    }
    return c;
  }

  int32_t Hex(int most, bool braced) {
    int32_t value = 0;
    for (int i = 0; i < most && !End(); ++i) {
      const char d = text_[at_];
      const int digit = d >= '0' && d <= '9' ? d - '0' : d >= 'a' && d <= 'f' ? d - 'a' + 10 : d >= 'A' && d <= 'F' ? d - 'A' + 10 : -1;
      if (digit < 0) break;
      value = value * 16 + digit;
      if (value > 0x10FFFF) Fail("a code point beyond U+10FFFF");
      ++at_;
    }
    if (braced && !Skip("}")) Fail("a '\\x{' without '}'");
    return value;
  }

  void Property(RegexSet& set) {
    if (!Skip("{")) Fail("a '\\p' without '{'");
    if (Skip("^")) set.negated = !set.negated;
    const size_t end = text_.find('}', at_);
    if (end == std::string_view::npos) Fail("a '\\p{' without '}'");
    std::string name(text_.substr(at_, end - at_));
    for (const char* prefix : {"Script=", "sc=", "script="}) {
      if (name.starts_with(prefix)) name.erase(0, std::string_view(prefix).size());
    }
    static constexpr std::pair<const char*, const char*> kLong[] = {
        {"Letter", "L"}, {"Mark", "M"}, {"Number", "N"}, {"Punctuation", "P"}, {"Symbol", "S"}, {"Separator", "Z"}, {"Other", "C"},
        {"Uppercase_Letter", "Lu"}, {"Lowercase_Letter", "Ll"}, {"Decimal_Number", "Nd"}, {"Digit", "Nd"}, {"Punct", "P"}};
    for (const auto& [from, to] : kLong) {
      if (name == from) name = to;
    }
    if (name == "Alphabetic" || name == "Alpha") {
      set.alphabetic = true;
    } else if (name == "White_Space" || name == "Space") {
      set.space = true;
    } else if (name == "Word") {
      set.word = true;
    } else if (name == "Alnum") {
      set.alphabetic = true;
      set.categories = CategoriesByName("Nd");
    } else if (HasScript(name)) {
      set.scripts.push_back(name);
    } else if ((set.categories = CategoriesByName(name)) == 0) {
      Fail("the property '", name, "', which pith lacks,");
    }
    at_ = end + 1;
  }

  bool PosixName(RegexSet& set) {
    if (!Is("[:")) return false;
    const size_t end = text_.find(":]", at_);
    if (end == std::string_view::npos) return false;
    std::string_view name = text_.substr(at_ + 2, end - at_ - 2);
    const bool negated = name.starts_with("^");
    if (negated) name.remove_prefix(1);
    RegexSet one;
    one.negated = negated;
    if (name == "alpha") {
      one.alphabetic = true;
    } else if (name == "alnum") {
      one.alphabetic = true;
      one.categories = CategoriesByName("Nd");
    } else if (name == "digit") {
      one.categories = CategoriesByName("Nd");
    } else if (name == "punct") {
      one.categories = kPunctuationMask | kSymbolMask;
    } else if (name == "space") {
      one.space = true;
    } else if (name == "upper") {
      one.categories = CategoriesByName("Lu");
    } else if (name == "lower") {
      one.categories = CategoriesByName("Ll");
    } else if (name == "word") {
      one.word = true;
    } else if (name == "xdigit") {
      one.ranges = {{'0', '9'}, {'A', 'F'}, {'a', 'f'}};
    } else {
      Fail("the class '[:", name, ":]', which pith lacks,");
    }
    set.nested.push_back(std::move(one));
    at_ = end + 2;
    return true;
  }

  RegexSet Class() {
    if (++depth_ > kMaxDepth) Fail("nesting deeper than ", kMaxDepth);
    ++at_;
    RegexSet set;
    set.negated = Skip("^");
    bool first = true;
    for (;; first = false) {
      if (End()) Fail("a class '[' without ']'");
      if (!first && Skip("]")) break;
      if (Skip("&&")) {  // what follows, to the end of the class, is another set to be in
        RegexSet left;
        std::swap(left, set);
        set.negated = left.negated;
        left.negated = false;
        at_ -= 1;  // Class skips one character for its bracket
        RegexSet right = Class();
        set.nested.push_back(std::move(left));
        set.and_also.push_back(std::move(right));
        break;
      }
      if (PosixName(set)) continue;
      if (Is("[")) {
        set.nested.push_back(Class());
        continue;
      }
      RegexSet one;
      if (Is("\\")) {
        one = EscapedSetInClass();
      } else {
        const int32_t c = Take();
        one.ranges.push_back({c, c});
      }
      const bool single = one.ranges.size() == 1 && !one.negated && one.ranges[0].first == one.ranges[0].last;
      if (!single) {
        set.nested.push_back(std::move(one));
        continue;
      }
      if (Is("-") && !Is("-]") && !Is("-[") && !Is("-&&")) {
        const size_t back = at_;
        ++at_;
        int32_t last = 0;
        if (Is("\\")) {
          const RegexSet end = EscapedSetInClass();
          if (end.ranges.size() != 1 || end.negated) {
            at_ = back;
            set.ranges.push_back(one.ranges[0]);
            continue;
          }
          last = end.ranges[0].first;
        } else {
          last = Take();
        }
        if (last < one.ranges[0].first) Fail("a range that runs backwards");
        one.ranges[0].last = last;
      }
      set.ranges.push_back(one.ranges[0]);
    }
    --depth_;
    set.any_case = any_case_;
    return set;
  }

  RegexSet EscapedSetInClass() {
    if (Is("\\b")) {
      at_ += 2;
      RegexSet set;
      set.ranges.push_back({8, 8});
      return set;
    }
    return EscapedSet();
  }

  NodePtr Quantified(NodePtr node) {
    for (;;) {
      int min = 0, max = -1;
      bool braces = false;
      if (Skip("*")) {
      } else if (Skip("+")) {
        min = 1;
      } else if (Skip("?")) {
        max = 1;
      } else if (const auto bounds = Bounds()) {
        std::tie(min, max) = *bounds;
        braces = true;
      } else {
        return node;
      }
      NodePtr repeat = MakeNode(Node::kRepeat);
      repeat->min = min;
      repeat->max = max;
      if (Skip("?")) {
        repeat->greed = RegexOp::kLazy;
      } else if (!braces && Skip("+")) {
        repeat->greed = RegexOp::kPossessive;
      }
      if (node->kind == Node::kAssert || node->kind == Node::kLook) {
        if (min == 0) node = MakeNode(Node::kEmpty);
        continue;
      }
      repeat->items.push_back(std::move(node));
      node = std::move(repeat);
      if (++depth_ > kMaxDepth) Fail("nesting deeper than ", kMaxDepth);
    }
  }

  std::optional<std::pair<int, int>> Bounds() {
    if (!Is("{")) return std::nullopt;
    const size_t back = at_++;
    const auto number = [&]() -> int {
      int value = -1;
      for (; !End() && text_[at_] >= '0' && text_[at_] <= '9' && value <= kMaxRepeat; ++at_) {
        value = std::max(value, 0) * 10 + (text_[at_] - '0');
      }
      return value;
    };
    int min = number(), max = min;
    if (Skip(",")) max = number();
    const bool comma = text_[at_ - 1] == ',' || max != min;
    if (!Skip("}") || (min < 0 && max < 0)) {  // then the brace is itself
      at_ = back;
      return std::nullopt;
    }
    if (min < 0) min = 0;
    if (min > kMaxRepeat || max > kMaxRepeat || (max >= 0 && max < min)) Fail("a repetition that is beyond ", kMaxRepeat, " or reversed");
    if (!comma) max = min;
    return std::pair(min, max);
  }
};

class Compiler {
 public:
  RegexCode Run(const Node& root) {
    Emit(root);
    Add(RegexOp::kAccept);
    for (RegexSet& set : out_.sets) set.Finish();
    out_.may_be_empty = First(root, out_.first);
    return std::move(out_);
  }

 private:
  RegexCode out_;

  int32_t Here() const { return static_cast<int32_t>(out_.ops.size()); }
  RegexOp& Add(RegexOp::Kind kind) {
    if (out_.ops.size() >= kMaxOps) ThrowUser("a pattern of the tokenizer is too large for pith");
    RegexOp op;
    op.kind = kind;
    out_.ops.push_back(op);
    return out_.ops.back();
  }
  int32_t AddSet(const RegexSet& set) {
    out_.sets.push_back(set);
    return static_cast<int32_t>(out_.sets.size() - 1);
  }

  void Emit(const Node& node) {
    switch (node.kind) {
      case Node::kEmpty: break;
      case Node::kSet: {
        const int32_t set = AddSet(node.set);
        Add(RegexOp::kSet).a = set;
        break;
      }
      case Node::kSequence:
        for (const auto& item : node.items) Emit(*item);
        break;
      case Node::kChoice: {
        std::vector<int32_t> jumps;
        for (size_t i = 0; i < node.items.size(); ++i) {
          const bool last = i + 1 == node.items.size();
          const int32_t split = Here();
          if (!last) Add(RegexOp::kSplit).a = split + 1;
          Emit(*node.items[i]);
          if (last) break;
          jumps.push_back(Here());
          Add(RegexOp::kJump);
          out_.ops[split].b = Here();
        }
        for (const int32_t jump : jumps) out_.ops[jump].a = Here();
        break;
      }
      case Node::kRepeat: Repeat(node); break;
      case Node::kLook:
      case Node::kAtomic: Inner(node.kind == Node::kLook ? RegexOp::kLook : RegexOp::kAtomic, node, *node.items[0]); break;
      case Node::kAssert: Add(RegexOp::kAssert).what = node.what; break;
    }
  }

  void Inner(RegexOp::Kind kind, const Node& node, const Node& body) {
    const int32_t at = Here();
    RegexOp& op = Add(kind);
    op.negated = node.negated;
    op.behind = node.behind;
    Emit(body);
    Add(RegexOp::kAccept);
    out_.ops[at].a = Here();
  }

  void Repeat(const Node& node) {
    const Node& body = *node.items[0];
    if (body.kind == Node::kSet) {
      const int32_t set = AddSet(body.set);
      RegexOp& op = Add(RegexOp::kRun);
      op.a = set;
      op.b = node.min;
      op.c = node.max;
      op.greed = node.greed;
      return;
    }
    if (node.greed == RegexOp::kPossessive) {
      const int32_t at = Here();
      Add(RegexOp::kAtomic);
      Loop(node, body, RegexOp::kGreedy);
      Add(RegexOp::kAccept);
      out_.ops[at].a = Here();
      return;
    }
    Loop(node, body, node.greed);
  }

  void Loop(const Node& node, const Node& body, RegexOp::Greed greed) {
    for (int i = 0; i < node.min; ++i) Emit(body);
    const auto split = [&](int32_t at, int32_t inside, int32_t after) {
      out_.ops[at].a = greed == RegexOp::kLazy ? after : inside;
      out_.ops[at].b = greed == RegexOp::kLazy ? inside : after;
    };
    if (node.max < 0) {
      const int32_t begin = Here(), place = out_.registers++;
      Add(RegexOp::kSplit);
      Add(RegexOp::kMark).a = place;
      Emit(body);
      const int32_t progress = Here();
      Add(RegexOp::kProgress).a = place;
      Add(RegexOp::kJump).a = begin;
      out_.ops[progress].b = Here();
      split(begin, begin + 1, Here());
      return;
    }
    std::vector<int32_t> splits;
    for (int i = node.min; i < node.max; ++i) {
      splits.push_back(Here());
      Add(RegexOp::kSplit);
      Emit(body);
    }
    for (const int32_t at : splits) split(at, at + 1, Here());
  }

  static void AddSetFirst(const RegexSet& set, std::array<uint64_t, 4>& first) {
    RegexSet finished = set;
    finished.Finish();
    first[0] |= finished.ascii[0];
    first[1] |= finished.ascii[1];
    first[2] = first[3] = ~uint64_t{0};  // beyond ASCII all may be
  }

  // Adds the bytes with which a match of `node` can begin; true when it can be empty.
  static bool First(const Node& node, std::array<uint64_t, 4>& first) {
    switch (node.kind) {
      case Node::kSet: AddSetFirst(node.set, first); return false;
      case Node::kSequence:
      case Node::kAtomic:
        for (const auto& item : node.items) {
          if (!First(*item, first)) return false;
        }
        return true;
      case Node::kChoice: {
        bool empty = false;
        for (const auto& item : node.items) empty = First(*item, first) || empty;
        return empty;
      }
      case Node::kRepeat: {
        const bool empty = First(*node.items[0], first);
        return empty || node.min == 0;
      }
      default: return true;  // asserts and look-arounds take nothing
    }
  }
};

}  // namespace

bool RegexSet::InParts(int32_t c) const {
  for (const Range& range : ranges) {
    if (c >= range.first && c <= range.last) return true;
  }
  if (categories != 0 && (CategoryOf(c) & categories) != 0) return true;
  if (space && IsWhitespace(c)) return true;
  // Oniguruma counts Latin-1's superscript digits and fractions as word characters, too.
  if (word && (IsWordCharacter(c) || c == 0xB2 || c == 0xB3 || c == 0xB9 || (c >= 0xBC && c <= 0xBE))) return true;
  if (alphabetic && IsAlphabetic(c)) return true;
  for (const std::string& script : scripts) {
    if (IsInScript(script, c)) return true;
  }
  return std::any_of(nested.begin(), nested.end(), [&](const RegexSet& set) { return set.Test(c); });
}

bool RegexSet::Test(int32_t c) const {
  const auto in = [&](int32_t one) {
    return InParts(one) && std::all_of(and_also.begin(), and_also.end(), [&](const RegexSet& set) { return set.Test(one); });
  };
  bool found = in(c);
  if (!found && any_case && c >= 0) {
    found = in(LowerCase(c)) || in(UpperCase(c));
    // The characters outside of Latin whose simple case folding is a Latin letter.
    if (!found && (c == 's' || c == 'S')) found = in(0x17F);
    if (!found && (c == 'k' || c == 'K')) found = in(0x212A);
  }
  return found != negated;
}

void RegexSet::Finish() {
  ascii = {};
  for (int32_t c = 0; c < 128; ++c) {
    if (Test(c)) ascii[static_cast<size_t>(c >> 6)] |= uint64_t{1} << (c & 63);
  }
}

RegexCode CompileRegex(std::string_view pattern) {
  const NodePtr root = Parser(pattern).Run();
  return Compiler().Run(*root);
}

}  // namespace pith
