// What pith-run generate does with the KV cache: a bound on its memory, and the prompt's KV in a file.
#include "tests/programs/run_program.h"

namespace pith {
namespace {

using nlohmann::json;

class KvOptionsTest : public RunProgramTest {
 protected:
  json Answer(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = Generate({"--max-tokens", "12", "--json"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = Run(arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return outcome.code == 0 ? json::parse(outcome.out) : json();
  }
};

TEST_F(KvOptionsTest, APromptIsTakenUpFromAFile) {
  const std::string file = folder_ / "prompt.kv", adapter = Adapter("a.gguf", "");
  const json base = Answer({"--save-kv", file}), reasoned = Answer({"--adapter", adapter});
  ASSERT_TRUE(FileExists(file));
  const json again = Answer({"--load-kv", file});
  EXPECT_EQ(again["token_ids"], base["token_ids"]);
  EXPECT_GT(again["cached_tokens"], 10);
  EXPECT_FALSE(base.contains("cached_tokens"));
  const json other_mode = Answer({"--load-kv", file, "--adapter", adapter});  // the base wrote what is in it
  EXPECT_EQ(other_mode["token_ids"], reasoned["token_ids"]);
  EXPECT_EQ(other_mode["cached_tokens"], again["cached_tokens"]);
  const json other_text = Answer({"--load-kv", file, "--system", "Be terse."});
  EXPECT_LT(other_text["cached_tokens"], again["cached_tokens"]);
  EXPECT_EQ(other_text["token_ids"], Answer({"--system", "Be terse."})["token_ids"]);
}

TEST_F(KvOptionsTest, ForeignFilesAndTooLittleMemoryAreRefused) {
  const std::string file = folder_ / "prompt.kv";
  Answer({"--save-kv", file});
  ExpectRefusal(Generate({"--load-kv", file, "--kv", "f32"}), "the KV's type is f16");
  ExpectRefusal(Generate({"--load-kv", folder_ / "none.kv"}), "none.kv");
  ExpectRefusal(Generate({"--load-kv", model_}), "base.gguf");
  const std::string model = ReadFile(model_);
  ExpectRefusal(Generate({"--max-tokens", "4", "--save-kv", model_}), "is no KV file, so it is not replaced");
  EXPECT_EQ(ReadFile(model_), model);
  WriteFile(folder_ / "empty", "");
  Answer({"--save-kv", folder_ / "empty"});
  Answer({"--save-kv", file});  // in the place of an older one
  EXPECT_EQ(Answer({"--load-kv", folder_ / "empty"})["cached_tokens"], Answer({"--load-kv", file})["cached_tokens"]);
  ExpectRefusal(Generate({"--kv-max-bytes", "4096", "--max-tokens", "12"}), "KV cache");
  ExpectRefusal(Generate({"--kv-max-bytes", "-1"}), "--kv-max-bytes");
  EXPECT_EQ(Answer({"--kv-max-bytes", "1000000000"})["token_ids"], Answer({})["token_ids"]);
}

}  // namespace
}  // namespace pith
