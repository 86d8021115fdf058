// pith-export: bases and adapters into the files that the runtime and llama.cpp map.
#include <CLI/CLI.hpp>

#include <iostream>
#include <span>

#include "base/error.h"
#include "base/file.h"
#include "base/number_rule.h"
#include "base/version.h"
#include "export/commands.h"

namespace pith {
namespace {

// A type's name, out of those that `allowed` lists.
TensorType ParseType(const std::string& option, const std::string& name, std::span<const TensorType> allowed) {
  for (const TensorType type : allowed) {
    if (TypeFromName(name) == type) return type;
  }
  ThrowUser(option, " is '", name, "', expected one of ", NamesOf(allowed, ", "));
}

constexpr TensorType kAdapterTypes[] = {TensorType::kQ8_0, TensorType::kQ4_0, TensorType::kF16, TensorType::kBF16, TensorType::kF32};

int Main(int argc, char** argv) {
  CLI::App app("Converts bases and adapters into the files that pith's runtime and llama.cpp map.", "pith-export");
  app.require_subcommand(1);
  app.set_version_flag("--version", [] { return VersionText("pith-export"); });
  std::string base, adapter, out, type, head_type, results;
  bool any_base = false, allow_always = false, overwrite = false, allow_no_effect = false;
  const auto add_out = [&](CLI::App* command, const char* what) {
    command->add_option("--out", out, what)->required();
    command->add_flag("--overwrite", overwrite, "replace what is at --out, even where that is no GGUF");
  };

  MeasureOptions measure;
  std::string measure_tokens;
  const auto add_measure = [&](CLI::App* command) {
    command->add_option("--measure", measure.text, "print what the type costs, on gsm8k | math500 | svamp | FILE.jsonl | a text file (docs/quality.md)");
    command->add_option("--measure-tokens", measure_tokens, Str("on so many tokens of it; 0: all (default: ", kMeasureTokens, ")"));
    command->add_option("--measure-out", measure.json, "JSON file for what is measured");
  };

  CLI::App* convert = app.add_subcommand("convert", "A Hugging Face folder or a GGUF to a GGUF of another type");
  convert->add_option("--base", base, "Hugging Face folder, GGUF, or org/name from Hugging Face's cache; demo: the demo model")->required();
  convert->add_option("--type", type, NamesOf(kBaseTypes, " "))->required();
  convert->add_option("--head-type", head_type, "type of embedding and output (default: q6_k beside q4_k, q8_0 beside other types of 4 bits, else --type)");
  add_out(convert, "GGUF to write; an earlier GGUF there is replaced");
  add_measure(convert);

  CLI::App* pack = app.add_subcommand("adapter", "A PEFT folder to a GGUF LoRA for one base");
  pack->add_option("--adapter", adapter, "PEFT folder")->required();
  pack->add_option("--base", base, "the GGUF that it was trained on; demo: the demo model")->required();
  pack->add_option("--type", type, "q8_0 (default) q4_0 f16 bf16 f32; lora_b stays f16 where 32 does not divide the rank");
  pack->add_flag("--any-base", any_base, "go on when it was trained on another base");
  pack->add_option("--results", results, "results.json of pith-run eval, whose rows of this adapter go onto its card");
  pack->add_flag("--allow-no-effect", allow_no_effect, "pack it even if it changes nothing, as a fresh adapter");
  add_out(pack, "GGUF to write; an earlier GGUF there is replaced");

  CLI::App* fuse = app.add_subcommand("fuse", "A base with an adapter's weights added into it");
  fuse->add_option("--adapter", adapter, "PEFT folder")->required();
  fuse->add_option("--base", base, "Hugging Face folder, GGUF, or org/name from Hugging Face's cache; demo: the demo model")->required();
  fuse->add_option("--type", type, NamesOf(kBaseTypes, " ") + " (GGUF; a folder is written in bf16)");
  fuse->add_option("--head-type", head_type, "as for convert");
  fuse->add_flag("--any-base", any_base, "go on when it was trained on another base");
  fuse->add_flag("--allow-always", allow_always, "fuse an adapter that was trained to act from its invocation on");
  add_out(fuse, "GGUF to write (an earlier one is replaced); without .gguf at its end, a Hugging Face folder");
  add_measure(fuse);

  std::string commands;
  bool known = false;
  for (const CLI::App* command : {convert, pack, fuse}) {
    commands += (commands.empty() ? "" : ", ") + command->get_name();
    known |= argc > 1 && command->get_name() == argv[1];
  }
  if (argc < 2) ThrowUser("no command given; the commands are ", commands, " (pith-export --help)");
  if (argv[1][0] != '-' && !known) {
    ThrowUser("there is no command '", argv[1], "'; the commands are ", commands, " (pith-export --help)");
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    ThrowUser(error.what(), "; pith-export --help lists commands and options");
  }
  std::optional<TensorType> head;
  if (!head_type.empty()) head = ParseType("--head-type", head_type, kBaseTypes);
  const auto given = [&](const char* option) { return (convert->parsed() && convert->count(option) > 0) || (fuse->parsed() && fuse->count(option) > 0); };
  if (given("--measure") && measure.text.empty()) ThrowUser("--measure is empty; name a data set or a text file");
  if (given("--measure-tokens")) {
    measure.max_tokens = ParseNumber<int64_t>("--measure-tokens", measure_tokens, Between(0, 1e9));
    if (measure.text.empty()) ThrowUser("--measure-tokens has no effect without --measure; say on which text to measure");
  }
  std::optional<Measurement> measured;
  if (convert->parsed()) {
    measured = RunConvert({base, {ParseType("--type", type, kBaseTypes), head}, out, overwrite, measure});
  } else if (pack->parsed()) {
    RunAdapter({adapter, base, type.empty() ? TensorType::kQ8_0 : ParseType("--type", type, kAdapterTypes), out, any_base, results, overwrite, allow_no_effect});
  } else {
    std::optional<TensorType> chosen;
    if (!type.empty()) chosen = ParseType("--type", type, kBaseTypes);
    measured = RunFuse({adapter, base, chosen, head, out, any_base, allow_always, overwrite, measure});
  }
  std::cout << out << "\n";
  if (measured) std::cout << "\n" << MeasurementText(*measured);
  if (measured && !measure.json.empty()) WriteFile(measure.json, MeasurementJson(*measured));
  return 0;
}

}  // namespace
}  // namespace pith

int main(int argc, char** argv) {
  return pith::RunProgram("pith-export", [&] { return pith::Main(argc, argv); });
}
