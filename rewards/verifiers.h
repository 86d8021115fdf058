// Which verifier judges which attempt, on how many threads, and what was judged before. The reward, evaluations, the traces of a
// teacher and pith-run grade all ask here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rewards/math_verifier.h"
#include "rewards/verifier.h"

namespace pith {

// Both readings of one attempt. A verifier that knows one reading alone gives it twice.
struct Judgements {
  Judgement strict, lenient;
  const Judgement& of(const std::string& reading) const { return reading == "lenient" ? lenient : strict; }  // as configurations call it
};

struct VerifiersOptions {
  bool pay_unsimplified = false;     // reward.form: any
  int threads = 0;                   // of pure verifiers; 0: all cores
  double max_error_share = 0.05;     // of the last kErrorWindow attempts of a verifier that is not pure
  int64_t cache_bytes = 64 << 20;
};

// Thread-safe. Judgements are cached by all that their verifier sees; errors never are.
class Verifiers {
 public:
  static constexpr int64_t kErrorWindow = 100;

  // Mathematics, and the kinds of rewards/text_verifier.h.
  explicit Verifiers(const VerifiersOptions& options = {});
  ~Verifiers();
  // Gives `kinds` (every kind where it is empty) to `verifier`. To be called before anything is judged.
  void Use(std::shared_ptr<Verifier> verifier, const std::vector<std::string>& kinds);
  // Several processes that judge the same attempts at the same time let one of them ask a verifier that is not pure:
  // share(ask) gives each what ask() gave one of them. To be called before anything is judged.
  void Share(std::function<std::string(const std::function<std::string()>& ask)> share);

  // UserError, naming the kinds there are, where none of them is `kind`. `where` begins the sentence: "problem gsm8k-3".
  void CheckKind(std::string_view kind, const std::string& where) const;

  // One judgement per attempt. Where no answer was found in a response that a limit had ended, the verdict is `cut` and the reason says
  // which limit. UserError where a verifier's errors exceed their share, or all of its first batch are errors.
  std::vector<Judgement> Judge(std::span<const Attempt> attempts, MathReading reading);
  std::vector<Judgements> JudgeBoth(std::span<const Attempt> attempts);

  // Begins to judge what no pure verifier does, for JudgeBoth() to find it done: while a step is still sampled, its first completions
  // are being judged. Copies the attempts; returns at once. Without effect where processes share.
  void Prepare(std::span<const Attempt> attempts);
  // Whether it helps for this kind.
  bool Waits(std::string_view kind) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pith
