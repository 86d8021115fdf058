#include "base/cpu_state.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/duration.h"
#include "base/error.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

class CpuState : public ::testing::Test {
 protected:
  void Put(const std::string& path, const std::string& text) {
    const std::string file = folder_ / path;
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    Overwrite(file, text + "\n");
  }
  void Clock(int cpu, const std::string& khz) { Put("devices/system/cpu/cpu" + std::to_string(cpu) + "/cpufreq/scaling_cur_freq", khz); }
  void Zone(int zone, const std::string& type, const std::string& thousandths) {
    const std::string name = "class/thermal/thermal_zone" + std::to_string(zone);
    if (!type.empty()) Put(name + "/type", type);
    Put(name + "/temp", thousandths);
  }

  TempFolder folder_;
};

TEST_F(CpuState, ClocksAreThoseOfTheCpusAskedFor) {
  EXPECT_FALSE(ReadClocks({0, 1}, folder_.path()));
  Clock(0, "1804800");
  Clock(4, "2803200");
  Clock(7, "3187200");
  Clock(5, "");
  const auto clocks = ReadClocks({4, 5, 6, 7}, folder_.path());
  ASSERT_TRUE(clocks);
  EXPECT_DOUBLE_EQ(clocks->lowest_mhz, 2803.2);
  EXPECT_DOUBLE_EQ(clocks->highest_mhz, 3187.2);
  EXPECT_DOUBLE_EQ(ReadClocks({0}, folder_.path())->highest_mhz, 1804.8);
  EXPECT_FALSE(ReadClocks({5, 6}, folder_.path()));
  EXPECT_FALSE(ReadClocks({}, folder_.path()));
}

TEST_F(CpuState, TheHottestZoneThatMeasures) {
  EXPECT_FALSE(ReadHeat(folder_.path()));
  Zone(0, "battery", "31000");
  Zone(1, "cpu-1-0", "47500");
  Zone(2, "modem", "-273000");
  Zone(3, "charger", "2147483647");
  Zone(4, "off", "0");
  Zone(5, "broken", "nothing");
  Put("class/thermal/cooling_device0/temp", "99000");
  auto heat = ReadHeat(folder_.path());
  ASSERT_TRUE(heat);
  EXPECT_DOUBLE_EQ(heat->celsius, 47.5);
  EXPECT_EQ(heat->zone, "cpu-1-0");
  Zone(6, "", "61200");
  heat = ReadHeat(folder_.path());
  EXPECT_DOUBLE_EQ(heat->celsius, 61.2);
  EXPECT_EQ(heat->zone, "thermal_zone6");
}

TEST(Duration, IsANumberAndAUnit) {
  EXPECT_DOUBLE_EQ(ParseDuration("x", "30s"), 30);
  EXPECT_DOUBLE_EQ(ParseDuration("x", "10m"), 600);
  EXPECT_DOUBLE_EQ(ParseDuration("x", "1.5h"), 5400);
  EXPECT_DOUBLE_EQ(ParseDuration("x", "24h"), 86400);
  for (const char* text : {"", "s", "10", "0s", "-1s", "1 m", "m10", "10d", "25h", "nans", "1e9h"}) {
    EXPECT_THROW(ParseDuration("x", text), UserError) << text;
  }
}

TEST(ProcessorNameTest, IsNeverEmpty) { EXPECT_FALSE(ProcessorName().empty()); }

}  // namespace
}  // namespace pith
