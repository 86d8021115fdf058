#include "train/run/events.h"

#include <bit>
#include <cmath>
#include <filesystem>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/file.h"

namespace pith {
namespace {

namespace fs = std::filesystem;

static_assert(std::endian::native == std::endian::little);

constexpr char kPrefix[] = "events.out.tfevents.", kSuffix[] = ".pith";  // TensorBoard looks for "tfevents"

// Fields of a protobuf message, in the order in which they are added.
class Message {
 public:
  Message& Varint(uint32_t field, uint64_t value) {
    Tag(field, 0);
    Number(value);
    return *this;
  }
  Message& Double(uint32_t field, double value) {
    Tag(field, 1);
    Raw(value);
    return *this;
  }
  Message& Float(uint32_t field, float value) {
    Tag(field, 5);
    Raw(value);
    return *this;
  }
  Message& Bytes(uint32_t field, const std::string& bytes) {
    Tag(field, 2);
    Number(bytes.size());
    bytes_ += bytes;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;

  void Number(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7f) | 0x80);
    bytes_ += static_cast<char>(value);
  }
  void Tag(uint32_t field, uint32_t wire_type) { Number(field << 3 | wire_type); }
  template <class T>
  void Raw(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
};

template <class T>
std::string BytesOf(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string MaskedCrc(const std::string& bytes) { return BytesOf<uint32_t>(std::rotr(Crc32c(bytes), 15) + 0xa282ead8u); }

std::string Record(const Message& event) {
  const std::string length = BytesOf<uint64_t>(event.bytes().size());
  return length + MaskedCrc(length) + event.bytes() + MaskedCrc(event.bytes());
}

}  // namespace

// Event: 1 wall_time, 2 step, 3 file_version, 5 summary, 7 session_log; SessionLog: 1 status (1: start);
// Summary: 1 value; Value: 1 tag, 2 simple_value.
std::string EventsHead(double wall_time) {
  return Record(Message().Double(1, wall_time).Bytes(3, "brain.Event:2")) +
         Record(Message().Double(1, wall_time).Bytes(7, Message().Varint(1, 1).bytes()));
}

std::string EventOfStep(double wall_time, int64_t step, const Metrics& metrics) {
  Message summary;
  for (const auto& [name, value] : metrics) {
    const auto single = static_cast<float>(value);
    if (name != "wall_time" && std::isfinite(single)) summary.Bytes(1, Message().Bytes(1, name).Float(2, single).bytes());
  }
  return Record(Message().Double(1, wall_time).Varint(2, static_cast<uint64_t>(step)).Bytes(5, summary.bytes()));
}

bool EventsFile::IsName(const std::string& name) { return name.starts_with(kPrefix) && name.find(kSuffix) != std::string::npos; }

EventsFile::EventsFile(const std::string& folder, const std::vector<MetricsLine>& lines) {
  const double now = WallTime();
  // A name of its own: TensorBoard goes on to the file that comes after the one it has read.
  std::string name = Str(kPrefix, static_cast<int64_t>(now), kSuffix);
  std::vector<std::string> earlier;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string other = entry.path().filename().string();
    if (IsName(other)) earlier.push_back(other);
  }
  path_ = folder + "/" + name;
  AtomicFile file(path_);
  file.Write(EventsHead(lines.empty() ? now : FindMetric(lines.front().metrics, "wall_time").value_or(now)));
  for (const MetricsLine& line : lines) {
    file.Write(EventOfStep(FindMetric(line.metrics, "wall_time").value_or(now), line.step, line.metrics));
  }
  file.Commit();
  for (const std::string& other : earlier) {
    if (other != name) fs::remove(folder + "/" + other);
  }
}

void EventsFile::Append(int64_t step, const Metrics& metrics) {
  AppendToFile(path_, EventOfStep(FindMetric(metrics, "wall_time").value_or(0), step, metrics));
}

}  // namespace pith
