// Conversations, chains and their vote, texts.
#include "calls.h"

void Words() {
  EXPECT(std::strlen(pith_version()) >= 5 && pith_abi() == PITH_ABI);
  EXPECT(std::string(pith_status_name(PITH_IN_CALLBACK)) == "in callback" && std::string(pith_status_name(-7)) == "unknown");
  EXPECT(std::string(pith_part_name(PITH_FORCED)) == "forced" && std::string(pith_part_name(99)) == "unknown");
  EXPECT(std::string(pith_finish_name(PITH_FINISH_LENGTH)) == "length" && std::string(pith_forced_by_name(PITH_FORCED_BY_LOOP)) == "loop");
}

void Conversations(pith_model* model, pith_adapter* adapter) {
  pith_conversation_options options = pith_conversation_options_default();
  options.system = "You are terse.";
  pith_conversation *conversation = nullptr, *other = nullptr;
  EXPECT_OK(pith_conversation_open(model, &options, &conversation, &error));
  EXPECT_OK(pith_conversation_open(model, &options, &other, &error));
  pith_request request = Ask("One?", 12);
  request.conversation = conversation;
  request.adapter = adapter;
  pith_answer *first = nullptr, *second = nullptr;
  EXPECT_OK(pith_generate(model, &request, nullptr, nullptr, &first, &error));
  EXPECT_REFUSED(pith_conversation_keep(other, first, 0, &error), PITH_INVALID, "not of a question");
  EXPECT_REFUSED(pith_conversation_keep(conversation, first, 1, &error), PITH_INVALID, "chain 1");
  EXPECT_OK(pith_conversation_keep(conversation, first, 0, &error));
  EXPECT_REFUSED(pith_conversation_keep(conversation, first, 0, &error), PITH_INVALID, "gone on");
  EXPECT(pith_conversation_turns(conversation) == 1);

  // A turn that is brought back as text is the same turn.
  EXPECT_OK(pith_conversation_add(other, "One?", pith_answer_kept(first, 0, nullptr), &error));
  request.user = "Two?";
  EXPECT_OK(pith_generate(model, &request, nullptr, nullptr, &second, &error));
  request.conversation = other;
  EXPECT(Run(model, request) == Of(second));
  EXPECT(UsageOf(second).prompt_tokens > UsageOf(first).prompt_tokens);

  pith_request ahead = pith_request_default();
  ahead.conversation = conversation;
  EXPECT_REFUSED(pith_submit(model, &ahead, nullptr, nullptr, &error), PITH_INVALID, "job is NULL");
  ahead.encode_only = 1;
  EXPECT(Run(model, ahead).tokens.empty());

  EXPECT_OK(pith_conversation_drop_last(conversation, &error));
  EXPECT_OK(pith_conversation_drop_last(conversation, &error));
  EXPECT_OK(pith_conversation_forget(other, &error));
  EXPECT(pith_conversation_turns(conversation) == 0 && pith_conversation_turns(other) == 0);
  pith_answer_free(first), pith_answer_free(second);
  pith_conversation_free(conversation), pith_conversation_free(other);
}

void Chains(pith_model* model) {
  pith_request request = Ask("What is 12 times 7?");
  request.chains = 3;
  request.temperature = 1;
  pith_answer *answer = nullptr, *again = nullptr;
  EXPECT_OK(pith_generate(model, &request, nullptr, nullptr, &answer, &error));
  EXPECT_OK(pith_generate(model, &request, nullptr, nullptr, &again, &error));
  EXPECT(pith_answer_chains(answer) == 3 && !(Of(answer, 0) == Of(answer, 1)));
  for (int i = 0; i < 3; ++i) EXPECT(Of(answer, i) == Of(again, i));
  EXPECT(pith_answer_text(answer, 3, nullptr) == nullptr && pith_answer_tokens(answer, -1, nullptr) == nullptr);
  pith_answer_free(answer), pith_answer_free(again);
}

// Chains whose vote is decided need not be waited for; those that come to their ends are what they are without it.
void Votes(pith_model* model) {
  pith_request request = Ask("What is 12 times 7?", 40);
  request.vote = 1;
  pith_answer *answer = nullptr, *all = nullptr;
  EXPECT_REFUSED(pith_generate(model, &request, nullptr, nullptr, &answer, &error), PITH_INVALID, "request.vote");
  const pith_logit_bias likely[] = {{24, 5}, {2, 4}};  // a digit, and the end
  request.chains = 9;
  request.temperature = 0.5;
  request.logit_bias = likely;
  request.num_logit_bias = 2;
  EXPECT_OK(pith_generate(model, &request, nullptr, nullptr, &answer, &error));
  request.vote = 0;
  EXPECT_OK(pith_generate(model, &request, nullptr, nullptr, &all, &error));
  pith_vote early = pith_vote_default(), late = pith_vote_default();
  EXPECT_OK(pith_answer_vote(answer, &early, &error));
  EXPECT_OK(pith_answer_vote(all, &late, &error));
  EXPECT(std::string(early.answer) == late.answer && early.chain == late.chain && std::strlen(late.answer) == late.answer_bytes && late.answer_bytes > 0);
  EXPECT(early.votes <= late.votes && late.votes <= late.voters && late.voters <= 9 && late.votes > 1);
  int cancelled = 0;
  for (int i = 0; i < 9; ++i) {
    if (UsageOf(answer, i).finish == PITH_FINISH_CANCELLED) ++cancelled;
    else EXPECT(Of(answer, i) == Of(all, i));
    EXPECT(UsageOf(all, i).finish != PITH_FINISH_CANCELLED);
  }
  EXPECT(cancelled > 0);
  EXPECT_REFUSED(pith_answer_vote(nullptr, &late, &error), PITH_INVALID, "answer is NULL");
  EXPECT_REFUSED(pith_answer_vote(all, nullptr, &error), PITH_INVALID, "vote is NULL");
  pith_answer_free(answer), pith_answer_free(all);
}

void Text(pith_model* model) {
  int32_t ids[64];
  size_t count = 0;
  EXPECT_OK(pith_tokenize(model, "hello <|im_end|>", 1, ids, 64, &count, &error));
  std::string back;
  for (size_t i = 0; i < count; ++i) {
    const char* bytes = nullptr;
    size_t size = 0;
    EXPECT_OK(pith_token_bytes(model, ids[i], &bytes, &size, &error));
    back.append(bytes, size);
  }
  EXPECT(back == "hello <|im_end|>");
  const size_t parsed = count;
  EXPECT_OK(pith_tokenize(model, "hello <|im_end|>", 0, nullptr, 0, &count, &error));
  EXPECT(count > parsed);
  const char* bytes = nullptr;
  size_t size = 0;
  EXPECT_REFUSED(pith_token_bytes(model, -1, &bytes, &size, &error), PITH_INVALID, "token -1");
}
