// A budget told by forced tokens at the response's beginning.
#include <algorithm>

#include "calls.h"

void Announced(pith_model* model, pith_adapter* adapter) {
  pith_request request = Ask("What is 12 times 7?", 0);
  request.adapter = adapter;
  request.budget_tokens = 80;
  const Result untold = Run(model, request);
  request.announcement = "budget {budget}:";
  int32_t ids[64];
  size_t count = 0;
  EXPECT_OK(pith_tokenize(model, "budget 80:", 0, ids, 64, &count, &error));
  struct Seen {
    size_t forced = 0;
    std::string text;
    static int OnToken(void* self, const pith_token* token) {
      auto* seen = static_cast<Seen*>(self);
      if (token->part == PITH_FORCED && seen->text.empty()) ++seen->forced;
      seen->text += token->text;
      return 0;
    }
  } seen;
  pith_answer* answer = nullptr;
  EXPECT_OK(pith_generate(model, &request, Seen::OnToken, &seen, &answer, &error));
  const Result told = Of(answer);
  const pith_usage usage = UsageOf(answer);
  EXPECT(usage.announced_tokens == static_cast<int64_t>(count) && usage.forced_tokens >= usage.announced_tokens && seen.forced >= count);
  EXPECT(told.tokens.size() > count && std::equal(ids, ids + count, told.tokens.begin()) && !(told == untold));
  EXPECT(usage.thinking_tokens + usage.answer_tokens == static_cast<int64_t>(told.tokens.size()) && told.tokens.size() <= 80);
  EXPECT(std::string(pith_answer_text(answer, 0, nullptr)).find("budget 80:") == std::string::npos && seen.text.find("budget 80:") == std::string::npos);
  EXPECT(std::string(pith_answer_kept(answer, 0, nullptr)).find("budget 80:") == std::string::npos);
  pith_answer_free(answer);

  pith_request of_before = request;  // a program that was built before there was this field
  of_before.struct_bytes = offsetof(pith_request, announcement);
  EXPECT(Run(model, of_before) == untold);
  request.announcement = "";
  EXPECT(Run(model, request) == untold);
  request.announcement = "budget {budget}:";
  request.encode_only = 1;
  EXPECT(Run(model, request).tokens.empty());
  request.encode_only = 0;
  const auto refused = [&](const pith_request& r, const char* part) { EXPECT_REFUSED(pith_generate(model, &r, nullptr, nullptr, &answer, &error), PITH_INVALID, part); };
  pith_request r = request;
  r.adapter = nullptr;
  refused(r, "the base has learned none");
  r = request, r.sentence = "In {budget} tokens.";
  refused(r, "both tell the budget");
  r = request, r.budget_tokens = 0;
  refused(r, "without a budget of tokens");
  r = request, r.announcement = "\xff";
  refused(r, "not UTF-8");
  r = request, r.announcement = "{budget}<|im_end|>";
  refused(r, "ends a response");
}
