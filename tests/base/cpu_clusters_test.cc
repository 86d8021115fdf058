#include "base/cpu_clusters.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <thread>

#include "base/error.h"
#include "base/thread_pool.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

using Cpus = std::vector<int>;

// Runs of CPUs that are alike: how many, cpu_capacity, cpuinfo_max_freq in MHz; 0: no such file.
struct Cluster {
  int cpus;
  int capacity, mhz;
};

class CpuClusters : public ::testing::Test {
 protected:
  void Put(const std::string& path, const std::string& text) {
    const std::string file = folder_ / path;
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    Overwrite(file, text + "\n");
  }

  Cpus Machine(const std::vector<Cluster>& clusters) {
    std::filesystem::remove_all(folder_ / "devices");
    Cpus all;
    for (const Cluster& cluster : clusters) {
      for (int i = 0; i < cluster.cpus; ++i) {
        const std::string cpu = "devices/system/cpu/cpu" + std::to_string(all.size()) + "/";
        if (cluster.capacity > 0) Put(cpu + "cpu_capacity", std::to_string(cluster.capacity));
        if (cluster.mhz > 0) Put(cpu + "cpufreq/cpuinfo_max_freq", std::to_string(cluster.mhz * 1000));
        all.push_back(static_cast<int>(all.size()));
      }
    }
    return all;
  }

  std::string Fast(const std::vector<Cluster>& clusters) { return CpusText(FastCpus(Machine(clusters), folder_.path())); }

  TempFolder folder_;
};

// Capacities as Linux computes them from its device trees: capacity-dmips-mhz times the highest frequency, 1024 for the fastest.
TEST_F(CpuClusters, LittleCoresOfPhonesAreLeftOut) {
  EXPECT_EQ(Fast({{3, 206, 2016}, {4, 609, 2803}, {1, 1024, 3187}}), "3-7");                   // Snapdragon 8 Gen 2: A510, A715 and A710, X3
  EXPECT_EQ(Fast({{2, 200, 2265}, {3, 791, 3149}, {2, 743, 2956}, {1, 1024, 3302}}), "2-7");    // 8 Gen 3: A520, A720, A720, X4
  EXPECT_EQ(Fast({{2, 380, 2265}, {3, 924, 3149}, {2, 867, 2956}, {1, 1024, 3302}}), "2-7");    // the same by an early kernel's estimates
  EXPECT_EQ(Fast({{4, 161, 1803}, {2, 498, 2253}, {2, 1024, 2802}}), "4-7");                   // Tensor: A55, A76, X1
  EXPECT_EQ(Fast({{4, 284, 1804}, {4, 1024, 2419}}), "4-7");                                   // four big, four little
  EXPECT_EQ(Fast({{6, 341, 2000}, {2, 1024, 2200}}), "6-7");                                   // frequencies alone would not tell
}

TEST_F(CpuClusters, WithoutCapacitiesFrequenciesDecide) {
  EXPECT_EQ(Fast({{4, 0, 1785}, {3, 0, 2496}, {1, 0, 2995}}), "4-7");           // Snapdragon 8 Gen 1: A510, A710, X2
  EXPECT_EQ(Fast({{4, 1024, 1785}, {3, 1024, 2496}, {1, 1024, 2995}}), "4-7");  // by a kernel whose device tree has no capacities
}

TEST_F(CpuClusters, EfficiencyCoresThatDoHalfTakePart) {
  EXPECT_EQ(Fast({{4, 459, 2064}, {4, 1024, 3204}}), "0-7");  // Apple M1 under Linux
}

TEST_F(CpuClusters, EqualCoresAreAllFast) {
  for (const auto& machine : std::vector<std::vector<Cluster>>{
           {{8, 0, 4500}}, {{8, 1024, 2600}}, {{8, 0, 0}}, {{1, 0, 5000}, {2, 0, 4950}, {5, 0, 4900}},  // bins of turbo
           {{4, 0, 5250}, {4, 0, 5700}}}) {  // one die with a larger cache, at a lower clock
    const Cpus all = Machine(machine);
    EXPECT_EQ(FastCpus(all, folder_.path()), all);
    EXPECT_EQ(CpusForThreads(0, all, folder_.path()), Cpus());
    EXPECT_EQ(CpusForThreads(2, all, folder_.path()), Cpus());
  }
}

TEST_F(CpuClusters, IntelNamesItsPerformanceCores) {
  const Cpus all = Machine({{12, 0, 4800}, {8, 0, 3800}, {2, 0, 2500}});
  EXPECT_EQ(CpusText(FastCpus(all, folder_.path())), "0-19");
  Put("devices/cpu_core/cpus", "0-11");
  Put("devices/cpu_atom/cpus", "12-21");
  EXPECT_EQ(CpusText(FastCpus(all, folder_.path())), "0-11");
  EXPECT_EQ(CpusText(FastCpus({10, 11, 12, 13}, folder_.path())), "10-11");
  EXPECT_EQ(CpusText(FastCpus({12, 13}, folder_.path())), "12-13");
  Put("devices/cpu_core/cpus", "what");
  EXPECT_EQ(FastCpus(all, folder_.path()), all);
}

// The fastest that this process may use, whatever else there is; and no more threads than they can take.
TEST_F(CpuClusters, CountsWhatIsAllowed) {
  const Cpus all = Machine({{4, 161, 1803}, {2, 498, 2253}, {2, 1024, 2802}});
  EXPECT_EQ(FastCpus({0, 1, 2, 3}, folder_.path()), (Cpus{0, 1, 2, 3}));
  EXPECT_EQ(FastCpus({2, 3, 4}, folder_.path()), (Cpus{4}));
  EXPECT_EQ(FastCpus({}, folder_.path()), Cpus());
  EXPECT_EQ(CpusForThreads(0, all, folder_.path()), (Cpus{4, 5, 6, 7}));
  EXPECT_EQ(CpusForThreads(4, all, folder_.path()), (Cpus{4, 5, 6, 7}));
  EXPECT_EQ(CpusForThreads(5, all, folder_.path()), Cpus());
  EXPECT_EQ(FastCpus(all, folder_ / "nowhere"), all);
}

TEST_F(CpuClusters, FilesThatTellNothingCountAsNone) {
  Cpus all = Machine({{4, 161, 1803}, {4, 1024, 2802}});
  Put("devices/system/cpu/cpu2/cpu_capacity", "");
  EXPECT_EQ(CpusText(FastCpus(all, folder_.path())), "4-7");  // by frequency
  Put("devices/system/cpu/cpu3/cpufreq/cpuinfo_max_freq", "0");
  EXPECT_EQ(FastCpus(all, folder_.path()), all);
}

TEST(CpuList, IsReadAndWritten) {
  EXPECT_EQ(ParseCpus("x", "4-7"), (Cpus{4, 5, 6, 7}));
  EXPECT_EQ(ParseCpus("x", "6,0-1,1,5"), (Cpus{0, 1, 5, 6}));
  EXPECT_EQ(CpusText({0, 1, 5, 6, 7, 9}), "0-1,5-7,9");
  EXPECT_EQ(CpusText({}), "");
  const std::map<std::string, std::string> wrong = {{"", "got ''"}, {"a", "got 'a'"}, {"1,", "got ''"}, {"-1", "got '-1'"}, {"2-", "got ''"},
                                                    {"1-2-3", "got '2-3'"}, {"7-4", "give it as 4-7"}, {"0-1024", "got '1024'"}};
  for (const auto& [text, words] : wrong) {
    try {
      ParseCpus("--cpus", text);
      ADD_FAILURE() << text;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(words), std::string::npos) << error.what();
    }
  }
}

TEST(RunOnTest, HoldsForTheThreadsThatFollow) {
  const Cpus before = AllowedCpus();
  ASSERT_FALSE(before.empty());
  EXPECT_EQ(static_cast<int>(before.size()), NumCores());
  const Cpus last = {before.back()};
  std::thread([&] {  // whose mask is its own
    ASSERT_TRUE(RunOn(last));
    EXPECT_EQ(NumCores(), 1);
    ThreadPool pool(3);
    pool.ParallelFor(100, 1, [&](int64_t, int64_t, int) { EXPECT_EQ(AllowedCpus(), last); });
  }).join();
  EXPECT_EQ(AllowedCpus(), before);
  EXPECT_FALSE(RunOn({}));
}

}  // namespace
}  // namespace pith
