// What base/model/family.h promises of all families, and that nobody else knows them.
#include "base/model/family.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>

#include "base/file.h"

namespace pith {
namespace {

namespace fs = std::filesystem;

// Runtime, reference, exporter, adapters and trainer interpret descriptions. (Tokenizers have names of their own, some of them the same.)
TEST(Families, TheirNamesStandInTheirFilesAlone) {
  std::string names;
  for (const Family* family : Families()) {
    for (const char* name : {family->arch, family->model_type, family->hf_class}) names += std::string(names.empty() ? "" : "|") + name;
  }
  const std::regex literal("\"(" + names + ")[.\"]");
  int seen = 0;
  for (const char* room : {"base", "adapters", "runtime", "export", "train", "configs"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(PITH_TEST_SOURCE) / room)) {
      const fs::path& path = entry.path();
      if (path.extension() != ".cc" && path.extension() != ".h") continue;
      ++seen;
      const std::string text = ReadFile(path.string());
      std::smatch found;
      const bool named = std::regex_search(text, found, literal);
      if (path.parent_path().filename() == "model" && path.parent_path().parent_path().filename() == "base") continue;
      EXPECT_FALSE(named) << path << " has " << (named ? found.str() : "");
    }
  }
  EXPECT_GT(seen, 300);
}

TEST(Families, AreToldApartByTheirNames) {
  std::set<std::string> types, classes;
  for (const Family* family : Families()) {
    EXPECT_TRUE(types.insert(family->model_type).second) << family->model_type;
    EXPECT_TRUE(classes.insert(family->hf_class).second) << family->hf_class;
    for (const Family* other : Families()) {  // a GGUF says its architecture alone
      if (std::string(other->arch) == family->arch) EXPECT_EQ(other->to_gguf, family->to_gguf) << family->model_type;
    }
  }
}

}  // namespace
}  // namespace pith
