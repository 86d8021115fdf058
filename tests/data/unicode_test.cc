// Ids must not depend on the machine: whatever Unicode its utf8proc has, characters have the same categories, cases and normal forms.
#include <gtest/gtest.h>

#include <string>

#include "base/sha256.h"
#include "data/text/normalizer.h"
#include "data/text/unicode_class.h"
#include "data/text/utf8.h"
#include "data/text/vocabulary.h"

namespace pith {
namespace {

// The constants are those of Unicode 16, seen with utf8proc 2.7 (Unicode 14), 2.8 (15), 2.9 (15.1), 2.10 (16) and 2.11 (17).
TEST(Unicode, CategoriesAndCasesAreThoseOfUnicode16) {
  Sha256 categories, cases;
  for (int32_t c = 0; c < 0x110000; ++c) {
    const CategoryMask mask = CategoryOf(c);
    categories.Update(&mask, sizeof(mask));
    const int32_t mapped[] = {LowerCase(c), UpperCase(c), TitleCase(c)};
    cases.Update(mapped, sizeof(mapped));
  }
  EXPECT_EQ(categories.HexDigest(), "47c805cc2c42561f7f3394a04c93574cf5a6f6b00cbe841175fe6772bd197c1a");
  EXPECT_EQ(cases.HexDigest(), "1d6a506c90bf24bbccdefbe4c6274caf0bd844322bbec771269d215675f788bc");
}

// Of the tokenizers library, which has Unicode 9 here: tests/tools/unicode_golden.py.
TEST(Unicode, NormalFormsAreTheLibrarys) {
  const std::pair<const char*, const char*> kForms[] = {
      {"NFC", "68c2e1bc3e4dee507d7dba8c0f338dc50403261634635d956ce56e6e0f2d2b97"},
      {"NFD", "4e3e6bd3ac1ec04edb7da9b13f716f732d6533db590278f08687a6c174aeac36"},
      {"NFKC", "a7039cc9e6bddc5a6e58b794a7e20e83d45fe76a6aa5a98fb85f2a6682e73405"},
      {"NFKD", "d56739f73c11362ebbbb4318f5bcb9dfa43fba0a3bf173d41564a2a6291a0113"},
  };
  for (const auto& [name, wanted] : kForms) {
    const Normalizer normalizer = NormalizerFromJson(std::string(R"({"type": ")") + name + "\"}", "test");
    Sha256 digest;
    const auto add = [&](int32_t first, int32_t end) {
      for (int32_t c = first; c < end; ++c) {
        std::string text = "o\u0301";
        AppendUtf8(text, c);
        text += "\u0323";
        AppendUtf8(text, c);
        digest.Update(normalizer.Apply(text + "e\u0323"));
      }
    };
    add(0x80, 0xD800);
    add(0xE000, 0x34000);
    add(0xE0000, 0xE0200);
    EXPECT_EQ(digest.HexDigest(), wanted) << name;
  }
}

// Sentencepiece's table is asked for whole graphemes: a mark that joins its A vanishes with it, as in the library.
TEST(Unicode, GraphemesAreTheLibrarys) {
  const Normalizer normalizer = VocabularyFromJson(std::string(PITH_TEST_GOLDEN) + "/data/kinds/unigram.json").normalizer;
  Sha256 digest;
  for (int32_t c = 0x80; c < 0x34000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text = "A";
    AppendUtf8(text, c);
    text += "A";
    AppendUtf8(text, c);
    digest.Update(normalizer.Apply(text + "\u094D\u0915"));
  }
  EXPECT_EQ(digest.HexDigest(), "2a156454b8fb65919b75286223c97f38ac73811b4ba5ed1980bfb4ba1a4f42cd");
}

TEST(Unicode, ALibraryThatTheTablesDoNotFitIsNamed) {
  for (const char* version : {"14.0.0", "15.0.0", "15.1.0", "16.0.0", "17.0.0"}) EXPECT_EQ(UnicodeProblem(version), "");
  const std::string old = UnicodeProblem("13.0.0"), young = UnicodeProblem("18.0.0");
  EXPECT_NE(old.find("13.0.0, but pith needs 14"), std::string::npos) << old;
  EXPECT_NE(young.find("18.0.0, and pith knows what changed up to 17"), std::string::npos) << young;
}

}  // namespace
}  // namespace pith
