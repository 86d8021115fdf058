// Patterns to trees, by recursive descent.
#include <optional>
#include <tuple>
#include <utility>

#include "data/text/regex_classes.h"
#include "data/text/regex_tree.h"

namespace pith {
namespace {

constexpr int kMaxRepeat = 1000;

using Node = RegexNode;
using NodePtr = std::unique_ptr<Node>;

NodePtr MakeNode(Node::Kind kind) {
  auto node = std::make_unique<Node>();
  node->kind = kind;
  return node;
}

class Parser : RegexClassParser {
 public:
  explicit Parser(std::string_view pattern) : RegexClassParser(pattern) {}

  NodePtr Run() {
    NodePtr node = Choice();
    if (at_ < text_.size()) Fail("an unexpected ')'");
    return node;
  }

 private:
  bool dot_all_ = false, extended_ = false;

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

}  // namespace

std::unique_ptr<RegexNode> ParseRegex(std::string_view pattern) { return Parser(pattern).Run(); }

}  // namespace pith
