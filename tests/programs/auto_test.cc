// Mode auto from outside: generate, chat, eval, info, verify, and what is refused; and everyday requests, which are judged as text.
#include <sstream>

#include "base/rng.h"
#include "data/dataset.h"
#include "data/template/prompt.h"
#include "rewards/verifiers.h"
#include "tests/programs/run_program.h"

namespace pith {
namespace {

using nlohmann::json;

class AutoTest : public RunProgramTest {
 protected:
  // The tiny adapter with a switcher that nobody fitted, packed by the exporter. `bias`: of the base's logit; its weights are drawn.
  std::string WithSwitcher(const std::string& name = "s", double bias = 0, const std::string& type = "f16") {
    LoraAdapter lora = ReadPeft(kAlora);
    const auto base = BaseModel::Load(model_);
    lora.base_sha256 = base->Identity();
    lora.invocation = Prompter::Load(kFolder)->invocation();
    lora.budget = AdapterBudget{64, 8, "\n#### ", "", "budget {budget}:"};
    Rng rng(5);
    LinearHead drawn;
    for (int i = 0; i < 64; ++i) drawn.weights.push_back(static_cast<float>(0.3 * (rng.Uniform() - 0.5)));
    drawn.bias = static_cast<float>(bias);
    const auto says = [](double value) { return LinearHead{std::vector<float>(64, 0.0f), static_cast<float>(value)}; };
    SwitcherHead head;
    head.arms = {{"base", "", 0, false, drawn, says(10), 0, 100}, {"adapter", kOwnAdapter, 0, false, says(0), says(20), 0, 100}, {"adapter-40", kOwnAdapter, 40, true, says(-3), says(2), 0, 100}};
    head.curve = {{0, 15, 0.5f}, {9, 2, 0.25f}};
    head.adapter_sha256 = AdapterHash(lora);
    head.fit = {.dataset = "sums", .type = "f16", .activations = "int8", .kv_type = "f16", .max_tokens = 64, .fit_problems = 30, .held_out_problems = 10, .target_tokens = 15, .accuracy = 0.625,
                .mean_tokens = 14.5, .random_accuracy = 0.5, .difference_low = -0.25, .difference_high = 0.5, .arm_accuracy = {0.5, 0.5, 0.25}, .arm_tokens = {10, 20, 2},
                .arm_auc = {0.5, 0.625, 0.5}, .arm_calibration_error = {0, 0.125, 0}};
    lora.switcher = head;
    WritePeft(lora, folder_ / ("peft-" + name));
    AdapterOptions options{folder_ / ("peft-" + name), model_, type == "f16" ? TensorType::kF16 : TensorType::kQ8_0, folder_ / (name + ".gguf")};
    RunAdapter(options);
    return options.out;
  }

  json Answer(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = Generate({"--max-tokens", "12", "--json"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = Run(arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return json::parse(outcome.out);
  }
};

TEST_F(AutoTest, GenerateAnswersAsTheArmThatIsChosen) {
  for (const double bias : {20.0, -20.0}) {
    const std::string adapter = WithSwitcher(bias > 0 ? "b" : "a", bias);
    const json automatic = Answer({"--adapter", adapter, "--mode", "auto"});
    EXPECT_EQ(automatic["mode"], "auto");
    EXPECT_EQ(automatic["arm"], bias > 0 ? "base" : "adapter");
    EXPECT_EQ(automatic["expected_tokens"], bias > 0 ? 10 : 20);
    ASSERT_EQ(automatic["arms"].size(), 3u);
    EXPECT_EQ(automatic["chance"], automatic["arms"][bias > 0 ? 0 : 1]["chance"]);
    const json direct = bias > 0 ? Answer({}) : Answer({"--adapter", adapter});
    EXPECT_EQ(automatic["token_ids"], direct["token_ids"]);
    EXPECT_EQ(automatic["text"], direct["text"]);
    EXPECT_TRUE(automatic["budget"].is_null());
    const json chains = Answer({"--adapter", adapter, "--mode", "auto", "--chains", "3", "--temperature", "1"});
    const json direct_chains = bias > 0 ? Answer({"--chains", "3", "--temperature", "1"}) : Answer({"--adapter", adapter, "--chains", "3", "--temperature", "1"});
    for (size_t i = 0; i < 3; ++i) EXPECT_EQ(chains["chains"][i]["token_ids"], direct_chains["chains"][i]["token_ids"]);
    const json cheap = Answer({"--adapter", adapter, "--mode", "auto", "--switch-cost", "3"});
    EXPECT_EQ(cheap["arm"], "adapter-40");
    EXPECT_EQ(cheap["budget"], 40);
    const json told = json::parse(Run(Generate({"--adapter", adapter, "--budget", "40", "--json"})).out);
    EXPECT_EQ(cheap["token_ids"], told["token_ids"]) << "told as in training, with its reserve";
    EXPECT_GT(cheap["announced_tokens"], 0);
    const Outcome text = Run(Generate({"--adapter", adapter, "--mode", "auto", "--max-tokens", "12"}));
    EXPECT_NE(text.err.find(bias > 0 ? "[base: right 1.00, 10 tokens]" : "[adapter: right 0.50, 20 tokens]"), std::string::npos) << text.err;
    EXPECT_EQ(text.out, direct["text"].get<std::string>() + "\n");
  }
}

TEST_F(AutoTest, ChatSwitchesTurnByTurn) {
  const std::string adapter = WithSwitcher("b", 20);
  WriteFile(folder_ / "lines", "Hello\n/base\nHello\n/auto\nAgain\n/budget 40\n/reason\nHello\n/quit\n");
  const Outcome outcome = Shell("$P chat --model " + model_ + " --adapter " + adapter + " --mode auto --threads 1 --max-tokens 8 < " + (folder_ / "lines"));
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  size_t told = 0;
  for (size_t at = outcome.err.find("[base: right 1.00, 10 tokens]"); at != std::string::npos; at = outcome.err.find("[base: right", at + 1)) ++told;
  EXPECT_EQ(told, 2u) << outcome.err;
  EXPECT_NE(outcome.err.find("/budget has no effect under /auto"), std::string::npos) << outcome.err;
}

TEST_F(AutoTest, EvalHasARowOfIt) {
  const std::string adapter = WithSwitcher();
  const Outcome outcome = Run(Eval({"--adapter", adapter, "--mode", "auto", "--max-tokens", "16", "--budgets", "40,none"}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json rows = json::parse(ReadFile(folder_ / "new/out/results.json"));
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_FALSE(rows[0].contains("arms"));
  const json& row = rows[4];
  EXPECT_EQ(row["mode"], "auto");
  EXPECT_TRUE(row["budget"].is_null());
  ASSERT_EQ(row["arms"].size(), 3u);
  double shares = 0;
  for (const json& arm : row["arms"]) shares += arm["share"].get<double>();
  EXPECT_NEAR(shares, 1, 1e-9);
  // Each answer is the one of the row of that arm.
  std::map<std::pair<std::string, std::string>, std::string> texts;  // (mode, problem), without a budget
  std::istringstream answers(ReadFile(folder_ / "new/out/answers.jsonl"));
  int chosen = 0;
  for (std::string line; std::getline(answers, line);) {
    const json answer = json::parse(line);
    EXPECT_EQ(answer.contains("arm"), answer["mode"] == "auto");
    if (answer["mode"] == "auto") {
      const std::string arm = answer["arm"] == "base" ? "base" : "s";
      EXPECT_EQ(answer["text"], texts.at({arm, answer["problem"]}));
      ++chosen;
    } else if (answer["budget"].is_null()) {
      texts[{answer["mode"], answer["problem"]}] = answer["text"];
    }
  }
  EXPECT_EQ(chosen, 3);
  EXPECT_NE(outcome.out.find("auto: base "), std::string::npos) << outcome.out;
  EXPECT_NE(ReadFile(folder_ / "new/out/report.html").find("The switcher's choices"), std::string::npos);
  EXPECT_EQ(json::parse(ReadFile(folder_ / "new/out/breakdown.json")).size() % 5, 0u);
}

TEST_F(AutoTest, InfoShowsAndVerifyReplaysIt) {
  const std::string adapter = WithSwitcher();
  const json info = json::parse(Run({"info", "--json", adapter}).out);
  EXPECT_EQ(info["switcher"]["arms"][2]["name"], "adapter-40");
  EXPECT_EQ(info["switcher"]["arms"][2]["budget"], 40);
  EXPECT_EQ(info["switcher"]["accuracy"], 0.625);
  EXPECT_TRUE(json::parse(Run({"info", "--json", folder_ / "peft-s"}).out)["switcher"].is_object());
  const std::string shown = Run({"info", adapter}).out;
  EXPECT_NE(shown.find("fitted on 30 problems (sums); on 10 others: 62.5 % right at 14.5 tokens, by lot at that cost 50.0 %"), std::string::npos) << shown;
  EXPECT_NE(shown.find("adapter-40, told: alone 25.0 % right at 2.0 tokens; AUC 0.500, calibration error 0.000"), std::string::npos) << shown;
  EXPECT_TRUE(json::parse(Run({"info", "--json", Adapter("bare.gguf", "")}).out)["switcher"].is_null());
  const Outcome verified = Run({"verify", "--model", model_, "--adapter", adapter, "--threads", "1", "--json"});
  EXPECT_EQ(verified.code, 0) << verified.out;
  const json result = json::parse(verified.out);
  EXPECT_GT(result["switcher_bound"], 0);
  EXPECT_LT(result["switcher_deviation"], result["switcher_bound"]);
  EXPECT_EQ(result["verifier_bound"], 0);
}

TEST_F(AutoTest, RefusesWhatCannotBe) {
  const std::string bare = Adapter("bare.gguf", ""), adapter = WithSwitcher();
  ExpectRefusal(Generate({"--adapter", bare, "--mode", "auto"}), "generate: --mode auto wants an adapter with a switcher, and 'bare' has none; fit one with stage: switcher");
  ExpectRefusal(Generate({"--mode", "auto"}), "generate: --mode auto wants an adapter with a switcher, and the base has none");
  ExpectRefusal(Generate({"--adapter", adapter, "--mode", "loud"}), "--mode");
  ExpectRefusal(Generate({"--adapter", adapter, "--mode", "auto", "--budget", "64"}), "--budget has no effect with --mode auto, which chooses the budget");
  ExpectRefusal(Generate({"--adapter", adapter, "--mode", "auto", "--raw"}), "--raw has no effect with --mode auto");
  ExpectRefusal(Generate({"--adapter", adapter, "--mode", "auto", "--score"}), "with --mode auto the base may answer");
  ExpectRefusal(Generate({"--adapter", adapter, "--mode", "auto", "--switch-cost", "1"}), "the least that it was seen to need is 2; allow as many");
  ExpectRefusal(Generate({"--adapter", adapter, "--switch-cost", "20"}), "--switch-cost has no effect without --mode auto");
  ExpectRefusal(Eval({"--adapter", bare, "--mode", "auto"}), "eval: --mode auto wants an adapter with a switcher, and 'bare' has none");
  ExpectRefusal({"chat", "--model", model_, "--adapter", bare, "--mode", "auto"}, "chat: --mode auto wants an adapter with a switcher, and 'bare' has none");
}

TEST_F(AutoTest, ASwitcherOfOtherTensorsStaysBehind) {
  WithSwitcher();
  LoraAdapter lora = ReadPeft(folder_ / "peft-s");
  const std::string head = ReadFile(folder_ / ("peft-s/" + std::string(kSwitcherFile)));
  lora.pairs.begin()->second.b[0] += 1;
  WritePeft(lora, folder_ / "peft-s");
  WriteFile(folder_ / ("peft-s/" + std::string(kSwitcherFile)), head);
  AdapterOptions options{folder_ / "peft-s", model_, TensorType::kF16, folder_ / "other.gguf"};
  RunAdapter(options);
  EXPECT_FALSE(PackedAdapter::FromGguf(options.out, BaseModel::Load(model_)->config())->switcher());
  EXPECT_TRUE(json::parse(Run({"info", "--json", folder_ / "peft-s"}).out)["switcher"].is_null());
}

// What a request asks for is judged right, and what a mathematics adapter would say is not.
TEST(EverydayRequests, AreJudgedByWhatTheyAskFor) {
  DatasetSpec spec;
  spec.name = "everyday";
  spec.limit = 400;
  Verifiers verifiers;
  for (const Problem& p : LoadProblems(spec)) {
    verifiers.CheckKind(p.kind, p.id);
    std::string right = p.answer.substr(0, p.answer.find('|'));
    if (p.kind == "spelling") {
      std::string letters;
      for (const char c : right) letters += (letters.empty() ? "" : "-") + std::string(1, c);
      right = letters;
    }
    Attempt attempt;
    attempt.kind = p.kind;
    attempt.question = p.question;
    attempt.gold = p.answer;
    attempt.response = right;
    EXPECT_EQ(verifiers.Judge({&attempt, 1}, MathReading::kLenient)[0].verdict, Verdict::kCorrect) << p.question;
    attempt.response = "#### 1044";
    EXPECT_EQ(verifiers.Judge({&attempt, 1}, MathReading::kLenient)[0].verdict, Verdict::kWrong) << p.question;
  }
}

}  // namespace
}  // namespace pith
