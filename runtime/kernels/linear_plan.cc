#include "runtime/kernels/linear_plan.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <shared_mutex>

#include "base/cache_folder.h"
#include "base/cpu_state.h"
#include "base/error.h"
#include "base/file.h"
#include "base/number_text.h"
#include "base/sha256.h"
#include "base/split.h"
#include "runtime/kernels/linear_kernels.h"

namespace pith {
namespace {

constexpr int64_t kSmallModel = int64_t{16} << 20, kSample = int64_t{64} << 20, kPiece = int64_t{2} << 20;  // bytes

struct PlanTable {
  std::shared_mutex mutex;
  std::vector<KnownPlan> plans;
};
PlanTable& Table() {
  static PlanTable table;
  return table;
}

const KnownPlan* Find(const std::vector<KnownPlan>& plans, const PlanKey& key) {
  const auto found = std::find_if(plans.begin(), plans.end(), [&](const KnownPlan& known) { return known.key == key; });
  return found == plans.end() ? nullptr : &*found;
}

void Put(const KnownPlan& plan, std::vector<KnownPlan>* plans) {
  std::erase_if(*plans, [&](const KnownPlan& known) { return known.key == plan.key; });
  plans->push_back(plan);
}

bool HasPanels(Isa isa) { return isa >= Isa::kAvx2 && isa <= Isa::kAmx; }

// Pieces of the matrices of one type and width, together more than caches hold where there are as many; read in turn, each is cold again.
class Pieces {
 public:
  static constexpr int64_t kMostRows = 32;  // of x
  Pieces(std::span<const TensorView> matrices, const PlanKey& key) {
    int64_t bytes = 0;
    for (const TensorView& matrix : matrices) {
      if (matrix.type != key.type || matrix.cols != key.cols) continue;
      const auto row_bytes = static_cast<int64_t>(matrix.row_bytes());
      const int64_t rows = std::clamp<int64_t>(kPiece / row_bytes, 1, matrix.rows);
      for (int64_t row = 0; row + rows <= matrix.rows && bytes < kSample; row += rows) {
        pieces_.push_back({matrix.type, rows, matrix.cols, matrix.row(row)});
        bytes += rows * row_bytes;
      }
    }
    int64_t most = 0;
    for (const TensorView& piece : pieces_) most = std::max(most, piece.rows);
    y_.resize(static_cast<size_t>(most * kMostRows));
    x_.assign(static_cast<size_t>(key.cols * kMostRows), 0.5f);
  }
  // Seconds per byte for the next piece, with so many rows of x.
  double Time(ThreadPool& pool, const PlanKey& key, const LinearPlan& plan, int64_t rows) {
    SetPlan(key, plan);
    const TensorView& piece = pieces_[next_++ % pieces_.size()];
    prepared_.Prepare(x_.data(), rows, key.cols, key.cols, ActivationType::kInt8, key.isa);
    const LinearJob job{.w = piece, .x = &prepared_, .y = y_.data(), .y_stride = piece.rows};
    const auto start = std::chrono::steady_clock::now();
    Linear(pool, {&job, 1});
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    return took.count() / static_cast<double>(piece.bytes());
  }
  void Touch(ThreadPool& pool, const PlanKey& key) {
    for (size_t i = 0; i < pieces_.size(); ++i) Time(pool, key, {}, 1);
  }

 private:
  std::vector<TensorView> pieces_;
  std::vector<float> x_, y_;
  PreparedRows prepared_;
  size_t next_ = 0;
};

// The fastest of the candidates; the first, unless another is clearly faster. They take turns, since machines change from moment to moment.
LinearPlan Fastest(ThreadPool& pool, const PlanKey& key, Pieces& pieces, const std::vector<LinearPlan>& candidates, int64_t rows) {
  constexpr int kTurns = 9;
  constexpr double kClearly = 0.93;
  std::vector<std::vector<double>> times(candidates.size());
  for (int turn = 0; turn < kTurns; ++turn) {
    for (size_t i = 0; i < candidates.size(); ++i) times[i].push_back(pieces.Time(pool, key, candidates[i], rows));
  }
  size_t best = 0;
  std::vector<double> medians;
  for (std::vector<double>& of : times) {
    std::nth_element(of.begin(), of.begin() + kTurns / 2, of.end());
    medians.push_back(of[kTurns / 2]);
  }
  for (size_t i = 1; i < candidates.size(); ++i) {
    if (medians[i] < medians[best] * (best == 0 ? kClearly : 1.0)) best = i;
  }
  return candidates[best];
}

LinearPlan Measure(ThreadPool& pool, const PlanKey& key, std::span<const TensorView> matrices) {
  Pieces pieces(matrices, key);
  pieces.Touch(pool, key);
  std::vector<LinearPlan> asking;
  for (const auto& [ahead, near] : {std::pair{32768, false}, {65536, false}, {16384, false}, {8192, false}, {4096, true}, {0, false}}) {
    asking.push_back({.ahead = ahead, .near = near});
  }
  LinearPlan plan = Fastest(pool, key, pieces, asking, 1);
  if (!HasPanels(key.isa)) return plan;
  const auto with = [&](int few, int registers) {
    LinearPlan other = plan;
    other.few_rows = few;
    other.register_rows = registers;
    return other;
  };
  const bool small_blocks = ValuesPerBlock(key.type) == kBlockSize;
  if (small_blocks) plan = Fastest(pool, key, pieces, {with(0, 4), with(1, 4)}, 1);
  if (plan.few_rows == 1) plan = Fastest(pool, key, pieces, {with(1, 4), with(2, 4)}, 2);
  const int few = plan.few_rows;
  plan = Fastest(pool, key, pieces, {with(few, 4), with(few, 0)}, 4);
  if (plan.register_rows == 4) plan = Fastest(pool, key, pieces, {with(few, 4), with(few, 8)}, 8);
  if (key.isa != Isa::kAmx) return plan;
  const auto tiled = [&](int rows) {
    LinearPlan other = plan;
    other.tile_rows = rows;
    return other;
  };
  plan = Fastest(pool, key, pieces, {tiled(16), tiled(0)}, Pieces::kMostRows);
  if (plan.tile_rows > 0) plan = Fastest(pool, key, pieces, {tiled(16), tiled(8)}, 8);
  return plan;
}

// Of this processor, instruction set and number of threads: lines of type, width and plan.
std::string CachePlace(Isa isa, int threads) {
  const std::string folder = CacheFolder();
  if (folder.empty()) return "";
  Sha256 key;
  key.Update(Str("pith plans, version 3\n", ProcessorName(), "\n", IsaName(isa), "\n", threads, "\n"));
  return Str(folder, "/plans-", key.HexDigest().substr(0, 32), ".txt");
}

std::vector<KnownPlan> ReadPlans(const std::string& place, Isa isa) {
  std::vector<KnownPlan> plans;
  try {
    if (place.empty() || !FileExists(place)) return plans;
    const std::string text = ReadFile(place, /*max_bytes=*/1 << 16);
    for (const std::string_view line : Split(text, '\n')) {
      const std::vector<std::string_view> words = Split(line, ' ');
      if (words.size() != 3) continue;
      const std::optional<TensorType> type = TypeFromName(std::string(words[0]));
      const std::optional<int64_t> cols = NumberFromText<int64_t>(words[1]);
      if (type && cols) plans.push_back({{*type, *cols, isa}, PlanOf(std::string(words[2]))});
    }
  } catch (const UserError&) {
    plans.clear();  // measured again
  }
  return plans;
}

void WritePlans(const std::string& place, const std::vector<KnownPlan>& plans) {
  if (place.empty()) return;
  std::string text;
  for (const KnownPlan& known : plans) text += Str(TypeName(known.key.type), " ", known.key.cols, " ", PlanText(known.plan), "\n");
  try {
    MakeFolders(CacheFolder());
    WriteFile(place, text);
  } catch (const UserError&) {
  }
}

int64_t Number(const std::string& text, const std::string& value, int64_t most) {
  int64_t number = -1;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < 0 || number > most) {
    ThrowUser("PITH_PLAN: '", text, "' does not say how to multiply; expected default, measure, or e.g. ", PlanText({}));
  }
  return number;
}

}  // namespace

std::string PlanText(const LinearPlan& plan) {
  return Str("ahead=", plan.ahead, ",level=", plan.near ? 1 : 2, ",few=", plan.few_rows, ",registers=", plan.register_rows, ",tiles=", plan.tile_rows);
}

LinearPlan PlanOf(const std::string& text) {
  LinearPlan plan;
  if (text.empty()) return plan;
  for (const std::string_view part : Split(text, ',')) {
    const size_t equals = std::min(part.find('='), part.size());
    const std::string_view name = part.substr(0, equals);
    const std::string value(equals < part.size() ? part.substr(equals + 1) : "");
    if (name == "ahead") plan.ahead = Number(text, value, 1 << 20);
    else if (name == "level" && value != "0") plan.near = Number(text, value, 2) == 1;
    else if (name == "few") plan.few_rows = static_cast<int>(Number(text, value, 1 << 20));
    else if (name == "registers") plan.register_rows = static_cast<int>(Number(text, value, 1 << 20));
    else if (name == "tiles") plan.tile_rows = static_cast<int>(Number(text, value, 1 << 20));
    else Number(text, "", 0);
  }
  return plan;
}

LinearPlan PlanFor(const PlanKey& key) {
  PlanTable& table = Table();
  const std::shared_lock lock(table.mutex);
  const KnownPlan* known = Find(table.plans, key);
  return known == nullptr ? LinearPlan{} : known->plan;
}

void SetPlan(const PlanKey& key, const LinearPlan& plan) {
  PlanTable& table = Table();
  const std::unique_lock lock(table.mutex);
  Put({key, plan}, &table.plans);
}

std::vector<KnownPlan> KnownPlans() {
  PlanTable& table = Table();
  const std::shared_lock lock(table.mutex);
  return table.plans;
}

void ChoosePlans(ThreadPool& pool, std::span<const TensorView> matrices, Isa isa) {
  if (isa == Isa::kScalar) return;
  const char* wanted = std::getenv("PITH_PLAN");
  const std::string wish = wanted == nullptr ? "" : wanted;
  int64_t bytes = 0;
  std::vector<PlanKey> keys;
  for (const TensorView& matrix : matrices) {
    if (!HasInt8Kernel(matrix.type)) continue;
    bytes += static_cast<int64_t>(matrix.bytes());
    const PlanKey key{matrix.type, matrix.cols, isa};
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  }
  if (!wish.empty() && wish != "measure") {
    const LinearPlan forced = wish == "default" ? LinearPlan{} : PlanOf(wish);
    for (const PlanKey& key : keys) SetPlan(key, forced);
    return;
  }
  if (bytes < kSmallModel && wish.empty()) return;
  const std::string place = CachePlace(isa, pool.num_threads());
  std::vector<KnownPlan> known = ReadPlans(place, isa);
  bool grown = false;
  for (const PlanKey& key : keys) {
    const KnownPlan* remembered = wish == "measure" ? nullptr : Find(known, key);
    const LinearPlan plan = remembered != nullptr ? remembered->plan : Measure(pool, key, matrices);
    SetPlan(key, plan);
    if (remembered != nullptr) continue;
    Put({key, plan}, &known);
    grown = true;
  }
  if (grown) WritePlans(place, known);
}

}  // namespace pith
