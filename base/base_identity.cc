#include "base/base_identity.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/identity_cache.h"
#include "base/log.h"
#include "base/sha256.h"
#include "base/thread_pool.h"

namespace pith {
namespace {

constexpr size_t kHexDigits = 64;
constexpr size_t kPieceBytes = 1 << 20;

size_t NumPieces(const TensorView& view) { return (view.bytes() + kPieceBytes - 1) / kPieceBytes; }

}  // namespace

std::string TensorLine(const std::string& name, const TensorView& view) {
  return Str(name, " ", TypeName(view.type), " ", view.rows, " ", view.cols, "\n");
}

std::string HashTensors(const TensorViews& tensors) {
  Sha256 hash;
  for (const auto& [name, view] : tensors) {
    hash.Update(TensorLine(name, view));
    hash.Update(view.data, view.bytes());
  }
  return hash.HexDigest();
}

std::string HashTensorTree(const TensorViews& tensors, const std::string& identity) {
  struct Piece {
    const uint8_t* data;
    size_t bytes;
    Sha256::Bytes digest;
  };
  std::vector<Piece> pieces;
  for (const auto& [name, view] : tensors) {
    for (size_t i = 0; i < NumPieces(view); ++i) {
      const size_t at = i * kPieceBytes;
      pieces.push_back({view.data + at, std::min(kPieceBytes, view.bytes() - at), {}});
    }
  }
  ThreadPool(0).ParallelFor(static_cast<int64_t>(pieces.size()), 1, [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      Piece& piece = pieces[static_cast<size_t>(i)];
      Sha256 hash;
      hash.Update(piece.data, piece.bytes);
      piece.digest = hash.Digest();
    }
  });
  Sha256 root;
  root.Update(Str("pith base tree 1 ", identity, "\n"));
  auto piece = pieces.begin();
  for (const auto& [name, view] : tensors) {
    root.Update(TensorLine(name, view));
    for (size_t i = 0; i < NumPieces(view); ++i, ++piece) root.Update(piece->digest.data(), piece->digest.size());
  }
  return root.HexDigest();
}

std::string IdentityOf(const std::string& path, const std::vector<const MappedFile*>& files, const TensorViews& tensors,
                       const StoredIdentity& stored) {
  const IdentityCache cache(files, tensors);
  std::optional<std::string> identity = cache.Find();
  if (!identity) {
    const bool holds = IsIdentity(stored.sha256) && !stored.tree.empty() && HashTensorTree(tensors, stored.sha256) == stored.tree;
    identity = holds ? stored.sha256 : HashTensors(tensors);
    cache.Remember(*identity);
    for (const MappedFile* file : files) file->LetGo();  // of an embedding, a run reads a few rows
  }
  if (!stored.sha256.empty() && stored.sha256 != *identity) {
    LogWarning(Str("'", path, "' holds other weights than those its ", kIdentityKey, " names (", stored.sha256.substr(0, 12),
                   "…): another program changed them; it counts as the base ", identity->substr(0, 12), "…"));
  }
  return *identity;
}

bool IsIdentity(const std::string& text) {
  return text.size() == kHexDigits && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::string CheckedIdentity(const std::string& path, const std::string& text) {
  if (!IsIdentity(text)) {
    ThrowUser("'", path, "': pith.base.sha256 is '", text,
              "', expected 64 lower-case hex digits; export the file again");
  }
  return text;
}

}  // namespace pith
