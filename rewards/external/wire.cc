#include "rewards/external/wire.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json_text.h"

namespace pith {
namespace {

using Json = nlohmann::json;

constexpr Verdict kVerdicts[] = {Verdict::kCorrect, Verdict::kUnsimplified, Verdict::kWrong, Verdict::kUnparsed,
                                 Verdict::kCut,     Verdict::kTimeout,      Verdict::kError};

std::optional<Verdict> VerdictOf(const std::string& name) {
  for (Verdict verdict : kVerdicts) {
    if (name == VerdictName(verdict)) return verdict;
  }
  return std::nullopt;
}

std::string VerdictNames() {
  std::string names;
  for (Verdict verdict : kVerdicts) names += (names.empty() ? "" : ", ") + std::string(VerdictName(verdict));
  return names;
}

std::string TextOf(const Json& json, const char* key) {
  const auto it = json.find(key);
  if (it == json.end() || it->is_null()) return "";
  return it->is_string() ? it->get<std::string>() : it->dump(-1, ' ', false, Json::error_handler_t::replace);
}

Judgement Error(const std::string& reason) { return {Verdict::kError, 0, reason, ""}; }

Judgement JudgementOf(const Json& json, bool pay_unsimplified) {
  const auto member = [&](const char* key) -> const Json* {
    const auto it = json.find(key);
    return it == json.end() || it->is_null() ? nullptr : &*it;
  };
  const Json *score = member("score"), *correct = member("correct"), *verdict = member("verdict");
  if (score == nullptr && correct == nullptr && verdict == nullptr) {
    return Error(Str("the judge's answer has neither \"score\" nor \"correct\": ", Beginning(json.dump(-1, ' ', false, Json::error_handler_t::replace))));
  }
  Judgement j;
  j.reason = TextOf(json, "reason");
  j.extracted = TextOf(json, "extracted");
  if (correct != nullptr && !correct->is_boolean()) return Error(Str("the judge's \"correct\" is ", Beginning(correct->dump()), ", expected true or false"));
  if (score != nullptr) {
    j.score = score->is_number() ? score->get<double>() : std::nan("");
    if (!(j.score >= 0 && j.score <= 1)) return Error(Str("the judge's \"score\" is ", Beginning(score->dump()), ", expected a number from 0 to 1"));
  }
  if (verdict != nullptr) {
    const auto known = verdict->is_string() ? VerdictOf(verdict->get<std::string>()) : std::nullopt;
    if (!known) return Error(Str("the judge's \"verdict\" is ", Beginning(verdict->dump()), ", expected one of ", VerdictNames()));
    j.verdict = *known;
    if (j.verdict == Verdict::kError) return Error(j.reason.empty() ? "the judge says that it failed, and not why" : j.reason);
  } else {
    const bool right = correct != nullptr ? correct->get<bool>() : j.score == 1;
    j.verdict = right ? Verdict::kCorrect : Verdict::kWrong;
  }
  if (score == nullptr) {
    j.score = j.verdict == Verdict::kCorrect || (j.verdict == Verdict::kUnsimplified && pay_unsimplified) ? 1 : 0;
  }
  const bool right = j.verdict == Verdict::kCorrect;
  const bool may_score = right || j.verdict == Verdict::kUnsimplified || j.verdict == Verdict::kWrong;
  if ((correct != nullptr && j.verdict != Verdict::kUnsimplified && correct->get<bool>() != right) || (right && j.score == 0) ||
      (j.verdict == Verdict::kWrong && j.score == 1) || (!may_score && j.score > 0)) {
    return Error(Str("the judge's answer contradicts itself: ", Beginning(json.dump(-1, ' ', false, Json::error_handler_t::replace))));
  }
  return j;
}

Reply ReplyOf(const Json& json, bool pay_unsimplified) {
  if (!json.is_object()) return {std::nullopt, Error(Str("the judge answered a JSON ", json.type_name(), ", expected an object"))};
  const auto id = json.find("id");
  if (id == json.end() || !id->is_number_integer()) {
    return {std::nullopt, Error(Str("the judge's answer lacks the \"id\" that it was sent: ",
                                    Beginning(json.dump(-1, ' ', false, Json::error_handler_t::replace))))};
  }
  return {id->get<int64_t>(), JudgementOf(json, pay_unsimplified)};
}

}  // namespace

std::string Beginning(std::string_view text) {
  constexpr size_t kShown = 160;
  std::string shown(text.substr(0, kShown));
  for (char& c : shown) {
    if (c == '\n' || c == '\r' || c == '\t') c = ' ';
  }
  return text.size() > kShown ? shown + " …" : shown;
}

std::string AttemptJson(int64_t id, const Attempt& attempt) {
  const auto text = [](std::string_view view) { return std::string(view); };
  const nlohmann::ordered_json json = {{"id", id},
                                       {"problem", text(attempt.problem)},
                                       {"kind", text(attempt.kind)},
                                       {"question", text(attempt.question)},
                                       {"gold", text(attempt.gold)},
                                       {"response", text(attempt.response)},
                                       {"tokens", attempt.tokens},
                                       {"truncated", attempt.truncated()},
                                       {"ended_by", EndedByName(attempt.ended_by)},
                                       {"forced", attempt.forced}};
  return WithMember(json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace), "payload",
                    attempt.payload.empty() ? "null" : attempt.payload);
}

Reply ParseReply(std::string_view line, bool pay_unsimplified) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    return {std::nullopt, Error(Str("the judge wrote what is no JSON: ", Beginning(line), " (its standard output is for answers alone; print to standard error)"))};
  }
  return ReplyOf(json, pay_unsimplified);
}

std::optional<std::vector<Reply>> ParseReplies(std::string_view text, bool pay_unsimplified, std::string* problem) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) {
    *problem = Str("the judge answered ", json.is_discarded() ? "what is no JSON" : Str("a JSON ", json.type_name()), ", expected a list: ", Beginning(text));
    return std::nullopt;
  }
  std::vector<Reply> replies;
  for (const Json& each : json) replies.push_back(ReplyOf(each, pay_unsimplified));
  return replies;
}

}  // namespace pith
