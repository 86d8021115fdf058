#include "base/page_cache.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace pith {
namespace {

struct Pages {
  uint64_t held, all;
};

std::optional<Pages> PagesOf(const std::string& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return {};
  struct stat info;
  std::optional<Pages> pages;
  // Of others' files mincore() calls every page held.
  if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0 && (info.st_uid == ::geteuid() || ::access(file.c_str(), W_OK) == 0)) {
    const auto size = static_cast<size_t>(info.st_size), page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    void* map = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED) {
      std::vector<unsigned char> held((size + page - 1) / page);
      if (::mincore(map, size, held.data()) == 0) {
        pages = Pages{static_cast<uint64_t>(std::count_if(held.begin(), held.end(), [](unsigned char flags) { return (flags & 1) != 0; })), held.size()};
      }
      ::munmap(map, size);
    }
  }
  ::close(fd);
  return pages;
}

}  // namespace

std::optional<double> ShareInMemory(const std::vector<std::string>& files) {
  Pages sum = {0, 0};
  for (const std::string& file : files) {
    const auto pages = PagesOf(file);
    if (!pages) return {};
    sum.held += pages->held;
    sum.all += pages->all;
  }
  if (sum.all == 0) return {};
  return static_cast<double>(sum.held) / static_cast<double>(sum.all);
}

}  // namespace pith
