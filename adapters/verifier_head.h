// A verifier: a linear head that tells how likely a response is right, from the hidden state behind a short check prompt.
//
// The check is a user's turn that follows the finished response, over the same keys and values; nothing is encoded twice. A PEFT folder keeps the
// head in pith_verifier.json, a GGUF as metadata under pith.verifier.* (weights and bias as F32), which PEFT and llama.cpp pass over. Files without
// one load as before. docs/verifier-head.md has the fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/linear_head.h"
#include "base/model/model_config.h"

namespace pith {

class GgufFile;
class GgufWriter;

// What it was fitted on, and what it reached on problems that were held out.
struct VerifierFit {
  std::string dataset;                 // name; of several, separated by commas
  std::string type, activations, kv_type;  // that the sampled policy was stored and run in: "q8_0", "int8", "f16"
  double temperature = 0;              // of its sampling
  int64_t fit_problems = 0, fit_chains = 0, held_out_problems = 0, held_out_chains = 0;
  double l2 = 0;                       // of the fit
  double right_share = 0;              // of the chains held out: those that are right
  double auc = 0;                      // a right one's score is above a wrong one's so often
  double calibration_error = 0;        // expected: mean of |share right − mean score| over ten bins of scores, by their sizes
  double log_loss = 0;                 // nats
  bool operator==(const VerifierFit&) const = default;
};

struct VerifierHead : LinearHead {
  std::string check_text;              // what the user asks
  std::vector<int32_t> check_ids;      // behind the response's end-of-turn token: the question as the chat template renders it, up to where an answer would begin
  int32_t end_id = -1;                 // end of turn of a response that has none of its own
  bool by_base = false;                // the check is read by the base; else by the adapter
  std::string adapter_sha256;          // AdapterHash() of the factors that it was fitted with
  VerifierFit fit;
  // Of the proof's prompts (proof.h): the head's logits, with the pairs as one GGUF stores them, computed by the exporter's engine in float32. Empty in a PEFT folder,
  // and where the file was exported for another base.
  std::vector<float> proof_logits;
  bool operator==(const VerifierHead&) const = default;
};

inline constexpr char kVerifierFile[] = "pith_verifier.json";
std::string VerifierJson(const VerifierHead& head);  // an object on a few lines
// UserError naming `origin` and what is wrong where the text is no such head.
VerifierHead ReadVerifierJson(const std::string& origin, const std::string& text);
void SetVerifierMetadata(const VerifierHead& head, GgufWriter* writer);
std::optional<VerifierHead> ReadVerifierMetadata(const GgufFile& file);  // nothing: there is none. UserError likewise
// UserError naming `origin` where the head has another width than the base, or asks with tokens that it lacks.
void CheckVerifierFits(const std::string& origin, const VerifierHead& head, const ModelConfig& base);
// "fitted on 1200 chains of 300 problems (synthetic); held out: AUC 0.81, calibration error 0.03": one line for people.
std::string VerifierSentence(const VerifierHead& head);

}  // namespace pith
