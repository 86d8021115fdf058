// Scores of a verifier from outside: generate, eval, info, verify, and what is refused.
#include "adapters/verifier_head.h"
#include "base/rng.h"
#include "tests/programs/run_program.h"

namespace pith {
namespace {

using nlohmann::json;

class ScoresTest : public RunProgramTest {
 protected:
  // The tiny adapter with a verifier that nobody fitted, packed by the exporter.
  std::string WithVerifier(const std::string& name = "v", const std::string& type = "f16") {
    LoraAdapter lora = ReadPeft(kAlora);
    const auto base = BaseModel::Load(model_);
    lora.base_sha256 = base->Identity();
    VerifierHead head;
    Rng rng(5);
    for (int i = 0; i < 64; ++i) head.weights.push_back(static_cast<float>(rng.Uniform() - 0.5));
    head.bias = 0.1f;
    head.check_text = "Is it right?";
    head.check_ids = {1, 40, 41, 42, 2, 1};
    head.end_id = 2;
    head.adapter_sha256 = AdapterHash(lora);
    head.fit = {.dataset = "sums", .type = "f16", .activations = "int8", .kv_type = "f16", .temperature = 1, .fit_problems = 3, .fit_chains = 12, .held_out_problems = 1,
                .held_out_chains = 4, .l2 = 1, .right_share = 0.5, .auc = 0.625, .calibration_error = 0.125, .log_loss = 0.6};
    lora.verifier = head;
    WritePeft(lora, folder_ / ("peft-" + name));
    AdapterOptions options{folder_ / ("peft-" + name), model_, ParseType(type), folder_ / (name + ".gguf")};
    RunAdapter(options);
    return options.out;
  }
  static TensorType ParseType(const std::string& name) { return name == "f16" ? TensorType::kF16 : TensorType::kQ8_0; }

  json Answer(const std::string& adapter, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = Generate({"--adapter", adapter, "--max-tokens", "12", "--json"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = Run(arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return json::parse(outcome.out);
  }
};

TEST_F(ScoresTest, GenerateScoresItsChains) {
  const std::string adapter = WithVerifier();
  const json plain = Answer(adapter, {"--chains", "3", "--temperature", "1"});
  EXPECT_FALSE(plain.contains("score")) << "nobody asked";
  EXPECT_FALSE(plain.contains("vote_kind"));
  const json scored = Answer(adapter, {"--chains", "3", "--temperature", "1", "--score"});
  const json weighted = Answer(adapter, {"--chains", "3", "--temperature", "1", "--vote", "weighted"});
  EXPECT_EQ(weighted["vote_kind"], "weighted");
  ASSERT_EQ(scored["chains"].size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(scored["chains"][i]["token_ids"], plain["chains"][i]["token_ids"]) << "a score changes no answer";
    const double score = scored["chains"][i]["score"];
    EXPECT_GT(score, 0);
    EXPECT_LT(score, 1);
    if (weighted["chains"][i]["finish"] != "cancelled") {
      EXPECT_EQ(weighted["chains"][i]["score"], score);
    }
  }
  const json one = Answer(adapter, {"--score"});
  EXPECT_GT(one["score"], 0);
  const Outcome text = Run(Generate({"--adapter", adapter, "--max-tokens", "12", "--score"}));
  EXPECT_NE(text.out.find("--- score 0."), std::string::npos) << text.out;
}

TEST_F(ScoresTest, EvalPutsBothVotesSideBySide) {
  const std::string adapter = WithVerifier();
  const Outcome outcome = Run(Eval({"--adapter", adapter, "--chains", "4", "--score", "--max-tokens", "16", "--budgets", "none"}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json rows = json::parse(ReadFile(folder_ / "new/out/results.json"));
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_FALSE(rows[0].contains("weighted_at_k")) << "the base has no verifier";
  EXPECT_TRUE(rows[0].contains("maj_at_k_ci"));
  for (const char* key : {"weighted_at_k", "weighted_at_k_ci", "maj_at_k_ci", "score_auc", "score_error"}) EXPECT_TRUE(rows[1].contains(key)) << key;
  std::istringstream answers(ReadFile(folder_ / "new/out/answers.jsonl"));
  int scored = 0;
  for (std::string line; std::getline(answers, line);) {
    const json answer = json::parse(line);
    EXPECT_EQ(answer.contains("score"), answer["mode"] == "v");
    scored += answer.contains("score");
  }
  EXPECT_EQ(scored, 12);
  EXPECT_NE(outcome.out.find("weighted by scores"), std::string::npos) << outcome.out;
  EXPECT_NE(ReadFile(folder_ / "new/out/report.html").find("weighted by scores"), std::string::npos);
}

TEST_F(ScoresTest, InfoShowsAndVerifyReplaysIt) {
  const std::string adapter = WithVerifier();
  const json info = json::parse(Run({"info", "--json", adapter}).out);
  EXPECT_EQ(info["verifier"]["auc"], 0.625);
  EXPECT_EQ(info["verifier"]["check_text"], "Is it right?");
  EXPECT_TRUE(json::parse(Run({"info", "--json", folder_ / "peft-v"}).out)["verifier"].is_object());
  EXPECT_NE(Run({"info", adapter}).out.find("fitted on 12 chains of 3 problems (sums); on 4 chains of 1 others: AUC 0.625, calibration error 0.125"), std::string::npos);
  EXPECT_TRUE(json::parse(Run({"info", "--json", Adapter("bare.gguf", "")}).out)["verifier"].is_null());
  const Outcome verified = Run({"verify", "--model", model_, "--adapter", adapter, "--threads", "1", "--json"});
  EXPECT_EQ(verified.code, 0) << verified.out;
  const json result = json::parse(verified.out);
  EXPECT_GT(result["verifier_bound"], 0);
  EXPECT_LT(result["verifier_deviation"], result["verifier_bound"]);
}

TEST_F(ScoresTest, RefusesWhatHasNoVerifier) {
  const std::string bare = Adapter("bare.gguf", ""), adapter = WithVerifier();
  ExpectRefusal(Generate({"--adapter", bare, "--score"}), "generate: --score wants an adapter with a verifier, and 'bare' has none; fit one with stage: verifier");
  ExpectRefusal(Generate({"--score"}), "generate: --score wants an adapter with a verifier, and the base has none");
  ExpectRefusal(Generate({"--adapter", bare, "--chains", "2", "--temperature", "1", "--vote", "weighted"}), "generate: --vote weighted wants an adapter with a verifier");
  ExpectRefusal(Generate({"--adapter", adapter, "--vote", "weighted"}), "--vote has no effect with one chain");
  ExpectRefusal(Generate({"--adapter", adapter, "--chains", "2", "--temperature", "1", "--vote", "loud"}), "--vote");
  ExpectRefusal(Eval({"--adapter", bare, "--score"}), "eval: --score wants an adapter with a verifier, and 'bare' has none");
  ExpectRefusal({"chat", "--model", model_, "--adapter", bare, "--chains", "2", "--temperature", "1", "--vote", "weighted"}, "chat: --vote weighted wants an adapter with a verifier");
}

TEST_F(ScoresTest, AVerifierOfOtherTensorsStaysBehind) {
  WithVerifier();
  // Somebody trains on, and copies the old verifier into the folder.
  LoraAdapter lora = ReadPeft(folder_ / "peft-v");
  const std::string head = ReadFile(folder_ / ("peft-v/" + std::string(kVerifierFile)));
  lora.pairs.begin()->second.b[0] += 1;
  WritePeft(lora, folder_ / "peft-v");
  WriteFile(folder_ / ("peft-v/" + std::string(kVerifierFile)), head);
  AdapterOptions options{folder_ / "peft-v", model_, TensorType::kF16, folder_ / "other.gguf"};
  RunAdapter(options);
  EXPECT_FALSE(PackedAdapter::FromGguf(options.out, BaseModel::Load(model_)->config())->verifier());
  EXPECT_TRUE(json::parse(Run({"info", "--json", folder_ / "peft-v"}).out)["verifier"].is_null());
}

}  // namespace
}  // namespace pith
