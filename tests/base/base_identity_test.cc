// The identity of a base: what it is made of, when it is remembered, and when what a file says of itself is believed.
#include "base/base_identity.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <locale>
#include <thread>

#include "base/model/base_model.h"
#include "base/error.h"
#include "base/gguf.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

std::string Hex(std::string_view text) {
  Sha256 hash;
  hash.Update(text);
  return hash.HexDigest();
}

class BaseIdentityTest : public testing::Test {
 protected:
  BaseIdentityTest() { ::setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1); }
  ~BaseIdentityTest() override { ::unsetenv("XDG_CACHE_HOME"); }

  // The tensors of the tiny model, to the byte, in a GGUF with `change` made to it.
  std::string WriteModel(const std::string& name, const std::function<void(GgufWriter&)>& change = [](GgufWriter&) {}) {
    const auto hf = BaseModel::Load(PITH_TEST_GOLDEN "/tiny-llama");
    const ModelConfig& c = hf->config();
    GgufWriter writer;
    writer.Set("general.architecture", std::string("llama"));
    writer.Set("llama.block_count", c.num_layers);
    writer.Set("llama.embedding_length", c.d_model);
    writer.Set("llama.feed_forward_length", c.d_ff);
    writer.Set("llama.attention.head_count", c.num_heads);
    writer.Set("llama.attention.head_count_kv", c.num_kv_heads);
    writer.Set("llama.context_length", c.context_length);
    writer.Set("llama.attention.layer_norm_rms_epsilon", c.rms_norm_eps);
    for (const std::string& tensor : hf->names()) writer.Add(tensor, hf->Tensor(tensor));
    change(writer);
    writer.Write(folder_ / name);
    return folder_ / name;
  }

  // As pith-export writes it: with the identity of its tensors, and the tree.
  std::string WriteSealed(const std::string& name) {
    TensorViews views;
    const auto hf = BaseModel::Load(PITH_TEST_GOLDEN "/tiny-llama");
    for (const std::string& tensor : hf->names()) views.emplace(tensor, hf->Tensor(tensor));
    return WriteModel(name, [&](GgufWriter& writer) {
      writer.Set("pith.base.sha256", HashTensors(views));
      writer.Set("pith.base.tree_sha256", HashTensorTree(views, HashTensors(views)));
    });
  }

  // Another program's doing: a bit of the last tensor changed, in place, and the times set back.
  static void ChangeWeights(const std::string& path) {
    struct stat before;
    ASSERT_EQ(::stat(path.c_str(), &before), 0);
    std::string bytes = ReadFile(path);
    bytes[bytes.size() - 64] = static_cast<char>(bytes[bytes.size() - 64] ^ 1);
    Overwrite(path, bytes);
    const struct timespec times[2] = {before.st_atim, before.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }

  static std::string IdentityAt(const std::string& path) { return BaseModel::Load(path)->Identity(); }
  static std::string WarningAt(const std::string& path) {
    testing::internal::CaptureStderr();
    IdentityAt(path);
    return testing::internal::GetCapturedStderr();
  }
  // Past the tick of the clock that stamps changes: identities are remembered from then on.
  static void Settle() { std::this_thread::sleep_for(std::chrono::milliseconds(40)); }

  std::vector<std::string> Entries() const {
    std::vector<std::string> entries;
    if (!IsFolder(folder_ / "cache/pith")) return entries;
    for (const auto& file : std::filesystem::directory_iterator(folder_ / "cache/pith")) entries.push_back(file.path().string());
    return entries;
  }

  TempFolder folder_;
};

TEST_F(BaseIdentityTest, IsTheHashOfLinesAndBytes) {
  std::vector<uint8_t> bytes(3 << 20);
  Rng rng(4);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(rng.Int(0, 255));
  const TensorViews views = {{"b", {TensorType::kF16, 3, 5, bytes.data() + 1}}, {"a", {TensorType::kQ8_0, 1024, 2048, bytes.data()}}};
  const std::string a(reinterpret_cast<const char*>(bytes.data()), 1024 * 2048 / 32 * 34), b(reinterpret_cast<const char*>(bytes.data()) + 1, 30);
  const std::string identity = HashTensors(views);
  EXPECT_EQ(identity, Hex("a q8_0 1024 2048\n" + a + "b f16 3 5\n" + b));
  const auto digest = [](std::string_view text) {
    Sha256 hash;
    hash.Update(text);
    const Sha256::Bytes got = hash.Digest();
    return std::string(got.begin(), got.end());
  };
  EXPECT_EQ(HashTensorTree(views, identity), Hex("pith base tree 1 " + identity + "\na q8_0 1024 2048\n" + digest(a.substr(0, 1 << 20)) +
                                                 digest(a.substr(1 << 20, 1 << 20)) + digest(a.substr(2 << 20)) + "b f16 3 5\n" + digest(b)));
}

// A stream of a program that groups digits would write "49,152".
TEST_F(BaseIdentityTest, IsTheSameInEveryLocale) {
  struct Groups : std::numpunct<char> {
    std::string do_grouping() const override { return "\3"; }
  };
  const std::vector<uint8_t> bytes(49152 * 2);
  const TensorViews views = {{"token_embd.weight", {TensorType::kF16, 49152, 1, bytes.data()}}};
  const std::string identity = HashTensors(views), tree = HashTensorTree(views, identity);
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new Groups));
  const std::string again = HashTensors(views), tree_again = HashTensorTree(views, identity);
  std::locale::global(before);
  EXPECT_EQ(again, identity);
  EXPECT_EQ(tree_again, tree);
}

TEST_F(BaseIdentityTest, IsOfTheWeightsAlone) {
  const std::string plain = WriteModel("a.gguf"), identity = IdentityAt(plain);
  EXPECT_EQ(identity, IdentityAt(PITH_TEST_GOLDEN "/tiny-llama")) << "another container";
  EXPECT_EQ(IdentityAt(WriteModel("b.gguf", [](GgufWriter& w) { w.Set("general.name", std::string("renamed")); })), identity);
  EXPECT_EQ(IdentityAt(WriteSealed("c.gguf")), identity);
  ChangeWeights(plain);
  EXPECT_NE(IdentityAt(plain), identity);
}

TEST_F(BaseIdentityTest, IsRememberedUntilAFileChanges) {
  const std::string path = WriteModel("a.gguf"), other(64, 'a');
  Settle();
  const std::string identity = IdentityAt(path);
  ASSERT_EQ(Entries().size(), 1u);
  EXPECT_EQ(ReadFile(Entries()[0]), identity);
  Overwrite(Entries()[0], other);
  EXPECT_EQ(IdentityAt(path), other) << "the cache is what is read";
  std::filesystem::rename(path, folder_ / "moved.gguf");  // changes the time, too: hashed again, and right
  EXPECT_EQ(IdentityAt(folder_ / "moved.gguf"), identity);

  ::setenv("XDG_CACHE_HOME", "/proc/nowhere", 1);  // cannot be written
  EXPECT_EQ(IdentityAt(folder_ / "moved.gguf"), identity);
}

TEST_F(BaseIdentityTest, DamagedEntriesAreComputedAgain) {
  const std::string path = WriteModel("a.gguf");
  Settle();
  const std::string identity = IdentityAt(path);
  ASSERT_EQ(Entries().size(), 1u);
  for (const std::string& damage : {std::string(), identity.substr(1), identity + "\n", std::string(1 << 20, 'a')}) {
    Overwrite(Entries()[0], damage);
    EXPECT_EQ(IdentityAt(path), identity);
    EXPECT_EQ(ReadFile(Entries()[0]), identity);
  }
}

// Images set all times alike, and copies may keep them: only the time of the change itself tells.
TEST_F(BaseIdentityTest, OtherWeightsUnderTheSameNameSizeAndTimeAreSeen) {
  const std::string path = WriteModel("a.gguf");
  Settle();
  const std::string identity = IdentityAt(path);
  ASSERT_EQ(Entries().size(), 1u) << "or this shows nothing";
  ChangeWeights(path);
  const std::string changed = IdentityAt(path);
  EXPECT_NE(changed, identity);
  EXPECT_EQ(IdentityAt(path), changed);
}

// Two changes within a tick of the clock have one time.
TEST_F(BaseIdentityTest, IsNotRememberedForAFileJustWritten) {
  const std::string path = WriteModel("a.gguf"), bytes = ReadFile(path);
  int in_time = 0;
  for (int trial = 0; trial < 100 && in_time < 5; ++trial) {
    const size_t before = Entries().size();
    Overwrite(path, bytes);
    IdentityAt(path);
    const FileVersion version = VersionOf(path).value();
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    if (now - std::chrono::seconds(version.changed_s) - std::chrono::nanoseconds(version.changed_ns) > std::chrono::milliseconds(20)) continue;
    ASSERT_EQ(Entries().size(), before);
    ++in_time;
  }
  if (in_time == 0) GTEST_SKIP() << "this machine is too busy to load the model in time";
}

TEST_F(BaseIdentityTest, IsNotRememberedForAFileThatWasReplacedMeanwhile) {
  const std::string path = WriteModel("a.gguf");
  Settle();
  const auto model = BaseModel::Load(path);
  WriteModel("b.gguf");
  ChangeWeights(folder_ / "b.gguf");
  Settle();
  std::filesystem::rename(folder_ / "b.gguf", path);
  const std::string identity = model->Identity();
  EXPECT_TRUE(Entries().empty());
  EXPECT_NE(IdentityAt(path), identity);
}

TEST_F(BaseIdentityTest, WhatAFileSaysIsBelievedWhereItHolds) {
  const std::string path = WriteSealed("a.gguf"), identity = IdentityAt(PITH_TEST_GOLDEN "/tiny-llama");
  EXPECT_EQ(WarningAt(path), "");
  EXPECT_EQ(IdentityAt(path), identity);
  // Taken, not computed: the tree vouches for whatever it was made with.
  const std::string told(64, 'b');
  TensorViews views;
  const auto model = BaseModel::Load(path);
  for (const std::string& name : model->names()) views.emplace(name, model->Tensor(name));
  const std::string vouched = WriteModel("b.gguf", [&](GgufWriter& w) {
    w.Set("pith.base.sha256", told);
    w.Set("pith.base.tree_sha256", HashTensorTree(views, told));
  });
  EXPECT_EQ(IdentityAt(vouched), told);
  // A file of an earlier pith, with the identity alone.
  EXPECT_EQ(WarningAt(WriteModel("c.gguf", [&](GgufWriter& w) { w.Set("pith.base.sha256", identity); })), "");
  EXPECT_EQ(IdentityAt(folder_ / "c.gguf"), identity);
}

TEST_F(BaseIdentityTest, WhatAFileSaysOfOtherWeightsIsNot) {
  const std::string path = WriteSealed("a.gguf"), identity = IdentityAt(path);
  ChangeWeights(path);
  const std::string changed = IdentityAt(path);
  EXPECT_NE(changed, identity);
  Settle();
  IdentityAt(path);
  const size_t remembered = Entries().size();
  EXPECT_GE(remembered, 1u);
  for (int time = 0; time < 2; ++time) {  // also where it is read from the cache
    const std::string warning = WarningAt(path);
    EXPECT_NE(warning.find("a.gguf"), std::string::npos) << warning;
    EXPECT_NE(warning.find(identity.substr(0, 12)), std::string::npos) << warning;
    EXPECT_NE(warning.find(changed.substr(0, 12)), std::string::npos) << warning;
    EXPECT_EQ(Entries().size(), remembered);
  }
  for (const std::string& said : {std::string(64, 'b'), std::string("short")}) {
    const std::string other = WriteModel("b.gguf", [&](GgufWriter& w) { w.Set("pith.base.sha256", said); });
    EXPECT_EQ(IdentityAt(other), identity);
    EXPECT_NE(WarningAt(other), "");
  }
}

// Many processes at once, none of which may leave or read half an entry.
// What was hashed is not kept in memory: most of an embedding is never read again.
TEST_F(BaseIdentityTest, LeavesNoPagesBehind) {
  const auto resident = [] {  // KiB of files
    const std::string status = ReadFile("/proc/self/status");
    return std::stol(status.substr(status.find("RssFile:") + 8));
  };
  const std::string path = folder_ / "large";
  WriteFile(path, std::string(size_t{32} << 20, 'x'));
  const MappedFile file(path);
  const TensorView whole{TensorType::kF32, 1 << 13, 1 << 10, file.bytes().data()};
  const long before = resident();
  HashTensors({{"a", whole}});
  EXPECT_GT(resident(), before + (24 << 10));
  const std::string identity = IdentityOf(path, {&file}, {{"a", whole}}, {});
  EXPECT_LT(resident(), before + (8 << 10));
  EXPECT_EQ(HashTensors({{"a", whole}}), identity);
}

TEST_F(BaseIdentityTest, ProcessesShareTheCache) {
  const std::string path = WriteModel("a.gguf"), identity = IdentityAt(PITH_TEST_GOLDEN "/tiny-llama");
  Settle();
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      bool right = true;
      for (int round = 0; round < 10; ++round) {
        right &= IdentityAt(path) == identity;
        std::error_code ignored;
        std::filesystem::remove_all(folder_ / "cache", ignored);
      }
      ::_exit(right ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(IdentityAt(path), identity);
}

}  // namespace
}  // namespace pith
