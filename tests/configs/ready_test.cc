// --list: what is said of the ready configurations, and that all of them say it.
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "configs/ready.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

TEST(Ready, IsReadFromTheConfigurationAndItsComment) {
  const TempFolder folder;
  MakeFolders(folder / "deep");
  WriteFile(folder / "b.yaml", "# A mix, step 1.5 of\n# two. More words.\n# Takes about 3 minutes on two cores. Or so.\nmodel: {path: demo}\ndata: {limit: 8, sources: [{name: one}, gsm8k]}\n");
  WriteFile(folder / "deep/a.yaml", "model: {path: m.gguf}\ndata: {dataset: svamp}\n");
  const std::vector<ReadyConfig> list = ListReady(folder.path());
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(ReadyTable(list), (folder / "b.yaml") + "  A mix, step 1.5 of two (demo; one + gsm8k; about 3 minutes on two cores)\n" + (folder / "deep/a.yaml") + "   (m.gguf; svamp; time not known)\n");
  EXPECT_THROW(ListReady(folder / "none"), UserError);
}

TEST(Ready, EveryConfigurationSaysWhatItIsForAndHowLongItTakes) {
  for (const ReadyConfig& config : ListReady(std::string(PITH_TEST_SOURCE) + "/configs")) {
    EXPECT_GT(config.about.size(), 20u) << config.path;
    EXPECT_FALSE(config.takes.empty()) << config.path;
  }
}

}  // namespace
}  // namespace pith
