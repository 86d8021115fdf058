// A judge behind a URL: a POST of a JSON list of attempts, answered by a list in any order (rewards/external/wire.h).
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "configs/train_config.h"
#include "rewards/external/http.h"
#include "rewards/verifier.h"

namespace pith {

// At most kChunk attempts a request, `workers` requests at a time, timeout_seconds each. A request that fails makes all of its attempts
// errors, an answer that is missing or none its own. Of two answers to one attempt the first counts.
class UrlVerifier : public Verifier {
 public:
  static constexpr size_t kChunk = 16;

  // UserError for a URL that is none.
  UrlVerifier(const VerifierSettings& settings, bool pay_unsimplified)
      : settings_(settings), pay_unsimplified_(pay_unsimplified), url_(ParseHttpUrl(settings.url)) {}
  std::vector<Judgement> Judge(std::span<const Attempt> attempts) override;
  std::string Identity() const override { return (pay_unsimplified_ ? "url any " : "url finished ") + settings_.url; }
  void Stop() override { stopping_ = true; }

 private:
  void JudgeChunk(std::span<const Attempt> attempts, std::span<Judgement> out) const;

  const VerifierSettings settings_;
  const bool pay_unsimplified_;
  const HttpUrl url_;
  std::atomic<bool> stopping_ = false;
};

}  // namespace pith
