#include <algorithm>
#include <array>
#include <string_view>

#include "rewards/math/grammar.h"
#include "rewards/math/words.h"

namespace pith {
namespace {

constexpr size_t kMaxOrdered = 4, kMaxTurned = 8;  // members of a tuple

void AppendOrders(const Expression& tuple, bool cyclic, std::vector<Expression>* all) {
  std::vector<size_t> order(tuple.parts.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  const std::vector<size_t> first = order;
  do {
    Expression next = tuple;
    for (size_t i = 0; i < order.size(); ++i) next.parts[i] = tuple.parts[order[i]];
    all->push_back(std::move(next));
    if (cyclic) std::rotate(order.begin(), order.begin() + 1, order.end());
  } while (cyclic ? order != first : std::next_permutation(order.begin(), order.end()));
}

}  // namespace

Grammar::Orders Grammar::CutOrders() {
  constexpr std::array<std::string_view, 10> kAround = {"and", "all", "its", "their", "the", "any", "of", "thereof", "them", "cyclic"};
  const auto permutes = [&](size_t at) {
    const std::string word = tokens_[at].kind == Token::kWord ? LowerCase(tokens_[at].text) : "";
    return word == "permutations" || word == "permutation";
  };
  const size_t end = tokens_.size() - 1;
  for (size_t at = at_; at < end; ++at) {
    if (!permutes(at)) continue;
    size_t begin = at, behind = at + 1;
    bool cyclic = false;
    const auto is_around = [&](size_t i) {
      if (tokens_[i].kind != Token::kWord) return false;
      const std::string word = LowerCase(tokens_[i].text);
      cyclic = cyclic || word == "cyclic";
      return std::find(kAround.begin(), kAround.end(), word) != kAround.end();
    };
    while (begin > at_ && is_around(begin - 1)) --begin;
    while (behind < end && is_around(behind)) ++behind;
    if (begin == at_ && behind < end) at_ = behind;  // "all permutations of (1, 2, 3)"
    else if (begin > at_ && behind == end) tokens_.erase(tokens_.begin() + static_cast<std::ptrdiff_t>(begin), tokens_.end() - 1);
    else return Orders::kOne;
    return cyclic ? Orders::kCyclic : Orders::kAll;
  }
  return Orders::kOne;
}

Expression Grammar::InOrders(Expression answer, Orders orders) {
  if (failed_ || orders == Orders::kOne) return answer;
  std::vector<Expression> tuples, all;
  if (answer.Is(Op::kList) || answer.Is(Op::kSet)) tuples = std::move(answer.parts);
  else if (answer.Is(Op::kRelation, "=")) tuples.push_back(std::move(answer.parts[1]));  // (a, b, c) = (1, 2, 3)
  else tuples.push_back(std::move(answer));
  const bool cyclic = orders == Orders::kCyclic;
  for (const Expression& tuple : tuples) {
    if (!tuple.Is(Op::kTuple) || tuple.parts.size() > (cyclic ? kMaxTurned : kMaxOrdered) || !work_->Spend(64)) return Fail();
    AppendOrders(tuple, cyclic, &all);
  }
  return Node(Op::kSet, std::move(all));
}

}  // namespace pith
