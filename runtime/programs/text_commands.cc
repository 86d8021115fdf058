// tokenize: text in, ids out, no model run.
#include <CLI/CLI.hpp>
#include <iostream>

#include "base/error.h"
#include "base/model_path.h"
#include "data/text/tokenizer.h"
#include "runtime/programs/command_line.h"
#include "runtime/programs/commands.h"

namespace pith {

int TokenizeCommand(const Arguments& args) {
  std::string model, file;
  CLI::App app("Token ids of a text file on one line; no BOS or EOS is added, special tokens are text.", "tokenize");
  app.add_option("--model", model, "GGUF, tokenizer.json, Hugging Face folder, or org/name from its cache; demo: the demo model")->required();
  app.add_option("--file", file, "text file, - for standard input")->required();
  if (!ParseArguments(app, args)) return 0;
  const auto tokenizer = Tokenizer::Load(ResolveModelPath(model));
  const std::string text = ReadInput(file);
  const std::vector<int32_t> ids = tokenizer->Encode(text);
  for (size_t i = 0; i < ids.size(); ++i) std::cout << (i ? " " : "") << ids[i];
  std::cout << "\n";
  return 0;
}

}  // namespace pith
