// Mathematics, the verifier of problems that name no other: rewards/answers/answer.h as a Verifier.
#pragma once

#include "rewards/verifier.h"

namespace pith {

enum class MathReading {
  kStrict,      // Reading::kStrict
  kLenient,     // Reading::kLenient
  kPrediction,  // a bare answer or a whole response, as GradePrediction() takes it
};

class MathVerifier : public Verifier {
 public:
  // pay_unsimplified: such an answer scores 1 instead of 0 (reward.form: any).
  MathVerifier(MathReading reading, bool pay_unsimplified) : reading_(reading), pay_unsimplified_(pay_unsimplified) {}
  std::vector<Judgement> Judge(std::span<const Attempt> attempts) override;
  std::string Identity() const override;
  bool IsPure() const override { return true; }

 private:
  MathReading reading_;
  bool pay_unsimplified_;
};

}  // namespace pith
