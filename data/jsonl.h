// JSON lines: one object per line, read by field names.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pith {

// One record. Errors name its place: "data/a.jsonl, line 12".
class JsonRecord {
 public:
  struct Body;  // a JSON object
  JsonRecord(std::string place, std::shared_ptr<const Body> body) : place_(std::move(place)), body_(std::move(body)) {}

  const std::string& place() const { return place_; }
  bool Has(const std::string& field) const;  // present, not null, and not a blank text
  // A string as it is; a number with the digits that it is written with. UserError: missing, null, blank, or another type.
  std::string Text(const std::string& field) const;
  // The same for whatever the field holds: nothing for null, JSON for a list or an object. UserError: missing.
  std::string Written(const std::string& field) const;
  // The JSON of whatever the field holds, on one line: a text in its quotes, numbers with their digits. Empty: missing or null.
  std::string JsonOf(const std::string& field) const;

 private:
  std::string place_;
  std::shared_ptr<const Body> body_;
};

// One line that is a record. UserError: another text.
JsonRecord ParseJsonRecord(const std::string& place, std::string_view line);

// Every record of a file: JSON lines (blank ones skipped), or one JSON array of objects; a byte order mark before them is
// skipped. UserError: unreadable file, no record in it, or a malformed line with its number.
std::vector<JsonRecord> ReadJsonRecords(const std::string& path);

}  // namespace pith
