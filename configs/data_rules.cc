// Rules between the fields of the section `data`: of its one data set, or of each source of a mix.
#include "base/error.h"
#include "configs/data_sources.h"
#include "configs/rules.h"

namespace pith {
namespace {

// `path`: "data" or "data.sources[0]".
void CheckDataset(const DatasetSettings& data, const std::string& path, const TrainConfig& config, Problems* problems) {
  const auto key = [&](const char* name) { return path + "." + name; };
  const auto report = [&](const char* name, const std::string& text) { problems->push_back({key(name), text, {}}); };
  if (config.run.stage != "rl" && NoneReported(*problems, {key("min_response_tokens"), key("max_response_tokens"), "sft.max_length"})) {
    if (data.max_response_tokens > 0 && data.min_response_tokens > data.max_response_tokens) {
      report("min_response_tokens", Str("got ", data.min_response_tokens, ", expected at most ", key("max_response_tokens"), ", which is ",
                                        data.max_response_tokens));
    } else if (data.min_response_tokens >= config.sft.max_length) {
      report("min_response_tokens", Str("got ", data.min_response_tokens, ", expected less than sft.max_length, which is ",
                                        config.sft.max_length, " for prompt and solution together"));
    }
  }
  if (IsGenerated(data.dataset) && NoneReported(*problems, {key("limit")}) && data.limit == 0) {
    report("limit", "generated data has no end; set how many problems to make");
  }
  if (data.dataset != "synthetic") return;
  if (NoneReported(*problems, {key("min_steps"), key("max_steps")}) && data.min_steps > data.max_steps) {
    report("min_steps", Str("got ", data.min_steps, ", expected at most ", key("max_steps"), ", which is ", data.max_steps));
  }
}

void CheckNames(const std::vector<DataSource>& sources, Problems* problems) {
  for (size_t i = 0; i < sources.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (SourceName(sources[i]) != SourceName(sources[j])) continue;
      problems->push_back({Str("data.sources[", i, "].name"), Str("this source and data.sources[", j, "] are both called ",
                                                                  SourceName(sources[i]), "; give each a name of its own"), {}});
      break;
    }
  }
}

}  // namespace

void CheckDataRules(const TrainConfig& config, Problems* problems) {
  const std::vector<DataSource>& sources = config.data.sources;
  if (!NoneReported(*problems, {"data.sources"})) return;
  if (sources.empty()) return CheckDataset(config.data, "data", config, problems);
  for (size_t i = 0; i < sources.size(); ++i) CheckDataset(sources[i], Str("data.sources[", i, "]"), config, problems);
  CheckNames(sources, problems);
  if (config.run.stage == "rl" && config.curriculum.enabled && NoneReported(*problems, {"curriculum.enabled"})) {
    problems->push_back({"curriculum.enabled", "chooses problems by how often they are solved, whatever the weights of data.sources say; keep one of the two", {}});
  }
}

}  // namespace pith
