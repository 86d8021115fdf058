// --speculate none | ngram | layers:K | draft:FILE: who drafts tokens, if anybody (runtime/speculation/, docs/speculation.md).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "data/text/tokenizer.h"
#include "runtime/engine.h"
#include "runtime/speculation/drafter.h"

namespace CLI {
class App;
}

namespace pith {

struct SpeculateOption {
  enum Kind { kNone, kNgram, kLayers, kModel } kind = kNone;
  int64_t layers = 0;
  std::string draft;  // a model as --model takes it

  // UserError, when it is parsed, for a text that is none of these.
  void AddTo(CLI::App& app, Kind default_kind);
  std::string Text() const;  // as it is given
  // nullptr where nobody drafts. A draft model is loaded here, with the engine's own options. UserError: no such layers, or another vocabulary.
  std::shared_ptr<Drafter> Make(Engine& engine, const Tokenizer& tokenizer) const;
};

}  // namespace pith
