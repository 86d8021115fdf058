#include "runtime/session/mode.h"

#include "base/error.h"
#include "data/text/announcement.h"

namespace pith {

int64_t FindSwitch(const NamedAdapter& mode, const Prompt& prompt, const Tokenizer& tokenizer, const std::string& advice) {
  if (!mode.adapter || mode.adapter->activation() != Activation::kInvocation) return prompt.invocation_start;
  const std::vector<int32_t>& invocation = mode.adapter->invocation();
  const auto found = FindInvocation(prompt.ids, invocation);
  if (!found) {
    ThrowUser("adapter '", mode.name, "' acts from its invocation tokens on ('", tokenizer.Decode(invocation, /*with_control=*/true),
              "'), and the prompt does not hold them; use it with the model and chat template that it was trained for, or ", advice);
  }
  return *found;
}

DecodeBudget ClosedBy(const std::string& close_text, bool given, const Tokenizer& tokenizer) {
  DecodeBudget decode;
  decode.close_ids = tokenizer.Encode(close_text, SpecialTokens::kParse);
  const auto close = tokenizer.FindToken(kThinkClose);
  if (!given) decode.think_close_ids = close ? std::vector<int32_t>{*close} : tokenizer.Encode(kThinkClose);
  return decode;
}

ResponseCheck CheckOf(const NamedAdapter& mode, const std::string& asked) {
  if (!mode.adapter) ThrowUser(asked, " wants an adapter with a verifier, and the base has none; give an adapter that stage: verifier of pith-train has fitted one for");
  if (!mode.adapter->verifier()) {
    ThrowUser(asked, " wants an adapter with a verifier, and '", mode.name, "' has none; fit one with stage: verifier of pith-train, and export it again");
  }
  const VerifierHead& head = *mode.adapter->verifier();
  return {head.check_ids, head.end_id, head.by_base, std::shared_ptr<const LinearHead>(mode.adapter, &head)};
}

std::string AnnouncementOf(const NamedAdapter& mode, const std::optional<std::string>& given, const std::string& sentence) {
  if (!mode.adapter || !sentence.empty()) return "";
  if (given) return *given;
  return mode.adapter->budget() ? mode.adapter->budget()->announcement : "";
}

void Announce(const std::string& announcement, const Tokenizer& tokenizer, GenerateRequest* request) {
  request->response_prefix.clear();
  if (request->adapter && request->budget) {
    const DecodeBudget& budget = *request->budget;
    request->response_prefix = AnnouncementIds(tokenizer, announcement, budget.pooled ? budget.tokens / request->num_samples : budget.tokens);
  }
  request->announced = static_cast<int64_t>(request->response_prefix.size());
}

}  // namespace pith
