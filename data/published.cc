#include "data/published.h"

#include <cctype>
#include <cstdlib>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/number_text.h"
#include "data/download.h"
#include "data/jsonl.h"

namespace pith {
namespace {

struct Source {
  const char* name;
  const char* split;
  const char* local;    // below $PITH_DATA
  const char* url;      // at a fixed commit
  const char* sha256;
};

// The MATH files are kept in Git LFS; the checksums are those of their LFS pointers.
constexpr Source kSources[] = {
    {"gsm8k", "train", "gsm8k/train.jsonl",
     "https://raw.githubusercontent.com/openai/grade-school-math/3101c7d5072418e28b9008a6636bde82a006892c/"
     "grade_school_math/data/"
     "train.jsonl",
     "17f347dc51477c50d4efb83959dbb7c56297aba886e5544ee2aaed3024813465"},
    {"gsm8k", "test", "gsm8k/test.jsonl",
     "https://raw.githubusercontent.com/openai/grade-school-math/3101c7d5072418e28b9008a6636bde82a006892c/"
     "grade_school_math/data/"
     "test.jsonl",
     "3730d312f6e3440559ace48831e51066acaca737f6eabec99bccb9e4b3c39d14"},
    {"math", "train", "math/train.jsonl",
     "https://media.githubusercontent.com/media/openai/prm800k/7ecc794703b2877f63226f2477a49b34f9b25163/prm800k/math_splits/train.jsonl",
     "90d96daeac3fe343ebb1e22ce93dd99690f75983e957f88de42f87cffe1e8076"},
    {"math500", "test", "math/math500.jsonl",
     "https://media.githubusercontent.com/media/openai/prm800k/7ecc794703b2877f63226f2477a49b34f9b25163/prm800k/math_splits/test.jsonl",
     "35dc41080a3680858b27fa7e0533d2d547825316fc5dafe5d316f4ccc5a06132"},
    {"svamp", "", "svamp/svamp.jsonl",
     "https://raw.githubusercontent.com/arkilpatel/SVAMP/689d7ccac74b9983a2ac7cc3b264f441b99e7c53/SVAMP.json",
     "5be77703a6d891ae476d7c082787ad361392aa02453b132516cdd5f4e7934e3e"},
};

const Source& FindSource(const std::string& name, const std::string& split) {
  for (const Source& source : kSources) {
    if (name == source.name && (name == "math500" || !*source.split || split == source.split)) return source;
  }
  if (name == "math")
    ThrowUser("data set math has the split train only: got '", split, "'; its test set is the data set math500");
  ThrowUser("data set ", name, " has the splits train and test: got '", split, "'");
}

std::string Locate(const Source& source) {
  const char* folder = std::getenv("PITH_DATA");
  if (folder && *folder) {
    const std::string path = std::string(folder) + "/" + source.local;
    if (!FileExists(path)) {
      ThrowUser("PITH_DATA is ", folder, ", but ", path, " is missing: put the file there (from ", source.url,
                ") or unset PITH_DATA to download it");
    }
    return path;
  }
  const std::string url = source.url;
  return CachedDownload(url, source.sha256, Str(source.name, "-", url.substr(url.rfind('/') + 1)));
}

std::string Trimmed(std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
  size_t start = 0;
  while (start < text.size() && std::isspace(static_cast<unsigned char>(text[start]))) ++start;
  return text.substr(start);
}

Problem FromGsm8k(const JsonRecord& record) {
  Problem problem;
  problem.question = Trimmed(record.Text("question"));
  const std::string text = record.Text("answer");
  const size_t mark = text.rfind("####");
  if (mark == std::string::npos) ThrowUser(record.place(), ": the answer has no '####' before its final number");
  problem.answer = Trimmed(text.substr(mark + 4));
  if (problem.answer.empty()) ThrowUser(record.place(), ": nothing stands after '####'");
  problem.solution = Trimmed(WithoutCalculatorMarks(text.substr(0, mark))) + "\n#### " + problem.answer;
  return problem;
}

// "3" of "Level 3", which some files write for 3.
std::string LevelName(const std::string& written) {
  constexpr std::string_view kWord = "Level ";
  return written.starts_with(kWord) ? written.substr(kWord.size()) : written;
}

Problem FromMath(const JsonRecord& record) {
  Problem problem{"", Trimmed(record.Text("problem")), "", record.Text("solution")};
  problem.answer = record.Has("answer") ? record.Text("answer") : LastBoxed(problem.solution);
  if (problem.answer.empty()) ThrowUser(record.place(), ": the solution has no \\boxed{} with the answer");
  for (const char* field : {"subject", "type"}) {  // the one in the 500, the other in the rest
    if (record.Has(field)) problem.domain = record.Text(field);
  }
  if (record.Has("level")) problem.level = LevelName(record.Text("level"));
  return problem;
}

Problem FromSvamp(const JsonRecord& record) {
  const std::string written = record.Text("Answer");
  const std::optional<double> number = NumberFromText<double>(written);
  Problem problem{"", JoinSvampQuestion(record.Text("Body"), record.Text("Question")), number ? ShortestNumber(*number) : written, ""};
  problem.solution = SolveSvampEquation(record.Text("Equation"), problem.answer);
  if (record.Has("Type")) problem.domain = record.Text("Type");
  if (problem.domain == "Common-Divison") problem.domain = "Common-Division";  // as the file writes it once
  return problem;
}

int64_t SvampNumber(const JsonRecord& record) {
  const std::string id = record.Text("ID");
  const int64_t number = id.starts_with("chal-") ? std::strtoll(id.c_str() + 5, nullptr, 10) : 0;
  if (number <= 0) ThrowUser(record.place(), ": ID '", id, "' is not of the form chal-12");
  return number;
}

}  // namespace

bool IsPublished(const std::string& name) {
  for (const Source& source : kSources) {
    if (name == source.name) return true;
  }
  return false;
}

std::vector<Problem> LoadPublished(const std::string& name, const std::string& split) {
  if (name == "svamp" && split != "train" && split != "test") {
    ThrowUser("data set svamp has the splits train and test: got '", split, "'");
  }
  std::vector<Problem> problems;
  int64_t index = 0;
  for (const JsonRecord& record : ReadJsonRecords(Locate(FindSource(name, split)))) {
    if (name == "svamp") {
      const int64_t number = SvampNumber(record);
      if ((number <= 700) != (split == "train")) continue;
      problems.push_back(FromSvamp(record));
      problems.back().id = Str("svamp-", record.Text("ID"));
      continue;
    }
    problems.push_back(name == "gsm8k" ? FromGsm8k(record) : FromMath(record));
    problems.back().id = name == "math500" ? Str(name, "-", index++) : Str(name, "-", split, "-", index++);
  }
  return problems;
}

}  // namespace pith
