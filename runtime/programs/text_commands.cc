// tokenize, template and grade: text in, text out, no model run.
#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/model_path.h"
#include "data/jsonl.h"
#include "data/problem.h"
#include "data/template/chat_template.h"
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

namespace {

// A line of grade's input.
struct GradeLine {
  explicit GradeLine(const JsonRecord& record) {
    const auto optional = [&](const char* field) { return record.Has(field) ? record.Written(field) : std::string(); };
    if (record.Has("kind")) kind = record.Text("kind");
    // A gold answer of null is an empty one, which nothing equals.
    gold = kind == Problem().kind ? record.Written("gold") : optional("gold");
    pred = record.Written("pred");
    question = optional("question");
    id = optional("id");
    payload = record.JsonOf("payload");
  }
  Attempt View() const {
    Attempt attempt;
    attempt.problem = id, attempt.kind = kind, attempt.payload = payload;
    attempt.question = question, attempt.gold = gold, attempt.response = pred;
    return attempt;
  }
  std::string id, kind = Problem().kind, payload, question, gold, pred;
};

void WriteGrades(const std::vector<GradeLine>& lines, Verifiers& verifiers) {
  std::vector<Attempt> attempts;
  for (const GradeLine& line : lines) attempts.push_back(line.View());
  for (const Judgement& j : verifiers.Judge(attempts, MathReading::kPrediction)) {
    nlohmann::json out = {{"verdict", VerdictName(j.verdict)}, {"extracted", j.extracted}};
    if (!j.reason.empty()) out["reason"] = j.reason;
    std::cout << out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  }
  std::cout << std::flush;
}

}  // namespace

// {"gold": …, "pred": …} lines → {"verdict": …, "extracted": …} lines. A prediction is a whole response or a bare answer.
int GradeCommand(const Arguments& args) {
  constexpr size_t kBatch = 256;
  CLI::App app("Reads JSON lines {\"gold\": ..., \"pred\": ...}, also \"question\", \"kind\", \"payload\" and \"id\" for a --verifier; "
               "writes {\"verdict\": ..., \"extracted\": ...} lines.", "grade");
  VerifierOptions verifier;
  verifier.AddTo(app);
  if (!ParseArguments(app, args)) return 0;
  const std::shared_ptr<Verifiers> verifiers = verifier.Make(app, /*threads=*/0);
  if (!verifier.verifier.empty()) std::ios_base::sync_with_stdio(false);  // so that std::cin knows what has come already
  std::vector<GradeLine> lines;
  std::string line;
  for (int64_t number = 1; std::getline(std::cin, line); ++number) {
    const std::string_view text = number == 1 ? WithoutByteOrderMark(line) : line;
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string place = Str("standard input, line ", number);
    try {
      const GradeLine read(ParseJsonRecord(place, text));
      verifiers->CheckKind(read.kind, place);
      lines.push_back(read);
    } catch (const UserError&) {
      WriteGrades(lines, *verifiers);  // what could be read is answered
      throw;
    }
    // Lines that have come together are judged together; somebody who waits for each answer before the next line gets it.
    if (lines.size() < kBatch && std::cin.rdbuf()->in_avail() > 0) continue;
    WriteGrades(lines, *verifiers);
    lines.clear();
  }
  WriteGrades(lines, *verifiers);
  CheckStandardInput();
  return 0;
}

}  // namespace pith
