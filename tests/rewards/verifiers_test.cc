// The registry of verifiers: kinds, threads, the cache, errors and their share, cut answers; mathematics as it is without it.
#include "rewards/verifiers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <set>
#include <stdexcept>

#include "base/error.h"
#include "rewards/judgement_cache.h"

namespace pith {
namespace {

Attempt Of(std::string_view gold, std::string_view response, std::string_view kind = "math") {
  Attempt attempt;
  attempt.gold = gold, attempt.response = response, attempt.kind = kind;
  return attempt;
}

// Right where the response is the gold answer; "fail" is an error, "throw" an exception, "few" too few judgements.
class Fake : public Verifier {
 public:
  std::vector<Judgement> Judge(std::span<const Attempt> attempts) override {
    std::vector<Judgement> out;
    for (const Attempt& a : attempts) {
      ++judged;
      {
        const std::lock_guard lock(mutex);
        payloads.insert(std::string(a.payload));
      }
      if (a.response == "throw") throw std::runtime_error("out of luck");
      if (a.response == "few") return {};
      if (a.response == "fail") out.push_back({Verdict::kError, 0, "it failed", ""});
      else if (a.response == "nothing") out.push_back({Verdict::kUnparsed, 0, "", ""});
      else out.push_back({a.response == a.gold ? Verdict::kCorrect : Verdict::kWrong, a.response == a.gold ? 1.0 : 0.25, "", std::string(a.response)});
    }
    return out;
  }
  std::string Identity() const override { return "fake"; }
  std::atomic<int> judged = 0;
  std::mutex mutex;
  std::set<std::string> payloads;
};

std::string Refusal(const std::function<void()>& body) {
  try {
    body();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(Verifiers, WorkLeftUndoneIsPaidOnlyWhereAnyFormIs) {
  const std::vector<Attempt> attempts = {Of("72", "#### 48/2+48"), Of("72", "#### 72"), Of("72", "#### 48/2+49")};
  for (const bool any : {false, true}) {
    VerifiersOptions options;
    options.pay_unsimplified = any;
    const std::vector<Judgement> judged = Verifiers(options).Judge(attempts, MathReading::kStrict);
    ASSERT_EQ(judged.size(), 3u);
    EXPECT_EQ(judged[0].verdict, Verdict::kUnsimplified);
    EXPECT_EQ(judged[0].score, any ? 1 : 0);
    EXPECT_EQ(judged[1].score, 1);
    EXPECT_EQ(judged[2].score, 0);
  }
}

TEST(Verifiers, MathematicsIsWhatTheAnswersSay) {
  std::vector<std::string> golds, responses;
  for (int i = 0; i < 300; ++i) {
    golds.push_back(i % 7 == 0 ? "\\frac{" + std::to_string(i) + "}{2}" : std::to_string(i));
    const char* forms[] = {"so\n#### ", "The answer is ", "\\boxed{", "no number at all "};
    std::string text = forms[i % 4] + (i % 4 == 3 ? "" : std::to_string(i % 5 == 0 ? i + 1 : i));
    responses.push_back(i % 4 == 2 ? text + "}" : text);
  }
  std::vector<Attempt> attempts;
  for (size_t i = 0; i < golds.size(); ++i) attempts.push_back(Of(golds[i], responses[i]));
  for (int threads : {1, 3}) {
    VerifiersOptions options;
    options.threads = threads;
    Verifiers verifiers(options);
    for (int pass = 0; pass < 2; ++pass) {  // the second out of the cache
      const std::vector<Judgements> both = verifiers.JudgeBoth(attempts);
      const std::vector<Judgement> bare = verifiers.Judge(attempts, MathReading::kPrediction);
      for (size_t i = 0; i < attempts.size(); ++i) {
        const Grade strict = GradeResponse(golds[i], responses[i], Reading::kStrict), lenient = GradeResponse(golds[i], responses[i], Reading::kLenient);
        EXPECT_EQ(both[i].strict.verdict, strict.verdict) << responses[i];
        EXPECT_EQ(both[i].strict.extracted, strict.extracted);
        EXPECT_EQ(both[i].lenient.verdict, lenient.verdict) << responses[i];
        EXPECT_EQ(both[i].lenient.extracted, lenient.extracted);
        EXPECT_EQ(both[i].strict.score, strict.verdict == Verdict::kCorrect ? 1 : 0);
        EXPECT_EQ(bare[i].verdict, GradePrediction(golds[i], responses[i]).verdict);
      }
    }
  }
}

TEST(Verifiers, CallWhatALimitEndedCut) {
  Verifiers verifiers;
  std::vector<Attempt> attempts = {Of("4", "so 2 and"), Of("4", "#### 4\nand on and"), Of("4", "well"), Of("4", "well")};
  for (size_t i = 0; i < 3; ++i) attempts[i].ended_by = EndedBy::kWhole;
  attempts[2].ended_by = EndedBy::kThinking;
  const std::vector<Judgements> both = verifiers.JudgeBoth(attempts);
  EXPECT_EQ(both[0].strict.verdict, Verdict::kCut);
  EXPECT_EQ(both[0].strict.score, 0);
  EXPECT_NE(both[0].strict.reason.find("length"), std::string::npos);
  EXPECT_EQ(both[0].lenient.verdict, Verdict::kWrong) << "it reads the last number, which stands as it is";
  EXPECT_EQ(both[1].strict.verdict, Verdict::kCorrect) << "given before the limit";
  EXPECT_EQ(both[2].lenient.verdict, Verdict::kCut);
  EXPECT_NE(both[2].lenient.reason.find("reasoning"), std::string::npos);
  EXPECT_EQ(both[3].strict.verdict, Verdict::kUnparsed) << "the same text, ended by itself";
}

TEST(Verifiers, KindsAreKnownBeforeAnythingIsJudged) {
  Verifiers verifiers;
  EXPECT_EQ(Refusal([&] { verifiers.CheckKind("math", "problem a"); }), "");
  EXPECT_NE(Refusal([&] { verifiers.CheckKind("code", "problem a"); }).find("problem a: there is no verifier of its kind 'code'; there are math"), std::string::npos);
  const auto fake = std::make_shared<Fake>();
  verifiers.Use(fake, {"code", "rubric"});
  EXPECT_EQ(Refusal([&] { verifiers.CheckKind("code", "problem a"); }), "");
  EXPECT_NE(Refusal([&] { verifiers.CheckKind("prose", "problem a"); }).find("there are math, code, rubric"), std::string::npos);
  const auto judged = verifiers.Judge(std::vector{Of("1/2", "#### 0.5"), Of("x", "x", "code"), Of("x", "y", "rubric")}, MathReading::kStrict);
  EXPECT_TRUE(judged[0].right());
  EXPECT_TRUE(judged[1].right());
  EXPECT_EQ(judged[2].score, 0.25);
  EXPECT_EQ(fake->judged, 2);
  Verifiers every;
  every.Use(std::make_shared<Fake>(), {});
  EXPECT_EQ(Refusal([&] { every.CheckKind("anything", "problem a"); }), "");
  EXPECT_FALSE(every.JudgeBoth(std::vector{Of("1/2", "#### 0.5")})[0].strict.right()) << "mathematics is the judge's too";
}

TEST(Verifiers, JudgeWhatComesAgainOnce) {
  Verifiers verifiers;
  const auto fake = std::make_shared<Fake>();
  verifiers.Use(fake, {"code"});
  std::vector<Attempt> attempts = {Of("a", "a", "code"), Of("a", "b", "code"), Of("a", "a", "code")};
  verifiers.JudgeBoth(attempts);
  EXPECT_EQ(fake->judged, 2) << "twins within a batch";
  verifiers.JudgeBoth(attempts);
  EXPECT_EQ(fake->judged, 2);
  attempts[0].payload = "{\"a\":1}";
  attempts[1].question = "other";
  attempts[2].tokens = 7;
  EXPECT_TRUE(verifiers.JudgeBoth(attempts)[0].strict.right());
  EXPECT_EQ(fake->judged, 5) << "all that a judge sees is part of the key";
  EXPECT_EQ(fake->payloads.count("{\"a\":1}"), 1u);
  const std::vector<Attempt> errors = {Of("a", "fail", "code")};
  EXPECT_EQ(verifiers.JudgeBoth(errors)[0].strict.verdict, Verdict::kError);
  verifiers.JudgeBoth(errors);
  EXPECT_EQ(fake->judged, 7) << "errors are not kept";
}

TEST(JudgementCache, GivesUpWhatWasNotUsedLately) {
  const auto key = [](const std::string& text) { return JudgementCache::KeyOf("v", false, Of(text, "")); };
  JudgementCache cache(3000);
  for (int i = 0; i < 100; ++i) {
    cache.Insert(key(std::to_string(i)), {Verdict::kWrong, 0, std::string(100, 'x'), ""});
    EXPECT_TRUE(cache.Find(key("0"))) << i;
  }
  EXPECT_LT(cache.size(), 20u);
  EXPECT_GT(cache.size(), 3u);
  EXPECT_TRUE(cache.Find(key("99")));
  EXPECT_FALSE(cache.Find(key("50")));
  EXPECT_NE(JudgementCache::KeyOf("v", false, Of("ab", "c")), JudgementCache::KeyOf("v", false, Of("a", "bc")));
}

TEST(Verifiers, FailuresAreErrorsAndNeverWrong) {
  Verifiers verifiers;
  verifiers.Use(std::make_shared<Fake>(), {"code"});
  verifiers.JudgeBoth(std::vector{Of("a", "a", "code")});
  for (const char* response : {"throw", "few", "fail"}) {
    const Judgement j = verifiers.JudgeBoth(std::vector{Of("a", response, "code")})[0].strict;
    EXPECT_EQ(j.verdict, Verdict::kError) << response;
    EXPECT_FALSE(j.reason.empty());
  }
}

TEST(Verifiers, EndARunWhoseVerifierFailsTooOften) {
  const auto batch = [](int good, int bad) {
    static int number = 0;
    static std::deque<std::string> texts;
    std::vector<Attempt> attempts;
    for (int i = 0; i < good; ++i) attempts.push_back(Of(texts.emplace_back(std::to_string(++number)), "x", "code"));
    for (int i = 0; i < bad; ++i) attempts.push_back(Of(texts.emplace_back(std::to_string(++number)), "fail", "code"));
    return attempts;
  };
  Verifiers verifiers;
  verifiers.Use(std::make_shared<Fake>(), {"code"});
  EXPECT_EQ(Refusal([&] { verifiers.JudgeBoth(batch(10, 9)); }), "") << "too few to tell";
  EXPECT_EQ(Refusal([&] { verifiers.JudgeBoth(batch(170, 5)); }), "") << "5 of the last 100";
  const std::string refusal = Refusal([&] { verifiers.JudgeBoth(batch(1, 1)); });
  EXPECT_NE(refusal.find("failed on 6 of the last 100 attempts, more than max_error_share = 0.05; the last reason: it failed"), std::string::npos) << refusal;

  Verifiers none;
  none.Use(std::make_shared<Fake>(), {"code"});
  EXPECT_NE(Refusal([&] { none.JudgeBoth(batch(0, 3)); }).find("judged none of the first 3 attempts; the last reason: it failed"), std::string::npos);
}

TEST(Verifiers, PreparedJudgementsAreFound) {
  Verifiers verifiers;
  const auto fake = std::make_shared<Fake>();
  verifiers.Use(fake, {"code"});
  std::vector<std::string> texts;
  for (int i = 0; i < 50; ++i) texts.push_back(i % 10 == 9 ? "fail" : std::to_string(i));
  std::vector<Attempt> attempts;
  for (size_t i = 0; i < texts.size(); ++i) attempts.push_back(Of(i % 10 == 9 ? std::string_view(texts[i - 1]) : "8", texts[i], "code"));
  for (size_t i = 0; i < attempts.size(); i += 10) verifiers.Prepare(std::span(attempts).subspan(i, 10));
  const auto both = verifiers.JudgeBoth(attempts);
  EXPECT_EQ(fake->judged, 50) << "errors too are asked for once";
  for (size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(both[i].strict.failed(), i % 10 == 9) << i;
  EXPECT_TRUE(both[8].strict.right());
}

TEST(Verifiers, ProcessesThatShareAskOnce) {
  const auto fake = std::make_shared<Fake>();
  std::string said;
  Verifiers first, second;
  for (Verifiers* v : {&first, &second}) v->Use(fake, {"code"});
  first.Share([&](const std::function<std::string()>& ask) { return said = ask(); });
  second.Share([&](const std::function<std::string()>&) { return said; });
  const std::vector<Attempt> attempts = {Of("a", "a", "code"), Of("a", "\xff\"b", "code")};
  const auto a = first.JudgeBoth(attempts), b = second.JudgeBoth(attempts);
  EXPECT_EQ(fake->judged, 2);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(a[i].strict.verdict, b[i].strict.verdict);
    EXPECT_EQ(a[i].strict.score, b[i].strict.score);
    EXPECT_EQ(a[i].strict.extracted, b[i].strict.extracted);
  }
}

}  // namespace
}  // namespace pith
