// Files that lie in other files or in memory, and a log that somebody listens to: what a library needs of base/.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "base/gguf.h"
#include "base/log.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

std::string SentenceOf(const std::function<void()>& body) {
  try {
    body();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

struct OpenFile {
  int fd;
  explicit OpenFile(const std::string& path) : fd(::open(path.c_str(), O_RDONLY)) {}
  ~OpenFile() { ::close(fd); }
};

TEST(OpenedFile, APieceOfAFileIsMappedWhereverItBegins) {
  TempFolder folder;
  std::string whole(3 * 16384, ' ');
  for (size_t i = 0; i < whole.size(); ++i) whole[i] = static_cast<char>(i * 7 + i / 256);
  WriteFile(folder / "a", whole);
  for (const uint64_t offset : {0, 1, 4095, 4096, 16388, 3 * 16384 - 1}) {
    for (const uint64_t bytes : {uint64_t{0}, uint64_t{1}}) {
      MappedFile piece;
      {
        const OpenFile file(folder / "a");
        piece = MappedFile::OfDescriptor(file.fd, offset, bytes, "descriptor");
      }
      const std::string expected = whole.substr(offset, bytes == 0 ? std::string::npos : bytes);
      ASSERT_EQ(piece.bytes().size(), expected.size());
      EXPECT_EQ(std::memcmp(piece.bytes().data(), expected.data(), expected.size()), 0) << offset;
      piece.LetGo();
      EXPECT_EQ(std::memcmp(piece.bytes().data(), expected.data(), expected.size()), 0) << offset;
      EXPECT_EQ(piece.version(), FileVersion());
    }
  }
}

TEST(OpenedFile, APieceThatIsNotThereIsRefused) {
  TempFolder folder;
  WriteFile(folder / "a", "12345678");
  const OpenFile file(folder / "a"), directory(folder.path());
  const auto sentence = [](int fd, uint64_t offset, uint64_t bytes) { return SentenceOf([&] { MappedFile::OfDescriptor(fd, offset, bytes, "d"); }); };
  EXPECT_EQ(sentence(file.fd, 4, 5), "'d' has 8 bytes, and 5 from byte 4 on were to be read");
  EXPECT_EQ(sentence(file.fd, 8, 0), "'d' has 8 bytes, and what follows from byte 8 on were to be read");
  EXPECT_NE(sentence(file.fd, UINT64_MAX, UINT64_MAX), "");
  EXPECT_NE(sentence(file.fd, 1, UINT64_MAX), "");
  EXPECT_NE(sentence(directory.fd, 0, 0), "");
  EXPECT_NE(sentence(-1, 0, 0), "");
  EXPECT_EQ(SentenceOf([] { MappedFile::OfMemory({}, "m"); }), "'m' is empty");
}

TEST(OpenedFile, MemoryOfTheCallersIsNeverGivenAway) {
  std::vector<uint8_t> bytes(1 << 16, 5);
  const MappedFile file = MappedFile::OfMemory(bytes, "memory");
  file.LetGo();
  EXPECT_EQ(file.bytes().data(), bytes.data());
  EXPECT_EQ(bytes[4096], 5);
}

TEST(OpenedFile, AGgufIsReadFromThemAndAPartOfOneRefused) {
  const std::string golden = PITH_TEST_GOLDEN "/base/";
  const std::string whole = ReadFile(golden + "quantise.gguf"), part = ReadFile(golden + "split-00001-of-00003.gguf");
  const auto span = [](const std::string& text) { return std::span<const uint8_t>(reinterpret_cast<const uint8_t*>(text.data()), text.size()); };
  const GgufFile by_path(golden + "quantise.gguf"), held(MappedFile::OfMemory(span(whole), "memory"));
  ASSERT_EQ(held.tensors().size(), by_path.tensors().size());
  EXPECT_EQ(held.path(), "memory");
  for (size_t i = 0; i < held.tensors().size(); ++i) {
    EXPECT_EQ(held.tensors()[i].name, by_path.tensors()[i].name);
    EXPECT_EQ(std::memcmp(held.tensors()[i].data, by_path.tensors()[i].data, held.tensors()[i].bytes), 0);
  }
  EXPECT_NE(SentenceOf([&] { GgufFile(MappedFile::OfMemory(span(part), "memory")); }).find("one of 3 parts"), std::string::npos);
}

TEST(LogScope, HearsItsOwnThreadAndEndsWhereItEnds) {
  std::vector<std::string> outer, inner;
  const LogSink to_outer = [&](LogLevel level, const std::string& line) { outer.push_back((level == LogLevel::kWarning ? "w " : "i ") + line); };
  const LogSink to_inner = [&](LogLevel, const std::string& line) { inner.push_back(line); }, nowhere;
  ::testing::internal::CaptureStderr();
  LogWarning("before");
  {
    const LogScope scope(&to_outer);
    LogWarning("one\x01");
    {
      const LogScope within(&to_inner);
      LogInfo("two");
      const LogScope silence(&nowhere);
      LogWarning("unheard");
    }
    LogInfo("three");
    std::thread([] { LogInfo("another thread's"); }).join();
  }
  LogInfo("after");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "warning: before\nanother thread's\nafter\n");
  EXPECT_EQ(outer, (std::vector<std::string>{"w one\\x01", "i three"}));
  EXPECT_EQ(inner, (std::vector<std::string>{"two"}));
}

}  // namespace
}  // namespace pith
