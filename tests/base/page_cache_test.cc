#include "base/page_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/base/scratch.h"

namespace pith {
namespace {

// Written back and dropped, where the file system can drop it (one that lies in memory cannot).
bool Drop(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY);
  const bool dropped = ::fsync(fd) == 0 && ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0;
  ::close(fd);
  return dropped;
}

TEST(PageCacheTest, TellsColdFromWarm) {
  const std::string cold = Scratch("cold"), warm = Scratch("warm");
  for (const std::string& path : {cold, warm}) WriteFile(path, std::string(1 << 20, 'x'));
  ReadFile(warm);
  EXPECT_EQ(ShareInMemory({warm}), 1.0);
  ASSERT_TRUE(Drop(cold));
  const auto share = ShareInMemory({cold});
  ASSERT_TRUE(share.has_value());
  if (*share == 1.0) GTEST_SKIP() << "this file system keeps everything in memory";
  EXPECT_LT(*share, 0.1);
  EXPECT_NEAR(*ShareInMemory({cold, warm}), (*share + 1) / 2, 1e-9) << "of files alike";
  EXPECT_FALSE(ShareInMemory({warm, Scratch("missing")}).has_value());
  EXPECT_FALSE(ShareInMemory({}).has_value());
}

}  // namespace
}  // namespace pith
