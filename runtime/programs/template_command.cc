// template: a chat template rendered over messages, byte for byte as transformers does.
#include <CLI/CLI.hpp>
#include <iostream>

#include "base/file.h"
#include "data/template/chat_template.h"
#include "runtime/programs/command_line.h"
#include "runtime/programs/commands.h"

namespace pith {

int TemplateCommand(const Arguments& args) {
  std::string source, messages, tools, bos, eos;
  TemplateOptions options;
  CLI::App app("Renders a chat template over a JSON list of messages.", "template");
  app.add_option("--template", source, "Jinja file")->required();
  app.add_option("--messages", messages, "JSON file: a list of {role, content}, - for standard input")->required();
  app.add_flag("--add-generation-prompt", options.add_generation_prompt);
  auto* has_bos = app.add_option("--bos", bos, "value of bos_token");
  auto* has_eos = app.add_option("--eos", eos, "value of eos_token");
  app.add_option("--tools", tools, "JSON file: a list of tools");
  app.add_option("--kwargs,--chat-template-kwargs", options.kwargs_json, "JSON object of further variables");
  app.add_option("--now", options.now, "date and time for strftime_now, e.g. 2024-07-26T10:00:00");
  if (!ParseArguments(app, args)) return 0;
  if (*has_bos) options.bos = bos;
  if (*has_eos) options.eos = eos;
  if (!tools.empty()) options.tools_json = ReadFile(tools);
  const std::string json = ReadInput(messages);
  std::cout << ChatTemplate::FromSource(ReadFile(source))->RenderJson(json, options) << std::flush;
  return 0;
}

}  // namespace pith
