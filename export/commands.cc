#include "export/commands.h"

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <string_view>

#include "adapters/packed_adapter.h"
#include "adapters/peft.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/model_path.h"
#include "export/activation_difference.h"
#include "export/card_results.h"
#include "export/hf_folder.h"
#include "export/prove.h"

namespace pith {
namespace {

// Of a folder that is read, no file may be written over either; a GGUF in it is an earlier output.
void CheckNotInput(const std::string& out, const std::string& input, const char* option = "--out") {
  namespace fs = std::filesystem;
  if (out.empty()) ThrowUser(option, " is empty; name a place to write to");
  std::error_code error;
  if (fs::equivalent(out, input, error) && !error) ThrowUser(option, " '", out, "' is the input itself; name another place");
  if (fs::is_regular_file(out, error) && fs::path(out).extension() != ".gguf" &&
      fs::equivalent(fs::absolute(out).parent_path(), input, error) && !error) {
    ThrowUser(option, " '", out, "' is a file of the input '", input, "'; name another place");
  }
}

bool StartsAsGguf(const std::string& path) {
  char magic[4] = {};
  return std::ifstream(path, std::ios::binary).read(magic, sizeof magic) && std::string_view(magic, sizeof magic) == "GGUF";
}

// Found before the work, not after it. A mistyped --out must cost nobody a file.
void CheckPlace(const std::string& out, bool overwrite) {
  const std::filesystem::path parent = std::filesystem::absolute(out).parent_path();
  if (!IsFolder(parent.string())) ThrowUser("cannot write '", out, "': there is no folder '", parent.string(), "'");
  if (IsFolder(out)) ThrowUser("cannot write '", out, "': it is a folder; name a .gguf file");
  std::error_code error;
  if (overwrite || !std::filesystem::is_regular_file(out, error) || std::filesystem::file_size(out, error) == 0 || error) return;
  if (!StartsAsGguf(out)) ThrowUser("--out '", out, "' is there already and is no GGUF; name another file, or replace it with --overwrite");
}

// Of what is measured on, and of the JSON that comes last: found before the work, too.
void CheckMeasureOptions(const MeasureOptions& options, const std::string& out, std::initializer_list<std::string> inputs, bool overwrite) {
  if (!options.text.empty()) CheckNotInput(out, options.text);
  if (options.json.empty()) return;
  if (options.text.empty()) ThrowUser("--measure-out has no effect without --measure; say on which text to measure");
  for (const std::string& input : inputs) CheckNotInput(options.json, input, "--measure-out");
  std::error_code error;
  if (std::filesystem::weakly_canonical(options.json, error) == std::filesystem::weakly_canonical(out, error)) {
    ThrowUser("--measure-out and --out are both '", out, "'; name two files");
  }
  const std::string parent = std::filesystem::absolute(options.json).parent_path().string();
  if (!IsFolder(parent)) ThrowUser("cannot write '", options.json, "': there is no folder '", parent, "'");
  if (IsFolder(options.json)) ThrowUser("cannot write '", options.json, "': it is a folder; name a .json file");
  if (overwrite || !FileExists(options.json) || std::filesystem::file_size(options.json, error) == 0 || error) return;
  ThrowUser("--measure-out '", options.json, "' is there already; name another file, or replace it with --overwrite");
}

std::optional<MeasuredText> TextToMeasureOn(const BaseModel& base, const MeasureOptions& options) {
  if (options.text.empty()) return std::nullopt;
  MeasuredText text = ReadMeasuredText(base, options.text, options.max_tokens);
  if (text.num_windows < text.num_in_text) {
    LogInfo(Str("measuring on the first ", text.ids.size(), " tokens of ", options.text, ", ", text.num_windows, " of its ", text.num_in_text, " windows; ",
                "--measure-tokens takes another number (0: all)"));
  }
  return text;
}

// Base and adapter as one model in float32: DoRA rescales whole rows, which no engine can do beside the base. The file lies beside `out` until it is mapped,
// and lives on without a name.
std::shared_ptr<const BaseModel> FusedInFloats(const BaseModel& base, const LoraAdapter& adapter, const std::string& out) {
  const struct File {
    std::string path;
    ~File() {
      std::error_code ignored;
      std::filesystem::remove(path, ignored);
    }
  } file{TemporaryName(out)};
  WriteBaseGguf(base, &adapter, {TensorType::kF32, TensorType::kF32}, file.path);
  return BaseModel::Load(file.path);
}

// A base may lie in several files, none of which is to be written over.
std::unique_ptr<const BaseModel> LoadBase(const std::string& path, const std::string& out) {
  auto base = BaseModel::Load(path);
  for (const std::string& file : base->files()) CheckNotInput(out, file);
  return base;
}

bool IsGgufName(const std::string& path) { return std::filesystem::path(path).extension() == ".gguf"; }

// Sees to it that `adapter`, read from `folder`, fits `base` and, unless `any_base`, was trained on it.
void BindToBase(const BaseModel& base, const std::string& folder, bool any_base, LoraAdapter* adapter_to_bind) {
  LoraAdapter& adapter = *adapter_to_bind;
  CheckAdapterFits(adapter, base.config());
  CheckSameBase(adapter, folder, base, any_base);
  if (adapter.base_sha256.empty()) adapter.base_sha256 = base.Identity();
}

// What the packed file will tell about itself: the card of the PEFT folder, or what can be seen of one that has none.
void CompleteCard(const BaseModel& base, bool same_base, const AdapterOptions& options, LoraAdapter* adapter) {
  AdapterCard card;
  const std::string hash = AdapterHash(*adapter);
  if (adapter->card && (adapter->card->adapter_sha256.empty() || adapter->card->adapter_sha256 == hash)) {
    card = *adapter->card;
  } else {
    card.rank = adapter->rank;
    if (adapter->card) {
      LogWarning(Str("'", options.adapter, "' was changed since pith wrote it: what its card tells is of other tensors and is left out"));
    }
  }
  card.adapter_sha256 = hash;
  if (same_base && card.base_name.empty()) card.base_name = base.config().name;
  if (card.base_sha256.empty()) card.base_sha256 = adapter->base_sha256;
  if (!options.results.empty()) {
    const std::string mode = std::filesystem::path(options.out).stem().string();
    for (CardPoint& point : ReadResults(options.results, mode, hash)) card.curve.push_back(std::move(point));
  }
  adapter->card = std::move(card);
}

// A head that was fitted with other tensors is left out. One that was fitted on the policy in another type goes along, with a word.
template <class Head>
void TakeHead(const char* what, const char* its, const AdapterOptions& options, const std::string& hash, std::optional<Head>* head) {
  if (!*head) return;
  if ((*head)->adapter_sha256 != hash) {
    LogWarning(Str("'", options.adapter, "' was changed since its ", what, " was fitted, which is left out; fit it again with stage: ", what));
    head->reset();
    return;
  }
  if ((*head)->fit.type != TypeName(options.type)) {
    LogWarning(Str("the ", what, " of '", options.adapter, "' was fitted on the adapter as ", (*head)->fit.type, ", and is packed with one as ", TypeName(options.type), "; its ", its,
                   " may be off a little"));
  }
}

void TakeHeads(const BaseModel& base, const AdapterOptions& options, LoraAdapter* adapter) {
  const std::string hash = AdapterHash(*adapter);
  if (adapter->verifier && adapter->verifier->adapter_sha256 == hash) CheckVerifierFits(options.adapter, *adapter->verifier, base.config());
  if (adapter->switcher && adapter->switcher->adapter_sha256 == hash) CheckSwitcherFits(options.adapter, *adapter->switcher, base.config());
  TakeHead("verifier", "scores", options, hash, &adapter->verifier);
  TakeHead("switcher", "choices", options, hash, &adapter->switcher);
}

// What the heads say on the proof's prompts, where it is of this base.
void ProveHeads(const std::shared_ptr<const BaseModel>& base, const AdapterRef& packed, LoraAdapter* adapter) {
  const bool same_base = adapter->proof->base_sha256 == base->Identity();
  if (adapter->verifier) adapter->verifier->proof_logits = same_base ? ProveVerifier(base, packed, *adapter->proof) : std::vector<float>();
  if (!adapter->switcher) return;
  const SwitcherReplay replay = same_base ? ProveSwitcher(base, packed, *adapter->proof) : SwitcherReplay();
  adapter->switcher->proof_logits = replay.logits;
  adapter->switcher->proof_tokens = replay.tokens;
}

// s·B·A of every pair, before and after it was stored as `type`.
void CheckEffect(const LoraAdapter& adapter, const PackedAdapter& packed, const ModelConfig& base, const AdapterOptions& options) {
  if (options.allow_no_effect) return;
  constexpr char kRemedy[] = "; train it, or pack it all the same with --allow-no-effect";
  if (HasNoEffect(MarksOf(adapter))) ThrowUser("'", options.adapter, "' changes nothing: B·A is zero in all of its ", adapter.pairs.size(), " pairs", kRemedy);
  for (const StoredPair& pair : StoredPairs(packed, base)) {
    if (pair.mark.norm != 0) return;
  }
  ThrowUser("'", options.adapter, "' changes nothing as ", TypeName(options.type), ": its values are too small for that type; name a wider --type");
}

}  // namespace

std::optional<Measurement> RunConvert(const ConvertOptions& options) {
  const std::string base_path = ResolveModelPath(options.base);
  CheckNotInput(options.out, base_path);
  CheckPlace(options.out, options.overwrite);
  CheckMeasureOptions(options.measure, options.out, {base_path, options.measure.text}, options.overwrite);
  const std::shared_ptr<const BaseModel> base = LoadBase(base_path, options.out);
  const std::optional<MeasuredText> text = TextToMeasureOn(*base, options.measure);
  WriteBaseGguf(*base, nullptr, options.types, options.out);
  if (!text) return std::nullopt;
  return Measure(BaseModel::Load(options.out), base, nullptr, *text);
}

void RunAdapter(const AdapterOptions& options) {
  const std::string base_path = ResolveModelPath(options.base);
  for (const std::string& input : {base_path, options.adapter, options.results}) CheckNotInput(options.out, input);
  CheckPlace(options.out, options.overwrite);
  const std::shared_ptr<const BaseModel> base = LoadBase(base_path, options.out);
  if (base->gguf() == nullptr) {
    ThrowUser("--base '", base_path, "' is a folder; a GGUF adapter is made for a GGUF base: run pith-export convert first, and name that ",
              "file (with --any-base, where the adapter was trained on the folder)");
  }
  LoraAdapter adapter = ReadPeft(options.adapter);
  const bool same_base = adapter.base_sha256.empty() || adapter.base_sha256 == base->Identity();
  BindToBase(*base, options.adapter, options.any_base, &adapter);
  CompleteCard(*base, same_base, options, &adapter);
  TakeHeads(*base, options, &adapter);
  const auto packed = PackedAdapter::FromLora(adapter, base->config(), options.type);  // refuses what no GGUF can hold
  CheckEffect(adapter, *packed, base->config(), options);
  if (!adapter.proof || adapter.proof->adapter_sha256 != AdapterHash(adapter)) {
    if (adapter.proof) LogWarning(Str("'", options.adapter, "' was changed since its proof was made: another is computed here"));
    adapter.proof = ProveByEngine(base, adapter);
  }
  adapter.proof->stored_logits.clear();
  if (adapter.proof->base_sha256 == base->Identity()) ProveStored(base, packed, options.adapter, &*adapter.proof);
  ProveHeads(base, packed, &adapter);
  PackedAdapter::FromLora(adapter, base->config(), options.type)->WriteGguf(options.out);
}

std::optional<Measurement> RunFuse(const FuseOptions& options) {
  const std::string base_path = ResolveModelPath(options.base);
  CheckNotInput(options.out, base_path);
  CheckNotInput(options.out, options.adapter);
  const bool to_gguf = IsGgufName(options.out);
  if (to_gguf && !options.type) ThrowUser("--type is missing: say one of ", NamesOf(kBaseTypes, ", "));
  if (!to_gguf && (options.type.value_or(TensorType::kBF16) != TensorType::kBF16 || options.head_type)) {
    ThrowUser("--out '", options.out, "' is a Hugging Face folder, which is written in bf16; drop --type and --head-type, or "
              "let --out end in .gguf");
  }
  if (to_gguf) {
    CheckPlace(options.out, options.overwrite);
  } else {
    CheckFusedPlace(options.out, options.overwrite);
  }
  CheckMeasureOptions(options.measure, options.out, {base_path, options.adapter, options.measure.text}, options.overwrite);
  LoraAdapter adapter = ReadPeft(options.adapter);
  const bool changes_meaning = adapter.activation == Activation::kInvocation;
  if (changes_meaning && !options.allow_always) {
    ThrowUser("'", options.adapter, "' acts from its invocation on, a fused one acts on the prompt too; "
              "keep it apart (pith-export adapter), or say --allow-always");
  }
  const std::shared_ptr<const BaseModel> base = LoadBase(base_path, options.out);
  if (!to_gguf && base->gguf() != nullptr) {
    ThrowUser("--out '", options.out, "' is a Hugging Face folder, which needs a Hugging Face base; '", base_path,
              "' is a GGUF: let --out end in .gguf");
  }
  BindToBase(*base, options.adapter, options.any_base, &adapter);
  const std::optional<MeasuredText> text = TextToMeasureOn(*base, options.measure);
  if (changes_meaning) LogWarning(DescribeActivationDifference(*base, adapter));
  if (to_gguf) {
    WriteBaseGguf(*base, &adapter, {*options.type, options.head_type}, options.out);
  } else {
    WriteFusedFolder(*base, adapter, options.out);
  }
  if (!text) return std::nullopt;
  const std::shared_ptr<const BaseModel> q = BaseModel::Load(options.out);
  if (!adapter.dora) return Measure(q, base, PackedAdapter::FromLora(adapter, base->config(), TensorType::kF32), *text);
  return Measure(q, FusedInFloats(*base, adapter, options.out), nullptr, *text);
}

}  // namespace pith
