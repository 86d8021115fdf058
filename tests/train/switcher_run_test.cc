// stage: switcher on the tiny model: what it fits on is what the runtime sees, the run goes on to the same end, the heads travel and are replayed.
#include <gtest/gtest.h>

#include <cstdlib>

#include "adapters/peft.h"
#include "runtime/session/verify.h"
#include "tests/train/tiny_run.h"
#include "train/dry_run.h"
#include "train/heads/arm_sampler.h"
#include "train/heads/switcher.h"

namespace pith {
namespace {

using testing::MetricsOf;
using testing::Refusal;
using testing::Scratch;
using testing::TinyConfig;

// Right by lot of the text alone: what a tiny random model writes can be right here.
constexpr char kLotJudge[] =
    "import json, sys\n"
    "for line in sys.stdin:\n    a = json.loads(line)\n"
    "    n = sum(map(ord, a['response'])) + sum(map(ord, a['question']))\n"
    "    print(json.dumps({'id': a['id'], 'score': n % 2, 'extracted': str(n % 3)}), flush=True)\n";

TrainConfig Switched(const Scratch& scratch, const std::string& name) {
  TrainConfig c = TinyConfig(scratch, "switcher", name);
  WriteFile(scratch.path + "/judge.py", kLotJudge);
  LoraAdapter lora = ReadPeft(PITH_TEST_GOLDEN "/tiny-alora");
  lora.invocation = Prompter::Load(c.model.path)->invocation();
  lora.base_sha256 = BaseModel::Load(c.model.path)->Identity();
  lora.budget = AdapterBudget{64, 8, "\n#### ", "", "budget {budget}:"};
  lora.card.emplace();
  lora.card->name = "trained elsewhere";
  lora.card->stage = "rl";
  lora.card->steps = 77;
  WritePeft(lora, scratch.path + "/trained");
  c.run.init_adapter = scratch.path + "/trained";
  c.data = {};
  c.data.sources.resize(2);
  c.data.sources[0].dataset = scratch.path + "/sums.jsonl";
  c.data.sources[1].dataset = "everyday";
  c.data.sources[1].limit = 14;
  c.reward.verifier.command = {"python3", scratch.path + "/judge.py"};
  c.switcher.max_tokens = 12;
  c.switcher.budgets = {0, 32};
  c.switcher.problems_per_step = 9;
  c.switcher.max_batch = 8;
  c.switcher.type = "f16";
  c.switcher.activations = "bf16";
  c.switcher.l2 = 1.0;
  return c;
}

void RunSwitched(const TrainConfig& config, FolderMode mode = FolderMode::kNew, int64_t stop_after_step = 0) {
  RunOptions options;
  options.mode = mode;
  options.stop_after_step = stop_after_step;
  options.quiet = true;
  const Session session = OpenSession(config);
  RunSwitcher(session, options);
}

TEST(SwitcherStage, FitsOnWhatTheRuntimeSees) {
  const Scratch scratch;
  const TrainConfig c = Switched(scratch, "seen");
  const Session session = OpenSession(c);
  ArmSampler sampler(session);
  ASSERT_EQ(sampler.arms().size(), 3u);
  EXPECT_EQ(sampler.arms()[2].name, "adapter-32");
  EXPECT_TRUE(sampler.arms()[2].told);
  GenerateStats stats;
  const size_t problems[] = {4, 19};
  const auto answers = sampler.Sample(problems, &stats);
  ASSERT_EQ(answers.size(), 2u);
  // As mode auto asks on the phone: a fresh engine, the adapter as a file has it.
  LoraAdapter lora = ReadPeft(c.run.init_adapter);
  SwitcherHead head;
  const LinearHead none{std::vector<float>(64), 0};
  head.arms = sampler.arms();
  for (SwitchArm& arm : head.arms) arm.right = arm.tokens = none;
  lora.switcher = head;
  const NamedAdapter carrier = {"a", PackedAdapter::FromLora(lora, session.base->config(), TensorType::kF16)};
  const Tokenizer& tokenizer = session.prompter->tokenizer();
  const AutoMode automatic(carrier, {}, "x", tokenizer);
  for (size_t i = 0; i < 2; ++i) {
    TurnOptions common;
    common.max_tokens = 12;
    const AutoRequests requests = AskAuto(Conversation(*session.prompter), session.problems[problems[i]].problem.question, common, automatic, tokenizer);
    EngineOptions options;
    options.activations = ActivationType::kBF16;
    options.num_threads = 1;
    options.kv_tokens = 1024;
    Engine engine(session.base, options);
    EXPECT_EQ(Generate(engine, tokenizer, {&requests.question, 1}, {})[0][0].hidden, answers[i].pooled);
    for (size_t k = 0; k < 3; ++k) {
      EXPECT_EQ(Generate(engine, tokenizer, {&requests.arms[k], 1}, {})[0][0].tokens, answers[i].by_arm[k][0].tokens) << k;
    }
  }
  // Alone as in company.
  const size_t one[] = {19};
  const auto alone = sampler.Sample(one, &stats)[0];
  EXPECT_EQ(alone.pooled, answers[1].pooled);
  for (size_t k = 0; k < 3; ++k) EXPECT_EQ(alone.by_arm[k][0].tokens, answers[1].by_arm[k][0].tokens);
}

TEST(SwitcherStage, GoesOnWhereItWasBrokenOffToTheSameEnd) {
  const Scratch scratch;
  TrainConfig whole = Switched(scratch, "whole"), broken = Switched(scratch, "broken");
  for (TrainConfig* c : {&whole, &broken}) c->log.save_every = 1;
  RunSwitched(whole);
  RunSwitched(broken, FolderMode::kNew, 1);
  EXPECT_FALSE(FileExists(broken.run.folder + "/adapter/" + std::string(kSwitcherFile)));
  EXPECT_FALSE(FileExists(broken.run.folder + "/" + std::string(kSwitcherReport)));
  RunSwitched(broken, FolderMode::kResume);
  const auto metrics = MetricsOf(whole.run.folder), again = MetricsOf(broken.run.folder);
  ASSERT_EQ(metrics.size(), 3u);
  EXPECT_EQ(metrics, again);
  for (const char* name : {"held_out/accuracy", "held_out/random_accuracy", "held_out/difference_low", "held_out/base/auc", "held_out/adapter-32/share"}) EXPECT_TRUE(metrics[2].contains(name)) << name;
  for (const char* file : {"adapter/pith_switcher.json", "adapter/adapter_model.safetensors", "adapter/pith.json", "switcher_report.json", "completions/step-2.jsonl"}) {
    EXPECT_EQ(ReadFile(whole.run.folder + "/" + file), ReadFile(broken.run.folder + "/" + file)) << file;
  }
  const nlohmann::json report = nlohmann::json::parse(ReadFile(whole.run.folder + "/switcher_report.json"));
  EXPECT_EQ(report["sources"].size(), 2u);
  EXPECT_TRUE(report["curve"][0].contains("difference_ci"));
  // The adapter's tensors and card are those that it began with.
  EXPECT_EQ(ReadFile(whole.run.folder + "/adapter/adapter_model.safetensors"), ReadFile(whole.run.init_adapter + "/adapter_model.safetensors"));
  EXPECT_EQ(ReadPeft(whole.run.folder + "/adapter").card->steps, 77);
  // Other inputs are no way to go on.
  LoraAdapter other = ReadPeft(whole.run.init_adapter);
  other.pairs.begin()->second.b[0] += 1;
  WritePeft(other, whole.run.init_adapter);
  const std::string refused = Refusal([&] { RunSwitched(whole, FolderMode::kResume); });
  EXPECT_NE(refused.find("are not those that this run began with"), std::string::npos) << refused;
}

TEST(SwitcherStage, TheHeadsTravelAndAreReplayed) {
  const Scratch scratch;
  const TrainConfig c = Switched(scratch, "travels");
  RunSwitched(c);
  const std::string base_path = scratch.path + "/base.gguf", path = scratch.path + "/a.gguf";
  const std::string trained = c.run.folder + "/adapter", program = std::string(PITH_TEST_BINARY) + "/pith-export ";
  ASSERT_EQ(std::system((program + "convert --type f32 --base " + c.model.path + " --out " + base_path + " > /dev/null").c_str()), 0);
  ASSERT_EQ(std::system((program + "adapter --type f16 --any-base --adapter " + trained + " --base " + base_path + " --out " + path + " > /dev/null 2>&1").c_str()), 0);
  const std::shared_ptr<const BaseModel> base = BaseModel::Load(base_path);
  const AdapterRef adapter = PackedAdapter::FromGguf(path, base->config());
  ASSERT_TRUE(adapter->switcher());
  EXPECT_EQ(adapter->switcher()->arms, ReadPeft(trained).switcher->arms);
  ASSERT_TRUE(adapter->proof());
  ASSERT_FALSE(adapter->switcher()->proof_logits.empty());
  EXPECT_EQ(adapter->switcher()->proof_logits.size() % 3, 0u);
  const ProofPrompts prompts = MakeProofPrompts(base_path, base->config().vocab_size, base->config().context_length, "", "", adapter->invocation());
  VerifyOptions options;
  options.engine.num_threads = 1;
  for (const bool as_run : {false, true}) {
    options.engine.activations = as_run ? ActivationType::kInt8 : ActivationType::kF32;
    options.engine.kv_type = as_run ? KvType::kF16 : KvType::kF32;
    const ProofResult result = VerifyAdapter(base, adapter, "a", prompts, options);
    EXPECT_TRUE(result.ok()) << (result.findings.empty() ? "" : result.findings[0].sentence);
    EXPECT_GT(result.figures.switcher_bound, 0);
    EXPECT_LT(result.figures.switcher_deviation, result.figures.switcher_bound);
  }
  // Heads that are not what they were: a weight, a length, arms in another order.
  options.engine.activations = ActivationType::kF32;
  options.engine.kv_type = KvType::kF32;
  for (int fault = 0; fault < 3; ++fault) {
    LoraAdapter lora = ReadPeft(trained);
    lora.proof = adapter->proof();
    lora.switcher = adapter->switcher();
    std::vector<SwitchArm>& arms = lora.switcher->arms;
    if (fault == 0) arms[1].right.weights[3] += 0.1f * std::abs(arms[1].right.weights[3]) + 0.02f;
    if (fault == 1) arms[0].tokens.bias += 1;
    if (fault == 2) std::swap(arms[0].right, arms[2].right);
    const ProofResult wrong = VerifyAdapter(base, PackedAdapter::FromLora(lora, base->config(), TensorType::kF16), "a", prompts, options);
    EXPECT_EQ(wrong.verdict, ProofVerdict::kDifferent) << fault;
    ASSERT_EQ(wrong.findings.size(), 1u);
    EXPECT_EQ(wrong.findings[0].kind, "switcher");
  }
}

TEST(SwitcherStage, RefusesWhatCannotBe) {
  const Scratch scratch;
  TrainConfig c = Switched(scratch, "refused");
  WriteFile(scratch.path + "/judge.py", "import json, sys\nfor line in sys.stdin:\n    a = json.loads(line)\n    print(json.dumps({'id': a['id'], 'score': 1}), flush=True)\n");
  EXPECT_NE(Refusal([&] { RunSwitched(c); }).find("each arm of the switcher is right always, or never"), std::string::npos);
  EXPECT_FALSE(IsFolder(c.run.folder + "/adapter"));
  c.switcher.budgets = {505};  // of a context of 512
  EXPECT_NE(Refusal([&] { OpenSession(c); }).find("that answers of up to 505 tokens leave of the model's context of 512"), std::string::npos);
  c = Switched(scratch, "refused");
  LoraAdapter always = ReadPeft(c.run.init_adapter);
  always.activation = Activation::kAlways;
  always.invocation.clear();
  WritePeft(always, scratch.path + "/always");
  c.run.init_adapter = scratch.path + "/always";
  EXPECT_NE(Refusal([&] { RunSwitched(c); }).find("acts on the whole prompt"), std::string::npos);
  c.run.init_adapter = scratch.path + "/none";
  EXPECT_NE(Refusal([&] { OpenSession(c); }), "");
}

TEST(SwitcherStage, ADryRunShowsTheArms) {
  const Scratch scratch;
  const TrainConfig c = Switched(scratch, "dry");
  const std::string text = DryRun(OpenSession(c, Inputs::kAnnounced));
  EXPECT_NE(text.find("# who may answer\n  base\n  adapter\n  adapter-32, told its budget of 32\n"), std::string::npos) << text;
  EXPECT_NE(text.find("26 problems x 3 arms x 1 answer = 78, of at most 32 tokens, in 3 steps; about 7 of the problems are held out"), std::string::npos) << text;
  EXPECT_NE(text.find("# time, as this machine is now, about\n  a step of 9 problems "), std::string::npos) << text;
  EXPECT_FALSE(IsFolder(c.run.folder));
  TrainConfig early = c;
  early.run.init_adapter = scratch.path + "/later";
  EXPECT_NE(DryRun(OpenSession(early, Inputs::kAnnounced)).find("init_adapter: " + early.run.init_adapter), std::string::npos);
}

}  // namespace
}  // namespace pith
