#include "rewards/external/url_verifier.h"

#include <algorithm>
#include <system_error>
#include <thread>

#include "base/error.h"
#include "rewards/external/wire.h"

namespace pith {

void UrlVerifier::JudgeChunk(std::span<const Attempt> attempts, std::span<Judgement> out) const {
  const auto all = [&](const std::string& reason) {
    for (Judgement& j : out) j = {Verdict::kError, 0, reason, ""};
  };
  try {
    std::string body = "[";
    for (size_t i = 0; i < attempts.size(); ++i) body += (i > 0 ? "," : "") + AttemptJson(static_cast<int64_t>(i) + 1, attempts[i]);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                                                 std::chrono::duration<double>(settings_.timeout_seconds));
    std::string problem;
    const auto replies = ParseReplies(PostJson(url_, body + "]", deadline, &stopping_), pay_unsimplified_, &problem);
    if (!replies) return all(problem);
    all("the judge's list has no answer to this attempt");
    std::vector<bool> answered(attempts.size());
    std::string stray;
    for (const Reply& reply : *replies) {
      const bool known = reply.id && *reply.id >= 1 && *reply.id <= static_cast<int64_t>(attempts.size());
      if (!known) {
        stray = reply.id ? Str("; it has one to id ", *reply.id, ", which was not sent") : "; " + reply.judgement.reason;
        continue;
      }
      const auto at = static_cast<size_t>(*reply.id - 1);
      if (!answered[at]) out[at] = reply.judgement;
      answered[at] = true;
    }
    for (size_t i = 0; i < attempts.size(); ++i) {
      if (!answered[i]) out[i].reason += stray;
    }
  } catch (const std::exception& error) {
    all(Str("the judge at ", settings_.url, ": ", error.what()));
  }
}

std::vector<Judgement> UrlVerifier::Judge(std::span<const Attempt> attempts) {
  std::vector<Judgement> out(attempts.size());
  // Small batches are spread over the workers too.
  const auto workers = static_cast<size_t>(settings_.workers);
  const size_t chunk = std::clamp<size_t>((attempts.size() + workers - 1) / workers, 1, kChunk);
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t begin; (begin = chunk * next++) < attempts.size();) {
      const size_t size = std::min(chunk, attempts.size() - begin);
      JudgeChunk(attempts.subspan(begin, size), std::span(out).subspan(begin, size));
    }
  };
  std::vector<std::thread> threads;
  try {
    while (threads.size() + 1 < std::min(workers, (attempts.size() + chunk - 1) / chunk)) threads.emplace_back(work);
  } catch (const std::system_error&) {  // fewer will do
  }
  work();
  for (std::thread& thread : threads) thread.join();
  return out;
}

}  // namespace pith
