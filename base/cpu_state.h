// Which processor this is, how fast it runs right now, and how hot it is.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace pith {

// For people, of /proc/cpuinfo where there is one: "AMD EPYC 9B14", or the numbers of Arm's parts; never empty.
std::string ProcessorName();

// Of the CPUs whose frequency can be read (cpufreq/scaling_cur_freq).
struct CpuClocks {
  double lowest_mhz, highest_mhz;
};
std::optional<CpuClocks> ReadClocks(const std::vector<int>& cpus, const std::string& sysfs = "/sys");

// The hottest zone that can be read (class/thermal). What is not above 0 and below 150 degrees is no temperature: sensors that are off, and
// zones of other things, say such numbers.
struct Heat {
  double celsius;
  std::string zone;  // its type, such as cpu-1-0; or its folder's name
};
std::optional<Heat> ReadHeat(const std::string& sysfs = "/sys");

}  // namespace pith
