#include "data/dataset.h"

#include <map>

#include "base/error.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "data/conversation.h"
#include "data/everyday.h"
#include "data/jsonl.h"
#include "data/published.h"
#include "data/synthetic.h"

namespace pith {
namespace {

constexpr const char* kKindField = "kind";
constexpr const char* kPayloadField = "payload";
constexpr const char *kDomainField = "domain", *kSubjectField = "subject", *kLevelField = "level";  // what an evaluation breaks down by; MATH says subject

// Of what is asked and how answers are judged. A solution may be rewritten, a problem moved, or others put before it: it is the same one still.
std::string ContentHash(const Problem& problem) {
  Sha256 hash;
  for (const std::string* text : {&problem.question, &problem.answer, &problem.kind, &problem.payload}) hash.Update(Str(text->size(), ":", *text));
  for (const ChatMessage& message : problem.messages) hash.Update(Str(" ", message.role, " ", message.content.size(), ":", message.content));
  return hash.HexDigest().substr(0, 16);
}

// One that stands in the file several times is told apart by how often it came before. Such problems differ in their solutions at most.
void NameByContent(const std::string& path, std::vector<Problem>* problems) {
  const std::string file = path.substr(path.rfind('/') + 1);
  std::map<std::string, int64_t> seen;
  for (Problem& problem : *problems) {
    const std::string hash = ContentHash(problem);
    const int64_t times = ++seen[hash];
    problem.id = Str(file, "-", hash, times > 1 ? Str("-", times) : "");
  }
}

std::vector<Problem> LoadFile(const DatasetSpec& spec) {
  std::vector<Problem> problems;
  for (const JsonRecord& record : ReadJsonRecords(spec.name)) {
    Problem problem;
    problem.place = record.place();
    if (!record.Has(spec.question_field) && record.Has(kMessagesField)) {
      if (!spec.conversations) {
        ThrowUser(record.place(), ": is a conversation ('", kMessagesField, "'), which supervised training alone can use (stage: sft, or distill on logits); expected '",
                  spec.question_field, "' and '", spec.answer_field, "'");
      }
      problem.messages = MessagesOf(record);
      problems.push_back(std::move(problem));
      continue;
    }
    problem.question = record.Text(spec.question_field);
    if (record.Has(kKindField)) problem.kind = record.Text(kKindField);
    problem.payload = record.JsonOf(kPayloadField);
    for (const char* field : {kSubjectField, kDomainField}) {
      if (record.Has(field)) problem.domain = record.Written(field);
    }
    if (record.Has(kLevelField)) problem.level = record.Written(kLevelField);
    // Another kind's verifier may know by the payload what is right.
    if (problem.kind == Problem().kind || record.Has(spec.answer_field)) problem.answer = record.Text(spec.answer_field);
    // The solution is optional (RL and evaluation do without), but one under a name that was asked for must be there.
    if (record.Has(spec.solution_field) || spec.solution_field != DatasetSpec().solution_field) {
      problem.solution = record.Text(spec.solution_field);
    }
    problems.push_back(std::move(problem));
  }
  NameByContent(spec.name, &problems);
  return problems;
}

}  // namespace

std::vector<Problem> LoadProblems(const DatasetSpec& spec) {
  if (spec.limit < 0) ThrowUser("the limit of a data set must be 0 (all) or more: got ", spec.limit);
  if (spec.name == "synthetic") return GenerateProblems(spec);
  if (spec.name == "everyday") return GenerateEveryday(spec);
  std::vector<Problem> problems;
  if (IsPublished(spec.name)) {
    problems = LoadPublished(spec.name, spec.split);
  } else if (spec.name.ends_with(".jsonl")) {
    problems = LoadFile(spec);
  } else {
    ThrowUser("unknown data set '", spec.name,
              "': expected gsm8k, math, math500, svamp, synthetic, everyday or a file that ends in .jsonl");
  }
  if (spec.shuffle) Rng(spec.seed, {0x5f5u}).Shuffle(problems);
  if (spec.limit > 0 && spec.limit < static_cast<int64_t>(problems.size())) problems.resize(spec.limit);
  return problems;
}

}  // namespace pith
