// What the targets that read files share: a place for the files, and what an input must end in.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace pith::fuzz {

// Aborts, which is what a fuzzer takes for a finding.
#define PITH_FUZZ_EXPECT(condition)                                                                   \
  do {                                                                                                \
    if (!(condition)) {                                                                               \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);             \
      std::abort();                                                                                   \
    }                                                                                                 \
  } while (0)

// A folder in memory where the system has one: the readers map files, and a disk would be most of the time.
class ScratchFolder {
 public:
  ScratchFolder() {
    const char* shared = "/dev/shm";
    const bool memory = ::access(shared, W_OK) == 0;
    path_ = (memory ? std::string(shared) : std::filesystem::temp_directory_path().string()) + "/pith-fuzz-XXXXXX";
    PITH_FUZZ_EXPECT(::mkdtemp(path_.data()) != nullptr);
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  // The file's path. Not through AtomicFile, whose care costs more than what is tested.
  std::string Put(const std::string& name, std::string_view bytes) const {
    const std::string path = *this / name;
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    PITH_FUZZ_EXPECT(fd >= 0 && ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    ::close(fd);
    return path;
  }
  void Remove(const std::string& name) const { ::unlink((*this / name).c_str()); }

 private:
  std::string path_;
};

// A sentence that a terminal can show: not empty, not endless, no control characters but line ends and tabs.
inline void CheckSentence(std::string_view sentence) {
  PITH_FUZZ_EXPECT(!sentence.empty() && sentence.size() < 64 * 1024);
  for (const char c : sentence) {
    const auto byte = static_cast<unsigned char>(c);
    PITH_FUZZ_EXPECT((byte >= 0x20 && byte != 0x7f) || c == '\n' || c == '\t');
  }
}

// Whether `body` ends without the one error that a user's mistake may end in; any other exception passes through, and is a
// finding. `sentence`: the error's.
template <class Body>
bool Holds(const Body& body, std::string* sentence = nullptr) {
  try {
    body();
    return true;
  } catch (const UserError& error) {
    CheckSentence(error.what());
    if (sentence != nullptr) *sentence = error.what();
    return false;
  }
}

// The parts of an input that stands for several files: between lines "====".
inline std::vector<std::string> Parts(std::string_view input) {
  constexpr std::string_view kLine = "\n====\n";
  std::vector<std::string> parts;
  for (size_t end; (end = input.find(kLine)) != std::string_view::npos; input.remove_prefix(end + kLine.size())) {
    parts.emplace_back(input.substr(0, end));
  }
  parts.emplace_back(input);
  return parts;
}

// Reads every byte of a tensor, which must lie in its file: a map of a file goes on to the end of its page, and then often into
// another map, so that no sanitizer sees what is read behind it.
inline uint64_t Touch(std::span<const uint8_t> file, const uint8_t* data, uint64_t bytes) {
  const uint8_t* end = file.data() + file.size();
  PITH_FUZZ_EXPECT(data >= file.data() && data <= end && bytes <= static_cast<uint64_t>(end - data));
  uint64_t sum = 0;
  for (uint64_t i = 0; i < bytes; ++i) sum += data[i];
  static volatile uint64_t sink;
  sink = sum;
  return sink;
}

// Equal to the bit, so that NaN equals itself.
inline bool SameFloats(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

}  // namespace pith::fuzz
