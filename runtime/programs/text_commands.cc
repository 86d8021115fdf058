// tokenize, template and grade: text in, text out, no model run.
#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/model_path.h"
#include "data/jsonl.h"
#include "data/template/chat_template.h"
#include "data/text/tokenizer.h"
#include "rewards/answers/answer.h"
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

// {"gold": …, "pred": …} lines → {"verdict": …, "extracted": …} lines. A prediction is a whole response or a bare answer.
int GradeCommand(const Arguments& args) {
  CLI::App app("Reads JSON lines {\"gold\": ..., \"pred\": ...}; writes {\"verdict\": ..., \"extracted\": ...} lines.", "grade");
  if (!ParseArguments(app, args)) return 0;
  std::string line;
  for (int64_t number = 1; std::getline(std::cin, line); ++number) {
    const std::string_view text = number == 1 ? WithoutByteOrderMark(line) : line;
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const JsonRecord record = ParseJsonRecord(Str("standard input, line ", number), text);
    // A gold answer of null is an empty one, which nothing equals.
    const std::string gold = record.Written("gold"), pred = record.Written("pred");
    const Grade grade = GradePrediction(gold, pred);
    std::cout << nlohmann::json{{"verdict", VerdictName(grade.verdict)}, {"extracted", grade.extracted}}.dump(
                     -1, ' ', false, nlohmann::json::error_handler_t::replace)
              << std::endl;
  }
  CheckStandardInput();
  return 0;
}

}  // namespace pith
