// What an adapter's verifier says: scores of chains, and a vote weighted by them.
#include <cmath>

#include "calls.h"

void Scores(pith_model* model, pith_adapter* without, const std::string& path) {
  pith_adapter* adapter = nullptr;
  EXPECT_OK(pith_adapter_open(model, path.c_str(), nullptr, &adapter, &error));
  pith_adapter_info about = pith_adapter_info_default(), bare = pith_adapter_info_default();
  EXPECT_OK(pith_adapter_get_info(adapter, &about, &error));
  EXPECT_OK(pith_adapter_get_info(without, &bare, &error));
  EXPECT(about.has_verifier == 1 && about.verifier_auc == 0.625 && about.verifier_error == 0.125);
  EXPECT(bare.has_verifier == 0 && bare.verifier_auc == 0);
  pith_verification verified = pith_verification_default();
  EXPECT_OK(pith_verify(adapter, nullptr, &verified, &error));
  EXPECT(verified.num_findings == 0 && verified.verifier_bound > 0 && verified.verifier_deviation <= verified.verifier_bound);

  const pith_logit_bias likely[] = {{24, 5}, {2, 4}};  // a digit, and the end
  pith_request request = Ask("What is 12 times 7?", 40);
  request.adapter = adapter;
  request.chains = 6;
  request.temperature = 0.5;
  request.logit_bias = likely;
  request.num_logit_bias = 2;
  pith_answer *plain = nullptr, *scored = nullptr, *weighted = nullptr;
  EXPECT_OK(pith_generate(model, &request, nullptr, nullptr, &plain, &error));
  request.score = 1;
  EXPECT_OK(pith_generate(model, &request, nullptr, nullptr, &scored, &error));
  request.score = 0;
  request.vote = PITH_VOTE_WEIGHTED;
  EXPECT_OK(pith_generate(model, &request, nullptr, nullptr, &weighted, &error));
  for (int i = 0; i < 6; ++i) {
    const pith_usage usage = UsageOf(scored, i), early = UsageOf(weighted, i);
    EXPECT(UsageOf(plain, i).score == -1 && usage.score > 0 && usage.score < 1 && usage.check_ms > 0);
    EXPECT(Of(plain, i) == Of(scored, i));
    EXPECT(early.finish == PITH_FINISH_CANCELLED || early.score == usage.score);
  }
  // Each chain's vote is its score: of all chains counted by hand, as far as texts are alike.
  pith_vote vote = pith_vote_default(), majority = pith_vote_default();
  EXPECT_OK(pith_answer_vote(weighted, &vote, &error));
  EXPECT_OK(pith_answer_vote(scored, &majority, &error));
  EXPECT(vote.kind == PITH_VOTE_WEIGHTED && majority.kind == PITH_VOTE_MAJORITY);
  EXPECT(majority.weight == majority.votes && majority.all_weight == majority.voters);
  EXPECT(vote.weight > 0 && vote.weight < vote.votes && vote.weight <= vote.all_weight);
  EXPECT(std::fabs(UsageOf(weighted, vote.chain).score) <= 1);
  for (int i = 0; i < 6; ++i) {
    const bool same = UsageOf(weighted, i).finish != PITH_FINISH_CANCELLED &&
                      std::strcmp(pith_answer_text(weighted, i, nullptr), pith_answer_text(weighted, vote.chain, nullptr)) == 0;
    EXPECT(!same || UsageOf(weighted, i).score <= UsageOf(weighted, vote.chain).score);
  }
  pith_answer_free(plain), pith_answer_free(scored), pith_answer_free(weighted);

  pith_answer* none = nullptr;
  request.adapter = without;
  EXPECT_REFUSED(pith_generate(model, &request, nullptr, nullptr, &none, &error), PITH_INVALID, "request.vote: PITH_VOTE_WEIGHTED wants an adapter with a verifier, and '");
  request.adapter = adapter;
  request.adapter_scale = 0.5;
  EXPECT_REFUSED(pith_generate(model, &request, nullptr, nullptr, &none, &error), PITH_INVALID, ".adapter_scale");
  request.adapter_scale = 0;
  request.encode_only = 1;
  EXPECT_REFUSED(pith_generate(model, &request, nullptr, nullptr, &none, &error), PITH_INVALID, "encode_only");
  pith_adapter_close(adapter);
}
