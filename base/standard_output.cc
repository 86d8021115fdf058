#include "base/standard_output.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <iostream>

namespace pith {

void PrepareStandardStreams() {
  for (const int fd : {0, 1, 2}) {
    if (::fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    (void)!::open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);  // takes the lowest descriptor that is free: this one
  }
  std::cout.exceptions(std::ios_base::badbit);
}

void FlushStandardOutput() {
  errno = 0;
  std::cout.flush();
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
  throw std::ios_base::failure("standard output");
}

}  // namespace pith
