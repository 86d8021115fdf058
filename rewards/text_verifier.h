// Short answers that are judged as text: what is to be repeated, named or spelled. Kinds of problems beside mathematics.
//
//   copy      the response is the gold text: white space, one pair of quotation marks around it and a full stop at its end aside. Capitals count.
//   mention   the response has the gold text in it as whole words; gold may give several, parted by |, any of which will do. Capitals do not count.
//   spelling  the response has the letters of the gold word in their order and nothing but them, each parted from the next ("c-a-t", "C, A, T"). Capitals do not count.
//
// Thoughts do not count, as everywhere.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rewards/verifier.h"

namespace pith {

enum class TextJudgement { kCopy, kMention, kSpelling };

class TextVerifier : public Verifier {
 public:
  explicit TextVerifier(TextJudgement rule) : rule_(rule) {}
  // correct or wrong; unparsed where the response says nothing.
  std::vector<Judgement> Judge(std::span<const Attempt> attempts) override;
  std::string Identity() const override;
  bool IsPure() const override { return true; }

 private:
  const TextJudgement rule_;
};

// The kinds, by name, with who judges them.
struct TextKind {
  const char* name;
  TextJudgement rule;
};
inline constexpr TextKind kTextKinds[] = {{"copy", TextJudgement::kCopy}, {"mention", TextJudgement::kMention}, {"spelling", TextJudgement::kSpelling}};

bool IsCopy(std::string_view response, std::string_view gold);
bool Mentions(std::string_view response, std::string_view gold);
bool Spells(std::string_view response, std::string_view gold);

}  // namespace pith
