#include "base/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

class SafetensorsTest : public testing::Test {
 protected:
  static std::string Bytes(const std::string& header, size_t data) {
    const uint64_t size = header.size();
    return std::string(reinterpret_cast<const char*>(&size), 8) + header + std::string(data, 'd');
  }
  std::string ErrorOf(const std::string& bytes) {
    Overwrite(folder_ / "f.safetensors", bytes);
    try {
      SafetensorsFile file(folder_ / "f.safetensors");
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  }
  void ExpectRefused(const std::string& header, size_t data, const std::string& part) {
    const std::string error = ErrorOf(Bytes(header, data));
    EXPECT_NE(error.find(part), std::string::npos) << header << "\ngot: " << error << "\nwanted: " << part;
  }
  TempFolder folder_;
};

TEST_F(SafetensorsTest, DoublesAreReadAsFloats) {
  const double values[] = {0.5, 1.0 / 3};
  std::string bytes = Bytes(R"({"a":{"dtype":"F64","shape":[2],"data_offsets":[0,16]},"b":{"dtype":"F64","shape":[0],"data_offsets":[16,16]}})", 0);
  bytes.append(reinterpret_cast<const char*>(values), sizeof(values));
  Overwrite(folder_ / "f.safetensors", bytes);
  const SafetensorsFile file(folder_ / "f.safetensors");
  const SafeTensor& a = *file.Find("a");
  EXPECT_EQ(a.type, TensorType::kF32);
  ASSERT_EQ(a.bytes, 8u);
  float got[2];
  std::memcpy(got, a.data, sizeof(got));
  EXPECT_EQ(got[0], 0.5f);
  EXPECT_EQ(got[1], static_cast<float>(1.0 / 3));
  EXPECT_EQ(file.Find("b")->bytes, 0u);
  ExpectRefused(R"({"a":{"dtype":"F64","shape":[2],"data_offsets":[0,8]}})", 8, "has 8 bytes");
}

TEST_F(SafetensorsTest, RoundTrip) {
  const std::vector<float> a{1, 2, 3, 4, 5, 6};
  const std::vector<uint16_t> b{0x3c00, 0xc000, 0x7c00};
  const std::string path = folder_ / "a.safetensors";
  WriteSafetensors(path,
                   {{"half", {3}, TensorType::kF16, b.data()},
                    {"matrix", {2, 3}, TensorType::kF32, a.data()},
                    {"brain \"quoted\"", {1, 3, 1}, TensorType::kBF16, b.data()},
                    {"none", {0, 5}, TensorType::kF32, nullptr}},
                   {{"format", "pt"}});
  const SafetensorsFile file(path);
  EXPECT_EQ(file.tensors().size(), 4u);
  EXPECT_EQ(file.metadata(), (std::map<std::string, std::string>{{"format", "pt"}}));
  const SafeTensor* matrix = file.Find("matrix");
  ASSERT_NE(matrix, nullptr);
  EXPECT_EQ(matrix->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(matrix->type, TensorType::kF32);
  EXPECT_EQ(std::memcmp(matrix->data, a.data(), 24), 0);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(matrix->data) % 4, 0u);
  EXPECT_EQ(std::memcmp(file.Find("half")->data, b.data(), 6), 0);
  EXPECT_EQ(file.Find("brain \"quoted\"")->shape, (std::vector<int64_t>{1, 3, 1}));
  EXPECT_EQ(file.Find("none")->bytes, 0u);
  EXPECT_EQ(file.Find("missing"), nullptr);
}

TEST_F(SafetensorsTest, ReadsWhatPeftWrote) {
  const SafetensorsFile file(std::string(PITH_TEST_GOLDEN) + "/tiny-lora/adapter_model.safetensors");
  EXPECT_EQ(file.metadata().at("format"), "pt");
  const SafeTensor* a = file.Find("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->shape, (std::vector<int64_t>{8, 64}));
}

TEST_F(SafetensorsTest, RefusesLies) {
  const std::string good = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  EXPECT_EQ(ErrorOf(Bytes(good, 8)), "");
  ExpectRefused(good, 7, "bytes 0 to 8 of 7");
  ExpectRefused(good, 9, "cover 8 of 9");
  ExpectRefused("[1]", 0, "not a JSON object");
  ExpectRefused("{", 0, "not a JSON object");
  ExpectRefused("{\"\xff\":1}", 0, "not a JSON object");
  ExpectRefused(R"({"a":1})", 0, "lacks dtype");
  ExpectRefused(R"({"a":{"dtype":"I63","shape":[1],"data_offsets":[0,8]}})", 8, "unknown type \"I63\"");
  ExpectRefused(R"({"a":{"dtype":1,"shape":[1],"data_offsets":[0,8]}})", 8, "unknown type 1");
  ExpectRefused(R"({"a":{"dtype":"I64","shape":[2],"data_offsets":[0,8]}})", 8, "type I64 has 8 bytes");
  ExpectRefused(R"({"a":{"dtype":"F32","shape":3,"data_offsets":[0,8]}})", 8, "not a list");
  ExpectRefused(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", 8, "where a count belongs");
  ExpectRefused(R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", 8, "where a count belongs");
  ExpectRefused(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,2],"data_offsets":[0,8]}})", 8, "impossible");
  ExpectRefused(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8, "has 8 bytes");
  ExpectRefused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}})", 8, "no pair");
  ExpectRefused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", 8, "bytes 8 to 0");
  ExpectRefused(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}})", 8, "bytes 0 to");
  const std::string a = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)";
  ExpectRefused(a + R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})", 12, "begins at byte 4");
  ExpectRefused(a + R"("b":{"dtype":"F32","shape":[2],"data_offsets":[12,20]}})", 20, "begins at byte 12");
  ExpectRefused(a + R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8, "'a' occurs twice");
  ExpectRefused(R"({"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8, "'dtype' occurs twice");
  ExpectRefused(R"({"__metadata__":{"k":1}})", 0, "metadata 'k'");
  ExpectRefused(R"({"__metadata__":3})", 0, "not an object");
  EXPECT_NE(ErrorOf("1234567").find("only 7 bytes"), std::string::npos);
  EXPECT_NE(ErrorOf(std::string(8, '\xff') + "{}").find("claims a header"), std::string::npos);
}

// Every type that the safetensors package knows: such a tensor is there, and whoever needs it can say what it is.
TEST_F(SafetensorsTest, KeepsApartWhatPithDoesNotComputeWith) {
  const std::pair<const char*, int> sizes[] = {
      {"BOOL", 8}, {"U8", 8}, {"I8", 8}, {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"I16", 16}, {"U16", 16}, {"I32", 32},
      {"U32", 32}, {"C64", 64}, {"I64", 64}, {"U64", 64}, {"F4", 4}, {"F6_E2M3", 6}, {"F6_E3M2", 6}};
  for (const auto& [dtype, bits] : sizes) {
    const std::string header = Str(R"({"__metadata__":null,"a":{"dtype":")", dtype, R"(","shape":[2,4],"data_offsets":[0,)", bits,
                                   R"(]},"b":{"dtype":"F32","shape":[1],"data_offsets":[)", bits, ",", bits + 4, "]}}");
    EXPECT_EQ(ErrorOf(Bytes(header, static_cast<size_t>(bits) + 4)), "") << dtype;
    const SafetensorsFile file(folder_ / "f.safetensors");
    EXPECT_EQ(file.tensors().size(), 1u);
    EXPECT_NE(file.Find("b"), nullptr);
    EXPECT_EQ(file.foreign(), (std::map<std::string, std::string, std::less<>>{{"a", dtype}}));
    EXPECT_THROW(file.RefuseForeign(), UserError);
  }
}

TEST_F(SafetensorsTest, DeepNestingDoesNotOverflowTheStack) {
  ExpectRefused("{\"a\":" + std::string(200000, '[') + std::string(200000, ']') + "}", 0, "nests");
}

std::string SmallFile() {
  TempFolder folder;
  const std::vector<float> a{1, 2, 3, 4, 5, 6};
  WriteSafetensors(folder / "a", {{"x", {2, 2}, TensorType::kF32, a.data()}, {"y", {2}, TensorType::kBF16, a.data()}},
                   {{"format", "pt"}});
  return ReadFile(folder / "a");
}

TEST_F(SafetensorsTest, TruncatedAnywhereItIsRefused) {
  const std::string whole = SmallFile();
  ASSERT_EQ(ErrorOf(whole), "");
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_NE(ErrorOf(whole.substr(0, size)), "") << "first " << size << " bytes";
  }
}

TEST_F(SafetensorsTest, AnyFlippedBitLoadsOrIsRefused) {
  const std::string whole = SmallFile();
  int refused = 0;
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    Overwrite(folder_ / "f.safetensors", bytes);
    try {
      const SafetensorsFile file(folder_ / "f.safetensors");
      unsigned sum = 0;
      for (const auto& [name, tensor] : file.tensors()) {
        for (uint64_t i = 0; i < tensor.bytes; ++i) sum += tensor.data[i];
      }
      EXPECT_LT(sum, 256u * whole.size());
    } catch (const UserError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 500);
}

}  // namespace
}  // namespace pith
