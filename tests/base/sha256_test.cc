#include "base/sha256.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <vector>

#include "base/rng.h"

namespace pith {
namespace {

std::string Hash(std::string_view text, const Sha256Method& method = BestSha256Method()) {
  Sha256 hash(method);
  hash.Update(text);
  return hash.HexDigest();
}

// FIPS 180-4's examples, as NIST publishes them.
TEST(Sha256, KnownAnswers) {
  for (const Sha256Method& method : Sha256Methods()) {
    EXPECT_EQ(Hash("", method), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855") << method.name;
    EXPECT_EQ(Hash("abc", method), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad") << method.name;
    EXPECT_EQ(Hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", method),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1") << method.name;
    EXPECT_EQ(Hash(std::string(1000000, 'a'), method), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
        << method.name;
  }
}

// Every method from every state, at every alignment, one block or many.
TEST(Sha256, MethodsAgreeToTheBit) {
  Rng rng(2);
  std::vector<uint8_t> bytes(64 * 9 + 16);
  for (const Sha256Method& method : Sha256Methods()) {
    for (int trial = 0; trial < 300; ++trial) {
      for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(rng.Int(0, 255));
      std::array<uint32_t, 8> expected{};
      for (uint32_t& word : expected) word = static_cast<uint32_t>(rng.Int(0, 0xffffffff));
      std::array<uint32_t, 8> got = expected;
      const auto count = static_cast<size_t>(rng.Int(0, 9));
      const uint8_t* from = bytes.data() + rng.Int(0, 15);
      Sha256CompressScalar(expected.data(), from, count);
      method.compress(got.data(), from, count);
      ASSERT_EQ(got, expected) << method.name << ", " << count << " blocks";
    }
  }
}

// The processor's instructions are used where it has them: Linux says so for x86, and every Arm that the tests run on under
// qemu (PITH_TEST_BEST_ISA) has them.
TEST(Sha256, UsesWhatTheProcessorHas) {
#if defined(__x86_64__)
  std::ifstream file("/proc/cpuinfo");
  std::string word;
  while (file >> word && word != "sha_ni") continue;
  EXPECT_EQ(std::string(BestSha256Method().name), file ? "sha-ni" : "scalar");
#elif defined(__aarch64__)
  if (std::getenv("PITH_TEST_BEST_ISA") != nullptr) {
    EXPECT_EQ(std::string(BestSha256Method().name), "armv8");
  }
#endif
}

TEST(Sha256, PiecesDoNotMatter) {
  Rng rng(1);
  std::string text(1000, ' ');
  for (char& c : text) c = static_cast<char>(rng.Int(0, 255));
  for (size_t length = 0; length <= 300; ++length) {
    const std::string_view part = std::string_view(text).substr(0, length);
    for (const Sha256Method& method : Sha256Methods()) {
      Sha256 pieces(method);
      for (size_t at = 0; at < length;) {
        const size_t take = static_cast<size_t>(rng.Int(0, 90));
        pieces.Update(part.substr(at, take));
        at += take;
      }
      EXPECT_EQ(pieces.HexDigest(), Hash(part, Sha256Methods()[0])) << length << " bytes, " << method.name;
    }
  }
}

}  // namespace
}  // namespace pith
