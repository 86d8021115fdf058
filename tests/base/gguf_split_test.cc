#include "base/gguf_split.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/gguf.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

// A file of three tensors, whole and in the parts that gguf-split would make of it: all metadata in the first.
class GgufSplitTest : public testing::Test {
 protected:
  GgufSplitTest() {
    for (int64_t i = 0; i < 3; ++i) WritePart(i, {static_cast<size_t>(i)});
  }

  static std::vector<uint8_t> Bytes(size_t tensor) { return std::vector<uint8_t>(64, static_cast<uint8_t>(tensor + 1)); }
  std::string Part(int64_t index) const { return folder_ / ("m" + GgufPartSuffix(index, 3)); }

  void WritePart(int64_t index, const std::vector<size_t>& tensors, int64_t no = -1, int64_t of = 3) {
    GgufWriter writer;
    if (index == 0) writer.Set("general.name", std::string("in three"));
    writer.Set("split.no", no < 0 ? index : no);
    writer.Set("split.count", of);
    writer.Set("split.tensors.count", int64_t{3});
    for (const size_t tensor : tensors) writer.Add(Str("t", tensor), TensorType::kF32, 1, 16, Bytes(tensor));
    writer.Write(Part(index));
  }

  std::string ErrorOf(const std::string& path) {
    try {
      GgufFile file(path);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  }
  void ExpectError(const std::string& path, const std::string& part) {
    const std::string error = ErrorOf(path);
    EXPECT_NE(error.find(part), std::string::npos) << "got: " << error << "\nwanted: " << part;
  }

  TempFolder folder_;
};

TEST_F(GgufSplitTest, AnyPartOpensAllOfThem) {
  for (int64_t given = 0; given < 3; ++given) {
    const GgufFile file(Part(given));
    EXPECT_EQ(file.path(), Part(given));
    EXPECT_EQ(file.paths(), (std::vector<std::string>{Part(0), Part(1), Part(2)}));
    EXPECT_EQ(file.Get<std::string>("general.name"), "in three");
    EXPECT_EQ(file.Get<int64_t>("split.no"), 0);
    ASSERT_EQ(file.tensors().size(), 3u);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(file.tensors()[i].name, Str("t", i));
      const TensorView view = file.Tensor(Str("t", i));
      EXPECT_EQ(std::vector<uint8_t>(view.data, view.data + view.bytes()), Bytes(i));
    }
  }
}

TEST_F(GgufSplitTest, ACopyIsWhole) {
  const GgufFile file(Part(1));
  GgufWriter writer;
  writer.CopyMetadata(file);
  for (const GgufTensor& tensor : file.tensors()) writer.Add(tensor.name, file.Tensor(tensor.name));
  writer.Write(folder_ / "whole.gguf");
  const GgufFile whole(folder_ / "whole.gguf");
  EXPECT_EQ(whole.paths(), std::vector<std::string>{folder_ / "whole.gguf"});
  EXPECT_EQ(whole.tensors().size(), 3u);
  EXPECT_EQ(whole.Get<std::string>("general.name"), "in three");
  EXPECT_EQ(whole.entries().size(), 1u);
}

TEST_F(GgufSplitTest, NamesWhatIsMissing) {
  std::filesystem::remove(Part(1));
  ExpectError(Part(0), Str("is part 1 of 3 of a split model, and '", Part(1), "' is missing beside it"));
  std::filesystem::remove(Part(0));
  ExpectError(Part(2), Str("is part 3 of 3 of a split model, and '", Part(0), "', '", Part(1), "' is missing"));
}

TEST_F(GgufSplitTest, RefusesPartsThatDoNotBelongTogether) {
  WritePart(1, {1}, /*no=*/2);
  ExpectError(Part(0), "says to be part 3 of 3 (split.no, split.count), and stands where part 2 of 3 belongs");
  WritePart(1, {1}, /*no=*/1, /*of=*/2);
  ExpectError(Part(2), "says to be part 2 of 2");
  WritePart(1, {});
  ExpectError(Part(0), "parts have 3 tensors (split.tensors.count), but they have 2");
  WritePart(1, {0});
  ExpectError(Part(0), "tensor 't0' occurs twice");
  WritePart(0, {0}, /*no=*/7);
  ExpectError(Part(0), "says to be part 8 of 3");
  WritePart(0, {0}, /*no=*/0, /*of=*/int64_t{1} << 40);
  ExpectError(Part(0), "says to be part 1 of 1099511627776");
  std::filesystem::rename(Part(2), folder_ / "renamed.gguf");
  ExpectError(folder_ / "renamed.gguf", "its name does not end in -00003-of-00003.gguf");
}

TEST_F(GgufSplitTest, APartOfOneIsWhole) {
  GgufWriter writer;
  writer.Set("split.count", int64_t{1});
  writer.Set("split.no", int64_t{0});
  writer.Add("t", TensorType::kF32, 1, 16, Bytes(0));
  writer.Write(folder_ / "one.gguf");
  EXPECT_EQ(ErrorOf(folder_ / "one.gguf"), "");
}

TEST(GgufSplitGolden, PartsThatTheGgufPackageWroteAreTheWholeFile) {
  const std::string golden = std::string(PITH_TEST_GOLDEN) + "/base/split";
  const GgufFile whole(golden + ".gguf");
  for (int64_t given = 0; given < 3; ++given) {
    const GgufFile parts(golden + GgufPartSuffix(given, 3));
    ASSERT_EQ(parts.tensors().size(), 5u);
    for (size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(parts.tensors()[i].name, whole.tensors()[i].name);
      EXPECT_EQ(parts.Tensor(parts.tensors()[i].name).ToF32(), whole.Tensor(whole.tensors()[i].name).ToF32());
    }
    EXPECT_EQ(parts.Get<std::string>("golden.gguf_version"), whole.Get<std::string>("golden.gguf_version"));
    EXPECT_EQ(parts.Get<std::vector<std::string>>("golden.strings"), (std::vector<std::string>{"a", "bc"}));
  }
}

TEST(GgufPartNames, FollowLlamaCpp) {
  EXPECT_EQ(GgufPartSuffix(1, 12), "-00002-of-00012.gguf");
  EXPECT_EQ(GgufParts("a/m-00002-of-00002.gguf", 1, 2), (std::vector<std::string>{"a/m-00001-of-00002.gguf", "a/m-00002-of-00002.gguf"}));
  EXPECT_EQ(GgufParts("a/m-00002-of-00002.gguf", 0, 2), std::nullopt);
  EXPECT_EQ(GgufFamily("a/m-00002-of-00012.gguf"), "a/m-*-of-00012.gguf");
  EXPECT_EQ(GgufFamily("a/m-0000x-of-00012.gguf"), "a/m-0000x-of-00012.gguf");
  EXPECT_EQ(GgufFamily("m.gguf"), "m.gguf");
}

}  // namespace
}  // namespace pith
