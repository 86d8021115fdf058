// Tables of the section `data`: what describes a data set, and the entries of a mix of them.
#include "configs/data_sources.h"

#include <algorithm>

#include "base/iso_time.h"
#include "base/json_text.h"
#include "configs/inherit_fields.h"
#include "configs/list_fields.h"
#include "configs/sections.h"

namespace pith {
namespace {

bool IsJsonl(const std::string& dataset) { return dataset.size() > 6 && dataset.ends_with(".jsonl"); }

TextRule DatasetName() {
  return {"gsm8k, math, math500, svamp, synthetic, everyday or a file that ends in .jsonl", [](const std::string& name) {
            return name == "gsm8k" || name == "math" || name == "math500" || name == "svamp" || name == "synthetic" || name == "everyday" ||
                   IsJsonl(name);
          }};
}

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

TextRule SourceNameRule() {
  return {"letters, digits and any of . _ -", [](const std::string& name) { return std::all_of(name.begin(), name.end(), IsNameCharacter); }};
}

TextRule TimeRule() {
  return {"empty, or a time like 2024-07-26 or 2024-07-26T10:00:00", [](const std::string& now) { return now.empty() || ParseIsoTime(now); }};
}

TextRule KwargsRule() {
  return {"empty, or a JSON object", [](const std::string& json) { return json.empty() || JsonObjectProblem(json).empty(); }};
}

bool Synthetic(const DatasetSettings& data) { return data.dataset == "synthetic"; }
bool FromFile(const DatasetSettings& data) { return IsJsonl(data.dataset); }
bool HasSplits(const DatasetSettings& data) { return !FromFile(data) && data.dataset != "math500"; }

// `of`: how the data set is called in messages, "data.dataset" or "dataset".
FieldTable<DatasetSettings> DatasetFields(const std::string& of) {
  using S = DatasetSettings;
  const std::string synthetic = of + " is synthetic", from_file = of + " is a .jsonl file";
  return {
      MakeField(&S::dataset, "dataset", "", "Which problems: published ones, generated ones, or a file.",
                DatasetName()),
      MakeField(&S::split, "split", "", "Which part; the parts are disjoint.", OneOf({"train", "test"}))
          .When(of + " has splits (math500 and files have none)", HasSplits),
      MakeField(&S::limit, "limit", "problems", "The first so many after shuffling; 0: all. Generated data needs one.",
                Between(0, 1000000000)),
      MakeField(&S::seed, "seed", "", "Of the generator and the shuffle.", AnyNumber()),
      MakeField(&S::shuffle, "shuffle",
                "Shuffle before `limit` is taken (generated data is in random order anyway), and the order of training "
                "anew in each pass over the problems."),
      MakeField(&S::question_field, "question_field", "", "JSON field of the question.", Required("a field name"))
          .When(from_file, FromFile),
      MakeField(&S::answer_field, "answer_field", "", "JSON field of the gold answer.", Required("a field name"))
          .When(from_file, FromFile),
      MakeField(&S::solution_field, "solution_field", "", "JSON field of the worked solution, for SFT and distillation.",
                Required("a field name"))
          .When(from_file, FromFile),
      MakeField(&S::min_steps, "min_steps", "steps", "Fewest arithmetic steps of a generated problem.", Between(1, 8))
          .When(synthetic, Synthetic),
      MakeField(&S::max_steps, "max_steps", "steps", "Most arithmetic steps of a generated problem.", Between(1, 8))
          .When(synthetic, Synthetic),
      MakeField(&S::max_number, "max_number", "", "Largest number that a generated question gives.",
                Between(10, 1000000))
          .When(synthetic, Synthetic),
      MakeField(&S::distractor_rate, "distractor_rate", "share", "Problems with a number that does not matter.",
                Between(0, 1))
          .When(synthetic, Synthetic),
      MakeField(&S::brief_rate, "brief_rate", "share", "Solutions in the briefest style.", Between(0, 1))
          .When(synthetic, Synthetic)
          .OnlyIn({"sft", "distill"}),
      MakeField(&S::verbosity, "verbosity", "", "Style of the generated solutions.",
                OneOf({"verbose", "mixed", "short"}))
          .When(synthetic, Synthetic)
          .OnlyIn({"sft", "distill"}),
      MakeField(&S::max_prompt_tokens, "max_prompt_tokens", "tokens",
                "Keep problems whose prompt has at most so many, in training and in the evaluations within it; the others are dropped, with a count. 0: "
                "all that fit the model's context.",
                Between(0, 1048576)),
      MakeField(&S::min_response_tokens, "min_response_tokens", "tokens",
                "Keep solutions of at least so many, the end-of-turn token counted; the others are dropped, with a count.",
                Between(0, 1048576))
          .OnlyIn({"sft", "distill"}),
      MakeField(&S::max_response_tokens, "max_response_tokens", "tokens", "Keep solutions of at most so many; 0: no bound.",
                Between(0, 1048576))
          .OnlyIn({"sft", "distill"}),
  };
}

// A bare {} or a null says nothing, so it takes nothing over and is refused when it is read.
bool Describes(const ConfigNode& entry) { return entry.kind == ConfigNode::Kind::kMap && !entry.children.empty(); }

std::string DatasetOf(ConfigNode& entry) {
  const ConfigNode* dataset = entry.Child("dataset");
  return dataset == nullptr ? DatasetSettings().dataset : dataset->text;
}

}  // namespace

FieldTable<DataSource> DataSourceOwnFields() {
  using S = DataSource;
  return {
      MakeField(&S::name, "name", "", "In metrics: share/NAME, loss/NAME, in RL source/NAME/reward. Empty: after the data set, for a file after its name.",
                SourceNameRule()),
      MakeField(&S::weight, "weight", "", "How often it is drawn, relative to the other sources.", AboveUpTo(0, 1000000)),
  };
}

FieldTable<DataSettings> DataFields() {
  using S = DataSettings;
  FieldTable<S> fields = InheritFields<S>(DatasetFields("data.dataset"));
  for (Field<S>& field : fields) {  // of a mix, InheritSources has handed them on
    field.applies = [applies = field.applies](const S& s) { return s.sources.empty() && (!applies || applies(s)); };
  }
  fields.push_back(MakeField(&S::system, "system", "", "System message; empty: what the chat template inserts.", AnyText()));
  fields.push_back(MakeField(&S::now, "now", "",
                             "Time that a chat template tells which asks for it (strftime_now), in every prompt of the run; kept with the "
                             "adapter. Empty: that of init_adapter, else when the run starts.",
                             TimeRule()));
  fields.push_back(MakeField(&S::chat_template_kwargs, "chat_template_kwargs", "",
                             "Variables that the chat template is given, such as '{\"enable_thinking\": false}', in every prompt of the run; kept with "
                             "the adapter. Empty: those of init_adapter, else none.",
                             KwargsRule()));
  FieldTable<DataSource> entry = InheritFields<DataSource>(DatasetFields("dataset"));
  for (Field<DataSource>& field : DataSourceOwnFields()) entry.push_back(std::move(field));
  const auto start = [](const std::string&) { return DataSource(); };  // no default hangs on the data set
  fields.push_back(MakeListField<S, DataSource>(
                       &S::sources, "sources", "list of sources",
                       "A weighted mix instead of the one data set. The keys above are then the defaults of its entries.",
                       {std::move(entry), start, "a source such as {dataset: gsm8k, weight: 2}"}));
  return fields;
}

void InheritSources(ConfigNode* root, Problems* problems) {
  ConfigNode* data = root->Child("data");
  ConfigNode* sources = data == nullptr ? nullptr : data->Child("sources");
  if (sources == nullptr || sources->kind != ConfigNode::Kind::kList || sources->children.empty()) return;
  std::vector<ConfigNode>& entries = sources->children;
  bool sound = true;  // else what seems without effect may have been meant for the broken entry
  for (ConfigNode& entry : entries) {
    if (entry.kind == ConfigNode::Kind::kScalar) {
      ConfigNode map;
      map.kind = ConfigNode::Kind::kMap;
      map.place = entry.place;
      entry.key = "dataset";
      map.children.push_back(entry);
      entry = std::move(map);
    }
    sound = sound && Describes(entry);
  }
  const TextRule dataset_name = DatasetName();
  std::vector<std::string> handed_on;  // taken out at the end: `entries` stand among the same children
  for (const Field<DatasetSettings>& field : DatasetFields("dataset")) {  // the data set first, which decides about the others
    const ConfigNode* found = data->Child(field.key);
    if (found == nullptr) continue;
    const ConfigNode given = *found;
    bool taken = false;
    for (ConfigNode& entry : entries) {
      if (!Describes(entry) || entry.Child(field.key) != nullptr) continue;
      DatasetSettings settings;
      if (field.key != "dataset") settings.dataset = DatasetOf(entry);
      sound = sound && dataset_name.holds(settings.dataset);
      if (field.applies && !field.applies(settings)) continue;
      entry.children.push_back(given);
      taken = true;
    }
    if (!taken && sound) {
      problems->push_back({"data." + field.key,
                           "has no effect: each of data.sources gives its own, or has no use for it; remove it", given.place});
    }
    handed_on.push_back(field.key);
  }
  std::erase_if(data->children, [&](const ConfigNode& child) { return std::find(handed_on.begin(), handed_on.end(), child.key) != handed_on.end(); });
}

void CheckSourceStages(const std::string& stage, const std::map<std::string, ConfigPlace>& places, Problems* problems) {
  const std::vector<Field<DatasetSettings>> fields = DatasetFields("dataset");
  for (const auto& [path, place] : places) {
    if (!path.starts_with("data.sources[")) continue;
    const std::string key = path.substr(path.rfind('.') + 1);
    const auto field = std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return f.key == key; });
    if (field != fields.end() && !field->BelongsTo(stage)) problems->push_back({path, "has no effect when stage is " + stage + "; remove it", place});
  }
}

std::string SourceName(const DataSource& source) {
  if (!source.name.empty()) return source.name;
  std::string name = source.dataset.substr(source.dataset.rfind('/') + 1);
  if (IsJsonl(name)) name.resize(name.size() - 6);
  for (char& c : name) {
    if (!IsNameCharacter(c)) c = '_';
  }
  return name;
}

size_t NumSources(const DataSettings& data) { return std::max<size_t>(1, data.sources.size()); }

const DatasetSettings& SourceSettings(const DataSettings& data, size_t source) {
  if (data.sources.empty()) return data;
  return data.sources.at(source);
}

DatasetSettings EvaluatedData(const TrainConfig& config) {
  DatasetSettings data = config.data;
  const std::string& wanted = config.eval.dataset;
  if (!config.data.sources.empty()) {
    data = DatasetSettings();
    for (const DataSource& source : config.data.sources) {
      if (!wanted.empty() && source.dataset != wanted) continue;
      data = source;
      break;
    }
  }
  if (!wanted.empty()) data.dataset = wanted;
  return data;
}

}  // namespace pith
