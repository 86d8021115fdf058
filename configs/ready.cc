#include "configs/ready.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "configs/data_sources.h"
#include "configs/load.h"

namespace pith {
namespace {

// The comment that a file begins with, as one line.
std::string HeadComment(const std::string& yaml) {
  std::istringstream in(yaml);
  std::string comment, line;
  while (std::getline(in, line) && line.starts_with("#")) {
    line.erase(0, std::min(line.size(), line.find_first_not_of("# ")));
    if (!line.empty()) comment += (comment.empty() ? "" : " ") + line;
  }
  return comment;
}

// Up to the end of the sentence: a full stop before a space or the end.
std::string Sentence(const std::string& text, size_t begin) {
  for (size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '.' && (i + 1 == text.size() || text[i + 1] == ' ')) return text.substr(begin, i - begin);
  }
  return text.substr(begin);
}

std::string Takes(const std::string& comment) {
  constexpr char kTakes[] = "Takes ";
  const size_t begin = comment.find(kTakes);
  return begin == std::string::npos ? "" : Sentence(comment, begin + sizeof kTakes - 1);
}

std::string DataOf(const TrainConfig& config) {
  std::string names;
  for (size_t s = 0; s < NumSources(config.data); ++s) {
    const std::string name = config.data.sources.empty() ? config.data.dataset : SourceName(config.data.sources[s]);
    names += (names.empty() ? "" : " + ") + name;
  }
  return names;
}

}  // namespace

std::vector<ReadyConfig> ListReady(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, error)) {
    if (entry.path().extension() == ".yaml") paths.push_back(entry.path().string());
  }
  if (paths.empty()) ThrowUser("--list: no configuration (*.yaml) lies in '", folder, "'; start in pith's folder");
  std::sort(paths.begin(), paths.end());
  std::vector<ReadyConfig> configs;
  for (const std::string& path : paths) {
    const TrainConfig config = LoadTrainConfig(path);
    const std::string comment = HeadComment(ReadFile(path));
    configs.push_back({path, Sentence(comment, 0), config.model.path, DataOf(config), Takes(comment)});
  }
  return configs;
}

std::string ReadyTable(const std::vector<ReadyConfig>& configs) {
  std::ostringstream out;
  for (const ReadyConfig& c : configs) {
    out << c.path << "  " << c.about << " (" << c.model << "; " << c.data << "; " << (c.takes.empty() ? "time not known" : c.takes) << ")\n";
  }
  return out.str();
}

}  // namespace pith
