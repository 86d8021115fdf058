// pith-run from outside: what it refuses, in one sentence and before any work, and what it then does.
#include <sstream>

#include "data/template/prompt.h"
#include "tests/programs/run_program.h"

namespace pith {
namespace {

// The third token that the model says by itself becomes an end: in the folder that declares it, and in its GGUF.
TEST_F(RunProgramTest, AnAnswerEndsWhereTheFilesSay) {
  const auto generate = [&](const std::string& model, bool json) {
    std::vector<std::string> arguments = {"generate", "--model", model, "--threads", "1", "--max-tokens", "8", "--prompt", "What is 3 + 4?"};
    if (json) arguments.push_back("--json");
    return Run(arguments).out;
  };
  const auto whole = nlohmann::json::parse(generate(kFolder, true));
  const auto ids = whole.at("token_ids").get<std::vector<int32_t>>();
  ASSERT_EQ(ids.size(), 8u);
  const size_t end = static_cast<size_t>(std::find(ids.begin(), ids.end(), ids[2]) - ids.begin());
  const std::string folder = folder_ / "ends", gguf = folder_ / "ends.gguf";
  std::filesystem::copy(kFolder, folder);
  WriteFile(folder + "/generation_config.json", nlohmann::json{{"eos_token_id", {2, ids[2]}}}.dump());
  RunConvert({folder, {TensorType::kF32, {}}, gguf});
  const std::string text = Tokenizer::Load(kFolder)->Decode(std::span(ids).first(end));
  for (const std::string& model : {folder, gguf}) {
    const auto answer = nlohmann::json::parse(generate(model, true));
    EXPECT_EQ(answer.at("finish"), "stop") << model;
    EXPECT_EQ(answer.at("token_ids").size(), end + 1) << model;
    EXPECT_EQ(answer.at("text"), text) << "the end is no part of the text, though it is a normal token";
    EXPECT_EQ(generate(model, false), text + "\n") << model;
  }
}

TEST_F(RunProgramTest, NoCommandAndUnknownOnes) {
  ExpectRefusal({}, "no command given; the commands are generate, chat, eval, ");
  ExpectRefusal({"foo"}, "there is no command 'foo'; the commands are generate, chat, eval, bench, tokenize, template, grade, logits, fit, info, verify (pith-run --help)");
  ExpectRefusal({"bake"}, "'bake'");
  ExpectRefusal({"generate", "--model", model_}, "--prompt");
  ExpectRefusal(Generate({"--loud"}), "--loud");
  EXPECT_EQ(Run({"--help"}).code, 0);
  EXPECT_EQ(Run({"eval", "--help"}).code, 0);
}

TEST_F(RunProgramTest, ARepositoryOfHuggingFacesCacheIsABase) {
  const std::string hub = folder_ / "cache/hub", repository = hub + "/models--tiny--llama", before = "HF_HUB_CACHE=" + hub;
  MakeFolders(repository + "/refs");
  MakeFolders(repository + "/snapshots");
  std::filesystem::copy(kFolder, repository + "/snapshots/c0ffee");
  WriteFile(repository + "/refs/main", "c0ffee");
  WriteFile(folder_ / "text.txt", "What is 3 + 4?");
  const auto generate = [](const std::string& model) {
    return std::vector<std::string>{"generate", "--model", model, "--threads", "1", "--max-tokens", "4", "--prompt", "What is 3 + 4?"};
  };
  const Outcome named = Run(generate("tiny/llama"), before), folder = Run(generate(kFolder));
  EXPECT_EQ(named.code, 0) << named.err;
  EXPECT_EQ(named.out, folder.out);
  const auto tokenize = [&](const std::string& model) {
    return std::vector<std::string>{"tokenize", "--model", model, "--file", folder_ / "text.txt"};
  };
  EXPECT_EQ(Run(tokenize("tiny/llama@c0ffee"), before).out, Run(tokenize(kFolder)).out);
  const Outcome absent = Run(generate("tiny/absent"), before);
  EXPECT_EQ(absent.code, 2);
  EXPECT_NE(absent.err.find("hf download tiny/absent"), std::string::npos) << absent.err;
}

TEST_F(RunProgramTest, DamagedFiles) {
  const std::string whole = ReadFile(model_);
  WriteFile(folder_ / "half.gguf", whole.substr(0, whole.size() / 2));
  WriteFile(folder_ / "head.gguf", whole.substr(0, 30));
  WriteFile(folder_ / "text.gguf", "not a model");
  const std::string adapter = ReadFile(Adapter("adapter.gguf", ""));
  WriteFile(folder_ / "torn.gguf", adapter.substr(0, adapter.size() - 500));
  for (const char* name : {"half.gguf", "head.gguf", "text.gguf", "missing.gguf"}) {
    ExpectRefusal({"generate", "--model", folder_ / name, "--prompt", "?"}, name);
    ExpectRefusal({"bench", "--model", folder_ / name}, name);
    ExpectRefusal({"eval", "--model", folder_ / name, "--dataset", folder_ / "sums.jsonl", "--out", folder_ / "new/out"}, name);
    ExpectRefusal({"tokenize", "--model", folder_ / name, "--file", folder_ / "sums.jsonl"}, name);
  }
  for (const char* name : {"torn.gguf", "text.gguf", "missing.gguf"}) {
    ExpectRefusal(Generate({"--adapter", folder_ / name}), name);
    ExpectRefusal(Eval({"--adapter", folder_ / name}), name);
  }
  ExpectRefusal(Generate({"--adapter", folder_ / "base.gguf"}), "base.gguf");
  WriteFile(folder_ / "bad.jsonl", "{\"question\": \"1 + 1?\", \"answer\": 2}\n{\"question\": \"1 +");
  ExpectRefusal(Eval({}, folder_ / "bad.jsonl"), "bad.jsonl");
  WriteFile(folder_ / "bad.jsonl", "{\"problem\": \"1 + 1?\", \"answer\": 2}\n");
  ExpectRefusal(Eval({}, folder_ / "bad.jsonl"), "'question'");
}

TEST_F(RunProgramTest, AdaptersOfAnotherKindOrBase) {
  const std::string foreign = Adapter("foreign.gguf", std::string(64, 'a'));
  ExpectRefusal(Generate({"--adapter", foreign}), "--any-base");
  ExpectRefusal(Eval({"--adapter", foreign}), "--any-base");
  const Outcome allowed = Run(Generate({"--adapter", foreign, "--any-base", "--max-tokens", "4"}));
  EXPECT_EQ(allowed.code, 0) << allowed.err;
  EXPECT_NE(allowed.err.find("warning: "), std::string::npos);
  ExpectRefusal(Generate({"--adapter", kAlora}), "pith-export adapter --adapter " + kAlora);
  ExpectRefusal(Eval({"--adapter", "short=" + kAlora}), "pith-export adapter --adapter " + kAlora);
  const std::string elsewhere = Adapter("elsewhere.gguf", "", {5, 6, 5, 6});
  ExpectRefusal(Generate({"--adapter", elsewhere}), "'elsewhere' acts from its invocation");
  ExpectRefusal(Eval({"--adapter", elsewhere, "--max-tokens", "20"}), "'elsewhere' acts from its invocation");
}

// What pith wrote of its base survives another program's changing it; the adapter is for what was there before.
TEST_F(RunProgramTest, AdaptersOfABaseThatWasChanged) {
  const std::string adapter = Adapter("adapter.gguf", "");
  EXPECT_EQ(Run(Generate({"--adapter", adapter, "--max-tokens", "2"})).code, 0);
  std::string bytes = ReadFile(model_);
  bytes[bytes.size() - 64] = static_cast<char>(bytes[bytes.size() - 64] ^ 1);
  WriteFile(model_, bytes);
  const Outcome changed = Run(Generate({"--adapter", adapter, "--max-tokens", "2"}));
  EXPECT_EQ(changed.code, 2);
  EXPECT_NE(changed.err.find("--any-base"), std::string::npos) << changed.err;
  EXPECT_NE(changed.err.find("warning: '" + model_ + "' holds other weights"), std::string::npos) << changed.err;
}

// llama.cpp's order of q's and k's rows, in which GGUF adapters are, and Hugging Face's, in which a folder is.
TEST_F(RunProgramTest, OneAdapterOnAFolderAndOnItsGguf) {
  const std::string adapter = Adapter("adapter.gguf", "");
  const auto logits = [&](const std::string& model) {
    std::vector<std::string> arguments = {"logits", "--model", model, "--adapter", adapter, "--any-base", "--ids", "5,1,67,270,280,86,201,9,200", "--json"};
    const Outcome outcome = Run(arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out)["logits"].get<std::vector<std::vector<float>>>();
  };
  const auto folder = logits(kFolder), gguf = logits(model_);
  ASSERT_EQ(folder.size(), gguf.size());
  for (size_t row = 0; row < folder.size(); ++row) {
    for (size_t i = 0; i < folder[row].size(); ++i) ASSERT_NEAR(folder[row][i], gguf[row][i], 1e-4) << row;
  }
}

TEST_F(RunProgramTest, PromptsThatDoNotFit) {
  std::string text;
  for (int i = 0; i < 600; ++i) text += "pens ";
  ExpectRefusal({"generate", "--model", model_, "--prompt", text}, "context of 512");
  ExpectRefusal(Generate({"--max-tokens", "500"}), "context of 512");
  EXPECT_EQ(Run(Generate({})).code, 0);  // 512 are too many for this context, and nobody asked for them
  WriteFile(folder_ / "long.jsonl", ReadFile(folder_ / "sums.jsonl") + nlohmann::json{{"question", text}, {"answer", 1}}.dump() + "\n");
  ExpectRefusal(Eval({"--max-tokens", "20"}, folder_ / "long.jsonl"), "long.jsonl, line 4)");
  ExpectRefusal(Eval({"--budgets", "64,none", "--max-tokens", "20"}, folder_ / "long.jsonl"), "long.jsonl, line 4)");
}

TEST_F(RunProgramTest, BudgetsThatCannotAct) {
  ExpectRefusal(Generate({"--budget", "40"}), "reserve");
  ExpectRefusal(Generate({"--budget", "100", "--max-tokens", "50"}), "limit of 50");
  ExpectRefusal(Generate({"--budget", "600"}), "context of 512");  // not: the default of --max-tokens is too low
  const std::string longer = "\nAnd so, after all of this, we have come to the end of it and the answer must be #### ";
  ExpectRefusal(Generate({"--budget", "100", "--close-text", longer}), "closing text");
  ExpectRefusal(Generate({"--budget", "100", "--close-text", ""}), "text that closes");
  ExpectRefusal(Eval({"--budgets", "none,40"}), "reserve");
  ExpectRefusal(Eval({"--budgets", "none,100", "--close-text", longer}), "closing text");
  ExpectRefusal(Eval({"--budgets", "none,100", "--reserve", "0"}), "reserve");
  ExpectRefusal(Eval({"--budgets", "none,100,100"}), "twice");
  ExpectRefusal(Eval({"--budgets", "-5"}), "-5");
}

TEST_F(RunProgramTest, OptionsWithoutEffect) {
  for (const std::string option : {"--reserve", "--close-text"}) {
    ExpectRefusal(Generate({option, "20"}), option + " has no effect without --budget");
    ExpectRefusal(Eval({option, "20"}), option + " has no effect without a budget");
  }
  for (const std::string option : {"--top-k", "--top-p", "--min-p"}) {
    ExpectRefusal(Generate({option, option == "--top-k" ? "20" : "0.5"}), option + " has no effect at temperature 0");
    ExpectRefusal(Eval({option, option == "--top-k" ? "20" : "0.5"}), option + " has no effect at temperature 0");
  }
  ExpectRefusal(Generate({"--raw", "--system", "Be brief."}), "--system has no effect");
  ExpectRefusal(Generate({"--sentence", "Be brief."}), "--sentence has no effect without --budget");
  ExpectRefusal(Generate({"--raw", "--budget", "100", "--sentence", "Be brief."}), "--sentence has no effect");
  ExpectRefusal(Generate({"--any-base"}), "--any-base has no effect");
  ExpectRefusal(Generate({"--chains", "2"}), "--temperature");
  ExpectRefusal(Eval({"--sentence", "Be brief."}), "--sentence has no effect");
  ExpectRefusal(Eval({"--max-tokens", "40", "--budgets", "100"}), "--max-tokens has no effect");
  for (const std::string option : {"--min-steps", "--max-steps", "--max-number", "--distractor-rate"}) {
    ExpectRefusal(Eval({option, option == "--max-number" ? "10" : "1"}, "gsm8k"), option + " has no effect");
  }
  ExpectRefusal(Eval({"--question-field", "q"}, "gsm8k"), "--question-field has no effect");
  ExpectRefusal(Eval({"--answer-field", "a", "--limit", "3"}, "synthetic"), "--answer-field has no effect");
  ExpectRefusal(Eval({"--split", "train"}), "--split has no effect");
  ExpectRefusal(Eval({"--split", "train"}, "math500"), "--split has no effect");
  ExpectRefusal(Eval({"--shuffle", "--limit", "3"}, "synthetic"), "--shuffle has no effect");
  ExpectRefusal(Eval({"--data-seed", "3"}), "--data-seed has no effect");
  ExpectRefusal(Eval({"--temperature", "-0.5"}), "-0.5");
  ExpectRefusal(Generate({"--temperature", "-0.5"}), "-0.5");
}

TEST_F(RunProgramTest, ResultsThatCouldNotBeWritten) {
  WriteFile(folder_ / "file", "");
  const auto eval = [&](const std::string& out) {
    return std::vector<std::string>{"eval", "--model", model_, "--dataset", folder_ / "sums.jsonl", "--max-tokens", "20", "--out", out};
  };
  ExpectRefusal(eval(folder_ / "file/out"), "file");
  ExpectRefusal(eval(folder_ / "file"), "file");
  MakeFolders(folder_ / "taken/report.html");
  ExpectRefusal(eval(folder_ / "taken"), "report.html");
}

TEST_F(RunProgramTest, GenerateAnswersUnderItsBudget) {
  const Outcome outcome = Run(Generate({"--budget", "40", "--reserve", "16", "--json"}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["mode"], "base");
  EXPECT_EQ(json["budget"], 40);
  EXPECT_TRUE(json["forced"]);  // the tiny model babbles on
  EXPECT_LE(json["token_ids"].size(), 40u);
  EXPECT_NE(json["text"].get<std::string>().find("\n#### "), std::string::npos);
}

TEST_F(RunProgramTest, TheSentenceEndsTheUsersTurn) {
  const auto tokens = [&](const std::string& prompt, const std::string& sentence) {
    std::vector<std::string> arguments = {"generate", "--model", model_, "--budget", "80", "--json", "--prompt", prompt};
    if (!sentence.empty()) arguments.insert(arguments.end(), {"--sentence", sentence});
    const Outcome outcome = Run(arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out, nullptr, false)["token_ids"].dump();
  };
  const std::string said = tokens("What is 3 + 4?", "Use {budget} tokens, {budget}!");
  EXPECT_EQ(said, tokens("What is 3 + 4? Use 80 tokens, 80!", ""));
  EXPECT_NE(said, tokens("What is 3 + 4?", "")) << "this test compares nothing";
}

TEST_F(RunProgramTest, ABudgetRaisesTheDefaultOfMaxTokens) {
  std::filesystem::copy(kFolder, folder_ / "model");
  auto config = nlohmann::json::parse(ReadFile(kFolder + "/config.json"));
  config["max_position_embeddings"] = 1024;
  WriteFile(folder_ / "model/config.json", config.dump());
  const Outcome outcome = Run({"generate", "--model", folder_ / "model", "--prompt", "What is 3 + 4?", "--budget", "600", "--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_EQ(nlohmann::json::parse(outcome.out, nullptr, false)["budget"], 600);
}

TEST_F(RunProgramTest, AnAdapterActsFromItsOwnInvocationOn) {
  const auto prompter = Prompter::Load(model_);
  const std::vector<int32_t>& whole = prompter->invocation();
  const std::string own = Adapter("own.gguf", "", {whole.end() - 2, whole.end()}), derived = Adapter("derived.gguf", "");
  const auto tokens = [&](const std::string& adapter, bool raw) {
    std::vector<std::string> arguments = {"generate", "--model", model_, "--adapter", adapter, "--max-tokens", "30", "--json", "--prompt"};
    arguments.push_back(raw ? prompter->Render("What is 3 + 4?") : "What is 3 + 4?");
    if (raw) arguments.push_back("--raw");
    const Outcome outcome = Run(arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out, nullptr, false)["token_ids"].dump();
  };
  EXPECT_EQ(tokens(own, false), tokens(own, true));  // a raw prompt is searched for the adapter's own tokens
  EXPECT_EQ(tokens(derived, false), tokens(derived, true));
  EXPECT_NE(tokens(own, false), tokens(derived, false)) << "both begin alike: this test compares nothing";
}

TEST_F(RunProgramTest, TheTemplateTellsTheTimeThatTheAdapterWasTrainedUnder) {
  std::filesystem::copy(kFolder, folder_ / "timed");
  WriteFile(folder_ / "timed/chat_template.jinja",
            "{{ strftime_now('%d %B %Y') * 4 }}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
            "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}");
  const std::string timed = folder_ / "timed.gguf";
  RunConvert({folder_ / "timed", {TensorType::kF32, {}}, timed});
  const auto base = BaseModel::Load(timed);
  LoraAdapter lora = ReadPeft(kAlora);
  lora.base_sha256 = base->Identity();
  lora.invocation = Prompter::Load(timed)->invocation();
  lora.template_now = "1999-12-31";
  PackedAdapter::FromLora(lora, base->config(), TensorType::kF16)->WriteGguf(folder_ / "timed-adapter.gguf");
  const auto ids = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"generate", "--model", timed, "--adapter", folder_ / "timed-adapter.gguf", "--max-tokens", "40", "--json", "--prompt", "Hi"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = Run(arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out, nullptr, false)["token_ids"].dump();
  };
  EXPECT_EQ(ids({}), ids({"--now", "1999-12-31"}));
  EXPECT_NE(ids({}), ids({"--now", "2024-07-26T10:00:00"})) << "the day makes no difference: this test compares nothing";
  ExpectRefusal({"generate", "--model", timed, "--prompt", "Hi", "--now", "noon"}, "'noon' is not a time");
  ExpectRefusal(Generate({"--now", "2024-07-26"}), "--now has no effect with this model, whose chat template asks for no time");
  ExpectRefusal(Generate({"--now", "2024-07-26", "--raw"}), "--now has no effect with --raw");
}

TEST_F(RunProgramTest, TheTemplateIsGivenTheVariablesThatTheAdapterWasTrainedWith) {
  std::filesystem::copy(kFolder, folder_ / "switched");
  WriteFile(folder_ / "switched/chat_template.jinja",
            "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
            "{% if add_generation_prompt %}<|im_start|>assistant\n{% if not enable_thinking | default(true) %}no thoughts at all\n{% endif %}{% endif %}");
  const std::string model = folder_ / "switched.gguf";
  RunConvert({folder_ / "switched", {TensorType::kF32, {}}, model});
  const auto base = BaseModel::Load(model);
  LoraAdapter lora = ReadPeft(kAlora);
  lora.base_sha256 = base->Identity();
  lora.template_kwargs = R"({"enable_thinking": false})";
  lora.invocation = Prompter::Load(model, "", lora.template_kwargs)->invocation();
  PackedAdapter::FromLora(lora, base->config(), TensorType::kF16)->WriteGguf(folder_ / "a.gguf");
  const auto ids = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"generate", "--model", model, "--max-tokens", "40", "--json", "--prompt", "Hi"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = Run(arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out, nullptr, false)["token_ids"].dump();
  };
  const std::string adapter = folder_ / "a.gguf", off = R"({"enable_thinking": false})";
  EXPECT_EQ(ids({"--adapter", adapter}), ids({"--adapter", adapter, "--chat-template-kwargs", off}));
  EXPECT_NE(ids({}), ids({"--chat-template-kwargs", off})) << "the switch makes no difference: this test compares nothing";
  ExpectRefusal({"generate", "--model", model, "--prompt", "Hi", "--chat-template-kwargs", R"({"thinking": false})"},
                "--chat-template-kwargs gives thinking, which the model's chat template does not ask for");
  ExpectRefusal({"generate", "--model", model, "--prompt", "Hi", "--chat-template-kwargs", "[1]"}, "--chat-template-kwargs is not a JSON object");
}

TEST_F(RunProgramTest, EvalWritesItsPageWhateverItsModesAreCalled) {
  const std::string adapter = Adapter("tiny.gguf", "");
  const Outcome outcome = Run(Eval({"--adapter", adapter, "--adapter", "caf\xe9=" + Adapter("other.gguf", ""), "--budgets", "40,none",
                                    "--reserve", "16", "--max-tokens", "48"}));
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("McNemar"), std::string::npos);
  const auto rows = nlohmann::json::parse(ReadFile(folder_ / "new/out/results.json"));
  ASSERT_EQ(rows.size(), 6u);
  EXPECT_EQ(rows[2]["mode"], "tiny");
  EXPECT_EQ(rows[2]["budget"], 40);
  EXPECT_EQ(rows[2]["n"], 3);
  EXPECT_EQ(rows[4]["mode"], "caf\xef\xbf\xbd");
  for (const char* name : {"answers.jsonl", "chart.svg", "report.html"}) EXPECT_GT(ReadFile(folder_ / "new/out/" + name).size(), 500u) << name;
  const Outcome bench = Run({"bench", "--model", model_, "--adapter", "caf\xe9=" + adapter, "--prompt", "8", "--gen", "2", "--batch", "1",
                             "--reps", "1", "--json"});
  EXPECT_EQ(bench.code, 0) << bench.err;
  std::istringstream lines(bench.out);
  std::vector<std::string> modes;
  for (std::string line; std::getline(lines, line);) {
    const auto figures = nlohmann::json::parse(line);
    if (figures["test"] == "decode") modes.push_back(figures["mode"]);
  }
  EXPECT_EQ(modes, (std::vector<std::string>{"base", "caf\xef\xbf\xbd"}));
}


}  // namespace
}  // namespace pith
