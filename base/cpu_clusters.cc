#include "base/cpu_clusters.h"

#include <sched.h>

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "base/number_rule.h"
#include "base/sysfs.h"

namespace pith {
namespace {

constexpr double kCapacityShare = 0.4, kFrequencyShare = 0.75;

// The number in devices/system/cpu/cpuN/`name` for each CPU; nothing where one of them has none.
std::vector<double> Numbers(const std::vector<int>& cpus, const std::string& sysfs, const std::string& name) {
  std::vector<double> numbers;
  for (int cpu : cpus) {
    const auto number = NumberIn(Str(sysfs, "/devices/system/cpu/cpu", cpu, "/", name));
    if (!number || *number <= 0) return {};
    numbers.push_back(*number);
  }
  return numbers;
}

// Those whose number is at least that share of the largest.
std::vector<int> Near(const std::vector<int>& cpus, const std::vector<double>& numbers, double share) {
  if (numbers.empty()) return cpus;
  const double best = *std::max_element(numbers.begin(), numbers.end());
  std::vector<int> near;
  for (size_t i = 0; i < cpus.size(); ++i) {
    if (numbers[i] >= share * best) near.push_back(cpus[i]);
  }
  return near;
}

bool Alike(const std::vector<double>& numbers) {
  return std::all_of(numbers.begin(), numbers.end(), [&](double number) { return number == numbers.front(); });
}

// 4-7, 4: within what a cpu_set_t can hold.
void AddRange(const std::string& what, const std::string& text, std::vector<int>* cpus) {
  const NumberRule rule = Between(0, CPU_SETSIZE - 1);
  const size_t dash = text.find('-', 1);
  const int first = ParseNumber<int>(what, text.substr(0, dash), rule);
  const int last = dash == std::string::npos ? first : ParseNumber<int>(what, text.substr(dash + 1), rule);
  if (last < first) ThrowUser(what, ": the range '", text, "' ends before it begins; give it as ", last, "-", first);
  for (int cpu = first; cpu <= last; ++cpu) cpus->push_back(cpu);
}

}  // namespace

std::vector<int> AllowedCpus() {
  std::vector<int> cpus;
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof(set), &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

std::vector<int> FastCpus(const std::vector<int>& allowed, const std::string& sysfs) {
  if (const auto list = FirstLine(sysfs + "/devices/cpu_core/cpus")) {
    std::vector<int> performance, both;
    try {
      performance = ParseCpus("", *list);
    } catch (const UserError&) {  // whatever it is, it names no CPUs
    }
    std::set_intersection(performance.begin(), performance.end(), allowed.begin(), allowed.end(), std::back_inserter(both));
    return both.empty() ? allowed : both;
  }
  const std::vector<double> capacities = Numbers(allowed, sysfs, "cpu_capacity");
  if (!Alike(capacities)) return Near(allowed, capacities, kCapacityShare);
  return Near(allowed, Numbers(allowed, sysfs, "cpufreq/cpuinfo_max_freq"), kFrequencyShare);
}

std::vector<int> CpusForThreads(int threads, const std::vector<int>& allowed, const std::string& sysfs) {
  const std::vector<int> fast = FastCpus(allowed, sysfs);
  if (fast.size() == allowed.size() || threads > static_cast<int>(fast.size())) return {};
  return fast;
}

std::vector<int> ParseCpus(const std::string& what, const std::string& text) {
  std::vector<int> cpus;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    AddRange(what, text.substr(begin, end - begin), &cpus);
    begin = end + 1;
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

std::string CpusText(const std::vector<int>& cpus) {
  std::string text;
  for (size_t i = 0; i < cpus.size();) {
    size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
    text += Str(text.empty() ? "" : ",", cpus[i]);
    if (last > i) text += Str("-", cpus[last]);
    i = last + 1;
  }
  return text;
}

bool RunOn(const std::vector<int>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int cpu : cpus) CPU_SET(cpu, &set);
  return ::sched_setaffinity(0, sizeof(set), &set) == 0;
}

}  // namespace pith
