// Trees to programs.
#include "base/error.h"
#include "data/text/regex_tree.h"

namespace pith {
namespace {

constexpr size_t kMaxOps = 100'000;

using Node = RegexNode;

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

RegexCode CompileRegex(std::string_view pattern) { return Compiler().Run(*ParseRegex(pattern)); }

}  // namespace pith
