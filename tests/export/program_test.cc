// The program as people start it, and what it does not write over.
#include <sys/wait.h>

#include <functional>

#include "tests/export/export_fixture.h"

namespace pith {
namespace {

TEST_F(ExportTest, NeverWritesOntoItsInput) {
  const std::string base = Convert(TensorType::kF16, "base.gguf"), before = ReadFile(base);
  fs::create_symlink(base, Path("link.gguf"));
  for (const std::string& out : {base, Path("link.gguf"), Path("./base.gguf")}) {
    EXPECT_NE(Refusal([&] { RunConvert({base, {TensorType::kQ8_0, {}}, out}); }).find("the input itself"), std::string::npos);
    EXPECT_NE(Refusal([&] { RunFuse({kLora, base, TensorType::kQ8_0, {}, out}); }).find("the input itself"), std::string::npos);
    EXPECT_NE(Refusal([&] { RunAdapter({kLora, base, TensorType::kQ8_0, out, false}); }).find("the input itself"), std::string::npos);
  }
  fs::copy(kModel, Path("model"));
  EXPECT_NE(Refusal([&] { RunFuse({kLora, Path("model"), {}, {}, Path("model")}); }).find("the input itself"), std::string::npos);
  EXPECT_EQ(ReadFile(base), before);
  EXPECT_NE(Refusal([&] { RunConvert({base, {TensorType::kQ8_0, {}}, folder_}); }), "");
  // Nor onto a file of a folder that it reads, or the results that go into the card.
  const std::string config = ReadFile(Path("model/config.json"));
  fs::copy(kLora, Path("lora"));
  for (const char* file : {"model/config.json", "model/tokenizer.json", "model/model.safetensors"}) {
    EXPECT_NE(Refusal([&] { RunConvert({Path("model"), {TensorType::kQ8_0, {}}, Path(file)}); }).find("input"), std::string::npos) << file;
  }
  for (const char* file : {"lora/adapter_config.json", "lora/adapter_model.safetensors"}) {
    EXPECT_NE(Refusal([&] { RunAdapter({Path("lora"), base, TensorType::kQ8_0, Path(file), false}); }).find("is a file of the input"), std::string::npos) << file;
  }
  WriteFile(Path("results.json"), "[]");
  EXPECT_NE(Refusal([&] { RunAdapter({kLora, base, TensorType::kQ8_0, Path("results.json"), false, Path("results.json")}); }).find("the input itself"),
            std::string::npos);
  EXPECT_EQ(ReadFile(Path("model/config.json")), config);
  EXPECT_NE(Refusal([&] { RunConvert({base, {TensorType::kQ8_0, {}}, ""}); }).find("--out is empty"), std::string::npos);
}

// A mistyped --out: what is there is somebody's, unless it is what the command writes anyway.
TEST_F(ExportTest, WhatIsThereIsReplacedOnlyWhereAsked) {
  const auto base = Convert(TensorType::kF16, "base.gguf");
  fs::copy(kModel, Path("model"));
  fs::create_directory(Path("words"));
  for (const char* name : {"README.md", "x.safetensors", "x.gguf", "words/tokenizer.json"}) WriteFile(Path(name), "mine");
  const std::vector<std::pair<std::string, std::function<void(bool)>>> commands = {
      {"README.md", [&](bool anyway) { RunConvert({base, {TensorType::kQ8_0, {}}, Path("README.md"), anyway}); }},
      {"x.safetensors", [&](bool anyway) { RunAdapter({kLora, base, TensorType::kQ8_0, Path("x.safetensors"), true, "", anyway}); }},
      {"x.gguf", [&](bool anyway) { RunFuse({kLora, base, TensorType::kQ8_0, {}, Path("x.gguf"), true, false, anyway}); }},
      {"words/tokenizer.json", [&](bool anyway) { RunFuse({kLora, kModel, {}, {}, Path("words"), true, false, anyway}); }}};
  for (const auto& [name, command] : commands) {
    EXPECT_NE(Refusal([&] { command(false); }).find("replace it with --overwrite"), std::string::npos) << name;
    EXPECT_EQ(ReadFile(Path(name)), "mine");
    command(true);
    EXPECT_NE(ReadFile(Path(name)), "mine");
    if (name != "words/tokenizer.json") command(false);  // now it is a GGUF
  }
  // Another model's folder, said before anything of the adapter is read.
  const auto fuse = [&](const char* adapter) { RunFuse({Path(adapter), kModel, {}, {}, Path("model"), true}); };
  EXPECT_NE(Refusal([&] { fuse("none"); }).find("holds a model already"), std::string::npos);
  EXPECT_EQ(ReadFile(Path("model/model.safetensors")), ReadFile(kModel + "/model.safetensors"));
  // A name that `mktemp` took; an empty folder.
  WriteFile(Path("taken"), "");
  RunConvert({base, {TensorType::kQ8_0, {}}, Path("taken")});
  fs::create_directory(Path("empty"));
  RunFuse({kLora, kModel, {}, {}, Path("empty"), true});
}

TEST_F(ExportTest, AnAdapterIsNoBase) {
  const std::string base = Convert(TensorType::kF32, "base.gguf");
  RunAdapter({kLora, base, TensorType::kF32, Path("a.gguf"), true});
  EXPECT_NE(Refusal([&] { BaseModel::Load(Path("a.gguf")); }).find("a.gguf' is an adapter, not a base"), std::string::npos);
}

// The program as people start it.
class ProgramTest : public ExportTest {
 protected:
  void SetUp() override {
    program_ = std::string(PITH_TEST_BINARY) + "/pith-export";
    if (!FileExists(program_)) GTEST_SKIP() << "pith-export is not built";
  }
  int Run(const std::string& arguments) {
    const int status = std::system((program_ + " " + arguments + " > " + Path("stdout") + " 2> " + Path("stderr")).c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string program_;
};

TEST_F(ProgramTest, ConvertsPacksAndFuses) {
  EXPECT_EQ(Run("convert --base " + kModel + " --type q4_0 --head-type q8_0 --out " + Path("base.gguf")), 0) << ReadFile(Path("stderr"));
  EXPECT_EQ(Run("adapter --adapter " + kLora + " --base " + Path("base.gguf") + " --out " + Path("adapter.gguf")), 0) << ReadFile(Path("stderr"));
  EXPECT_EQ(Run("fuse --adapter " + kLora + " --base " + Path("base.gguf") + " --type Q8_0 --out " + Path("fused.gguf")), 0) << ReadFile(Path("stderr"));
  const auto base = BaseModel::Load(Path("base.gguf"));
  EXPECT_EQ(PackedAdapter::FromGguf(Path("adapter.gguf"), base->config())->pair(0, 0).a.type, TensorType::kQ8_0);
  EXPECT_EQ(BaseModel::Load(Path("fused.gguf"))->Tensor("blk.0.attn_q.weight").type, TensorType::kQ8_0);
  EXPECT_EQ(Run("--help"), 0);
  EXPECT_EQ(Run("fuse --help"), 0);
}

TEST_F(ProgramTest, TheDemoModelIsABaseByName) {
  EXPECT_EQ(Run("convert --base " + kModel + " --type q8_0 --out " + Path("demo-model.gguf")), 0);
  ::setenv("PITH_DEMO_MODEL", Path("demo-model.gguf").c_str(), 1);
  EXPECT_EQ(Run("adapter --adapter " + kLora + " --base demo --out " + Path("adapter.gguf")), 0) << ReadFile(Path("stderr"));
  EXPECT_EQ(Run("convert --base demo --type q4_0 --out " + Path("base.gguf")), 0) << ReadFile(Path("stderr"));
  EXPECT_EQ(Run("fuse --adapter " + kLora + " --base demo --type q8_0 --out " + Path("fused.gguf")), 0) << ReadFile(Path("stderr"));
  const auto demo = BaseModel::Load(Path("demo-model.gguf"));
  EXPECT_EQ(PackedAdapter::FromGguf(Path("adapter.gguf"), demo->config())->base_sha256(), demo->Identity());
  EXPECT_EQ(BaseModel::Load(Path("base.gguf"))->Tensor("blk.0.attn_q.weight").type, TensorType::kQ4_0);
  const std::string before = ReadFile(Path("demo-model.gguf"));
  EXPECT_EQ(Run("convert --base demo --type q4_0 --out " + Path("demo-model.gguf")), 2) << "the input itself";
  EXPECT_EQ(ReadFile(Path("demo-model.gguf")), before);
  ::unsetenv("PITH_DEMO_MODEL");
}

TEST_F(ProgramTest, MistakesAreOneSentenceAndCodeTwo) {
  const std::string out = " --out " + Path("x.gguf");
  WriteFile(Path("short.gguf"), "GGUF\3");
  for (const std::string& arguments : {std::string(""), std::string("foo --out x")}) {
    Run(arguments);
    EXPECT_NE(ReadFile(Path("stderr")).find("the commands are convert, adapter, fuse (pith-export --help)"), std::string::npos) << ReadFile(Path("stderr"));
  }
  for (const std::string& arguments :
       {std::string(""), std::string("bake"), std::string("convert"), "convert --base " + kModel + " --type q9" + out,
        "convert --base " + kModel + " --type q4_0 --head-type q7" + out, "convert --base /nowhere --type f16" + out,
        "convert --base " + Path("short.gguf") + " --type f16" + out, "convert --base " + kModel + " --type f16 --loud" + out,
        "convert --base " + kModel + " --type f16 --out " + Path("no/such/folder/x.gguf"),
        "adapter --adapter " + kModel + " --base " + kModel + out, "adapter --adapter " + kLora + " --base " + kModel + " --type q4_1" + out,
        "fuse --adapter " + kAlora + " --base " + kModel + " --type f16" + out}) {
    EXPECT_EQ(Run(arguments), 2) << arguments;
    const std::string error = ReadFile(Path("stderr"));
    EXPECT_EQ(error.rfind("pith-export: ", 0), 0u) << arguments << "\n" << error;
    EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 1) << arguments << "\n" << error;
    EXPECT_FALSE(FileExists(Path("x.gguf")));
  }
}

}  // namespace
}  // namespace pith
