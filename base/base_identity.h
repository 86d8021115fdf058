// The hash that names a base ("Identity of a base").
//
// The identity is one SHA-256 over all tensors, so its bytes can only be hashed one after another. A file that pith writes
// therefore carries beside it (pith.base.sha256) a second hash, over the digests of pieces (pith.base.tree_sha256), which all
// cores compute together and which says for which tensors the identity was computed.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/tensor_view.h"

namespace pith {

inline constexpr char kIdentityKey[] = "pith.base.sha256", kIdentityTreeKey[] = "pith.base.tree_sha256";

using TensorViews = std::map<std::string, TensorView, std::less<>>;

// SHA-256 over, for each tensor in name order, the line "NAME TYPE ROWS COLS\n" and the tensor's bytes.
std::string HashTensors(const TensorViews& tensors);

// SHA-256 over the line "pith base tree 1 IDENTITY\n" and, for each tensor in name order, its line as above and the digest
// (32 bytes) of each of its pieces: 1 MiB of its bytes, the last one shorter. On all cores.
std::string HashTensorTree(const TensorViews& tensors, const std::string& identity);

// What a file says of its tensors under the two keys; empty where it does not.
struct StoredIdentity {
  std::string sha256, tree;
};

// HashTensors of `tensors`, which lie in `files` of the base at `path`. Remembered for as long as no file changes; where it is
// not, a stored identity whose tree fits the tensors saves computing it. One that is not the tensors' is warned about: another
// program changed the weights and kept the metadata.
std::string IdentityOf(const std::string& path, const std::vector<const MappedFile*>& files, const TensorViews& tensors,
                       const StoredIdentity& stored);

// `text` when it is 64 lower-case hex digits; else UserError naming `path`.
std::string CheckedIdentity(const std::string& path, const std::string& text);
bool IsIdentity(const std::string& text);

// "NAME TYPE ROWS COLS\n"
std::string TensorLine(const std::string& name, const TensorView& view);

}  // namespace pith
