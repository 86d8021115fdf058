// Announced budgets from outside: what pith-run says and shows, and the way from a run of training to an answer on the phone.
#include "data/template/prompt.h"
#include "data/text/announcement.h"
#include "tests/programs/run_program.h"

namespace pith {
namespace {

using nlohmann::json;

class AnnouncedProgramTest : public RunProgramTest {
 protected:
  // The tiny adapter with a budget of its own, told as these say.
  std::string Trained(const std::string& name, const std::string& sentence, const std::string& announcement) {
    const auto base = BaseModel::Load(model_);
    LoraAdapter lora = ReadPeft(kAlora);
    lora.base_sha256 = base->Identity();
    lora.invocation = Prompter::Load(model_)->invocation();
    lora.budget = AdapterBudget{80, 16, "\n#### ", sentence, announcement};
    PackedAdapter::FromLora(lora, base->config(), TensorType::kF16)->WriteGguf(folder_ / name);
    return folder_ / name;
  }

  json Json(std::vector<std::string> arguments) {
    arguments.push_back("--json");
    const Outcome outcome = Run(arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return json::parse(outcome.out, nullptr, false);
  }

  std::vector<int32_t> Ids(const std::string& text) const { return Tokenizer::Load(model_)->Encode(text); }

  static bool BeginsWith(const json& ids, const std::vector<int32_t>& with) {
    return ids.size() > with.size() && std::equal(with.begin(), with.end(), ids.begin());
  }
};

TEST_F(AnnouncedProgramTest, GenerateForcesItInAndShowsItToNobody) {
  const std::string adapter = Trained("told.gguf", "", "budget {budget}:");
  for (const auto& [asked, told] : {std::pair(std::vector<std::string>{"--budget", "64"}, "budget 64:"),
                                    std::pair(std::vector<std::string>{"--think", "40", "--answer", "20"}, "budget 60:")}) {
    std::vector<std::string> arguments = Generate(asked);
    arguments.insert(arguments.end(), {"--adapter", adapter});
    const json out = Json(arguments);
    const std::vector<int32_t> ids = Ids(told);
    EXPECT_TRUE(BeginsWith(out["token_ids"], ids)) << out;
    EXPECT_EQ(out["announced_tokens"], ids.size());
    EXPECT_GE(out["forced_tokens"], ids.size());
    EXPECT_EQ(out["thinking_tokens"].get<size_t>() + out["answer_tokens"].get<size_t>(), out["token_ids"].size());
    EXPECT_LE(out["token_ids"].size(), static_cast<size_t>(out["budget"]));
    EXPECT_EQ(out["text"].get<std::string>().find("budget "), std::string::npos) << out;
    const Outcome shown = Run(arguments);
    EXPECT_EQ(shown.out.find("budget "), std::string::npos) << shown.out;
    EXPECT_EQ(shown.out, out["text"].get<std::string>() + "\n");
  }
  // Chains have it each; without a budget, and of the base, nobody is told anything.
  std::vector<std::string> chains = Generate({"--budget", "64", "--chains", "3", "--temperature", "1"});
  chains.insert(chains.end(), {"--adapter", adapter});
  const json of_chains = Json(chains);
  for (const json& chain : of_chains["chains"]) EXPECT_TRUE(BeginsWith(chain["token_ids"], Ids("budget 64:")));
  EXPECT_EQ(Json(Generate({"--max-tokens", "20", "--adapter", adapter}))["announced_tokens"], 0);
  EXPECT_EQ(Json(Generate({"--budget", "64"}))["announced_tokens"], 0);
}

TEST_F(AnnouncedProgramTest, TheCommandLineHasTheLastWord) {
  const std::string told = Trained("told.gguf", "", "budget {budget}:"), asked = Trained("asked.gguf", "Use {budget} tokens.", "");
  const auto out = [&](const std::string& adapter, std::vector<std::string> more) {
    more.insert(more.end(), {"--budget", "64", "--adapter", adapter});
    return Json(Generate(more));
  };
  EXPECT_TRUE(BeginsWith(out(told, {"--announcement", "{budget} at most."})["token_ids"], Ids("64 at most.")));
  EXPECT_EQ(out(told, {"--announcement", ""})["announced_tokens"], 0);
  EXPECT_EQ(out(told, {"--sentence", "Be brief."})["announced_tokens"], 0);
  EXPECT_TRUE(BeginsWith(out(asked, {"--announcement", "{budget} at most."})["token_ids"], Ids("64 at most.")));
  EXPECT_NE(out(asked, {})["token_ids"], out(asked, {"--announcement", ""})["announced_tokens"]);
  // A raw prompt may hold the response's beginning: it is told what the command line says.
  const std::string rendered = Prompter::Load(model_)->Render("What is 3 + 4?");
  const auto raw = [&](std::vector<std::string> more) {
    more.insert(more.begin(), {"generate", "--model", model_, "--threads", "1", "--prompt", rendered, "--raw", "--budget", "64", "--adapter", told});
    return Json(more);
  };
  EXPECT_EQ(raw({})["announced_tokens"], 0);
  EXPECT_EQ(raw({"--announcement", "budget {budget}:"})["token_ids"], out(told, {})["token_ids"]);

  ExpectRefusal(Generate({"--announcement", "x", "--adapter", told}), "--announcement has no effect without --budget");
  ExpectRefusal(Generate({"--announcement", "x", "--budget", "64"}), "the base has learned none");
  ExpectRefusal(Generate({"--announcement", "x", "--adapter", told, "--seconds", "9"}), "--announcement has no effect without a budget of tokens");
  ExpectRefusal(Generate({"--announcement", "x", "--adapter", told, "--budget", "64", "--sentence", "y"}), "both tell the budget");
  ExpectRefusal(Generate({"--announcement", "{budget}<|im_end|>", "--adapter", told, "--budget", "64"}), "ends a response");
  ExpectRefusal(Generate({"--announcement", std::string(60, '!'), "--adapter", told, "--budget", "64"}), "announcing the budget takes");
  ExpectRefusal(Eval({"--announcement", "x", "--adapter", told}), "--announcement has no effect without a budget in --budgets");
  ExpectRefusal(Eval({"--announcement", "x", "--budgets", "64"}), "the base has learned none");
  ExpectRefusal(Eval({"--announcement", std::string(60, '!'), "--adapter", told, "--budgets", "64"}), "announcing the budget takes");
}

TEST_F(AnnouncedProgramTest, ChatTellsTheAdapterAndNotTheBase) {
  const std::string adapter = Trained("told.gguf", "", "budget {budget}:");
  const auto chat = [&](const std::string& lines, const std::string& options) {
    WriteFile(folder_ / "lines.txt", lines);
    return Shell("$P chat --model " + model_ + " --threads 1 --adapter " + adapter + " --max-tokens 12 " + options + " < " + std::string(folder_ / "lines.txt"));
  };
  const std::string told = Run(Generate({"--budget", "64", "--adapter", adapter})).out, untold = Run(Generate({"--budget", "64", "--adapter", adapter, "--announcement", ""})).out;
  const std::string base = Run(Generate({"--budget", "64", "--reserve", "16"})).out;
  ASSERT_NE(told, untold);
  EXPECT_EQ(chat("/budget 64\nWhat is 3 + 4?\n/new\n/base\nWhat is 3 + 4?\n", "").out, told + base);
  EXPECT_EQ(chat("What is 3 + 4?\n", "--budget 64 --announcement ''").out, untold);
}

TEST_F(AnnouncedProgramTest, EvalRunsEachBudgetAndSaysWhichCurveItIs) {
  const std::string adapter = Trained("told.gguf", "", "budget {budget}:");
  const auto rows = [&](std::vector<std::string> more) {
    more.insert(more.end(), {"--adapter", adapter, "--budgets", "48,64,none", "--max-tokens", "64", "--overwrite"});
    const Outcome outcome = Run(Eval(more));
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return json::parse(ReadFile(folder_ / "new/out/results.json"));
  };
  const json told = rows({});
  ASSERT_EQ(told.size(), 6u);
  for (const json& row : told) {
    EXPECT_EQ(row["curve"], row["budget"].is_null() ? json(nullptr) : json(row["mode"] == "base" ? "cut" : "announced")) << row;
  }
  EXPECT_EQ(ReadFile(folder_ / "new/out/answers.jsonl").find("budget 48:"), std::string::npos);
  const json untold = rows({"--announcement", ""}), asked = rows({"--sentence", "In {budget} tokens."});
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(untold[i]["curve"], untold[i]["budget"].is_null() ? json(nullptr) : json("cut"));
    EXPECT_EQ(asked[i]["curve"], asked[i]["budget"].is_null() ? json(nullptr) : json("announced"));
  }
}

// From a run's YAML to an answer: the adapter learns under announced budgets, carries the text, and is told by it.
TEST_F(AnnouncedProgramTest, FromTrainingToAnAnswer) {
  if (!FileExists(PITH_TEST_BINARY "/pith-train")) GTEST_SKIP() << "pith-train is not built in this configuration";
  WriteFile(folder_ / "run.yaml", "stage: rl\nname: tiny\nfolder: " + (folder_ / "run") + "\nthreads: 1\nmodel: {path: " + model_ +
                                      "}\ndata: {dataset: " + (folder_ / "sums.jsonl") +
                                      "}\nadapter: {rank: 4, alpha: 8}\n"
                                      "rl: {steps: 5, prompts_per_step: 2, group_size: 4, micro_batch_size: 4, kl_beta: 0.02}\n"
                                      "rollout: {max_completion_tokens: 60}\n"
                                      "budget: {tokens: 48, reserve_tokens: 12, announcement: 'budget {budget}:', choices: [32, 48, 0]}\n"
                                      "reward: {times: [budget], plus: [{kind: free_then_falling, free_tokens: 2, fall_tokens: 40, always: true}]}\n"
                                      "optimizer: {learning_rate: 5e-3}\nlog: {tensorboard: false}\n");
  const std::string train = PITH_TEST_BINARY "/pith-train", exporter = PITH_TEST_BINARY "/pith-export";
  // An untrained model hardly ever ends an answer, which the doctor would not let pass.
  const Outcome made = Shell(train + " --no-doctor " + std::string(folder_ / "run.yaml") + " && " + exporter + " adapter --adapter " + std::string(folder_ / "run/adapter") + " --base " +
                             model_ + " --type f16 --out " + std::string(folder_ / "out.gguf"));
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(Json({"info", folder_ / "out.gguf"})["budget"]["announcement"], "budget {budget}:");
  const json out = Json(Generate({"--budget", "40", "--adapter", folder_ / "out.gguf"}));
  EXPECT_TRUE(BeginsWith(out["token_ids"], Ids("budget 40:"))) << out;
  const Outcome verified = Run({"verify", "--model", model_, "--adapter", folder_ / "out.gguf"});
  EXPECT_EQ(verified.code, 0) << verified.out << verified.err;
}

// The same by SFT: what an example begins with in training is what pith-run feeds under its budget.
TEST_F(AnnouncedProgramTest, FromExamplesToAnAnswer) {
  if (!FileExists(PITH_TEST_BINARY "/pith-train")) GTEST_SKIP() << "pith-train is not built in this configuration";
  std::string lines;
  for (int i = 1; i <= 8; ++i) {
    lines += json{{"question", "What is " + std::to_string(i) + " + 4?"}, {"answer", std::to_string(i + 4)},
                  {"solution", std::string(static_cast<size_t>(6 * i), 'a') + "\n#### " + std::to_string(i + 4)}}.dump() + "\n";
  }
  WriteFile(folder_ / "told.jsonl", lines);
  const auto yaml = [&](const std::string& budget) {
    WriteFile(folder_ / "run.yaml", "stage: sft\nname: tiny\nfolder: " + (folder_ / "run") + "\nthreads: 1\nmodel: {path: " + model_ + "}\ndata: {dataset: " + (folder_ / "told.jsonl") +
                                        ", shuffle: false}\nadapter: {rank: 4, alpha: 8}\nsft: {epochs: 2, batch_size: 4}\nbudget: " + budget +
                                        "\noptimizer: {learning_rate: 5e-3}\nlog: {tensorboard: false}\n");
    return PITH_TEST_BINARY "/pith-train " + std::string(folder_ / "run.yaml");
  };
  const std::string told = "{tokens: 48, reserve_tokens: 12, announcement: 'budget {budget}:', choices: [32, 48]}";
  const Outcome looked = Shell(yaml(told) + " --dry-run");
  EXPECT_EQ(looked.code, 0) << looked.err;
  EXPECT_NE(looked.out.find("budgets: 32 for "), std::string::npos) << looked.out;
  EXPECT_NE(looked.out.find("# its response begins under a budget of 32 with ("), std::string::npos) << looked.out;
  const Outcome made = Shell(yaml(told) + " && " PITH_TEST_BINARY "/pith-export adapter --adapter " + std::string(folder_ / "run/adapter") + " --base " + model_ + " --type f16 --out " +
                             std::string(folder_ / "out.gguf"));
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_NE(made.err.find("doctor: all is well"), std::string::npos) << made.err;
  EXPECT_EQ(Json({"info", folder_ / "out.gguf"})["budget"]["announcement"], "budget {budget}:");
  const json out = Json(Generate({"--budget", "32", "--adapter", folder_ / "out.gguf"}));
  EXPECT_TRUE(BeginsWith(out["token_ids"], Ids("budget 32:"))) << out;
  EXPECT_EQ(Run({"verify", "--model", model_, "--adapter", folder_ / "out.gguf"}).code, 0);

  const Outcome refused = Shell(yaml("{tokens: 48, choices: [32, 48]}"));
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.err.find("budget.choices: gives each example a budget, which the model can only know by"), std::string::npos) << refused.err;
}

}  // namespace
}  // namespace pith
