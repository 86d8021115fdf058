#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace pith {
namespace {

TEST(Crc32c, EqualsThePublishedValues) {
  std::string rising(32, '\0');
  for (int i = 0; i < 32; ++i) rising[i] = static_cast<char>(i);
  std::string falling = rising;
  std::reverse(falling.begin(), falling.end());
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);  // the check value of the usual catalogues
  // RFC 3720, B.4.
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(Crc32c(rising), 0x46dd794eu);
  EXPECT_EQ(Crc32c(falling), 0x113fdb5cu);
  EXPECT_EQ(Crc32c(""), 0u);
}

}  // namespace
}  // namespace pith
