#include "data/text/regex.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "data/text/regex_program.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

class Machine {
 public:
  Machine(const RegexCode& code, std::string_view text)
      : code_(code), text_(text), registers_(static_cast<size_t>(code.registers)), steps_(kSteps + kStepsPerByte * static_cast<int64_t>(text.size())) {}

  // End of the match that begins at `at`; −1 for none.
  int64_t Match(size_t at) { return Run(0, at, 0); }

 private:
  static constexpr int64_t kSteps = 20'000'000, kStepsPerByte = 2'000;
  static constexpr int kMaxDepth = 100;

  struct Choice {  // where to go on if all else fails
    enum Kind : uint8_t { kPlace, kShrink, kGrow, kRegister } kind;
    int32_t op;
    size_t at, bound;
  };

  const RegexCode& code_;
  std::string_view text_;
  std::vector<size_t> registers_;
  std::vector<Choice> choices_;
  int64_t steps_;

  void Step(int64_t steps = 1) {
    if ((steps_ -= steps) < 0) ThrowUser("a pattern of the tokenizer backtracks beyond reason on this text");
  }

  CodePoint At(size_t at) const {
    if (at < text_.size() && static_cast<uint8_t>(text_[at]) < 0x80) return {text_[at], 1};
    return DecodeUtf8(text_, at);
  }
  size_t Before(size_t at) const {  // where the character that ends at `at` begins
    for (size_t back = 1; back <= 4 && back <= at; ++back) {
      const CodePoint c = At(at - back);
      if (c.value >= 0 && c.size == back) return at - back;
    }
    return at - 1;
  }
  bool WordAt(size_t at) const { return at < text_.size() && IsWordCharacter(At(at).value); }

  bool Holds(RegexOp::What what, size_t at) const {
    switch (what) {
      case RegexOp::kLineBegin: return at == 0 || (text_[at - 1] == '\n' && at < text_.size());
      case RegexOp::kLineEnd: return at == text_.size() || text_[at] == '\n';
      case RegexOp::kTextBegin: return at == 0;
      case RegexOp::kTextEnd: return at == text_.size();
      case RegexOp::kTextEndOrBreak: return at == text_.size() || (at + 1 == text_.size() && text_[at] == '\n');
      case RegexOp::kWordEdge:
      case RegexOp::kNoWordEdge: {
        const bool before = at > 0 && WordAt(Before(at));
        return (before != WordAt(at)) == (what == RegexOp::kWordEdge);
      }
    }
    return false;
  }

  bool Look(const RegexOp& op, int32_t body, size_t at, int depth) {
    if (!op.behind) return Run(body, at, depth + 1) >= 0;
    for (size_t from = at;; from = Before(from)) {  // any length, the shortest first
      if (Run(body, from, depth + 1, static_cast<int64_t>(at)) >= 0) return true;
      if (from == 0) return false;
    }
  }

  bool Back(size_t floor, int32_t& op, size_t& at) {
    while (choices_.size() > floor) {
      Choice& choice = choices_.back();
      if (choice.kind == Choice::kRegister) {
        registers_[static_cast<size_t>(choice.op)] = choice.at;
        choices_.pop_back();
        continue;
      }
      op = choice.op;
      if (choice.kind == Choice::kShrink) {  // at > bound
        choice.at = Before(choice.at);
        at = choice.at;
        if (choice.at <= choice.bound) choices_.pop_back();
        return true;
      }
      if (choice.kind == Choice::kGrow) {
        const RegexOp& run = code_.ops[static_cast<size_t>(choice.op - 1)];
        const CodePoint c = At(choice.at);
        if (c.size == 0 || choice.bound == 0 || !code_.sets[static_cast<size_t>(run.a)].Has(c.value)) {
          choices_.pop_back();
          continue;
        }
        choice.at += c.size;
        --choice.bound;
        at = choice.at;
        return true;
      }
      at = choice.at;
      choices_.pop_back();
      return true;
    }
    return false;
  }

  // `must_end` ≥ 0: only a match that ends there counts.
  int64_t Run(int32_t op_at, size_t at, int depth, int64_t must_end = -1) {
    if (depth > kMaxDepth) ThrowUser("a pattern of the tokenizer nests too deeply");
    const size_t floor = choices_.size();
    for (;;) {
      Step();
      const RegexOp& op = code_.ops[static_cast<size_t>(op_at)];
      bool good = true;
      switch (op.kind) {
        case RegexOp::kSet: {
          const CodePoint c = At(at);
          good = c.size > 0 && code_.sets[static_cast<size_t>(op.a)].Has(c.value);
          at += c.size;
          ++op_at;
          break;
        }
        case RegexOp::kRun: good = Many(op, op_at, at); break;
        case RegexOp::kSplit:
          choices_.push_back({Choice::kPlace, op.b, at, 0});
          op_at = op.a;
          break;
        case RegexOp::kJump: op_at = op.a; break;
        case RegexOp::kLook: {
          good = Look(op, op_at + 1, at, depth) != op.negated;
          op_at = op.a;
          break;
        }
        case RegexOp::kAtomic: {
          const int64_t end = Run(op_at + 1, at, depth + 1);
          good = end >= 0;
          if (good) at = static_cast<size_t>(end);
          op_at = op.a;
          break;
        }
        case RegexOp::kAssert:
          good = Holds(op.what, at);
          ++op_at;
          break;
        case RegexOp::kMark:
          choices_.push_back({Choice::kRegister, op.a, registers_[static_cast<size_t>(op.a)], 0});
          registers_[static_cast<size_t>(op.a)] = at;
          ++op_at;
          break;
        case RegexOp::kProgress: op_at = registers_[static_cast<size_t>(op.a)] == at ? op.b : op_at + 1; break;
        case RegexOp::kAccept:
          if (must_end < 0 || at == static_cast<size_t>(must_end)) {
            choices_.resize(floor);
            return static_cast<int64_t>(at);
          }
          good = false;
          break;
      }
      if (!good && !Back(floor, op_at, at)) return -1;
    }
  }

  bool Many(const RegexOp& op, int32_t& op_at, size_t& at) {
    const RegexSet& set = code_.sets[static_cast<size_t>(op.a)];
    const bool lazy = op.greed == RegexOp::kLazy;
    const int64_t most = lazy ? op.b : op.c;
    size_t end = at, least = at;
    int64_t count = 0;
    for (; most < 0 || count < most; ++count) {
      if (count == op.b) least = end;
      const CodePoint c = At(end);
      if (c.size == 0 || !set.Has(c.value)) break;
      end += c.size;
    }
    Step(count / 4);
    if (count < op.b) return false;
    if (count == op.b) least = end;
    ++op_at;
    at = end;
    if (lazy) {
      const size_t more = op.c < 0 ? text_.size() : static_cast<size_t>(op.c - op.b);
      if (more > 0) choices_.push_back({Choice::kGrow, op_at, end, more});
    } else if (op.greed == RegexOp::kGreedy && end > least) {
      choices_.push_back({Choice::kShrink, op_at, end, least});
    }
    return true;
  }
};

}  // namespace

struct Regex::Program {
  RegexCode code;
};

Regex::Regex(std::string_view pattern) : program_(new Program{CompileRegex(pattern)}) {}
Regex::~Regex() = default;

void Regex::FindAll(std::string_view text, std::vector<TextRange>& matches) const {
  const RegexCode& code = program_->code;
  Machine machine(code, text);
  int64_t last_end = -1;
  for (size_t at = 0; at <= text.size();) {
    if (!code.may_be_empty) {
      while (at < text.size() && (code.first[static_cast<uint8_t>(text[at]) >> 6] >> (text[at] & 63) & 1) == 0) ++at;
      if (at >= text.size()) return;
    }
    const int64_t end = machine.Match(at);
    const size_t next = at + std::max<size_t>(DecodeUtf8(text, at).size, 1);
    if (end < 0 || (end == static_cast<int64_t>(at) && end == last_end)) {
      at = next;
      continue;
    }
    matches.push_back({at, static_cast<size_t>(end)});
    last_end = end;
    at = static_cast<size_t>(end);
  }
}

}  // namespace pith
