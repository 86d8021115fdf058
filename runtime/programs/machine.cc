#include "runtime/programs/machine.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <ctime>
#include <map>
#include <nlohmann/json.hpp>

#include "base/cpu_clusters.h"
#include "base/cpu_state.h"
#include "base/iso_time.h"
#include "base/page_cache.h"
#include "base/process_memory.h"
#include "runtime/kernels/linear.h"

namespace pith {
namespace {

using MachineObject = nlohmann::ordered_json;

std::string Line(const MachineObject& json) { return json.dump(-1, ' ', false, MachineObject::error_handler_t::replace); }

MachineObject Megabytes(std::optional<int64_t> bytes) { return bytes ? MachineObject(*bytes >> 20) : MachineObject(nullptr); }

}  // namespace

std::string UtcNow() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  return IsoTime(utc) + "Z";
}

std::string MachineJson(int threads) {
  utsname system{};
  std::string kernel = "unknown";
  if (::uname(&system) == 0) kernel = std::string(system.sysname) + " " + system.release + " " + system.machine;
  const int64_t pages = ::sysconf(_SC_PHYS_PAGES), page = ::sysconf(_SC_PAGESIZE);
  return Line({{"processor", ProcessorName()}, {"cpus", AllowedCpus().size()}, {"threads", threads}, {"instruction_set", IsaName(BestIsa())},
               {"memory_mb", Megabytes(pages > 0 ? std::optional(pages * page) : std::nullopt)}, {"available_mb", Megabytes(AvailableBytes())}, {"kernel", kernel}});
}

std::string StartJson(const BaseModel& base) {
  const auto share = ShareInMemory(base.files());
  if (!share) return Line({{"pages_in_memory", nullptr}, {"start", nullptr}});
  return Line({{"pages_in_memory", *share}, {"start", *share < 0.1 ? "cold" : *share > 0.9 ? "warm" : "partly warm"}});
}

std::string ModelJson(const BaseModel& base, const std::string& path, const std::string& base_sha256) {
  std::map<std::string, size_t> bytes;
  for (const std::string& name : base.names()) {
    const TensorView tensor = base.Tensor(name);
    bytes[TypeName(tensor.type)] += tensor.bytes();
  }
  return Line({{"file", path.substr(path.find_last_of('/') + 1)}, {"base_sha256", base_sha256}, {"weights", bytes}});
}

}  // namespace pith
