#include "runtime/evaluation/eval_journal.h"

#include <cstdio>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "base/crc32c.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

namespace pith {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kMark = "pith_evaluation";
constexpr int kVersion = 1;
constexpr size_t kSumChars = 9;  // 8 hex digits and a space

std::string LineOf(const Json& json) {
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);  // names of files need not be UTF-8
  char sum[kSumChars + 1];
  std::snprintf(sum, sizeof sum, "%08x ", static_cast<unsigned>(Crc32c(text)));
  return sum + text + "\n";
}

// Nothing for a line that is not as it was written.
std::optional<Json> JsonOf(std::string_view line) {
  if (line.size() <= kSumChars) return {};
  char sum[kSumChars + 1];
  std::snprintf(sum, sizeof sum, "%08x ", static_cast<unsigned>(Crc32c(line.substr(kSumChars))));
  if (!line.starts_with(sum)) return {};
  Json json = Json::parse(line.substr(kSumChars), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return {};
  return json;
}

// The next whole line of `text` from `at` on, which is moved behind it.
std::optional<Json> NextLine(const std::string& text, size_t* at) {
  const size_t end = text.find('\n', *at);
  if (end == std::string::npos) return {};
  auto json = JsonOf(std::string_view(text).substr(*at, end - *at));
  if (json) *at = end + 1;
  return json;
}

Json FactsJson(const std::vector<EvalFact>& facts) {
  Json list = Json::array();
  for (const EvalFact& fact : facts) list.push_back({fact.name, fact.value});
  return {{kMark, kVersion}, {"facts", list}};
}

// Of the journal in `text`, whose first line `at` is moved behind; nothing where that is none of this version's.
std::optional<std::vector<EvalFact>> ReadFacts(const std::string& text, size_t* at) try {
  const auto header = NextLine(text, at);
  if (!header || header->at(kMark) != kVersion) return {};
  std::vector<EvalFact> facts;
  for (const Json& fact : header->at("facts")) facts.push_back({fact.at(0), fact.at(1)});
  return facts;
} catch (const Json::exception&) {
  return {};
}

std::string Shown(const std::string& value) {
  constexpr size_t kMost = 60;
  return value.size() <= kMost ? "'" + value + "'" : "'" + value.substr(0, kMost) + "…'";
}

void CheckFacts(const std::string& path, const std::vector<EvalFact>& stored, const std::vector<EvalFact>& now) {
  constexpr const char* kRemedy = "; give the command that it was begun with, or begin anew with --overwrite";
  for (size_t i = 0; i < std::max(stored.size(), now.size()); ++i) {
    if (i >= stored.size() || i >= now.size() || stored[i].name != now[i].name) {
      ThrowUser("'", path, "' is the journal of an evaluation that was told ", i < stored.size() ? stored[i].name : "no " + now[i].name, " where this one is told ",
                i < now.size() ? now[i].name : "no " + stored[i].name, kRemedy);
    }
    if (stored[i].value == now[i].value) continue;
    ThrowUser("'", path, "' is the journal of an evaluation with another ", now[i].name, ": ", Shown(stored[i].value), " there, ", Shown(now[i].value), " here", kRemedy);
  }
}

Json CompletionJson(const Completion& c) {
  const Usage& usage = c.usage;
  return {{"ids", c.tokens}, {"near_ties", c.near_ties}, {"forced", {c.forced_begin, c.forced_end}}, {"finish", static_cast<int>(c.finish)},
          {"usage", {usage.thinking_tokens, usage.answer_tokens, usage.forced_tokens, static_cast<int>(usage.forced_by)}},
          {"announced", c.announced}, {"cut_bytes", c.cut_bytes}, {"opens_thoughts", c.prompt_opens_thoughts}, {"ttft_ms", c.ttft_ms}, {"wall_ms", c.wall_ms}, {"score", c.score ? Json(*c.score) : Json(nullptr)}};
}

// Json::exception for what is not as CompletionJson writes it.
Completion CompletionOf(const Json& json, int sample) {
  Completion c;
  c.sample = sample;
  c.tokens = json.at("ids").get<std::vector<int32_t>>();
  c.near_ties = json.at("near_ties").get<std::vector<int64_t>>();
  c.forced_begin = json.at("forced").at(0);
  c.forced_end = json.at("forced").at(1);
  c.finish = static_cast<Finish>(json.at("finish").get<int>());
  const Json& usage = json.at("usage");
  c.usage = {usage.at(0), usage.at(1), usage.at(2), static_cast<ForcedBy>(usage.at(3).get<int>())};
  c.announced = json.at("announced");
  c.cut_bytes = json.at("cut_bytes");
  c.prompt_opens_thoughts = json.at("opens_thoughts");
  c.ttft_ms = json.at("ttft_ms");
  c.wall_ms = json.at("wall_ms");
  if (const Json& score = json.at("score"); !score.is_null()) c.score = score.get<double>();
  return c;
}

}  // namespace

struct EvalJournal::Impl {
  class SetKeeper : public EvalKeeper {
   public:
    SetKeeper(Impl* journal, size_t set) : journal_(journal), set_(set) {}
    const EvalPiece* Find(size_t row, size_t problem) const override {
      const auto found = pieces_.find({row, problem});
      return found == pieces_.end() ? nullptr : &found->second;
    }
    void Keep(size_t row, size_t problem, const EvalPiece& piece) override {
      Json answers = Json::array();
      for (const Completion& completion : piece.completions) answers.push_back(CompletionJson(completion));
      Json line = {{"set", set_}, {"row", row}, {"problem", problem}, {"tokens", piece.tokens}, {"seconds", piece.seconds}, {"answers", answers}};
      if (piece.arm >= 0) line["arm"] = piece.arm;
      AppendToFile(journal_->path, LineOf(line));
      journal_->answered = true;
    }
    void Settle() override { SyncFile(journal_->path); }

    std::map<std::pair<size_t, size_t>, EvalPiece> pieces_;  // of earlier goes

   private:
    Impl* journal_;
    size_t set_;
  };

  std::string path;
  EvalShape shape;
  std::vector<std::unique_ptr<SetKeeper>> sets;
  std::vector<std::string> goes;
  int64_t kept = 0;
  bool answered = false;

  void Open(const std::string& file, const EvalShape& of) {
    path = file;
    shape = of;
    for (size_t set = 0; set < of.sets.size(); ++set) sets.push_back(std::make_unique<SetKeeper>(this, set));
  }

  // One line that is whole. False for one that does not belong here.
  bool Take(const Json& line) try {
    if (line.contains("go")) {
      goes.push_back(line.at("go").dump());
      return true;
    }
    const size_t set = line.at("set"), row = line.at("row"), problem = line.at("problem");
    const Json& answers = line.at("answers");
    if (set >= sets.size() || row >= shape.sets[set].rows || problem >= shape.sets[set].problems) return false;
    if (answers.size() != static_cast<size_t>(shape.chains)) return false;
    EvalPiece piece;
    piece.tokens = line.at("tokens");
    piece.seconds = line.at("seconds");
    if (line.contains("arm")) piece.arm = line.at("arm");
    if (piece.arm < -1 || piece.arm >= shape.arms) return false;
    for (const Json& answer : answers) {
      piece.completions.push_back(CompletionOf(answer, static_cast<int>(piece.completions.size())));
      for (int32_t id : piece.completions.back().tokens) {
        if (id < 0 || id >= shape.vocab) return false;
      }
    }
    answered = true;
    kept += sets[set]->pieces_.emplace(std::pair(row, problem), std::move(piece)).second ? shape.chains : 0;
    return true;
  } catch (const Json::exception&) {
    return false;
  }
};

EvalJournal::EvalJournal() : impl_(std::make_unique<Impl>()) {}
EvalJournal::~EvalJournal() {
  if (!impl_->path.empty() && empty()) Remove();
}

std::unique_ptr<EvalJournal> EvalJournal::Begin(const std::string& path, const std::vector<EvalFact>& facts, const EvalShape& shape) {
  std::unique_ptr<EvalJournal> journal(new EvalJournal);
  journal->impl_->Open(path, shape);
  WriteFile(path, LineOf(FactsJson(facts)));
  return journal;
}

std::unique_ptr<EvalJournal> EvalJournal::Resume(const std::string& path, const std::vector<EvalFact>& facts, const EvalShape& shape) {
  const std::string text = ReadFile(path);
  size_t at = 0;
  const auto stored = ReadFacts(text, &at);
  if (!stored) ThrowUser("'", path, "' is no journal of an evaluation that this version can go on with; begin anew with --overwrite");
  const std::string own = LineOf(FactsJson(facts));
  size_t own_at = 0;
  CheckFacts(path, *stored, *ReadFacts(own, &own_at));  // both as a file holds them
  std::unique_ptr<EvalJournal> journal(new EvalJournal);
  Impl& impl = *journal->impl_;
  impl.Open(path, shape);
  while (at < text.size()) {
    const size_t begin = at, end = text.find('\n', at);
    const auto line = NextLine(text, &at);
    if (line && impl.Take(*line)) continue;
    if (end != std::string::npos && end + 1 < text.size()) {  // not the last line: no process left that behind
      LogWarning(Str("'", path, "' is damaged from byte ", begin, " on; what stood there is answered again"));
    }
    std::error_code error;
    std::filesystem::resize_file(path, begin, error);
    if (error) ThrowUser("cannot write '", path, "': ", error.message());
    break;
  }
  return journal;
}

std::optional<std::string> EvalJournal::FactOf(const std::string& path, const std::string& name) {
  if (!FileExists(path)) return {};
  const std::string text = ReadFile(path);
  size_t at = 0;
  const auto facts = ReadFacts(text, &at);
  if (!facts) return {};
  for (const EvalFact& fact : *facts) {
    if (fact.name == name) return fact.value;
  }
  return {};
}

EvalKeeper* EvalJournal::Set(size_t set) { return impl_->sets.at(set).get(); }
int64_t EvalJournal::num_kept() const { return impl_->kept; }
bool EvalJournal::empty() const { return !impl_->answered; }

void EvalJournal::AddGo(const std::string& json) {
  impl_->goes.push_back(json);
  AppendToFile(impl_->path, LineOf({{"go", Json::parse(json)}}));
  SyncFile(impl_->path);
}

const std::vector<std::string>& EvalJournal::goes() const { return impl_->goes; }

void EvalJournal::Remove() {
  std::error_code error;
  std::filesystem::remove(impl_->path, error);
}

}  // namespace pith
