// JSON lines: one object per line, read by field names.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace pith {

// One record. Errors name its place: "data/a.jsonl, line 12".
class JsonRecord {
 public:
  struct Body;  // a JSON object
  JsonRecord(std::string place, std::shared_ptr<const Body> body) : place_(std::move(place)), body_(std::move(body)) {}

  const std::string& place() const { return place_; }
  bool Has(const std::string& field) const;  // present and not null
  // A string as it is; a number in its shortest form (51.0 is "51"). UserError: missing, or another type.
  std::string Text(const std::string& field) const;

 private:
  std::string place_;
  std::shared_ptr<const Body> body_;
};

// Every record of a file: JSON lines (blank ones skipped), or one JSON array of objects. UserError: unreadable file,
// no record in it, or a malformed line with its number.
std::vector<JsonRecord> ReadJsonRecords(const std::string& path);

}  // namespace pith
