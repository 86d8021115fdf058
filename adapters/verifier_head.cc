// The verifier as JSON of a PEFT folder, and as metadata of a GGUF.
#include "adapters/verifier_head.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "adapters/flat_record.h"
#include "base/base_identity.h"
#include "base/error.h"
#include "base/gguf.h"

namespace pith {
namespace {

constexpr int64_t kHeadVersion = 1;
constexpr char kHeadPrefix[] = "pith.verifier.";
constexpr size_t kMostCheckTokens = 4096;

// Both forms hold the same flat members.
struct FlatHead {
  int64_t version = kHeadVersion, end_id = -1;
  std::vector<double> weights, proof_logits;
  double bias = 0;
  std::string check_text, reader, adapter_sha256;
  std::vector<int64_t> check_ids;
  VerifierFit fit;

  // `visit(key, &member)` for all of them, in the order of files.
  template <class Visit>
  void ForEach(const Visit& visit) {
    visit("version", &version);
    visit("weights", &weights);
    visit("bias", &bias);
    visit("reader", &reader);
    visit("check_text", &check_text);
    visit("check_ids", &check_ids);
    visit("end_id", &end_id);
    visit("adapter_sha256", &adapter_sha256);
    visit("dataset", &fit.dataset);
    visit("type", &fit.type);
    visit("activations", &fit.activations);
    visit("kv_type", &fit.kv_type);
    visit("temperature", &fit.temperature);
    visit("fit_problems", &fit.fit_problems);
    visit("fit_chains", &fit.fit_chains);
    visit("held_out_problems", &fit.held_out_problems);
    visit("held_out_chains", &fit.held_out_chains);
    visit("l2", &fit.l2);
    visit("right_share", &fit.right_share);
    visit("auc", &fit.auc);
    visit("calibration_error", &fit.calibration_error);
    visit("log_loss", &fit.log_loss);
    visit("proof_logits", &proof_logits);
  }
};

FlatHead FlattenHead(const VerifierHead& head) {
  FlatHead flat;
  flat.weights.assign(head.weights.begin(), head.weights.end());
  flat.bias = head.bias;
  flat.reader = head.by_base ? "base" : "adapter";
  flat.check_text = head.check_text;
  flat.check_ids.assign(head.check_ids.begin(), head.check_ids.end());
  flat.end_id = head.end_id;
  flat.adapter_sha256 = head.adapter_sha256;
  flat.fit = head.fit;
  flat.proof_logits.assign(head.proof_logits.begin(), head.proof_logits.end());
  return flat;
}

[[noreturn]] void DamagedHead(const std::string& origin, const std::string& what) {
  ThrowUser("'", origin, "': the adapter's verifier ", what, "; fit it again with stage: verifier");
}

int32_t CheckToken(const std::string& origin, int64_t id) {
  if (id < 0 || id > INT32_MAX) DamagedHead(origin, Str("asks with the token ", id));
  return static_cast<int32_t>(id);
}

VerifierHead UnflattenHead(const std::string& origin, const FlatHead& flat) {
  const auto finite = [](double x) { return std::isfinite(x) && std::isfinite(static_cast<float>(x)); };
  if (flat.weights.empty()) DamagedHead(origin, "has no weights");
  for (const auto* list : {&flat.weights, &flat.proof_logits}) {
    if (!std::all_of(list->begin(), list->end(), finite)) DamagedHead(origin, "holds a number that is not finite");
  }
  if (!finite(flat.bias)) DamagedHead(origin, "has a bias that is not finite");
  if (flat.reader != "adapter" && flat.reader != "base") DamagedHead(origin, Str("is read by '", flat.reader, "', expected adapter or base"));
  if (flat.check_ids.empty() || flat.check_ids.size() > kMostCheckTokens) {
    DamagedHead(origin, Str("asks with ", flat.check_ids.size(), " tokens, expected 1 to ", kMostCheckTokens));
  }
  VerifierHead head;
  head.weights.assign(flat.weights.begin(), flat.weights.end());
  head.bias = static_cast<float>(flat.bias);
  head.by_base = flat.reader == "base";
  head.check_text = flat.check_text;
  for (const int64_t id : flat.check_ids) head.check_ids.push_back(CheckToken(origin, id));
  head.end_id = CheckToken(origin, flat.end_id);
  if (!flat.adapter_sha256.empty() && !IsIdentity(flat.adapter_sha256)) DamagedHead(origin, "names its adapter otherwise than by 64 hex digits");
  head.adapter_sha256 = flat.adapter_sha256;
  head.fit = flat.fit;
  for (const int64_t count : {head.fit.fit_problems, head.fit.fit_chains, head.fit.held_out_problems, head.fit.held_out_chains}) {
    if (count < 0) DamagedHead(origin, Str("was fitted on ", count, " problems or chains"));
  }
  head.proof_logits.assign(flat.proof_logits.begin(), flat.proof_logits.end());
  return head;
}

}  // namespace

std::string VerifierJson(const VerifierHead& head) { return RecordJson(FlattenHead(head)); }

VerifierHead ReadVerifierJson(const std::string& origin, const std::string& text) {
  return UnflattenHead(origin, ReadRecordJson<FlatHead>(text, [&](const std::string& what) { DamagedHead(origin, what); }));
}

void SetVerifierMetadata(const VerifierHead& head, GgufWriter* writer) { SetRecordMetadata(kHeadPrefix, FlattenHead(head), writer); }

std::optional<VerifierHead> ReadVerifierMetadata(const GgufFile& file) {
  const auto record = ReadRecordMetadata<FlatHead>(kHeadPrefix, file, [&](const std::string& what) { DamagedHead(file.path(), what); });
  if (!record) return {};
  return UnflattenHead(file.path(), *record);
}

void CheckVerifierFits(const std::string& origin, const VerifierHead& head, const ModelConfig& base) {
  if (static_cast<int64_t>(head.weights.size()) != base.d_model) {
    ThrowUser("'", origin, "': the adapter's verifier has ", head.weights.size(), " weights, and the base's hidden states ", base.d_model, " values; the adapter belongs to another base");
  }
  const auto check = [&](int32_t id) {
    if (id >= base.vocab_size) {
      ThrowUser("'", origin, "': the adapter's verifier asks with the token ", id, ", and the base's vocabulary has ", base.vocab_size, "; the adapter belongs to another base");
    }
  };
  std::for_each(head.check_ids.begin(), head.check_ids.end(), check);
  check(head.end_id);
}

std::string VerifierSentence(const VerifierHead& head) {
  const VerifierFit& fit = head.fit;
  char reached[96];
  std::snprintf(reached, sizeof reached, "AUC %.3f, calibration error %.3f", fit.auc, fit.calibration_error);
  return Str("fitted on ", fit.fit_chains, " chains of ", fit.fit_problems, " problems", fit.dataset.empty() ? "" : " (" + fit.dataset + ")", "; on ", fit.held_out_chains,
             " chains of ", fit.held_out_problems, " others: ", reached);
}

}  // namespace pith
