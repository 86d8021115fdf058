#include <gtest/gtest.h>

#include <string>

#include "base/rng.h"
#include "data/text/stream_decoder.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

std::string InPieces(const std::string& bytes, Rng& rng) {
  StreamDecoder decoder;
  std::string out;
  for (size_t at = 0; at < bytes.size();) {
    const auto size = static_cast<size_t>(rng.Int(0, 3));
    const std::string piece = decoder.Push(bytes.substr(at, size));
    EXPECT_TRUE(IsValidUtf8(piece)) << "half a character came out";
    out += piece;
    at += size;
  }
  return out + decoder.Flush();
}

TEST(StreamDecoder, HoldsBackUntilACharacterIsWhole) {
  StreamDecoder decoder;
  EXPECT_EQ(decoder.Push("a\xF0\x9F"), "a");
  EXPECT_EQ(decoder.Push("\x98"), "");
  EXPECT_EQ(decoder.Push("\x80z"), "\xF0\x9F\x98\x80z");
  EXPECT_EQ(decoder.Flush(), "");
  EXPECT_EQ(decoder.Push("\xE4\xBD"), "");
  EXPECT_EQ(decoder.Flush(), "\xEF\xBF\xBD");
  EXPECT_EQ(decoder.Push("b"), "b") << "Flush leaves a fresh decoder";
}

// What bytes.decode("utf-8", errors="replace") of Python 3.11 gives; R stands for U+FFFD.
TEST(StreamDecoder, ReplacesWhatCannotBecomeACharacter) {
  const struct {
    const char *bytes, *expected;
  } cases[] = {
      {"\xFF"
       "a",
       "Ra"},
      {"\xC0\x80", "RR"},
      {"\xED\xA0\x80", "RRR"},
      {"\xF4\x90\x80\x80", "RRRR"},
      {"\xE4\xBD"
       "x",
       "Rx"},
      {"\xF0\x9F\x98"
       "x",
       "Rx"},
      {"\xE0\x80\x80", "RRR"},
      {"\x80\xBF", "RR"},
      {"\xF1\x80\xC3\xA9", "R\xC3\xA9"},
      {"\xC3"
       "\xC3\xA9",
       "R\xC3\xA9"},
      {"\xE4\xBD\xE4\xBD\xA0", "R\xE4\xBD\xA0"},
  };
  Rng rng(11);
  for (const auto& c : cases) {
    std::string expected;
    for (const char* p = c.expected; *p != 0; ++p)
      expected += *p == 'R' ? std::string("\xEF\xBF\xBD") : std::string(1, *p);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(InPieces(c.bytes, rng), expected);
  }
}

TEST(StreamDecoder, WhereTheBytesAreCutDoesNotMatter) {
  Rng rng(12);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (int i = 0; i < 12; ++i) {
      if (rng.Uniform() < 0.5) {
        int32_t c = static_cast<int32_t>(rng.Int(0, 0x10FFFF));
        if (c >= 0xD800 && c < 0xE000) c = 'x';
        AppendUtf8(bytes, c);
      } else {
        bytes += static_cast<char>(rng.Int(0x70, 0xFF));
      }
    }
    StreamDecoder whole;
    std::string expected = whole.Push(bytes);
    expected += whole.Flush();
    EXPECT_EQ(InPieces(bytes, rng), expected);
    if (IsValidUtf8(bytes)) {
      EXPECT_EQ(expected, bytes);
    }
  }
}

TEST(Utf8, ComposesValidStretchesOnly) {
  EXPECT_EQ(ComposeNfc("e\xCC\x81"), "\xC3\xA9");
  EXPECT_EQ(ComposeNfc("\xFF"
                       "e\xCC\x81\xC3"),
            "\xFF\xC3\xA9\xC3");
}

}  // namespace
}  // namespace pith
