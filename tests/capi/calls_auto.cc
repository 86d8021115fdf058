// Mode auto: the switcher's arm answers as if it had been asked by name.
#include "calls.h"

namespace {

pith_answer* Answered(pith_model* model, const pith_request& request) {
  pith_answer* answer = nullptr;
  EXPECT_OK(pith_generate(model, &request, nullptr, nullptr, &answer, &error));
  return answer;
}

int Stop(void*, const pith_token*) { return 1; }

}  // namespace

void Auto(pith_model* model, pith_adapter* without, const std::string& path) {
  pith_adapter* adapter = nullptr;
  EXPECT_OK(pith_adapter_open(model, path.c_str(), nullptr, &adapter, &error));
  pith_adapter_info about = pith_adapter_info_default(), bare = pith_adapter_info_default();
  EXPECT_OK(pith_adapter_get_info(adapter, &about, &error));
  EXPECT_OK(pith_adapter_get_info(without, &bare, &error));
  EXPECT(about.switcher_arms == 3 && about.switcher_accuracy == 0.625 && about.switcher_tokens == 14.5 && bare.switcher_arms == 0);
  pith_verification verified = pith_verification_default();
  EXPECT_OK(pith_verify(adapter, nullptr, &verified, &error));
  EXPECT(verified.num_findings == 0 && verified.switcher_bound > 0 && verified.switcher_deviation <= verified.switcher_bound);

  // Whatever it chooses, the answer is that arm's; over many prompts it chooses one and the other.
  bool by_base = false, by_adapter = false;
  for (int i = 0; i < 24; ++i) {
    const std::string user = "Say " + std::string(1 + i % 3, static_cast<char>('a' + i)) + (i % 2 ? " and then 12 times 7?" : "");
    pith_request request = Ask(user.c_str(), 12);
    request.adapter = adapter;
    request.mode = PITH_MODE_AUTO;
    request.chains = i % 4 == 3 ? 3 : 1;
    request.temperature = request.chains > 1 ? 0.7 : 0;
    pith_answer* answer = Answered(model, request);
    const pith_usage usage = UsageOf(answer, 0);
    EXPECT(usage.arm != nullptr && usage.chance > 0 && usage.chance < 1 && usage.expected_tokens > 0);
    const bool base = std::strcmp(usage.arm, "base") == 0;
    EXPECT(base || std::strcmp(usage.arm, "adapter") == 0);
    EXPECT(usage.chance >= 0.5);
    (base ? by_base : by_adapter) = true;
    pith_request asked = request;
    asked.mode = PITH_MODE_ASKED;
    asked.adapter = base ? nullptr : adapter;
    pith_answer* direct = Answered(model, asked);
    EXPECT(UsageOf(direct, 0).arm == nullptr);
    for (int chain = 0; chain < pith_answer_chains(direct); ++chain) EXPECT(Of(answer, chain) == Of(direct, chain));
    pith_answer_free(answer), pith_answer_free(direct);
  }
  EXPECT(by_base && by_adapter);

  // At so low a cost the shortest arm is taken, under its budget.
  pith_request request = Ask("What is 12 times 7?");
  request.adapter = adapter;
  request.mode = PITH_MODE_AUTO;
  request.switch_cost = 3;
  pith_answer* answer = Answered(model, request);
  EXPECT(std::string(UsageOf(answer, 0).arm) == "adapter-40");
  EXPECT(UsageOf(answer, 0).thinking_tokens + UsageOf(answer, 0).answer_tokens <= 40);
  pith_answer_free(answer);

  // In a conversation; cancelled by its callback; cancelled before anybody answers.
  pith_conversation* conversation = nullptr;
  EXPECT_OK(pith_conversation_open(model, nullptr, &conversation, &error));
  pith_request turn = Ask("Hello", 12);
  turn.conversation = conversation;
  turn.adapter = adapter;
  turn.mode = PITH_MODE_AUTO;
  answer = Answered(model, turn);
  EXPECT_OK(pith_conversation_keep(conversation, answer, 0, &error));
  EXPECT(pith_conversation_turns(conversation) == 1);
  pith_answer_free(answer);
  EXPECT_OK(pith_generate(model, &turn, Stop, nullptr, &answer, &error));
  EXPECT(UsageOf(answer, 0).finish == PITH_FINISH_CANCELLED && UsageOf(answer, 0).arm != nullptr);
  pith_answer_free(answer);
  for (int i = 0; i < 8; ++i) {
    pith_job* job = nullptr;
    pith_request several = turn;
    several.chains = 2;
    several.temperature = 1;
    EXPECT_OK(pith_submit(model, &several, nullptr, &job, &error));
    EXPECT_OK(pith_job_cancel(job, i % 2 ? 1 : -1, &error));
    EXPECT_OK(pith_job_wait(job, -1, &answer, &error));
    EXPECT(pith_answer_chains(answer) == 2);
    EXPECT(i % 2 == 1 || UsageOf(answer, 0).finish == PITH_FINISH_CANCELLED);
    pith_answer_free(answer);
    pith_job_free(job);
  }
  pith_conversation_free(conversation);

  const auto refused = [&](pith_request given, const char* part) {
    pith_answer* none = nullptr;
    EXPECT_REFUSED(pith_generate(model, &given, nullptr, nullptr, &none, &error), PITH_INVALID, part);
  };
  request = Ask("What is 12 times 7?");
  request.mode = PITH_MODE_AUTO;
  refused(request, "request.mode: PITH_MODE_AUTO wants request.adapter");
  request.adapter = without;
  refused(request, "request.mode: PITH_MODE_AUTO wants an adapter with a switcher, and '");
  request.adapter = adapter;
  const auto with = [&](auto set) {
    pith_request given = request;
    set(given);
    return given;
  };
  refused(with([](pith_request& r) { r.budget_tokens = 100; }), "chooses the budget");
  refused(with([](pith_request& r) { r.closable = 1; }), "chooses the budget");
  refused(with([](pith_request& r) { r.adapter_scale = 0.5; }), ".adapter_scale");
  refused(with([](pith_request& r) { r.score = 1; }), "the base may answer");
  refused(with([](pith_request& r) { r.encode_only = 1; }), "encode_only");
  refused(with([](pith_request& r) { r.user = nullptr, r.prompt = "x"; }), "give request.user, and no raw prompt");
  refused(with([](pith_request& r) { r.switch_cost = 1; }), "the least that it was seen to need is 2");
  refused(with([](pith_request& r) { r.mode = 7; }), "request.mode is 7");
  refused(with([](pith_request& r) { r.reserved = 1; }), "reserved");
  refused(with([](pith_request& r) { r.mode = PITH_MODE_ASKED, r.switch_cost = 9; }), "request.switch_cost has no effect");
  pith_adapter_close(adapter);
}
