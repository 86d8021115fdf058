#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>

#include "base/error.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

size_t NumEntries(const TempFolder& folder) {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++count;
  return count;
}

TEST(AtomicFile, CommitShowsTheWholeFileAndNothingBefore) {
  TempFolder folder;
  const std::string path = folder / "a", big(3 << 20, 'x');
  WriteFile(path, "old");
  {
    AtomicFile file(path);
    file.Write("head");
    file.Write(big);
    EXPECT_EQ(file.offset_bytes(), 4 + big.size());
    EXPECT_EQ(ReadFile(path), "old");
    file.Write("tail");
    file.Commit();
  }
  EXPECT_EQ(ReadFile(path), "head" + big + "tail");
  EXPECT_EQ(NumEntries(folder), 1u);
}

TEST(AtomicFile, WithoutCommitLeavesNothing) {
  TempFolder folder;
  { AtomicFile(folder / "a").Write("half"); }
  EXPECT_EQ(NumEntries(folder), 0u);
}

TEST(AtomicFile, FullDiskIsAUserErrorThatLeavesTheOldFile) {
  TempFolder folder;
  const std::string path = folder / "a";
  WriteFile(path, "old");
  const auto previous_handler = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit previous;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &previous), 0);
  struct rlimit small = previous;
  small.rlim_cur = 1 << 16;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_THROW(WriteFile(path, std::string(1 << 20, 'x')), UserError);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &previous), 0);
  std::signal(SIGXFSZ, previous_handler);
  EXPECT_EQ(ReadFile(path), "old");
  EXPECT_EQ(NumEntries(folder), 1u);
}

TEST(AppendToFile, GrowsAFileAndTakesHalfALineBack) {
  TempFolder folder;
  const std::string path = folder / "a";
  AppendToFile(path, "one\n");
  AppendToFile(path, "two\n");
  EXPECT_EQ(ReadFile(path), "one\ntwo\n");
  const auto previous_handler = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit previous;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &previous), 0);
  struct rlimit small = previous;
  small.rlim_cur = 10;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_THROW(AppendToFile(path, "three\n"), UserError);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &previous), 0);
  std::signal(SIGXFSZ, previous_handler);
  EXPECT_EQ(ReadFile(path), "one\ntwo\n");
}

TEST(TemporaryName, IsKnownAgain) {
  const std::string name = TemporaryName("a.b");
  EXPECT_NE(name, TemporaryName("a.b"));
  EXPECT_TRUE(IsTemporaryOf(name, "a.b"));
  EXPECT_TRUE(IsTemporaryOf("a.b.tmp-12-0.old", "a.b"));
  for (const char* other : {"a.b", "a.c.tmp-12-0", "a.b.tmp-", "a.b.tmp-12", "a.b.tmp-12-", "a.b.tmp--3", "a.b.tmp-1x-3", "a.b.tmp-1-3.txt"}) {
    EXPECT_FALSE(IsTemporaryOf(other, "a.b")) << other;
  }
}

TEST(PutFolder, SwapsWithAnOlderOne) {
  TempFolder folder;
  const std::string fresh = folder / "fresh", place = folder / "place";
  MakeFolders(fresh);
  WriteFile(fresh + "/a", "1");
  EXPECT_FALSE(PutFolder(fresh, place));
  EXPECT_FALSE(IsFolder(fresh));
  MakeFolders(fresh);
  WriteFile(fresh + "/b", "2");
  EXPECT_TRUE(PutFolder(fresh, place));
  EXPECT_EQ(ReadFile(place + "/b"), "2");
  EXPECT_FALSE(FileExists(place + "/a"));
  EXPECT_EQ(ReadFile(fresh + "/a"), "1");
  EXPECT_THROW(PutFolder(folder / "missing", place), UserError);
  EXPECT_EQ(ReadFile(place + "/b"), "2");
}

TEST(AtomicFile, RefusesPlacesThatCannotBeWritten) {
  TempFolder folder;
  EXPECT_THROW(WriteFile(folder / "no/such/folder", "x"), UserError);
  EXPECT_THROW(WriteFile(folder.path(), "x"), UserError);
}

TEST(MappedFile, ShowsTheBytesAndMoves) {
  TempFolder folder;
  WriteFile(folder / "a", "hello");
  MappedFile first(folder / "a");
  MappedFile second(std::move(first));
  MappedFile third;
  third = std::move(second);
  ASSERT_EQ(third.bytes().size(), 5u);
  EXPECT_EQ(std::memcmp(third.bytes().data(), "hello", 5), 0);
  EXPECT_EQ(first.bytes().size(), 0u);
  EXPECT_EQ(third.path(), folder / "a");
}

TEST(MappedFile, RefusesMissingEmptyAndFolder) {
  TempFolder folder;
  WriteFile(folder / "empty", "");
  EXPECT_THROW(MappedFile(folder / "missing"), UserError);
  EXPECT_THROW(MappedFile(folder / "empty"), UserError);
  EXPECT_THROW(MappedFile{folder.path()}, UserError);
  EXPECT_THROW(MappedFile("/dev/null"), UserError);
}

TEST(Files, FoldersAndExistence) {
  TempFolder folder;
  MakeFolders(folder / "a/b/c");
  MakeFolders(folder / "a/b/c");
  EXPECT_TRUE(IsFolder(folder / "a/b/c"));
  EXPECT_FALSE(FileExists(folder / "a"));
  WriteFile(folder / "f", "x");
  EXPECT_TRUE(FileExists(folder / "f"));
  EXPECT_FALSE(IsFolder(folder / "f"));
  EXPECT_THROW(MakeFolders(folder / "f/g"), UserError);
  EXPECT_THROW(ReadFile(folder / "missing"), UserError);
  EXPECT_THROW(ReadFile(folder.path()), UserError);
}

}  // namespace
}  // namespace pith
