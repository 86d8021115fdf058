// CPUs that are not alike: a phone's big and little cores, a laptop's performance and efficiency cores. A loop over all of them is
// waited for until the slowest has done its last piece, so threads go to the fast ones.
#pragma once

#include <string>
#include <vector>

namespace pith {

std::vector<int> AllowedCpus();  // of this thread's affinity mask, in order; empty where the system does not tell

// Those of `allowed` that are worth a thread beside the fastest of them; all where they are alike or nothing is known of them. In this order it
// counts what the system under `sysfs` says of
//   performance cores (devices/cpu_core/cpus, Intel's): they, and no others;
//   capacities (cpu_capacity, Arm's): at least two fifths of the largest. Little cores (Cortex-A55, A510, A520) have a sixth to a third of
//     their phone's fastest, middle ones, as A76 beside X1, half and more;
//   frequencies (cpufreq/cpuinfo_max_freq), where capacities are missing or equal, as those of a kernel that was told none: at least three
//     quarters. A little core's cycle does less, so little cores differ less in this than in what they do; turbo of single cores is 2 to 10 %.
std::vector<int> FastCpus(const std::vector<int>& allowed, const std::string& sysfs = "/sys");

// Where so many threads (0: as the CPUs are) run by default: FastCpus(), where not all are fast and the threads fit on them; else nothing,
// which means wherever the system puts them.
std::vector<int> CpusForThreads(int threads, const std::vector<int>& allowed, const std::string& sysfs = "/sys");

// "0,4-7" as CPUs in order. UserError begins with `what`.
std::vector<int> ParseCpus(const std::string& what, const std::string& text);
std::string CpusText(const std::vector<int>& cpus);

// From now on this thread, and every one that it starts, runs on these CPUs alone. False where the system refuses.
bool RunOn(const std::vector<int>& cpus);

}  // namespace pith
