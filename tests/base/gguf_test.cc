#include "base/gguf.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

// Bytes of a GGUF file, piece by piece, so that a test can lie in any of them.
struct Raw {
  std::string bytes;
  template <class T>
  Raw& Put(T value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }
  Raw& Text(const std::string& text) {
    Put<uint64_t>(text.size());
    bytes += text;
    return *this;
  }
  Raw& Tensor(const std::string& name, std::vector<uint64_t> shape, uint32_t type, uint64_t offset) {
    Text(name).Put<uint32_t>(static_cast<uint32_t>(shape.size()));
    for (const uint64_t size : shape) Put(size);
    return Put(type).Put(offset);
  }
  Raw& Data(size_t size) {
    bytes.resize((bytes.size() + 31) / 32 * 32);
    bytes.resize(bytes.size() + size, 'd');
    return *this;
  }
};

Raw Header(uint64_t tensors, uint64_t keys, uint32_t version = 3) {
  Raw raw{"GGUF"};
  raw.Put(version).Put(tensors).Put(keys);
  return raw;
}

class GgufFileTest : public testing::Test {
 protected:
  // What reading `raw` throws; empty when it loads.
  std::string ErrorOf(const Raw& raw) {
    Overwrite(folder_ / "f.gguf", raw.bytes);
    try {
      GgufFile file(folder_ / "f.gguf");
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  }
  TempFolder folder_;
};

void ExpectContains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "got: " << text << "\nwanted: " << part;
}

TEST(GgufGolden, ReadsEveryMetadataTypeAsTheGgufPackageWroteIt) {
  const GgufFile file(std::string(PITH_TEST_GOLDEN) + "/base/quantise.gguf");
  EXPECT_EQ(file.Get<std::string>("general.architecture"), "llama");
  EXPECT_EQ(file.Get<int64_t>("golden.u8"), 200);
  EXPECT_EQ(file.Get<int64_t>("golden.i8"), -100);
  EXPECT_EQ(file.Get<int64_t>("golden.u16"), 60000);
  EXPECT_EQ(file.Get<int64_t>("golden.i16"), -30000);
  EXPECT_EQ(file.Get<int64_t>("golden.i32"), -2000000000);
  EXPECT_EQ(file.Get<int64_t>("golden.u64"), (int64_t{1} << 62) + 1);
  EXPECT_EQ(file.Get<int64_t>("golden.i64"), -(int64_t{1} << 62));
  EXPECT_EQ(file.Get<double>("golden.f32"), static_cast<double>(0.1f));
  EXPECT_EQ(file.Get<double>("golden.f64"), 0.1);
  EXPECT_EQ(file.Get<double>("golden.u8"), 200.0);
  EXPECT_TRUE(file.Get<bool>("golden.bool"));
  EXPECT_EQ(file.Get<std::vector<std::string>>("golden.strings"), (std::vector<std::string>{"", "ä", "two words"}));
  EXPECT_EQ(file.Get<std::vector<int64_t>>("golden.ints"), (std::vector<int64_t>{1, -2, 3}));
  EXPECT_EQ(file.Get<std::vector<double>>("golden.floats"), (std::vector<double>{0.5, -1.25}));
  EXPECT_EQ(file.Get<std::vector<double>>("golden.ints"), (std::vector<double>{1, -2, 3}));
  EXPECT_EQ(file.Get<std::vector<bool>>("golden.bools"), (std::vector<bool>{true, false, true}));
  EXPECT_EQ(file.Find<int64_t>("golden.missing"), std::nullopt);
  EXPECT_THROW(file.Get<int64_t>("golden.missing"), UserError);
  EXPECT_THROW(file.Get<std::string>("golden.u8"), UserError);
  EXPECT_THROW(file.Find<int64_t>("golden.f32"), UserError);
}

TEST(GgufWriterTest, WritesBackWhatItCopiesByteForByte) {
  TempFolder folder;
  const GgufFile golden(std::string(PITH_TEST_GOLDEN) + "/base/quantise.gguf");
  GgufWriter writer;
  writer.CopyMetadata(golden);
  for (const GgufTensor& tensor : golden.tensors()) writer.Add(tensor.name, golden.Tensor(tensor.name));
  writer.Write(folder / "copy.gguf");
  EXPECT_EQ(ReadFile(folder / "copy.gguf"), ReadFile(golden.path()));
}

// Offset of the type of `key`'s value in the file's bytes.
uint32_t TypeAfter(const std::string& bytes, const std::string& key, size_t skip = 0) {
  uint32_t type;
  std::memcpy(&type, bytes.data() + bytes.find(key) + key.size() + skip, 4);
  return type;
}

TEST(GgufWriterTest, ChoosesTheTypesThatLlamaCppInsistsOn) {
  TempFolder folder;
  GgufWriter writer;
  writer.Set("count", int64_t{7});
  writer.Set("large", int64_t{1} << 40);
  writer.Set("below", int64_t{-1});
  writer.Set("adapter.lora.alpha", 16.0);
  writer.Set("adapter.alora.invocation_tokens", std::vector<int64_t>{1, 520, 9531});
  writer.Set("tokenizer.ggml.token_type", std::vector<int64_t>{1, 3});
  writer.Set("negatives", std::vector<int64_t>{-1, 3});
  writer.Set("replaced", std::string("first"));
  writer.Set("empty", std::vector<std::string>{});
  writer.Set("replaced", true);
  writer.Add("v", TensorType::kF32, 1, 2, std::vector<uint8_t>(8, 1));
  writer.Add("m", TensorType::kQ8_0, 3, 32, std::vector<uint8_t>(102, 2));
  writer.Write(folder / "a.gguf");
  const std::string bytes = ReadFile(folder / "a.gguf");
  EXPECT_EQ(TypeAfter(bytes, "count"), 4u);
  EXPECT_EQ(TypeAfter(bytes, "large"), 11u);
  EXPECT_EQ(TypeAfter(bytes, "below"), 11u);
  EXPECT_EQ(TypeAfter(bytes, "adapter.lora.alpha"), 6u);
  EXPECT_EQ(TypeAfter(bytes, "adapter.alora.invocation_tokens"), 9u);
  EXPECT_EQ(TypeAfter(bytes, "adapter.alora.invocation_tokens", 4), 4u);
  EXPECT_EQ(TypeAfter(bytes, "tokenizer.ggml.token_type", 4), 5u);
  EXPECT_EQ(TypeAfter(bytes, "negatives", 4), 5u);

  const GgufFile file(folder / "a.gguf");
  EXPECT_EQ(file.entries().size(), 9u);
  EXPECT_EQ(file.Get<int64_t>("large"), int64_t{1} << 40);
  EXPECT_EQ(file.Get<int64_t>("below"), -1);
  EXPECT_TRUE(file.Get<bool>("replaced"));
  EXPECT_TRUE(file.Get<std::vector<std::string>>("empty").empty());
  EXPECT_EQ(file.Get<std::vector<int64_t>>("adapter.alora.invocation_tokens"), (std::vector<int64_t>{1, 520, 9531}));
  EXPECT_EQ(file.FindTensor("v")->shape, std::vector<int64_t>{2});
  EXPECT_EQ(file.FindTensor("m")->shape, (std::vector<int64_t>{32, 3}));
  EXPECT_EQ(file.Tensor("m").rows, 3);
  EXPECT_EQ(file.Tensor("m").data[101], 2);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file.Tensor("m").data) % 32, 0u);
}

TEST_F(GgufFileTest, KeepsTensorsOfForeignTypesButDoesNotComputeWithThem) {
  Raw raw = Header(3, 0);
  raw.Tensor("known", {256}, 16, 0).Tensor("alien", {7}, 999, 160).Tensor("cube", {2, 2, 2}, 0, 192).Data(224);
  Overwrite(folder_ / "f.gguf", raw.bytes);
  const GgufFile file(folder_ / "f.gguf");
  EXPECT_EQ(file.FindTensor("known")->bytes, 66u);
  EXPECT_EQ(file.FindTensor("alien")->bytes, 32u);
  EXPECT_THROW(file.Tensor("known"), UserError);
  EXPECT_THROW(file.Tensor("alien"), UserError);
  EXPECT_THROW(file.Tensor("cube"), UserError);
  EXPECT_THROW(file.Tensor("missing"), UserError);
}

TEST_F(GgufFileTest, HonoursAlignment) {
  Raw raw = Header(1, 1);
  raw.Text("general.alignment").Put<uint32_t>(4).Put<uint32_t>(64).Tensor("a", {1}, 0, 0);
  raw.bytes.resize((raw.bytes.size() + 63) / 64 * 64);
  raw.Put(2.5f);
  EXPECT_EQ(ErrorOf(raw), "");
  EXPECT_EQ(GgufFile(folder_ / "f.gguf").Tensor("a").ToF32(), std::vector<float>{2.5f});
}

TEST_F(GgufFileTest, RefusesLies) {
  const uint64_t huge = uint64_t{1} << 60;
  ExpectContains(ErrorOf({"GGML123456"}), "does not begin with");
  ExpectContains(ErrorOf(Header(0, 0, 1)), "GGUF version 1");
  ExpectContains(ErrorOf(Header(0, 0, 0x03000000)), "is a GGUF for big-endian machines");
  ExpectContains(ErrorOf(Header(0, 0, 0x04000000)), "GGUF version 67108864");
  ExpectContains(ErrorOf(Header(huge, 0)), "tensors claimed");
  ExpectContains(ErrorOf(Header(0, huge)), "metadata keys claimed");
  const auto key = [](const char* name) { return std::move(Header(0, 1).Text(name)); };
  ExpectContains(ErrorOf(std::move(Header(0, 1).Put(huge).Data(64))), "claims 1152921504606846976 bytes");
  ExpectContains(ErrorOf(key("s").Put<uint32_t>(8).Put(huge)), "a string claims");
  ExpectContains(ErrorOf(key("a").Put<uint32_t>(9).Put<uint32_t>(5).Put(huge)), "values of an array claimed");
  ExpectContains(ErrorOf(key("a").Put<uint32_t>(9).Put<uint32_t>(8).Put(huge)), "strings claimed");
  ExpectContains(ErrorOf(key("a").Put<uint32_t>(9).Put<uint32_t>(9).Put<uint64_t>(0)), "array of type 9");
  ExpectContains(ErrorOf(key("t").Put<uint32_t>(77).Put(huge)), "unknown type 77");
  ExpectContains(ErrorOf(key("general.alignment").Put<uint32_t>(4).Put<uint32_t>(48)), "power of two");
  ExpectContains(ErrorOf(key("general.alignment").Put<uint32_t>(4).Put<uint32_t>(0)), "power of two");
  Raw twice = Header(0, 2);
  for (int i = 0; i < 2; ++i) twice.Text("key").Put<uint32_t>(0).Put<uint8_t>(1);
  ExpectContains(ErrorOf(twice), "key 'key' occurs twice");

  const auto one = [](std::vector<uint64_t> shape, uint32_t type, uint64_t offset, size_t data) {
    Raw raw = Header(1, 0);
    raw.Tensor("t", std::move(shape), type, offset).Data(data);
    return raw;
  };
  EXPECT_EQ(ErrorOf(one({4, 2}, 0, 0, 32)), "");
  ExpectContains(ErrorOf(one({4, 2}, 0, 0, 31)), "needs 32 bytes where the file has 31");
  ExpectContains(ErrorOf(one({1, 1, 1, 1, 1}, 0, 0, 32)), "5 dimensions");
  ExpectContains(ErrorOf(one({uint64_t{1} << 32, uint64_t{1} << 32}, 0, 0, 32)), "impossible size");
  ExpectContains(ErrorOf(one({uint64_t{1} << 63, 2}, 0, 0, 32)), "impossible size");
  ExpectContains(ErrorOf(one({48}, 2, 0, 64)), "not a multiple of its type's 32");
  ExpectContains(ErrorOf(one({4}, 0, 8, 64)), "not aligned to 32");
  ExpectContains(ErrorOf(one({4}, 0, 64, 32)), "beyond the end");
  ExpectContains(ErrorOf(one({4}, 0, ~uint64_t{31}, 32)), "beyond the end");
  const auto two = [](const char* second, uint64_t first_size, uint64_t offset) {
    Raw raw = Header(2, 0);
    raw.Tensor("t", {first_size}, 0, 0).Tensor(second, {4}, 0, offset).Data(96);
    return raw;
  };
  EXPECT_EQ(ErrorOf(two("u", 8, 32)), "");
  ExpectContains(ErrorOf(two("t", 8, 32)), "tensor 't' occurs twice");
  ExpectContains(ErrorOf(two("u", 9, 32)), "'t' overlaps 'u'");
  ExpectContains(ErrorOf(two("u", 4, 0)), "overlaps");
}

// What llama.cpp reads, too: numbers beyond what pith can use stay where they are until somebody asks for them.
TEST_F(GgufFileTest, NumbersComeInEveryTypeThatHoldsThem) {
  Raw raw = Header(0, 9);
  raw.Text("u64max").Put<uint32_t>(10).Put(~uint64_t{0});
  raw.Text("u64").Put<uint32_t>(10).Put<uint64_t>(7).Text("u32").Put<uint32_t>(4).Put<uint32_t>(7);
  raw.Text("f32").Put<uint32_t>(6).Put(7.0f).Text("f64").Put<uint32_t>(12).Put(7.0);
  raw.Text("large").Put<uint32_t>(12).Put(1e300).Text("truth").Put<uint32_t>(7).Put<uint8_t>(2);
  raw.Text("none").Put<uint32_t>(9).Put<uint32_t>(8).Put<uint64_t>(0);
  raw.Text("list").Put<uint32_t>(9).Put<uint32_t>(10).Put<uint64_t>(2).Put<uint64_t>(1).Put(~uint64_t{0});
  ASSERT_EQ(ErrorOf(raw), "");
  const GgufFile file(folder_ / "f.gguf");
  for (const char* key : {"u64", "u32", "f32", "f64"}) {
    EXPECT_EQ(file.Get<int64_t>(key), 7) << key;
    EXPECT_EQ(file.Get<double>(key), 7.0) << key;
  }
  EXPECT_EQ(file.Get<double>("u64max"), 0x1p64);
  EXPECT_TRUE(file.Get<bool>("truth"));
  const auto error = [&](const char* key) -> std::string {
    try {
      file.Get<int64_t>(key);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  };
  ExpectContains(error("u64max"), "key 'u64max' is 18446744073709551615, expected an integer below 2^63");
  ExpectContains(error("large"), "key 'large' is 1e+300, expected an integer");
  ExpectContains(error("truth"), "is a boolean, expected an integer");
  EXPECT_TRUE(file.Get<std::vector<int64_t>>("none").empty());
  EXPECT_TRUE(file.Get<std::vector<std::string_view>>("none").empty());
  EXPECT_EQ(file.Get<std::vector<double>>("list"), (std::vector<double>{1, 0x1p64}));
  EXPECT_THROW(file.Get<std::vector<int64_t>>("list"), UserError);
  EXPECT_THROW(file.Get<std::vector<std::string>>("list"), UserError);
}

TEST_F(GgufFileTest, TextsAreViewsOfTheFile) {
  Raw raw = Header(0, 1);
  raw.Text("s").Put<uint32_t>(9).Put<uint32_t>(8).Put<uint64_t>(2).Text("a").Text("bc");
  ASSERT_EQ(ErrorOf(raw), "");
  const GgufFile file(folder_ / "f.gguf");
  const auto texts = file.Get<std::vector<std::string_view>>("s");
  EXPECT_EQ(texts, (std::vector<std::string_view>{"a", "bc"}));
  const auto* begin = reinterpret_cast<const char*>(file.bytes().data());
  EXPECT_TRUE(texts[1].data() > begin && texts[1].data() < begin + file.bytes().size());
}

// Nobody computes with them, but they may be there.
TEST_F(GgufFileTest, TensorsWithoutDimensionsOrValuesAreNobodysTrouble) {
  Raw raw = Header(4, 0);
  raw.Tensor("scalar", {}, 0, 0).Tensor("whole", {4}, 0, 32).Tensor("none", {0}, 0, 32).Tensor("end", {3, 0}, 0, 64).Data(64);
  ASSERT_EQ(ErrorOf(raw), "");
  const GgufFile file(folder_ / "f.gguf");
  EXPECT_EQ(file.FindTensor("scalar")->bytes, 4u);
  EXPECT_EQ(file.FindTensor("none")->bytes, 0u);
  EXPECT_EQ(file.Tensor("whole").cols, 4);
  for (const char* name : {"scalar", "none", "end"}) EXPECT_THROW(file.Tensor(name), UserError) << name;
}

// A file with every kind of thing in it, small enough to be damaged in every way.
Raw SmallFile() {
  Raw raw = Header(2, 5);
  raw.Text("general.architecture").Put<uint32_t>(8).Text("llama");
  raw.Text("i").Put<uint32_t>(4).Put<uint32_t>(5).Text("f").Put<uint32_t>(6).Put(1.5f);
  raw.Text("s").Put<uint32_t>(9).Put<uint32_t>(8).Put<uint64_t>(2).Text("a").Text("bc");
  raw.Text("n").Put<uint32_t>(9).Put<uint32_t>(5).Put<uint64_t>(3).Put<int32_t>(1).Put<int32_t>(-2).Put<int32_t>(3);
  raw.Tensor("w", {32, 2}, 8, 0).Tensor("b", {3}, 0, 96).Data(108);
  return raw;
}

// Reads all that can be reached; the sanitizers judge.
int64_t Touch(const GgufFile& file) {
  int64_t sum = 0;
  for (const GgufTensor& tensor : file.tensors()) {
    for (uint64_t i = 0; i < tensor.bytes; ++i) sum += tensor.data[i];
    try {
      sum += static_cast<int64_t>(file.Tensor(tensor.name).ToF32().size());
    } catch (const UserError&) {
    }
  }
  return sum;
}

TEST_F(GgufFileTest, TruncatedAnywhereItIsRefused) {
  const Raw whole = SmallFile();
  ASSERT_EQ(ErrorOf(whole), "");
  for (size_t size = 0; size < whole.bytes.size(); ++size) {
    EXPECT_NE(ErrorOf({whole.bytes.substr(0, size)}), "") << "first " << size << " bytes";
  }
}

TEST_F(GgufFileTest, AnyFlippedBitLoadsOrIsRefused) {
  const Raw whole = SmallFile();
  int refused = 0, loaded = 0;
  for (size_t bit = 0; bit < whole.bytes.size() * 8; ++bit) {
    std::string bytes = whole.bytes;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    Overwrite(folder_ / "f.gguf", bytes);
    try {
      const GgufFile file(folder_ / "f.gguf");
      Touch(file);
      ++loaded;
    } catch (const UserError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(loaded, 1000);  // names, values and data may be anything
}

}  // namespace
}  // namespace pith
