// JSON made to break its readers: nested so deep that printing or copying it overflows the stack, keys that occur twice,
// numbers that no type holds, files without end.
#include <gtest/gtest.h>

#include "base/model/base_model.h"
#include "base/error.h"
#include "base/model/model_config.h"
#include "base/safetensors.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

constexpr int kDeep = 300000;
std::string Deep() { return std::string(kDeep, '[') + std::string(kDeep, ']'); }

class HostileJsonTest : public testing::Test {
 protected:
  template <class Read>
  static std::string Refusal(const Read& read) {
    try {
      read();
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  }
  void ExpectTensorsRefused(const std::string& header, const std::string& part) {
    const uint64_t size = header.size();
    Overwrite(folder_ / "f.safetensors", std::string(reinterpret_cast<const char*>(&size), 8) + header + "12345678");
    const std::string got = Refusal([&] { SafetensorsFile file(folder_ / "f.safetensors"); });
    EXPECT_NE(got.find(part), std::string::npos) << got << "\nwanted: " << part;
  }
  void ExpectConfigRefused(const std::string& option, const std::string& part) {
    Overwrite(folder_ / "config.json",
              R"({"architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
                  "num_attention_heads": 4, "vocab_size": 320, "max_position_embeddings": 512, )" + option + "}");
    const std::string got = Refusal([&] { ModelConfigFromHf(folder_ / "config.json"); });
    EXPECT_NE(got.find(part), std::string::npos) << got << "\nwanted: " << part;
  }
  TempFolder folder_;
};

TEST_F(HostileJsonTest, DeepValuesOfATensorAreNotPrinted) {
  for (const std::string& entry : {R"({"dtype":)" + Deep() + R"(,"shape":[2],"data_offsets":[0,8]})",
                                  R"({"dtype":"F32","shape":[)" + Deep() + R"(],"data_offsets":[0,8]})",
                                  R"({"dtype":"F32","shape":[2],"data_offsets":[0,)" + Deep() + "]}"}) {
    ExpectTensorsRefused("{\"a\":" + entry + "}", "nests");
  }
}

TEST_F(HostileJsonTest, DeepValuesOfAModelsDescriptionAreNotPrinted) {
  ExpectConfigRefused("\"rope_theta\":" + Deep(), "nests");
  ExpectConfigRefused("\"layer_types\":[" + Deep() + "]", "nests");
  ExpectConfigRefused("\"rope_scaling\":" + Deep(), "nests");
  Overwrite(folder_ / "model.safetensors.index.json", "{\"weight_map\": {\"a\": " + Deep() + "}}");
  Overwrite(folder_ / "config.json", R"({"architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 128,
      "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 320, "max_position_embeddings": 512})");
  const std::string got = Refusal([&] { BaseModel::Load(folder_.path()); });
  EXPECT_NE(got.find("nests"), std::string::npos) << got;
}

// A description was written by a Python program: the last of equal keys counts, and numbers that are none are so where they are read.
TEST_F(HostileJsonTest, OfKeysThatOccurTwiceTheLastCounts) {
  ExpectConfigRefused(R"("hidden_size": "many")", "hidden_size is \"many\"");
  ExpectConfigRefused(R"("rope_scaling": {"rope_type": "default", "rope_type": "yarn"})", "lacks rope_scaling.factor");
}

TEST_F(HostileJsonTest, NumbersThatAreNoneCountWhereTheyAreRead) {
  ExpectConfigRefused(R"("aux_loss": NaN, "rms_norm_eps": NaN)", "rms_norm_eps is \"NaN\", expected a number");
  ExpectConfigRefused(R"("rope_theta": -Infinity)", "rope_theta is \"-Infinity\", expected a number");
  Overwrite(folder_ / "config.json",
            R"({"architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "hidden_size": 32,
                "num_attention_heads": 4, "vocab_size": 320, "max_position_embeddings": 512, "aux_loss": NaN, "cost": [-Infinity]})");
  EXPECT_EQ(ModelConfigFromHf(folder_ / "config.json").d_model, 32);
}

TEST_F(HostileJsonTest, IntegersBeyond64BitsAreNamedAsTheyStand) {
  ExpectConfigRefused(R"("head_dim": 18446744073709551614)", "head_dim is 18446744073709551614");
  ExpectConfigRefused(R"("head_dim": 1e999)", "not a JSON object");
}

// A header says how long it is; an index of shards and a description do not.
TEST_F(HostileJsonTest, EndlessFilesAreNotReadToTheEnd) {
  std::filesystem::create_symlink("/dev/zero", folder_ / "config.json");
  EXPECT_NE(Refusal([&] { ModelConfigFromHf(folder_ / "config.json"); }).find("more than"), std::string::npos);
}

}  // namespace
}  // namespace pith
