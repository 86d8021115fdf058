#include "runtime/session/mode.h"

#include "base/error.h"

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

}  // namespace pith
