// Files: mapped for reading, and written so that a reader never sees half of one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pith {

// Which file, and which state of it. The time is that of the last change of content or name (st_ctim), which unlike the
// modification time nobody can set.
struct FileVersion {
  uint64_t device = 0, inode = 0, bytes = 0;
  int64_t changed_s = 0, changed_ns = 0;
  bool operator==(const FileVersion&) const = default;
};
std::optional<FileVersion> VersionOf(const std::string& path);  // nothing where there is no such file

// A read-only memory map of a whole file, or what stands for one. Movable; unmapped on destruction. Thread-safe to read.
class MappedFile {
 public:
  MappedFile() = default;
  // Throws UserError when the file is missing, unreadable, empty or not a regular file.
  explicit MappedFile(const std::string& path);
  // A file that lies in another one (an asset of an APK): `bytes` of it from `offset` on, 0: all that follow. `fd` may be closed
  // afterwards. `name` is for messages. UserError also where the piece is not in the file.
  static MappedFile OfDescriptor(int fd, uint64_t offset, uint64_t bytes, const std::string& name);
  // A file that the caller holds in memory, for as long as this lives.
  static MappedFile OfMemory(std::span<const uint8_t> bytes, const std::string& name);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const uint8_t> bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }
  // When it was mapped. All zero of what is no file by itself: nothing may be remembered of that.
  const FileVersion& version() const { return version_; }
  // Pages that were read count no longer as this process's memory, until they are read again; the system may keep them.
  void LetGo() const;

 private:
  std::string path_;
  FileVersion version_;
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
  void* map_ = nullptr;  // what was mapped, from the page on that data_ lies in; nullptr: nothing
  size_t map_bytes_ = 0;

  void Map(int fd, uint64_t offset, uint64_t bytes);
};

// A file written under a temporary name beside its place; Commit() flushes it to disk and renames it. Without Commit()
// the destructor removes it, so nothing half-written is ever left. Throws UserError on any I/O failure (disk full, …).
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void Write(const void* data, size_t size_bytes);
  void Write(std::string_view text) { Write(text.data(), text.size()); }
  uint64_t offset_bytes() const { return offset_; }
  void Flush();   // all that was written is on the disk, beside the place; what can fail for want of room has failed here
  void Commit();

 private:
  std::string path_, temporary_;
  int fd_ = -1;
  uint64_t offset_ = 0;
  std::string buffer_;
  void WriteBuffer();
};

// What AtomicFile and its like call a thing until it is whole: PATH.tmp-PID-N, different at each call.
std::string TemporaryName(const std::string& path);
// Whether `name` is such a name of `original`: what a killed process left behind.
bool IsTemporaryOf(std::string_view name, std::string_view original);

// Puts folder `from` in the place of `to`, of which no reader sees a moment without a whole one, and has it on disk when this
// returns. An older `to` is then `from`, for the caller to remove; true says that there was one. A file system that cannot
// swap two folders gets two renames. UserError where it fails; both are then as they were.
bool PutFolder(const std::string& from, const std::string& to);
void SyncFolder(const std::string& path);  // its names onto the disk, as far as the file system can

// The whole file; UserError when it cannot be read, or is longer than `max_bytes` (an endless device, too).
std::string ReadFile(const std::string& path, uint64_t max_bytes = UINT64_MAX);
void WriteFile(const std::string& path, std::string_view contents);        // through AtomicFile
// At the file's end, in one piece; made where it is missing. UserError where that fails, and the file is as it was.
void AppendToFile(const std::string& path, std::string_view text);
void SyncFile(const std::string& path);    // all that was written to it is on the disk. UserError where it fails
bool FileExists(const std::string& path);
bool IsFolder(const std::string& path);
void MakeFolders(const std::string& path);                                 // like mkdir -p

}  // namespace pith
