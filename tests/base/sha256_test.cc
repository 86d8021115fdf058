#include "base/sha256.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace pith {
namespace {

std::string Hash(std::string_view text) {
  Sha256 hash;
  hash.Update(text);
  return hash.HexDigest();
}

// FIPS 180-4's examples, as NIST publishes them.
TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(Hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Hash(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesDoNotMatter) {
  Rng rng(1);
  std::string text(1000, ' ');
  for (char& c : text) c = static_cast<char>(rng.Int(0, 255));
  for (size_t length = 0; length <= 300; ++length) {
    const std::string_view part = std::string_view(text).substr(0, length);
    Sha256 pieces;
    for (size_t at = 0; at < length;) {
      const size_t take = static_cast<size_t>(rng.Int(0, 90));
      pieces.Update(part.substr(at, take));
      at += take;
    }
    EXPECT_EQ(pieces.HexDigest(), Hash(part)) << length;
  }
}

}  // namespace
}  // namespace pith
