#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/error.h"

namespace pith {
namespace {

constexpr size_t kBufferBytes = 1 << 20;
constexpr char kTemporary[] = ".tmp-", kOld[] = ".old";

// A descriptor that closes itself.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

std::string Reason() { return std::strerror(errno); }

int OpenForReading(const std::string& path, struct stat* info) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) ThrowUser("cannot open '", path, "': ", Reason());
  if (::fstat(fd, info) != 0) {
    const std::string reason = Reason();
    ::close(fd);
    ThrowUser("cannot read '", path, "': ", reason);
  }
  if (S_ISDIR(info->st_mode)) {
    ::close(fd);
    ThrowUser("'", path, "' is a folder, expected a file");
  }
  return fd;
}

FileVersion VersionFrom(const struct stat& info) {
  return {static_cast<uint64_t>(info.st_dev), static_cast<uint64_t>(info.st_ino), static_cast<uint64_t>(info.st_size),
          static_cast<int64_t>(info.st_ctim.tv_sec), static_cast<int64_t>(info.st_ctim.tv_nsec)};
}

void WriteAll(int fd, const char* data, size_t size, const std::string& path) {
  while (size > 0) {
    const ssize_t written = ::write(fd, data, size);
    if (written < 0) {
      if (errno == EINTR) continue;
      ThrowUser("cannot write '", path, "': ", Reason());
    }
    data += written;
    size -= static_cast<size_t>(written);
  }
}

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

}  // namespace

std::optional<FileVersion> VersionOf(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) return {};
  return VersionFrom(info);
}

MappedFile::MappedFile(const std::string& path) : path_(path) {
  struct stat info;
  const Descriptor file{OpenForReading(path, &info)};
  if (!S_ISREG(info.st_mode)) ThrowUser("'", path, "' is not a regular file, which a memory map needs");
  if (info.st_size == 0) ThrowUser("'", path, "' is empty");
  Map(file.fd, 0, static_cast<uint64_t>(info.st_size));
  version_ = VersionFrom(info);
}

void MappedFile::Map(int fd, uint64_t offset, uint64_t bytes) {
  const uint64_t before = offset % static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));  // maps begin at a page
  void* map = ::mmap(nullptr, static_cast<size_t>(before + bytes), PROT_READ, MAP_SHARED, fd, static_cast<off_t>(offset - before));
  if (map == MAP_FAILED) ThrowUser("cannot map '", path_, "' (", bytes, " bytes): ", Reason());
  map_ = map;
  map_bytes_ = static_cast<size_t>(before + bytes);
#ifdef MADV_HUGEPAGE
  // Weights: where the system can keep a file in large pages, reading it takes fewer walks through the page tables. Else nothing happens.
  constexpr uint64_t kWeights = uint64_t{64} << 20;
  if (bytes >= kWeights) ::madvise(map_, map_bytes_, MADV_HUGEPAGE);
#endif
  data_ = static_cast<const uint8_t*>(map) + before;
  size_ = static_cast<size_t>(bytes);
}

MappedFile MappedFile::OfDescriptor(int fd, uint64_t offset, uint64_t bytes, const std::string& name) {
  MappedFile file;
  file.path_ = name;
  struct stat info;
  if (::fstat(fd, &info) != 0) ThrowUser("cannot read '", name, "': ", Reason());
  if (!S_ISREG(info.st_mode)) ThrowUser("'", name, "' is not a regular file, which a memory map needs");
  const auto size = static_cast<uint64_t>(info.st_size);
  if (offset >= size || bytes > size - offset) {
    ThrowUser("'", name, "' has ", size, " bytes, and ", bytes == 0 ? std::string("what follows") : Str(bytes), " from byte ", offset, " on were to be read");
  }
  file.Map(fd, offset, bytes == 0 ? size - offset : bytes);
  return file;
}

MappedFile MappedFile::OfMemory(std::span<const uint8_t> bytes, const std::string& name) {
  MappedFile file;
  if (bytes.empty()) ThrowUser("'", name, "' is empty");
  file.path_ = name;
  file.data_ = bytes.data();
  file.size_ = bytes.size();
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      version_(other.version_),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      map_(std::exchange(other.map_, nullptr)),
      map_bytes_(std::exchange(other.map_bytes_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(version_, other.version_);
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(map_, other.map_);
  std::swap(map_bytes_, other.map_bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (map_ != nullptr) ::munmap(map_, map_bytes_);
}

void MappedFile::LetGo() const {
  if (map_ != nullptr) ::madvise(map_, map_bytes_, MADV_DONTNEED);
}

AtomicFile::AtomicFile(const std::string& path) : path_(path) {
  struct stat info;
  if (::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    ThrowUser("cannot write '", path, "': it exists and is not a regular file");
  }
  temporary_ = TemporaryName(path);
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd_ < 0) ThrowUser("cannot write '", path, "': ", Reason());
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::Write(const void* data, size_t size_bytes) {
  PITH_CHECK(fd_ >= 0, "Write after Commit of ", path_);
  offset_ += size_bytes;
  if (buffer_.size() + size_bytes > kBufferBytes) WriteBuffer();
  if (size_bytes > kBufferBytes) {
    WriteAll(fd_, static_cast<const char*>(data), size_bytes, path_);
  } else {
    buffer_.append(static_cast<const char*>(data), size_bytes);
  }
}

void AtomicFile::WriteBuffer() {
  WriteAll(fd_, buffer_.data(), buffer_.size(), path_);
  buffer_.clear();
}

void AtomicFile::Flush() {
  PITH_CHECK(fd_ >= 0, "Flush after Commit of ", path_);
  WriteBuffer();
  if (::fsync(fd_) != 0) ThrowUser("cannot write '", path_, "': ", Reason());
}

void AtomicFile::Commit() {
  Flush();
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    ThrowUser("cannot rename '", temporary_, "' to '", path_, "': ", Reason());
  }
  ::close(std::exchange(fd_, -1));
  SyncFolder(FolderOf(path_));  // or a power cut takes the rename back
}

std::string TemporaryName(const std::string& path) {
  static std::atomic<unsigned> counter{0};
  return Str(path, kTemporary, ::getpid(), "-", counter.fetch_add(1));
}

bool IsTemporaryOf(std::string_view name, std::string_view original) {
  if (!name.starts_with(original)) return false;
  name.remove_prefix(original.size());
  if (!name.starts_with(kTemporary)) return false;
  name.remove_prefix(std::strlen(kTemporary));
  if (name.ends_with(kOld)) name.remove_suffix(std::strlen(kOld));
  const auto digits = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  const size_t dash = name.find('-');
  return dash != std::string_view::npos && digits(name.substr(0, dash)) && digits(name.substr(dash + 1));
}

bool PutFolder(const std::string& from, const std::string& to) {
  SyncFolder(from);
  const bool replaces = IsFolder(to);
  const bool swapped = replaces && ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0;
  if (!swapped) {
    const std::string old = from + kOld;
    if (replaces && ::rename(to.c_str(), old.c_str()) != 0) ThrowUser("cannot replace '", to, "': ", Reason());
    if (::rename(from.c_str(), to.c_str()) != 0) {
      const std::string reason = Reason();
      if (replaces) (void)::rename(old.c_str(), to.c_str());
      ThrowUser("cannot write '", to, "': ", reason);
    }
    if (replaces) (void)::rename(old.c_str(), from.c_str());
  }
  SyncFolder(FolderOf(to));
  return replaces;
}

void SyncFolder(const std::string& path) {
  const Descriptor folder{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (folder.fd >= 0) (void)::fsync(folder.fd);  // not every file system can do that
}

std::string ReadFile(const std::string& path, uint64_t max_bytes) {
  struct stat info;
  const Descriptor file{OpenForReading(path, &info)};
  std::string contents;
  const auto refuse = [&] { ThrowUser("'", path, "' has more than ", max_bytes, " bytes, which is too long for what it should be"); };
  if (info.st_size > 0 && static_cast<uint64_t>(info.st_size) > max_bytes) refuse();
  if (info.st_size > 0) contents.reserve(static_cast<size_t>(info.st_size));
  char buffer[1 << 16];
  while (true) {
    const ssize_t got = ::read(file.fd, buffer, sizeof(buffer));
    if (got == 0) return contents;
    if (got < 0) {
      if (errno == EINTR) continue;
      ThrowUser("cannot read '", path, "': ", Reason());
    }
    contents.append(buffer, static_cast<size_t>(got));
    if (contents.size() > max_bytes) refuse();
  }
}

void WriteFile(const std::string& path, std::string_view contents) {
  AtomicFile file(path);
  file.Write(contents);
  file.Commit();
}

void AppendToFile(const std::string& path, std::string_view text) {
  const Descriptor file{::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)};
  struct stat info;
  if (file.fd < 0 || ::fstat(file.fd, &info) != 0) ThrowUser("cannot write '", path, "': ", Reason());
  try {
    WriteAll(file.fd, text.data(), text.size(), path);
  } catch (const UserError&) {
    (void)!::ftruncate(file.fd, info.st_size);
    throw;
  }
}

void SyncFile(const std::string& path) {
  const Descriptor file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  if (file.fd < 0 || ::fsync(file.fd) != 0) ThrowUser("cannot write '", path, "': ", Reason());
}

bool FileExists(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && !S_ISDIR(info.st_mode);
}

bool IsFolder(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

void MakeFolders(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error && !IsFolder(path)) ThrowUser("cannot make folder '", path, "': ", error.message());
}

}  // namespace pith
