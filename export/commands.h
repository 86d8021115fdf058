// What pith-export does, one function per subcommand. Each writes its output whole or not at all, and never onto an input. An earlier
// GGUF at `out` is replaced; any other file that is not empty, and a folder with files in it, only with `overwrite`.
// A base may be "demo" (base/model_path.h).
#pragma once

#include <optional>
#include <string>

#include "base/tensor_type.h"
#include "export/base_gguf.h"
#include "export/measure.h"

namespace pith {

// What the output's type costs, measured once it is written; what would keep that from being done is said before anything is.
struct MeasureOptions {
  std::string text = {};                // as ReadMeasuredText takes it; empty: nothing is measured
  int64_t max_tokens = kMeasureTokens;  // 0: the whole text
  std::string json = {};                // file for what is measured; empty: none
};

struct ConvertOptions {
  std::string base;  // Hugging Face folder or GGUF
  BaseTypes types;
  std::string out;   // GGUF
  bool overwrite = false;
  MeasureOptions measure = {};
};
// The output beside the base, where that is asked for.
std::optional<Measurement> RunConvert(const ConvertOptions& options);

struct AdapterOptions {
  std::string adapter;  // PEFT folder
  std::string base;     // the GGUF that the adapter will run on
  TensorType type = TensorType::kQ8_0;
  std::string out;      // GGUF LoRA
  bool any_base = false;
  std::string results = {};  // results.json of an evaluation, for the card; empty: none
  bool overwrite = false;
  bool allow_no_effect = false;
};
// The file carries a proof (docs/verify.md): the trainer's where the folder has one of these tensors, else one computed here. UserError when the adapter
// changes nothing, unless allow_no_effect. UserError when the adapter is a DoRA, or was trained on another base, unless any_base. The file names the base that the adapter was trained on; where the
// folder names none, the base given.
void RunAdapter(const AdapterOptions& options);

struct FuseOptions {
  std::string adapter, base;
  std::optional<TensorType> type;       // GGUF: required; folder: bf16 or unset
  std::optional<TensorType> head_type;  // GGUF alone
  std::string out;                      // *.gguf, else a Hugging Face folder (from a Hugging Face base)
  bool any_base = false;
  bool allow_always = false;
  bool overwrite = false;
  MeasureOptions measure = {};
};
// W + s·B·A in every layer, with DoRA its rows scaled to their magnitudes. An adapter that acts from its invocation on needs allow_always, since a fused one acts on the prompt
// too; how much that changes the logits is then reported on stderr. Measured is what the output's type costs alone: against base and adapter in float32, always acting.
std::optional<Measurement> RunFuse(const FuseOptions& options);

}  // namespace pith
