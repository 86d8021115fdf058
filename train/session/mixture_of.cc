#include "train/session/mixture_of.h"

#include "configs/data_sources.h"

namespace pith {

std::vector<MixtureSource> MixtureOf(const DataSettings& data, const std::vector<std::vector<size_t>>& examples) {
  std::vector<MixtureSource> sources;
  for (const DataSource& source : data.sources) {
    sources.push_back({SourceName(source), source.weight, static_cast<int64_t>(examples.at(sources.size()).size()), source.shuffle});
  }
  return sources;
}

}  // namespace pith
