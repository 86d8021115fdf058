// Configurations made to break the reader: each is small, and must be refused at once, in little memory.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <ctime>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "configs/config_tree.h"
#include "configs/load.h"

namespace pith {
namespace {

class HostileConfig : public testing::Test {
 protected:
  HostileConfig() : path_((std::filesystem::path(testing::TempDir()) / ("pith_" + Name() + ".yaml")).string()) { std::filesystem::remove(path_); }
  ~HostileConfig() override { std::filesystem::remove(path_); }
  static std::string Name() { return testing::UnitTest::GetInstance()->current_test_info()->name(); }

  std::string Complaint(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
    std::ofstream(path_) << yaml;
    try {
      LoadTrainConfig(path_, overrides);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  }
  // Refused in these words, within two seconds of processor time and 200 MB, with sanitizers some more.
  void ExpectRefusedAtOnce(const std::string& yaml, const std::string& words, const std::vector<std::string>& overrides = {}) {
    const std::clock_t begin = std::clock();  // of this process, however busy the machine is
    const long before = PeakKilobytes();
    const std::string got = Complaint(yaml, overrides);
    EXPECT_NE(got.find(words), std::string::npos) << got.substr(0, 500) << "\nwanted: " << words;
    EXPECT_LT(got.size(), 40'000u);
    EXPECT_LT(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC, kSeconds);
    EXPECT_LT(PeakKilobytes() - before, kKilobytes);
  }
  static long PeakKilobytes() {
    rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  }
#if defined(__SANITIZE_ADDRESS__)  // which keeps what was freed for a while
  static constexpr double kSeconds = 20;
  static constexpr long kKilobytes = 1'500'000;
#else
  static constexpr double kSeconds = 2;
  static constexpr long kKilobytes = 200'000;
#endif
  std::string path_;
};

std::string Repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

// The place of every value is kept under its path: a long key above many values would cost their product.
TEST_F(HostileConfig, LongKeysAboveManyValues) {
  ExpectRefusedAtOnce("? " + std::string(40'000, 'a') + "\n: [" + Repeat("1,", 20'000) + "1]\n", "key of 40000 bytes");
}

TEST_F(HostileConfig, ManyKeys) {
  std::string yaml;
  for (int i = 0; i < 100'000; ++i) yaml += std::to_string(i) + ": 1\n";
  ExpectRefusedAtOnce(yaml, "more than");
}

TEST_F(HostileConfig, ManyMistakesAreNotAllListed) {
  std::string yaml = "stage: sft\n";
  for (int i = 0; i < 5000; ++i) yaml += "k" + std::to_string(i) + ": 1\n";
  ExpectRefusedAtOnce(yaml, "and 4902 more");  // 100 are shown; two are about keys that are missing
}

TEST_F(HostileConfig, DeepNesting) {
  ExpectRefusedAtOnce("adapter: {rank: " + std::string(400, '[') + std::string(400, ']') + "}", "nested deeper");
  ExpectRefusedAtOnce(std::string(500'000, '['), "");
  ExpectRefusedAtOnce(Repeat("{a: ", 100'000), "");
  ExpectRefusedAtOnce(Repeat("- ", 200'000), "");
  std::string steps;
  for (int i = 0; i < 400; ++i) steps += std::string(static_cast<size_t>(i), ' ') + "a:\n";
  ExpectRefusedAtOnce(steps, "nested deeper");
}

TEST_F(HostileConfig, DeepPathsOfOverrides) {
  ExpectRefusedAtOnce("stage: sft", "nested deeper", {Repeat("a.", 100'000) + "a=1"});
  ExpectRefusedAtOnce("stage: sft", "key of 100000 bytes", {std::string(100'000, 'a') + "=1"});
}

TEST_F(HostileConfig, AliasesDoNotMultiply) {
  ExpectRefusedAtOnce("a: &a [x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\nc: [*b, *b, *b, *b]\n", "aliases");
}

// YAML's parser looks back no further than 1024 characters for a key on one line, so a longer one could not be read back.
TEST_F(HostileConfig, KeysThatADumpCouldNotWrite) {
  ExpectRefusedAtOnce("adapter: {rank_pattern: {? \"" + std::string(501, 'a') + "\" : 8}}", "key of 501 bytes");
  ExpectRefusedAtOnce("adapter: {rank_pattern: {\"a\\x07b\": 8}}", "control character");
  const std::string longest(500, '\\');
  std::ofstream(path_) << "stage: sft\nmodel: {path: m.gguf}\ndata: {limit: 8}\nadapter: {rank_pattern: {'" + longest + "': 8}}\n";
  const TrainConfig config = LoadTrainConfig(path_);
  ASSERT_EQ(config.adapter.rank_pattern.at(0).first, longest);
  std::ofstream(path_) << DumpTrainConfig(config);
  EXPECT_EQ(LoadTrainConfig(path_), config);
}

TEST_F(HostileConfig, FilesWithoutEnd) {
  std::filesystem::create_symlink("/dev/zero", path_);
  EXPECT_THROW(LoadTrainConfig(path_), UserError);
}

TEST_F(HostileConfig, CutTextsStayText) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "ä";
  const ConfigNode node{ConfigNode::Kind::kScalar, "", text, false, {}, {}};
  const std::string shown = DescribeNode(node);
  EXPECT_NE(shown.find("ä..."), std::string::npos) << shown;
}

}  // namespace
}  // namespace pith
