// What is printed from the tables: the resolved configuration and the reference page.
#include <sstream>

#include "configs/load.h"
#include "configs/reward_kinds.h"
#include "configs/sections.h"
#include "configs/trl_names.h"

namespace pith {
namespace {

// A table cell: one line, without the character that ends cells.
std::string Cell(const std::string& text) {
  std::string cell;
  for (char c : text) {
    if (c == '|') cell += '\\';
    cell += c == '\n' ? ' ' : c;
  }
  return cell;
}

std::string Default(const std::string& printed) { return printed == "\"\"" ? "" : "`" + printed + "`"; }

template <class S>
std::string Meaning(const Field<S>& field) {
  std::string text = field.doc;
  if (!field.only_when.empty()) text += " Only when " + field.only_when + ".";
  if (!field.alias.empty()) text += " Also: `" + field.alias + "` (TRL's name).";
  for (const std::string& stage : field.stages) text += (&stage == &field.stages[0] ? " Only when stage is " : " or ") + stage;
  if (!field.stages.empty()) text += ".";
  return text;
}

template <class S>
void PrintTable(const FieldTable<S>& fields, const S& defaults, std::ostream& out) {
  out << "| key | type | default | unit | meaning | allowed |\n|---|---|---|---|---|---|\n";
  for (const Field<S>& field : fields) {
    out << "| `" << field.key << "` | " << field.type << " | " << Cell(Default(field.print(defaults))) << " | "
        << field.unit << " | " << Cell(Meaning(field)) << " | " << Cell(field.rule)
        << " |\n";
  }
}

std::string Stages(const Section& section) {
  std::string text;
  for (const std::string& stage : section.stages) text += (text.empty() ? "" : ", ") + stage;
  return text;
}

}  // namespace

std::string DumpTrainConfig(const TrainConfig& config) {
  std::ostringstream out;
  for (const Section& section : TrainSections()) {
    if (!section.BelongsTo(config.run.stage)) continue;
    if (!section.name.empty()) out << "\n" << section.name << ":\n";
    for (const Field<TrainConfig>& field : section.fields) {
      if (!field.BelongsTo(config.run.stage) || (field.applies && !field.applies(config))) continue;
      out << (section.name.empty() ? "" : "  ") << field.key << ": " << (field.print_in ? field.print_in(config, config.run.stage) : field.print(config)) << "\n";
    }
  }
  return out.str();
}

std::string ConfigReference() {
  std::ostringstream out;
  out << "# Configuration reference\n\n"
         "Every key that a training configuration may hold. Generated from the field tables in `configs/*_fields.cc`; do "
         "not edit by hand.\n\n"
         "Any key can be set on the command line, over the file: `--set rl.steps=5`. The value is YAML; a list is "
         "replaced whole\n(`--set reward.times=[budget]`) or by one element (`--set 'reward.times.0={kind: budget}'`). A "
         "key that would have no effect is refused.\n\n"
         "`extends: base.yaml` at the top level, a path relative to the file that names it, begins with what that file says (which may "
         "extend another):\nwhat stands beside it replaces it key by key, a list or a map as a whole, and `key: ~` or `section: ~` takes "
         "back what the other file sets.\nThe run's own `config.yaml` is resolved and extends nothing.\n\n"
         "Names of TRL, Transformers and PEFT are understood where they mean the same ([at the end](#names-of-trl)).\n";
  const TrainConfig defaults;
  for (const Section& section : TrainSections()) {
    out << "\n## " << (section.name.empty() ? "Top level" : "`" + section.name + "`") << "\n\n"
        << section.doc << " Read by: " << Stages(section) << ".\n\n";
    PrintTable(section.fields, defaults, out);
    if (section.name == "data") {
      out << "\n### Entries of `data.sources`\n\n"
             "An element is a group of keys, `{dataset: gsm8k, weight: 2}`, or a bare data set, `gsm8k`. It may hold every key of\n"
             "`data` but `system`, `now` and `sources`, and these:\n\n";
      PrintTable(DataSourceOwnFields(), DataSource{}, out);
    }
    if (section.name == "reward") {
      out << "\n### Terms of `reward.times` and `reward.plus`\n\n"
             "An element is a group of keys, `{kind: free_then_falling, free_tokens: 200, fall_tokens: 100}`, or a bare "
             "kind, `budget`.\n`weight` and `always` belong to `plus`.\n\n"
             "| kind | in | value |\n|---|---|---|\n";
      for (const RewardKind& kind : RewardKinds()) {
        out << "| `" << kind.name << "` | " << (kind.times ? kind.plus ? "times, plus" : "times" : "plus") << " | " << kind.value << " |\n";
      }
      out << "\n";
      PrintTable(RewardTermFields(), RewardTerm{}, out);
      out << "\n### Keys of `reward.verifier`\n\n"
             "A group of keys, `{command: [python3, judge.py], workers: 4}`; [verifiers.md](verifiers.md) tells what a judge is sent and answers.\n\n";
      PrintTable(VerifierFields(), VerifierSettings{}, out);
    }
  }
  out << "\n## Names of TRL\n\n"
         "TRL's, Transformers' and PEFT's names may be written at the top level, in the sections `sft`, `rl` and `distill`, in the section of our key, "
         "and with `--set`;\na key of ours of the same name goes first. Defaults stay ours, whatever TRL's are "
         "([what differs in the losses](losses.md#what-is-different-from-trl-116-and-why)).\n\n"
      << TrlReference();
  return out.str();
}

std::string ConfigKeys() {
  std::ostringstream out;
  const TrainConfig defaults;
  for (const Section& section : TrainSections()) {
    for (const Field<TrainConfig>& field : section.fields) {
      out << section.Path(field.key) << " (" << field.type << ", default " << field.print(defaults) << "): " << field.doc
          << "\n";
    }
  }
  return out.str();
}

}  // namespace pith
