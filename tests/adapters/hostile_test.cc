// Adapter files made to break their readers. Each is small; reading it must end soon, in a sentence.
#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>

#include "adapters/packed_adapter.h"
#include "adapters/peft.h"
#include "base/file.h"
#include "base/gguf.h"
#include "base/safetensors.h"
#include "tests/adapters/random_adapter.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using testing::Refusal;
using testing::TinyConfig;

class HostileAdapter : public ::testing::Test {
 protected:
  HostileAdapter() : folder_((fs::temp_directory_path() / ("pith-hostile-" + std::to_string(::getpid()))).string()) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    PutPair(0);
  }
  ~HostileAdapter() override { fs::remove_all(folder_); }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  // Factors of rank 1 of one layer's v_proj.
  void PutPair(int layer) {
    const float values[] = {1, 2};
    const std::string module = Str("base_model.model.model.layers.", layer, ".self_attn.v_proj");
    WriteSafetensors(Path("adapter_model.safetensors"), {{module + ".lora_A.weight", {1, 2}, TensorType::kF32, values},
                                                         {module + ".lora_B.weight", {2, 1}, TensorType::kF32, values}});
  }
  std::string Read(const std::string& more) {
    std::ofstream(Path("adapter_config.json")) << R"({"peft_type": "LORA", "r": 1, "lora_alpha": 1)" << more << "}";
    return Refusal([&] { ReadPeft(folder_); });
  }
  template <class Body>
  static double Seconds(const Body& body) {
    const std::clock_t begin = std::clock();  // of this process, however busy the machine is
    body();
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  }
#if defined(__SANITIZE_ADDRESS__)
  static constexpr double kSoon = 30;
#else
  static constexpr double kSoon = 3;
#endif
  std::string folder_;
};

// Values that are refused are printed, and others copied: both by recursion.
TEST_F(HostileAdapter, DeepJson) {
  const std::string deep = std::string(300'000, '[') + std::string(300'000, ']');
  for (const char* key : {"modules_to_save", "bias", "target_modules", "rank_pattern", "auto_mapping"}) {
    EXPECT_NE(Read(std::string(", \"") + key + "\": " + deep).find("nests"), std::string::npos) << key;
  }
  ASSERT_EQ(Read(""), "");
  std::ofstream(Path("pith.json")) << R"({"budget": {"tokens": )" << deep << "}}";
  EXPECT_NE(Read("").find("nests"), std::string::npos);
}

TEST_F(HostileAdapter, KeysThatOccurTwice) {
  // PEFT takes the last. pith's own file has each but once.
  EXPECT_NE(Read(R"(, "r": 2)").find("do not fit rank 2"), std::string::npos);
  EXPECT_NE(Read(R"(, "rank_pattern": {"v_proj": 1, "v_proj": 2})").find("do not fit rank 2"), std::string::npos);
  EXPECT_EQ(Read(R"(, "r": 2, "r": 1, "rank_pattern": {"v_proj": 2, "v_proj": 1})"), "");
  std::ofstream(Path("pith.json")) << R"({"base_sha256": "", "base_sha256": ""})";
  EXPECT_NE(Read("").find("'base_sha256' occurs twice"), std::string::npos);
}

TEST_F(HostileAdapter, NumbersThatAreNone) {
  EXPECT_EQ(Read(R"(, "eva_config": {"rho": NaN, "tau": -Infinity})"), "");
  EXPECT_NE(Read(R"(, "lora_alpha": NaN)").find("lora_alpha is \"NaN\", expected a positive number"), std::string::npos);
  EXPECT_NE(Read(R"(, "lora_dropout": Infinity)").find("lora_dropout is \"Infinity\", expected a number"), std::string::npos);
}

TEST_F(HostileAdapter, FilesWithoutEnd) {
  fs::create_symlink("/dev/zero", Path("adapter_config.json"));
  EXPECT_NE(Refusal([&] { ReadPeft(folder_); }).find("more than"), std::string::npos);
}

// Every target was looked for in every layer below the highest.
TEST_F(HostileAdapter, ManyTargetsInManyLayers) {
  PutPair(4095);
  std::string targets = "\"v_proj\"";
  for (int i = 0; i < 20'000; ++i) targets += ", \"v_proj\"";
  const double seconds = Seconds([&] { EXPECT_EQ(Read(R"(, "layers_to_transform": [4095], "target_modules": [)" + targets + "]"), ""); });
  EXPECT_LT(seconds, kSoon);
}

TEST_F(HostileAdapter, ManyPatterns) {
  std::string slow;  // each letter of the name may stand anywhere, so that nothing is empty
  while (slow.size() < 990) slow += "(.?){99}";
  std::string patterns;
  for (int i = 0; i < 2000; ++i) patterns += Str(i == 0 ? "" : ", ", "\"", slow, i, "x\": 1");
  const double seconds = Seconds([&] { EXPECT_NE(Read(", \"rank_pattern\": {" + patterns + "}").find("rank_pattern"), std::string::npos); });
  EXPECT_LT(seconds, kSoon);
  PutPair(4095);
  const std::string one = ", \"exclude_modules\": \"" + slow + "x\", \"target_modules\": \"" + slow + "v_proj\", \"layers_to_transform\": 1, \"layers_pattern\": [";
  std::string several = "\"" + slow + "\"";
  for (int i = 0; i < 2000; ++i) several += ", \"" + slow + "\"";
  EXPECT_LT(Seconds([&] { EXPECT_NE(Read(one + several + "]").find("layers_pattern has more than"), std::string::npos); }), kSoon);
  EXPECT_LT(Seconds([&] { EXPECT_EQ(Read(one + "\"" + slow + "\"]"), ""); }), kSoon);
}

TEST_F(HostileAdapter, AlphaThatVanishesInFloat32IsNotScaleOne) {
  GgufWriter writer;
  for (const auto& [key, value] : {std::pair{"general.architecture", "llama"}, {"general.type", "adapter"}, {"adapter.type", "lora"}}) {
    writer.Set(key, std::string(value));
  }
  writer.Set("adapter.lora.alpha", 0.5);
  writer.Add("blk.0.attn_v.weight.lora_a", TensorType::kF32, 1, 64, std::vector<uint8_t>(256));
  writer.Add("blk.0.attn_v.weight.lora_b", TensorType::kF32, 32, 1, std::vector<uint8_t>(128));
  writer.Write(Path("a.gguf"));
  ASSERT_EQ(Refusal([&] { PackedAdapter::FromGguf(Path("a.gguf"), TinyConfig()); }), "");
  // The alpha as a 64-bit float: the type, then the value, with four bytes more.
  std::string bytes = ReadFile(Path("a.gguf"));
  const std::string key = "adapter.lora.alpha";
  const size_t at = bytes.find(key) + key.size();
  const uint32_t f64 = 12;
  const double tiny = 1e-300;
  bytes.replace(at, 8, std::string(reinterpret_cast<const char*>(&f64), 4) + std::string(reinterpret_cast<const char*>(&tiny), 8));
  const size_t pad = bytes.size() - 256 - 128;  // the data begins at a multiple of 32 again
  bytes.insert(pad, (32 - pad % 32) % 32, '\0');
  std::ofstream(Path("a.gguf"), std::ios::binary | std::ios::trunc) << bytes;
  EXPECT_NE(Refusal([&] { PackedAdapter::FromGguf(Path("a.gguf"), TinyConfig()); }).find("adapter.lora.alpha is 1e-300"), std::string::npos);
}

}  // namespace
}  // namespace pith
