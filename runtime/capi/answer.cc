#include "runtime/capi/answer.h"

#include "data/text/stream_decoder.h"
#include "runtime/capi/handles.h"
#include "runtime/session/conversation.h"

namespace pith::capi {
namespace {

// Bytes of tokens need not be characters.
std::string Characters(const std::string& bytes) {
  StreamDecoder decoder;
  std::string text = decoder.Push(bytes);
  return text + decoder.Flush();
}

pith_usage UsageOf(const Completion& completion, int64_t prompt_tokens) {
  pith_usage usage = pith_usage_default();
  usage.prompt_tokens = prompt_tokens;
  usage.thinking_tokens = completion.usage.thinking_tokens;
  usage.answer_tokens = completion.usage.answer_tokens;
  usage.forced_tokens = completion.usage.forced_tokens;
  usage.announced_tokens = completion.announced;
  usage.forced = completion.forced_begin >= 0 ? 1 : 0;
  usage.forced_by = static_cast<int32_t>(completion.usage.forced_by);
  usage.finish = static_cast<int32_t>(completion.finish);
  usage.ttft_ms = completion.ttft_ms;
  usage.wall_ms = completion.wall_ms;
  usage.score = completion.score.value_or(-1);
  usage.check_ms = completion.check_ms;
  return usage;
}

static_assert(static_cast<int>(Finish::kStop) == PITH_FINISH_STOP && static_cast<int>(Finish::kLength) == PITH_FINISH_LENGTH &&
              static_cast<int>(Finish::kCancelled) == PITH_FINISH_CANCELLED);
static_assert(static_cast<int>(ForcedBy::kNone) == PITH_FORCED_BY_NONE && static_cast<int>(ForcedBy::kBudget) == PITH_FORCED_BY_BUDGET &&
              static_cast<int>(ForcedBy::kTime) == PITH_FORCED_BY_TIME && static_cast<int>(ForcedBy::kLoop) == PITH_FORCED_BY_LOOP &&
              static_cast<int>(ForcedBy::kRequest) == PITH_FORCED_BY_REQUEST);

const Chain* ChainOf(const pith_answer* handle, int32_t chain) {
  if (handle == nullptr || handle->mark.load(std::memory_order_relaxed) != pith_answer::kMark) return nullptr;
  const std::vector<Chain>& chains = handle->answer->chains;
  return chain >= 0 && static_cast<size_t>(chain) < chains.size() ? &chains[static_cast<size_t>(chain)] : nullptr;
}

const char* Give(const Chain* chain, const std::string Chain::*member, size_t* num_bytes) {
  if (num_bytes != nullptr) *num_bytes = chain == nullptr ? 0 : (chain->*member).size();
  return chain == nullptr ? nullptr : (chain->*member).c_str();
}

template <class T>
const T* GiveList(const Chain* chain, const std::vector<T> Chain::*member, size_t* count) {
  static const T kNone{};  // an empty list is a list, too
  if (count != nullptr) *count = chain == nullptr ? 0 : (chain->*member).size();
  if (chain == nullptr) return nullptr;
  return (chain->*member).empty() ? &kNone : (chain->*member).data();
}

}  // namespace

std::shared_ptr<const Answer> MakeAnswer(const Tokenizer& tokenizer, std::vector<Completion> completions, int64_t prompt_tokens, Turn turn, VoteKind kind,
                                         const AutoMode* automatic, const std::optional<SwitchChoice>& choice) {
  auto answer = std::make_shared<Answer>();
  answer->kind = kind;
  answer->turn = std::move(turn);
  if (choice) answer->arm = automatic->arms()[choice->arm].name;
  for (Completion& completion : completions) {
    Chain chain;
    chain.text = Characters(ResponseText(tokenizer, completion));
    chain.kept = Characters(KeptAnswer(tokenizer, completion));
    chain.judged = Characters(JudgedText(tokenizer, completion));
    chain.usage = UsageOf(completion, prompt_tokens);
    if (choice) {
      chain.usage.arm = answer->arm.c_str();
      chain.usage.chance = choice->right[choice->arm];
      chain.usage.expected_tokens = choice->tokens[choice->arm];
    }
    chain.tokens = std::move(completion.tokens);
    chain.logprobs = std::move(completion.logprobs);
    answer->chains.push_back(std::move(chain));
  }
  return answer;
}

const Vote::Result& Answer::vote() const {
  std::call_once(counted_, [this] {
    Vote vote(chains.size(), kind);
    for (size_t i = 0; i < chains.size(); ++i) {
      const pith_usage& usage = chains[i].usage;
      if (usage.finish != PITH_FINISH_CANCELLED) vote.Add(i, chains[i].judged, usage.score >= 0 ? usage.score : 1);
    }
    vote_ = vote.Winner();
  });
  return vote_;
}

}  // namespace pith::capi

using namespace pith::capi;

int32_t pith_answer_chains(const pith_answer* answer) {
  if (answer == nullptr || answer->mark.load(std::memory_order_relaxed) != pith_answer::kMark) return 0;
  return static_cast<int32_t>(answer->answer->chains.size());
}

const char* pith_answer_text(const pith_answer* answer, int32_t chain, size_t* num_bytes) { return Give(ChainOf(answer, chain), &Chain::text, num_bytes); }
const char* pith_answer_kept(const pith_answer* answer, int32_t chain, size_t* num_bytes) { return Give(ChainOf(answer, chain), &Chain::kept, num_bytes); }
const int32_t* pith_answer_tokens(const pith_answer* answer, int32_t chain, size_t* count) { return GiveList(ChainOf(answer, chain), &Chain::tokens, count); }
const float* pith_answer_logprobs(const pith_answer* answer, int32_t chain, size_t* count) { return GiveList(ChainOf(answer, chain), &Chain::logprobs, count); }

pith_status pith_answer_usage(const pith_answer* answer, int32_t chain, pith_usage* usage, pith_error* error) {
  return Guarded(error, nullptr, [&] {
    Get(answer, "answer");
    const Chain* found = ChainOf(answer, chain);
    if (found == nullptr) pith::ThrowUser("chain ", chain, " was asked for; the answer has ", answer->answer->chains.size(), ", from 0 on");
    WriteStruct(found->usage, usage, "usage");
  });
}

pith_status pith_answer_vote(const pith_answer* answer, pith_vote* vote, pith_error* error) {
  return Guarded(error, nullptr, [&] {
    const pith::Vote::Result& winner = Get(answer, "answer").answer->vote();
    pith_vote told = pith_vote_default();
    told.answer = winner.answer.c_str();
    told.answer_bytes = winner.answer.size();
    told.chain = static_cast<int32_t>(winner.chain);
    told.votes = static_cast<int32_t>(winner.votes);
    told.voters = static_cast<int32_t>(winner.voters);
    told.kind = answer->answer->kind == pith::VoteKind::kWeighted ? PITH_VOTE_WEIGHTED : PITH_VOTE_MAJORITY;
    told.weight = winner.weight;
    told.all_weight = winner.all_weight;
    WriteStruct(told, vote, "vote");
  });
}

void pith_answer_free(pith_answer* answer) {
  if (answer == nullptr || answer->lent) return;
  if (Retire(answer)) delete answer;
}
