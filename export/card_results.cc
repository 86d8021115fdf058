#include "export/card_results.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/log.h"

namespace pith {
namespace {

using Json = nlohmann::json;

[[noreturn]] void Refuse(const std::string& path, const std::string& why) {
  ThrowUser("--results '", path, "' is not a results.json of pith-run eval: ", why);
}

template <class T>
T Get(const std::string& path, const Json& row, const char* key) {
  const auto found = row.find(key);
  if (found == row.end()) Refuse(path, Str("a row has no '", key, "'"));
  try {
    return found->get<T>();
  } catch (const Json::exception&) {
    Refuse(path, Str("'", key, "' of a row is ", found->dump(-1, ' ', false, Json::error_handler_t::replace)));
  }
}

CardPoint PointOf(const std::string& path, const Json& row) {
  CardPoint point;
  point.from = "evaluation";
  point.mode = Get<std::string>(path, row, "mode") == "base" ? "base" : "adapter";
  // A file's name, as in the card's list of data sets: folders are the business of the machine at hand.
  point.dataset = std::filesystem::path(Get<std::string>(path, row, "dataset")).filename().string();
  if (row.contains("budget") && !row["budget"].is_null()) point.budget_tokens = Get<int64_t>(path, row, "budget");
  point.num_problems = Get<int64_t>(path, row, "n");
  point.chains = Get<int64_t>(path, row, "chains");
  point.accuracy = Get<double>(path, row, "accuracy");
  point.accuracy_lenient = Get<double>(path, row, "accuracy_lenient");
  point.mean_tokens = Get<double>(path, row, "mean_tokens");
  if (row.contains("curve") && !row["curve"].is_null()) point.curve = Get<std::string>(path, row, "curve");  // earlier versions told none
  if (point.budget_tokens < 0 || point.num_problems < 0 || point.chains < 0) Refuse(path, "a row has a negative count");
  return point;
}

std::string Listed(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "'" : ", '") + name + "'";
  return text;
}

}  // namespace

std::vector<CardPoint> ReadResults(const std::string& path, const std::string& adapter_mode, const std::string& adapter_sha256) {
  const std::string text = "{\"rows\": " + ReadFile(path, kMaxJsonBytes) + "}";
  if (const std::string problem = JsonObjectProblem(text); !problem.empty()) Refuse(path, "it is not JSON");
  const Json rows = Json::parse(text)["rows"];
  if (!rows.is_array() || rows.empty()) Refuse(path, "it is not a list of rows");
  std::set<std::string> same, unknown, others;
  for (const Json& row : rows) {
    if (!row.is_object()) Refuse(path, "it is not a list of rows");
    const auto mode = Get<std::string>(path, row, "mode");
    if (mode == "base") continue;
    const bool known = row.contains("adapter_sha256") && !row["adapter_sha256"].is_null();  // rows of earlier versions tell none
    (!known ? unknown : Get<std::string>(path, row, "adapter_sha256") == adapter_sha256 ? same : others).insert(mode);
  }
  if (same.empty() && unknown.empty() && others.empty()) {
    ThrowUser("--results '", path, "' has rows of the base alone; evaluate the adapter: pith-run eval --adapter …");
  }
  if (same.empty() && (unknown.empty() || others.count(adapter_mode) != 0)) {
    ThrowUser("--results '", path, "' has rows of other adapters (", Listed(others), "), by their adapter_sha256; evaluate this one (",
              adapter_sha256.substr(0, 12), "…): pith-run eval --adapter …");
  }
  const std::set<std::string>& modes = same.empty() ? unknown : same;
  std::string mode = adapter_mode;
  if (modes.count(mode) == 0) {
    if (modes.size() > 1) ThrowUser("--results '", path, "' has rows of ", Listed(modes), "; let --out be named after the one that this adapter is");
    mode = *modes.begin();
    if (same.empty()) LogWarning(Str("--results '", path, "': its rows of '", mode, "' are taken for this adapter's, which they do not name; let --out be named ",
                   "after it to be sure"));
  }
  std::vector<CardPoint> points;
  for (const Json& row : rows) {
    const auto of = Get<std::string>(path, row, "mode");
    if (of == mode || of == "base") points.push_back(PointOf(path, row));
  }
  return points;
}

}  // namespace pith
