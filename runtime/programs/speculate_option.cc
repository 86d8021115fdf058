#include "runtime/programs/speculate_option.h"

#include <CLI/CLI.hpp>

#include "base/error.h"
#include "base/model_path.h"
#include "base/number_rule.h"
#include "runtime/speculation/layers_draft.h"
#include "runtime/speculation/model_draft.h"
#include "runtime/speculation/ngram_draft.h"

namespace pith {

void SpeculateOption::AddTo(CLI::App& app, Kind default_kind) {
  kind = default_kind;
  app.add_option_function<std::string>("--speculate", [this, what = app.get_name() + ": --speculate"](const std::string& text) {
    constexpr std::string_view kLayersText = "layers:", kDraftText = "draft:";
    if (text == "none") {
      kind = kNone;
    } else if (text == "ngram") {
      kind = kNgram;
    } else if (text.starts_with(kLayersText)) {
      kind = kLayers;
      layers = ParseNumber<int64_t>(what + " layers", text.substr(kLayersText.size()), Between(1, 1000));
    } else if (text.starts_with(kDraftText) && text.size() > kDraftText.size()) {
      kind = kModel;
      draft = text.substr(kDraftText.size());
    } else {
      ThrowUser(what, " '", text, "' is none of: none, ngram, layers:K, draft:FILE");
    }
  }, Str("drafts tokens, so that a pass may give several; the answers are the same, and it is off by itself where it does not pay: none | ngram (what stood behind "
         "the last words before) | layers:K (the model's own first K) | draft:FILE (a smaller model with the same vocabulary); default: ", Text()))->type_name("DRAFT");
}

std::string SpeculateOption::Text() const {
  switch (kind) {
    case kNone: return "none";
    case kNgram: return "ngram";
    case kLayers: return Str("layers:", layers);
    case kModel: return "draft:" + draft;
  }
  return "none";
}

std::shared_ptr<Drafter> SpeculateOption::Make(Engine& engine, const Tokenizer& tokenizer) const {
  switch (kind) {
    case kNone: return nullptr;
    case kNgram: return std::make_shared<NgramDraft>();
    case kLayers: return std::make_shared<LayersDraft>(engine, layers);
    case kModel: {
      const std::string path = ResolveModelPath(draft);
      std::shared_ptr<const BaseModel> base = BaseModel::Load(path);
      CheckSameVocabulary(tokenizer, *Tokenizer::Load(path), "'" + draft + "'");
      return std::make_shared<ModelDraft>(std::move(base), engine.options(), tokenizer);
    }
  }
  return nullptr;
}

}  // namespace pith
