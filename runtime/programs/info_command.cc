// info: what a base or an adapter is, in one screen.
#include <CLI/CLI.hpp>
#include <iostream>

#include "base/error.h"
#include "base/file.h"
#include "base/model_path.h"
#include "runtime/programs/command_line.h"
#include "runtime/programs/commands.h"
#include "runtime/programs/info.h"

namespace pith {
namespace {

constexpr const char* kPeft = "/adapter_config.json";

// The adapter of a run's folder, else the path as it is.
std::string AdapterOfRun(const std::string& path) {
  const std::string adapter = path + "/adapter";
  return !FileExists(path + kPeft) && !FileExists(path + "/config.json") && FileExists(adapter + kPeft) ? adapter : path;
}

}  // namespace

int InfoCommand(const Arguments& args) {
  std::string file, model;
  bool json = false;
  CLI::App app("What a base or an adapter is: its shape, types, tokenizer, template, identity, card.", "info");
  app.add_option("FILE", file, "GGUF, Hugging Face folder, PEFT folder or a run's folder; demo: the demo model")->required();
  app.add_option("--model", model, "the base that an adapter is for: shows its invocation as text, and whether it fits");
  app.add_flag("--json", json, "one JSON object instead of text");
  if (!ParseArguments(app, args)) return 0;

  const std::string path = AdapterOfRun(ResolveModelPath(file));
  const bool peft = FileExists(path + kPeft), hf = !peft && FileExists(path + "/config.json");
  if (IsFolder(path) && !peft && !hf) {
    ThrowUser("'", file, "' is neither a model's folder (config.json) nor an adapter's (adapter_config.json) nor a finished run's (adapter/)");
  }
  const std::unique_ptr<GgufFile> gguf = peft || hf ? nullptr : std::make_unique<GgufFile>(path);
  const bool adapter = peft || (gguf && gguf->Find<std::string>("general.type").value_or("") == "adapter");
  if (!adapter) RefuseUnused(app, {"--model"}, "on a base");

  InfoSheet sheet;
  std::unique_ptr<BaseModel> base;
  std::unique_ptr<Tokenizer> tokenizer;
  if (!model.empty()) {
    const std::string base_path = ResolveModelPath(model);
    base = BaseModel::Load(base_path);
    tokenizer = Tokenizer::Load(base_path);
  }
  if (!adapter) {
    DescribeBase(path, &sheet);
  } else if (peft) {
    DescribePeft(path, {base.get(), tokenizer.get()}, &sheet);
  } else {
    DescribeAdapterGguf(*gguf, {base.get(), tokenizer.get()}, &sheet);
  }
  std::cout << (json ? sheet.AsJson() + "\n" : sheet.AsText());
  return 0;
}

}  // namespace pith
