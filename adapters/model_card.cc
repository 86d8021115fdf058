#include "adapters/model_card.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/hub_cache.h"
#include "base/sha256.h"

namespace pith {
namespace {

constexpr std::string_view kMarkBegin = "<!-- written by pith; edit it and it stays as it is (", kMarkEnd = ") -->\n";
constexpr size_t kDigits = 16;

std::string Digest(std::string_view text) {
  Sha256 hash;
  hash.Update(text);
  return hash.HexDigest().substr(0, kDigits);
}

std::string Quoted(const std::string& text) {  // as YAML's double quotes have it, too
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Of the names for a base the one under which Hugging Face has it; empty: no name is. A path is of the machine at hand.
std::string HubBase(const LoraAdapter& adapter, const AdapterCard& card) {
  for (const std::string& name : {adapter.base_path, card.base_name}) {
    const auto hub = ParseHubName(name);
    if (!hub || hub->repository != name || name.find('/') == std::string::npos || name.ends_with(".gguf")) continue;
    if (!FileExists(name) && !IsFolder(name)) return name;
  }
  return "";
}

std::string Cell(std::string text) {
  for (char& c : text) {
    if (c == '|' || c == '\n') c = ' ';
  }
  return text;
}

std::string Fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string Table(const LoraAdapter& adapter, const AdapterCard& card) {
  std::string rows;
  const auto row = [&](const char* what, const std::string& value) {
    if (!value.empty()) rows += Str("| ", what, " | ", Cell(value), " |\n");
  };
  const auto number = [](int64_t value) { return value != 0 ? std::to_string(value) : ""; };
  std::string datasets;
  for (const std::string& name : card.datasets) datasets += (datasets.empty() ? "" : ", ") + name;
  row("base", card.base_name);
  row("base, SHA-256 of its tensors", adapter.base_sha256);
  row("rank, alpha", Str(adapter.rank, ", ", adapter.alpha));
  row("acts", adapter.activation == Activation::kAlways ? "always" : "from its invocation on (activated LoRA)");
  row("stage", card.stage);
  row("loss", card.loss);
  row("reward", card.reward);
  row("length budget, tokens", adapter.budget ? std::to_string(adapter.budget->tokens) : "");
  row("steps", number(card.steps));
  row("data", datasets);
  row("seed", card.stage.empty() ? "" : std::to_string(card.seed));
  row("started from", card.parent_path);
  row("started from, SHA-256", card.parent_sha256);
  row("this adapter, SHA-256", card.adapter_sha256);
  row("problems, SHA-256", card.data_sha256);
  row("configuration, SHA-256", card.config_sha256);
  return "| | |\n|---|---|\n" + rows;
}

std::string CurveTable(const std::vector<CardPoint>& curve) {
  std::string text = "\n## Accuracy against length\n\n| from | step | mode | data | budget | problems | accuracy | lenient | mean tokens |\n"
                     "|---|---|---|---|---|---|---|---|---|\n";
  const auto count = [](int64_t value, const char* none) { return value > 0 ? std::to_string(value) : none; };
  for (const CardPoint& p : curve) {
    text += Str("| ", Cell(p.from), " | ", count(p.step, ""), " | ", Cell(p.mode), " | ", Cell(p.dataset), " | ", count(p.budget_tokens, "none"), p.curve.empty() ? "" : ", " + Cell(p.curve),
                " | ", count(p.num_problems, ""), " | ", Fixed(p.accuracy, 3), " | ", Fixed(p.accuracy_lenient, 3), " | ",
                Fixed(p.mean_tokens, 1), " |\n");
  }
  return text;
}

}  // namespace

std::string ModelCard(const LoraAdapter& adapter) {
  const AdapterCard card = adapter.card.value_or(AdapterCard{});
  const std::string base = HubBase(adapter, card);
  std::string front = "---\n";
  if (!base.empty()) front += "base_model: " + Quoted(base) + "\n";
  front += "library_name: peft\npipeline_tag: text-generation\ntags:\n- lora\n- pith\n";
  if (!base.empty()) front += "- " + Quoted("base_model:adapter:" + base) + "\n";
  front += "---\n";
  std::string body = "\n# " + (card.name.empty() ? "LoRA adapter" : Cell(card.name)) + "\n\n" + CardSentence(card) + ".\n\n" + Table(adapter, card);
  if (!card.curve.empty()) body += CurveTable(card.curve);
  body += "\n## Use\n\nPEFT loads this folder: `PeftModel.from_pretrained(model, folder)`. For pith and llama.cpp it is packed first:\n"
          "`pith-export adapter --adapter FOLDER --base BASE.gguf --out adapter.gguf`.\n";
  return front + Str(kMarkBegin, Digest(front + body), kMarkEnd) + body;
}

bool IsUntouchedModelCard(std::string_view readme) {
  const size_t mark = readme.find(kMarkBegin);
  if (mark == std::string_view::npos || readme.size() < mark + kMarkBegin.size() + kDigits + kMarkEnd.size()) return false;
  const size_t end = mark + kMarkBegin.size() + kDigits;
  if (readme.substr(end, kMarkEnd.size()) != kMarkEnd) return false;
  const std::string rest = Str(readme.substr(0, mark), readme.substr(end + kMarkEnd.size()));
  return readme.substr(mark + kMarkBegin.size(), kDigits) == Digest(rest);
}

}  // namespace pith
