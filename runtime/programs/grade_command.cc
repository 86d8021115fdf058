// grade: answers in, verdicts out.
#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_text.h"
#include "base/log.h"
#include "data/jsonl.h"
#include "data/problem.h"
#include "runtime/programs/command_line.h"
#include "runtime/programs/commands.h"

namespace pith {
namespace {

// A line of grade's input.
struct GradeLine {
  GradeLine(int64_t line_number, const JsonRecord& record) : number(line_number) {
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
  int64_t number;
  std::string id, kind = Problem().kind, payload, question, gold, pred;
};

std::string Line(const nlohmann::ordered_json& out) { return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"; }

// A line for each answer on which the readings differ, or whose form decides: the strict and the lenient reading, and whether an answer of the gold answer's value
// is finished. Returns how many.
int64_t WriteAudit(const std::vector<GradeLine>& lines, Verifiers& verifiers) {
  std::vector<Attempt> attempts;
  for (const GradeLine& line : lines) attempts.push_back(line.View());
  const std::vector<Judgements> judged = verifiers.JudgeBoth(attempts);
  int64_t differing = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    const Judgement &strict = judged[i].strict, &lenient = judged[i].lenient;
    const bool unfinished = strict.verdict == Verdict::kUnsimplified || lenient.verdict == Verdict::kUnsimplified;
    if (strict.verdict == lenient.verdict && !unfinished) continue;
    ++differing;
    nlohmann::ordered_json out = {{"line", lines[i].number}};
    if (!lines[i].id.empty()) out["id"] = lines[i].id;
    out["gold"] = lines[i].gold;
    out["strict"] = VerdictName(strict.verdict);
    out["lenient"] = VerdictName(lenient.verdict);
    out["form"] = unfinished ? "unsimplified" : "finished";
    out["extracted_strict"] = strict.extracted;
    out["extracted_lenient"] = lenient.extracted;
    std::cout << Line(out);
  }
  std::cout << std::flush;
  return differing;
}

void WriteGrades(const std::vector<GradeLine>& lines, Verifiers& verifiers) {
  std::vector<Attempt> attempts;
  for (const GradeLine& line : lines) attempts.push_back(line.View());
  for (const Judgement& j : verifiers.Judge(attempts, MathReading::kPrediction)) {
    nlohmann::ordered_json out = {{"extracted", j.extracted}};
    if (!j.reason.empty()) out["reason"] = j.reason;
    out["verdict"] = VerdictName(j.verdict);
    std::cout << Line(out);
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
  bool audit = false;
  app.add_flag("--audit", audit, "writes instead a line for each answer on which the strict and the lenient reading differ, or that has the right value and is unfinished");
  if (!ParseArguments(app, args)) return 0;
  const std::shared_ptr<Verifiers> verifiers = verifier.Make(app, /*threads=*/0);
  if (!verifier.verifier.empty()) std::ios_base::sync_with_stdio(false);  // so that std::cin knows what has come already
  std::vector<GradeLine> lines;
  int64_t judged = 0, differing = 0;
  const auto write = [&] {
    judged += static_cast<int64_t>(lines.size());
    if (audit) differing += WriteAudit(lines, *verifiers);
    else WriteGrades(lines, *verifiers);
    lines.clear();
  };
  std::string line;
  for (int64_t number = 1; std::getline(std::cin, line); ++number) {
    const std::string_view text = number == 1 ? WithoutByteOrderMark(line) : line;
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const std::string place = Str("standard input, line ", number);
    try {
      const GradeLine read(number, ParseJsonRecord(place, text));
      verifiers->CheckKind(read.kind, place);
      lines.push_back(read);
    } catch (const UserError&) {
      write();  // what could be read is answered
      throw;
    }
    // Lines that have come together are judged together; somebody who waits for each answer before the next line gets it.
    if (lines.size() < kBatch && std::cin.rdbuf()->in_avail() > 0) continue;
    write();
  }
  write();
  if (audit) LogInfo(Str(judged, " answers, ", differing, " on which the readings or the form differ"));
  CheckStandardInput();
  return 0;
}

}  // namespace pith
