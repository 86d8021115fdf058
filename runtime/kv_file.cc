#include "runtime/kv_file.h"

#include <bit>
#include <cstring>
#include <fstream>

#include "base/error.h"
#include "base/sha256.h"

namespace pith {

namespace {

constexpr char kKvMagic[8] = {'P', 'I', 'T', 'H', '-', 'K', 'V', '\n'};
constexpr uint32_t kKvVersion = 1;
constexpr size_t kKvStartBytes = 8 + 4 + 4 + 8, kKvDigestBytes = 32, kKvAlignment = 64;
static_assert(std::endian::native == std::endian::little, "the file is the memory's bytes");

int64_t PagesOf(const KvFileHeader& header) {
  return (static_cast<int64_t>(header.tokens.size()) + kKvPageTokens - 1) / kKvPageTokens;
}

class KvBytes {
 public:
  template <class T>
  void Put(T value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value)); }
  void Put(const std::string& text) {
    Put(static_cast<uint32_t>(text.size()));
    bytes_ += text;
  }
  std::string& bytes() { return bytes_; }

 private:
  std::string bytes_;
};

// Of a file that is whole: what does not fit was never written by pith.
class KvParser {
 public:
  KvParser(const std::string& path, std::span<const uint8_t> bytes) : path_(path), bytes_(bytes) {}

  template <class T>
  T Get() {
    T value;
    std::memcpy(&value, Take(sizeof(T)), sizeof(T));
    return value;
  }
  std::string Text() {
    const size_t size = Get<uint32_t>();
    return std::string(reinterpret_cast<const char*>(Take(size)), size);
  }
  // A number of things of at least `bytes_each`.
  size_t Count(size_t bytes_each) {
    const uint64_t count = Get<uint64_t>();
    if (count > (bytes_.size() - position_) / bytes_each) Refuse();
    return static_cast<size_t>(count);
  }
  size_t position() const { return position_; }
  [[noreturn]] void Refuse() const {
    ThrowUser("'", path_, "' contradicts itself: pith did not write it like this; compute the prompt anew, and save it again");
  }

 private:
  const uint8_t* Take(size_t size) {
    if (size > bytes_.size() - position_) Refuse();
    position_ += size;
    return bytes_.data() + (position_ - size);
  }
  const std::string& path_;
  std::span<const uint8_t> bytes_;
  size_t position_ = 0;
};

std::string HeaderBytes(const KvFileHeader& header) {
  KvBytes out;
  out.Put(static_cast<uint64_t>(header.facts.size()));
  for (const KvFact& fact : header.facts) {
    out.Put(fact.name);
    out.Put(fact.value);
  }
  out.Put(static_cast<uint64_t>(header.writers.size()));
  for (const KvFileWriter& writer : header.writers) {
    out.Put(writer.name);
    out.Put(writer.sha256);
  }
  out.Put(static_cast<uint64_t>(header.tokens.size()));
  for (const int32_t token : header.tokens) out.Put(token);
  out.Put(static_cast<uint64_t>(header.runs.size()));
  for (const KvFileHeader::Run& run : header.runs) {
    out.Put(run.end);
    out.Put(run.writer);
  }
  out.Put(header.adapter);
  out.Put(header.page_bytes);
  const size_t end = kKvStartBytes + out.bytes().size();
  out.bytes().append((kKvAlignment - end % kKvAlignment) % kKvAlignment, '\0');
  return out.bytes();
}

KvFileHeader ParseHeader(KvParser& in) {
  KvFileHeader header;
  for (size_t n = in.Count(8); n > 0; --n) {
    std::string name = in.Text();
    header.facts.push_back({std::move(name), in.Text()});
  }
  for (size_t n = in.Count(8); n > 0; --n) {
    std::string name = in.Text();
    header.writers.push_back({std::move(name), in.Text()});
  }
  for (size_t n = in.Count(4); n > 0; --n) header.tokens.push_back(in.Get<int32_t>());
  for (size_t n = in.Count(12); n > 0; --n) {
    const int64_t end = in.Get<int64_t>();
    header.runs.push_back({end, in.Get<int32_t>()});
  }
  header.adapter = in.Get<int32_t>();
  header.page_bytes = in.Get<int64_t>();

  const auto is_writer = [&](int32_t i) { return i >= 0 && static_cast<size_t>(i) <= header.writers.size(); };
  int64_t begin = 0;
  for (const KvFileHeader::Run& run : header.runs) {
    if (run.end <= begin || !is_writer(run.writer)) in.Refuse();
    begin = run.end;
  }
  if (begin != static_cast<int64_t>(header.tokens.size()) || !is_writer(header.adapter)) in.Refuse();
  return header;
}

}  // namespace

void CheckKvPlace(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char start[sizeof(kKvMagic)];
  file.read(start, sizeof(start));
  if (file.gcount() == 0 || (file.gcount() == sizeof(start) && std::memcmp(start, kKvMagic, sizeof(start)) == 0)) return;
  ThrowUser("'", path, "' is there and is no KV file, so it is not replaced by one; name another, or remove it first");
}

void WriteKvFile(const std::string& path, const KvFileHeader& header, const std::function<const uint8_t*(int64_t)>& page) {
  CheckKvPlace(path);
  const std::string body = HeaderBytes(header);
  const int64_t pages = PagesOf(header);
  KvBytes start;
  start.bytes().append(kKvMagic, sizeof(kKvMagic));
  start.Put(kKvVersion);
  start.Put(uint32_t{0});
  start.Put(static_cast<uint64_t>(kKvStartBytes + body.size() + kKvDigestBytes) + static_cast<uint64_t>(pages * header.page_bytes));
  AtomicFile file(path);
  Sha256 hash;
  const auto write = [&](const void* data, size_t size) {
    hash.Update(data, size);
    file.Write(data, size);
  };
  write(start.bytes().data(), start.bytes().size());
  write(body.data(), body.size());
  for (int64_t i = 0; i < pages; ++i) write(page(i), static_cast<size_t>(header.page_bytes));
  const Sha256::Bytes digest = hash.Digest();
  file.Write(digest.data(), digest.size());
  file.Commit();
}

KvFile::KvFile(const std::string& path) : file_(path) {
  const std::span<const uint8_t> bytes = file_.bytes();
  if (bytes.size() < kKvStartBytes || std::memcmp(bytes.data(), kKvMagic, sizeof(kKvMagic)) != 0) {
    ThrowUser("'", path, "' is no KV file of pith's, which begins with PITH-KV; name one that was saved by it");
  }
  uint32_t version;
  uint64_t size;
  std::memcpy(&version, bytes.data() + 8, sizeof(version));
  std::memcpy(&size, bytes.data() + 16, sizeof(size));
  if (version != kKvVersion) {
    ThrowUser("'", path, "' is a KV file of version ", version, ", this pith reads version ", kKvVersion,
              "; compute the prompt anew, and save it again");
  }
  if (size != bytes.size() || size < kKvStartBytes + kKvDigestBytes) {
    ThrowUser("'", path, "' has ", bytes.size(), " bytes and was saved with ", size, ": a part of it is missing; copy it again, or compute the prompt anew");
  }
  const std::span<const uint8_t> content = bytes.first(bytes.size() - kKvDigestBytes);
  Sha256 hash;
  hash.Update(content.data(), content.size());
  const Sha256::Bytes digest = hash.Digest();
  if (std::memcmp(digest.data(), bytes.data() + content.size(), digest.size()) != 0) {
    ThrowUser("'", path, "' is damaged: its SHA-256 is not the one that it was saved with; copy it again, or compute the prompt anew");
  }
  KvParser in(path, content.subspan(kKvStartBytes));
  header_ = ParseHeader(in);
  const size_t end = kKvStartBytes + in.position();
  pages_begin_ = (end + kKvAlignment - 1) / kKvAlignment * kKvAlignment;
  const uint64_t left = pages_begin_ <= content.size() ? content.size() - pages_begin_ : 0;
  const uint64_t page_bytes = static_cast<uint64_t>(header_.page_bytes), pages = static_cast<uint64_t>(num_pages());
  if (pages_begin_ > content.size() || header_.page_bytes <= 0 || left / page_bytes != pages || left % page_bytes != 0) in.Refuse();
}

int64_t KvFile::num_pages() const { return PagesOf(header_); }

const uint8_t* KvFile::page(int64_t index) const {
  PITH_CHECK(index >= 0 && index < num_pages(), "page ", index, " of ", num_pages());
  return file_.bytes().data() + pages_begin_ + static_cast<size_t>(index * header_.page_bytes);
}

}  // namespace pith
