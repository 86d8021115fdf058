#include "base/cpu_state.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "base/split.h"
#include "base/sysfs.h"

namespace pith {

std::string ProcessorName() {
  std::string parts;
  try {
    const std::string text = FileExists("/proc/cpuinfo") ? ReadFile("/proc/cpuinfo", /*max_bytes=*/1 << 24) : "";
    for (const std::string_view line : Split(text, '\n')) {
      const size_t colon = line.find(": ");
      if (colon == std::string::npos) continue;
      const std::string value(line.substr(colon + 2));
      if (line.starts_with("model name")) return value;
      const bool part = line.starts_with("CPU implementer") || line.starts_with("CPU part");
      if (part && parts.find(value) == std::string::npos) parts += (parts.empty() ? "Arm " : " ") + value;
    }
  } catch (const UserError&) {
  }
  return parts.empty() ? "unknown processor" : parts;
}

std::optional<CpuClocks> ReadClocks(const std::vector<int>& cpus, const std::string& sysfs) {
  std::optional<CpuClocks> clocks;
  for (int cpu : cpus) {
    const auto khz = NumberIn(Str(sysfs, "/devices/system/cpu/cpu", cpu, "/cpufreq/scaling_cur_freq"));
    if (!khz || *khz <= 0) continue;
    const double mhz = *khz / 1e3;
    if (!clocks) clocks = CpuClocks{mhz, mhz};
    *clocks = {std::min(clocks->lowest_mhz, mhz), std::max(clocks->highest_mhz, mhz)};
  }
  return clocks;
}

std::optional<Heat> ReadHeat(const std::string& sysfs) {
  std::optional<Heat> hottest;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(sysfs + "/class/thermal", none)) {
    const std::string folder = entry.path().string(), name = entry.path().filename().string();
    if (!name.starts_with("thermal_zone")) continue;
    const auto thousandths = NumberIn(folder + "/temp");
    if (!thousandths || *thousandths <= 0 || *thousandths >= 150e3) continue;
    const double celsius = *thousandths / 1e3;
    if (!hottest || celsius > hottest->celsius) hottest = Heat{celsius, FirstLine(folder + "/type").value_or(name)};
  }
  return hottest;
}

}  // namespace pith
