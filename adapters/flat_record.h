// Records that travel with an adapter twice: as a JSON object in the PEFT folder, and as metadata of the GGUF, member by member under the same names.
//
// A record is a struct of integers, doubles, texts and lists of them with a member `version` and `ForEach(visit)`, which calls visit(key, &member) for all of
// them in the order of files, `version` first. `damaged(what)` throws, and says which file it is. A record of another version is not read further.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>

#include "base/error.h"
#include "base/gguf.h"
#include "base/json_text.h"

namespace pith {

template <class Damaged>
void CheckRecordVersion(int64_t version, int64_t known, const Damaged& damaged) {
  if (version != known) damaged(Str("has version ", version, ", this pith reads ", known));
}

template <class Record>
std::string RecordJson(Record record) {
  std::string text;  // a line for each member, so that the file can be looked at
  record.ForEach([&](const char* key, const auto* value) {
    const nlohmann::json json = *value;
    text += Str(text.empty() ? "{\n" : ",\n", " \"", key, "\": ", json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  });
  return text + "\n}\n";
}

template <class Record, class Damaged>
Record ReadRecordJson(const std::string& text, const Damaged& damaged) {
  if (const std::string problem = JsonObjectProblem(text); !problem.empty()) damaged(problem);
  const nlohmann::json json = nlohmann::json::parse(text);
  Record record;
  const int64_t known = record.version;
  record.ForEach([&](const char* key, auto* value) {
    const auto found = json.find(key);
    if (found == json.end()) damaged(Str("lacks ", key));
    try {
      found->get_to(*value);
    } catch (const nlohmann::json::exception& error) {
      damaged(Str("has in ", key, " what does not belong there (", JsonErrorText(error), ")"));
    }
    CheckRecordVersion(record.version, known, damaged);
  });
  return record;
}

template <class Record>
void SetRecordMetadata(const std::string& prefix, Record record, GgufWriter* writer) {
  record.ForEach([&](const char* key, const auto* value) { writer->Set(prefix + key, *value); });
}

// Nothing where the file holds no such record.
template <class Record, class Damaged>
std::optional<Record> ReadRecordMetadata(const std::string& prefix, const GgufFile& file, const Damaged& damaged) {
  if (!file.Has(prefix + "version")) return {};
  Record record;
  const int64_t known = record.version;
  record.ForEach([&](const char* key, auto* value) {
    *value = file.Get<std::remove_pointer_t<decltype(value)>>(prefix + key);
    CheckRecordVersion(record.version, known, damaged);
  });
  return record;
}

}  // namespace pith
