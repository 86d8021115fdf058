// stage: verifier on the tiny model: what it fits on is what the runtime sees, the run goes on to the same end, the head travels and is replayed.
#include <gtest/gtest.h>

#include <cstdlib>

#include "adapters/peft.h"
#include "data/template/check_turn.h"
#include "runtime/session/mode.h"
#include "runtime/session/verify.h"
#include "tests/train/tiny_run.h"
#include "train/dry_run.h"
#include "train/heads/check_sampler.h"
#include "train/heads/verifier.h"

namespace pith {
namespace {

using testing::MetricsOf;
using testing::Refusal;
using testing::Scratch;
using testing::TinyConfig;

// Right by lot of the text alone: what a tiny random model writes can be right here.
constexpr char kJudge[] =
    "import json, sys\n"
    "for line in sys.stdin:\n    a = json.loads(line)\n"
    "    n = sum(map(ord, a['response']))\n"
    "    print(json.dumps({'id': a['id'], 'score': n % 2, 'extracted': str(n % 3)}), flush=True)\n";

TrainConfig Checked(const Scratch& scratch, const std::string& name) {
  TrainConfig c = TinyConfig(scratch, "verifier", name);
  WriteFile(scratch.path + "/judge.py", kJudge);
  LoraAdapter lora = ReadPeft(PITH_TEST_GOLDEN "/tiny-alora");
  lora.invocation = Prompter::Load(c.model.path)->invocation();
  lora.base_sha256 = BaseModel::Load(c.model.path)->Identity();
  lora.card.emplace();
  lora.card->name = "trained elsewhere";
  lora.card->stage = "rl";
  lora.card->steps = 77;
  WritePeft(lora, scratch.path + "/trained");
  c.run.init_adapter = scratch.path + "/trained";
  c.reward.verifier.command = {"python3", scratch.path + "/judge.py"};
  c.check.samples = 3;
  c.check.temperature = 1;
  c.check.max_tokens = 12;
  c.check.problems_per_step = 5;
  c.check.max_batch = 8;
  c.check.type = "f16";
  c.check.activations = "bf16";
  c.check.l2 = 1.0;
  return c;
}

void RunChecked(const TrainConfig& config, FolderMode mode = FolderMode::kNew, int64_t stop_after_step = 0) {
  RunOptions options;
  options.mode = mode;
  options.stop_after_step = stop_after_step;
  options.quiet = true;
  const Session session = OpenSession(config);
  RunVerifier(session, options);
}

TEST(CheckTurn, IsWhatTheTemplatePutsBehindAnAnswer) {
  const auto prompter = Prompter::Load(PITH_TEST_GOLDEN "/tiny-llama");
  const std::string ask = "Is it right? <|im_end|> No \"tricks\".";
  const CheckTurn turn = MakeCheckTurn(*prompter, ask);
  EXPECT_TRUE(prompter->tokenizer().IsEnd(turn.end_id));
  // Any conversation, rendered as a whole, ends in it.
  for (const char* answer : {"7", "So it is 7.\n#### 7", "…", "<think>"}) {
    const std::vector<ChatMessage> messages = {{"system", "Be brief."}, {"user", "What is 3 + 4?"}, {"assistant", answer}, {"user", ask}};
    const std::vector<int32_t> whole = prompter->Encode(messages);
    ASSERT_GT(whole.size(), turn.ids.size());
    EXPECT_TRUE(std::equal(turn.ids.rbegin(), turn.ids.rend(), whole.rbegin())) << answer;
    EXPECT_EQ(whole[whole.size() - turn.ids.size() - 1], turn.end_id);
  }
}

TEST(VerifierStage, FitsOnWhatTheRuntimeSees) {
  const Scratch scratch;
  const TrainConfig c = Checked(scratch, "seen");
  const Session session = OpenSession(c);
  CheckSampler sampler(session);
  GenerateStats stats;
  const size_t problems[] = {4, 9};
  const auto groups = sampler.Sample(problems, &stats);
  ASSERT_EQ(groups.size(), 2u);
  // From nothing, token by token, with the adapter as a file has it.
  const AdapterRef adapter = PackedAdapter::FromLora(ReadPeft(c.run.init_adapter), session.base->config(), TensorType::kF16);
  for (size_t g = 0; g < 2; ++g) {
    ASSERT_EQ(groups[g].size(), 3u);
    const Prompt& prompt = session.problems[problems[g]].prompt;
    for (const Completion& completion : groups[g]) {
      EngineOptions options;
      options.activations = ActivationType::kBF16;
      options.num_threads = 1;
      options.share_prefixes = false;
      Engine engine(session.base, options);
      const SequenceId sequence = engine.NewSequence();
      std::vector<int32_t> ids = prompt.ids;
      ids.insert(ids.end(), completion.tokens.begin(), completion.tokens.end());
      if (!session.prompter->tokenizer().IsEnd(ids.back())) ids.push_back(sampler.turn().end_id);
      ids.insert(ids.end(), sampler.turn().ids.begin(), sampler.turn().ids.end());
      std::vector<float> hidden(static_cast<size_t>(session.base->config().d_model));
      for (size_t i = 0; i < ids.size(); ++i) {
        if (static_cast<int64_t>(i) == prompt.invocation_start) engine.SetAdapter(sequence, adapter);
        const ForwardRow row = {sequence, ids[i], false, /*drafted=*/false, true};
        engine.Forward({&row, 1}, nullptr, hidden.data());
      }
      EXPECT_EQ(completion.hidden, hidden);
    }
  }
  // Alone as in company.
  const size_t one[] = {9};
  const auto alone = sampler.Sample(one, &stats)[0];
  for (size_t s = 0; s < 3; ++s) {
    EXPECT_EQ(alone[s].tokens, groups[1][s].tokens);
    EXPECT_EQ(alone[s].hidden, groups[1][s].hidden);
  }
}

TEST(VerifierStage, GoesOnWhereItWasBrokenOffToTheSameEnd) {
  const Scratch scratch;
  TrainConfig whole = Checked(scratch, "whole"), broken = Checked(scratch, "broken");
  for (TrainConfig* c : {&whole, &broken}) c->log.save_every = 1;
  RunChecked(whole);
  RunChecked(broken, FolderMode::kNew, 1);
  EXPECT_FALSE(FileExists(broken.run.folder + "/adapter/" + std::string(kVerifierFile)));
  EXPECT_FALSE(FileExists(broken.run.folder + "/" + std::string(kVerifierReport)));
  RunChecked(broken, FolderMode::kResume);
  const auto metrics = MetricsOf(whole.run.folder), again = MetricsOf(broken.run.folder);
  ASSERT_EQ(metrics.size(), 3u);
  EXPECT_EQ(metrics, again);
  EXPECT_TRUE(metrics[2].contains("held_out/auc"));
  for (const char* file : {"adapter/pith_verifier.json", "adapter/adapter_model.safetensors", "adapter/pith.json", "verifier_report.json", "completions/step-2.jsonl"}) {
    EXPECT_EQ(ReadFile(whole.run.folder + "/" + file), ReadFile(broken.run.folder + "/" + file)) << file;
  }
  // The adapter's tensors and card are those that it began with.
  EXPECT_EQ(ReadFile(whole.run.folder + "/adapter/adapter_model.safetensors"), ReadFile(whole.run.init_adapter + "/adapter_model.safetensors"));
  EXPECT_EQ(ReadPeft(whole.run.folder + "/adapter").card, ReadPeft(whole.run.init_adapter).card);
  EXPECT_EQ(ReadPeft(whole.run.folder + "/adapter").card->steps, 77);
  RunChecked(whole, FolderMode::kResume);  // at its end already
  EXPECT_EQ(ReadFile(whole.run.folder + "/adapter/pith_verifier.json"), ReadFile(broken.run.folder + "/adapter/pith_verifier.json"));
  // Other inputs are no way to go on.
  LoraAdapter other = ReadPeft(whole.run.init_adapter);
  other.pairs.begin()->second.b[0] += 1;
  WritePeft(other, whole.run.init_adapter);
  const std::string refused = Refusal([&] { RunChecked(whole, FolderMode::kResume); });
  EXPECT_NE(refused.find("the adapter, the base, the problems or what the chat template makes of them are not those that this run began with"), std::string::npos) << refused;
}

TEST(VerifierStage, TheHeadTravelsAndIsReplayed) {
  const Scratch scratch;
  for (const char* reader : {"adapter", "base"}) {
    TrainConfig c = Checked(scratch, std::string("travels-") + reader);
    c.check.reader = reader;
    RunChecked(c);
    const std::string base_path = scratch.path + "/base.gguf", path = scratch.path + "/read-by-" + reader + ".gguf";
    const std::string trained = c.run.folder + "/adapter", program = std::string(PITH_TEST_BINARY) + "/pith-export ";
    ASSERT_EQ(std::system((program + "convert --type f32 --base " + c.model.path + " --out " + base_path + " > /dev/null").c_str()), 0);
    ASSERT_EQ(std::system((program + "adapter --type f16 --any-base --adapter " + trained + " --base " + base_path + " --out " + path + " > /dev/null 2>&1").c_str()), 0);
    const std::shared_ptr<const BaseModel> base = BaseModel::Load(base_path);
    const AdapterRef adapter = PackedAdapter::FromGguf(path, base->config());
    ASSERT_TRUE(adapter->verifier());
    EXPECT_EQ(adapter->verifier()->weights, ReadPeft(trained).verifier->weights);
    EXPECT_EQ(adapter->verifier()->by_base, std::string(reader) == "base");
    ASSERT_TRUE(adapter->proof());
    ASSERT_FALSE(adapter->verifier()->proof_logits.empty());
    const ProofPrompts prompts = MakeProofPrompts(base_path, base->config().vocab_size, base->config().context_length, "", "", adapter->invocation());
    VerifyOptions options;
    options.engine.activations = ActivationType::kF32;
    options.engine.kv_type = KvType::kF32;
    options.engine.num_threads = 1;
    const ProofResult result = VerifyAdapter(base, adapter, "a", prompts, options);
    EXPECT_TRUE(result.ok()) << (result.findings.empty() ? "" : result.findings[0].sentence);
    EXPECT_GT(result.figures.verifier_bound, 0);
    EXPECT_LT(result.figures.verifier_deviation, result.figures.verifier_bound);
    // A head that is not what it was: a weight changed, the reader changed, another question.
    for (int fault = 0; fault < 3; ++fault) {
      LoraAdapter lora = ReadPeft(trained);
      lora.proof = adapter->proof();
      lora.verifier = adapter->verifier();
      VerifierHead& head = *lora.verifier;
      if (fault == 0) head.weights[3] += 0.05f * std::abs(head.weights[3]) + 0.01f;
      if (fault == 1) head.by_base = !head.by_base;
      if (fault == 2) std::swap(head.check_ids[head.check_ids.size() / 2], head.check_ids[head.check_ids.size() / 2 - 1]);
      const ProofResult wrong = VerifyAdapter(base, PackedAdapter::FromLora(lora, base->config(), TensorType::kF16), "a", prompts, options);
      EXPECT_EQ(wrong.verdict, ProofVerdict::kDifferent) << reader << fault;
      ASSERT_EQ(wrong.findings.size(), 1u);
      EXPECT_EQ(wrong.findings[0].kind, "verifier");
    }
  }
}

TEST(VerifierStage, RefusesWhatCannotBe) {
  const Scratch scratch;
  TrainConfig c = Checked(scratch, "refused");
  WriteFile(scratch.path + "/judge.py", "import json, sys\nfor line in sys.stdin:\n    a = json.loads(line)\n    print(json.dumps({'id': a['id'], 'score': 1}), flush=True)\n");
  EXPECT_NE(Refusal([&] { RunChecked(c); }).find("answers that a verifier was to be fitted on are right, so there is nothing to tell apart"), std::string::npos);
  EXPECT_FALSE(IsFolder(c.run.folder + "/adapter"));
  c.check.max_tokens = 500;  // of a context of 512
  EXPECT_NE(Refusal([&] { OpenSession(c); }).find("that check.max_tokens = 500 and the check leave of the model's context of 512"), std::string::npos);
  c = Checked(scratch, "refused");
  c.run.init_adapter = scratch.path + "/none";
  EXPECT_NE(Refusal([&] { OpenSession(c); }), "");
}

TEST(VerifierStage, ADryRunShowsWhatIsAsked) {
  const Scratch scratch;
  const TrainConfig c = Checked(scratch, "dry");
  const std::string text = DryRun(OpenSession(c, Inputs::kAnnounced));
  EXPECT_NE(text.find("Is this answer right?"), std::string::npos);
  EXPECT_NE(text.find("12 problems x 3 answers = 36, of at most 12 tokens, in 3 steps; about 3 of the problems are held out"), std::string::npos) << text;
  EXPECT_NE(text.find("# time, as this machine is now, about\n  a step of 5 problems "), std::string::npos) << text;
  EXPECT_FALSE(IsFolder(c.run.folder));
  TrainConfig early = c;
  early.run.init_adapter = scratch.path + "/later";
  EXPECT_NE(DryRun(OpenSession(early, Inputs::kAnnounced)).find("init_adapter: " + early.run.init_adapter), std::string::npos);
}

}  // namespace
}  // namespace pith
