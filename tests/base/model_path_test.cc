#include "base/model_path.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <optional>

#include "base/model/base_model.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hub_cache.h"
#include "base/safetensors.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

constexpr char kCommit[] = "0123456789abcdef0123456789abcdef01234567", kOther[] = "89abcdef0123456789abcdef0123456789abcdef";

// A home with nothing in it, and none of the variables that would lead elsewhere.
class ModelPathTest : public testing::Test {
 protected:
  ModelPathTest() {
    for (const char* name : kVariables) {
      const char* value = std::getenv(name);
      if (value != nullptr) before_[name] = value;
      ::unsetenv(name);
    }
    ::setenv("HOME", home_.path().c_str(), 1);
  }
  ~ModelPathTest() override {
    for (const char* name : kVariables) ::unsetenv(name);
    for (const auto& [name, value] : before_) ::setenv(name.c_str(), value.c_str(), 1);
  }

  static void Touch(const std::string& path) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    Overwrite(path, "x");
  }
  // A repository as the library lays it out: what a snapshot holds are links to blobs.
  static std::string PutRepository(const std::string& hub, const std::string& flat_name, const std::vector<std::string>& files,
                                   const std::string& commit = kCommit, const std::string& ref = "main") {
    const std::string folder = hub + "/models--" + flat_name, snapshot = folder + "/snapshots/" + commit;
    std::filesystem::create_directories(snapshot);
    for (const std::string& file : files) {
      Touch(folder + "/blobs/" + commit + file);
      std::filesystem::create_directories(std::filesystem::path(snapshot + "/" + file).parent_path());
      std::filesystem::create_symlink(folder + "/blobs/" + commit + file, snapshot + "/" + file);
    }
    if (!ref.empty()) {
      Touch(folder + "/refs/" + ref);
      Overwrite(folder + "/refs/" + ref, commit);
    }
    return snapshot;
  }
  std::string DefaultHub() const { return home_ / ".cache/huggingface/hub"; }
  static std::string ErrorOf(const std::string& name) {
    try {
      return "resolved to " + ResolveModelPath(name);
    } catch (const UserError& error) {
      return error.what();
    }
  }
  static void ExpectError(const std::string& name, const std::string& part) {
    const std::string error = ErrorOf(name);
    EXPECT_NE(error.find(part), std::string::npos) << "got: " << error << "\nwanted: " << part;
  }

  static constexpr const char* kVariables[] = {"HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "PITH_DEMO_MODEL"};
  TempFolder home_;
  std::map<std::string, std::string> before_;
};

TEST_F(ModelPathTest, PathsStayWhatTheyAre) {
  Touch(home_ / "m.gguf");
  Touch(home_ / "hf/model.safetensors");
  EXPECT_EQ(ResolveModelPath(home_ / "m.gguf"), home_ / "m.gguf");
  EXPECT_EQ(ResolveModelPath(home_ / "hf"), home_ / "hf");
  EXPECT_EQ(ResolveModelPath("~/m.gguf"), home_ / "m.gguf");
  EXPECT_EQ(ResolveModelPath("~/hf"), home_ / "hf");
  EXPECT_EQ(ResolveModelPath("missing.gguf"), "missing.gguf");  // whoever opens it says so
  ::setenv("PITH_DEMO_MODEL", "elsewhere.gguf", 1);
  EXPECT_EQ(ResolveModelPath("demo"), "elsewhere.gguf");
}

TEST_F(ModelPathTest, AFileThatTellsOfAFolderNamesTheFolder) {
  const std::string folder = home_ / "hf";
  for (const char* name : {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json", "config.json",
                           "tokenizer.json"}) {
    Touch(folder + "/" + name);
  }
  for (const char* name : {"model-00002-of-00002.safetensors", "model.safetensors.index.json", "config.json"}) {
    EXPECT_EQ(ResolveModelPath(folder + "/" + name), folder) << name;
  }
  EXPECT_EQ(ResolveModelPath(folder + "/tokenizer.json"), folder + "/tokenizer.json");
}

TEST_F(ModelPathTest, AFolderWithOneGgufIsThatModel) {
  const std::string folder = home_ / "repo";
  Touch(folder + "/config.json");
  Touch(folder + "/mmproj-model-f16.gguf");
  EXPECT_EQ(ResolveModelPath(folder), folder);
  Touch(folder + "/m-00002-of-00002.gguf");
  EXPECT_EQ(ResolveModelPath(folder), folder + "/m-00002-of-00002.gguf");  // whoever opens it says what is missing
  Touch(folder + "/m-00001-of-00002.gguf");
  EXPECT_EQ(ResolveModelPath(folder), folder + "/m-00001-of-00002.gguf");
  Touch(folder + "/q8.gguf");
  ExpectError(folder, Str("'", folder, "' holds 2 models; name one of them: '", folder, "/m-00001-of-00002.gguf', '", folder, "/q8.gguf'"));
  Touch(folder + "/model.safetensors");
  EXPECT_EQ(ResolveModelPath(folder), folder);
}

TEST_F(ModelPathTest, RepositoriesComeOutOfTheCache) {
  const std::string snapshot = PutRepository(DefaultHub(), "org--Some-Model_1.5B", {"config.json", "model.safetensors"});
  EXPECT_EQ(ResolveModelPath("org/Some-Model_1.5B"), snapshot);
  EXPECT_EQ(ResolveModelPath(Str("org/Some-Model_1.5B@", kCommit)), snapshot);
  EXPECT_EQ(ResolveModelPath("org/Some-Model_1.5B/config.json"), snapshot);
  const std::string other = PutRepository(DefaultHub(), "org--Some-Model_1.5B", {"model.safetensors"}, kOther, "refs/pr/1");
  EXPECT_EQ(ResolveModelPath("org/Some-Model_1.5B@refs/pr/1"), other);
  const std::string gguf = PutRepository(DefaultHub(), "org--One-GGUF", {"one.Q4_0.gguf", "README.md"});
  EXPECT_EQ(ResolveModelPath("org/One-GGUF"), gguf + "/one.Q4_0.gguf");
  const std::string many = PutRepository(DefaultHub(), "org--Many-GGUF", {"a.gguf", "sub/b.gguf", "c.gguf"});
  EXPECT_EQ(ResolveModelPath("org/Many-GGUF/sub/b.gguf"), many + "/sub/b.gguf");
  ExpectError("org/Many-GGUF", "holds 2 models");
  EXPECT_EQ(ResolveModelPath(DefaultHub() + "/models--org--One-GGUF"), gguf + "/one.Q4_0.gguf");
  EXPECT_EQ(ResolveModelPath(DefaultHub() + "/models--org--Some-Model_1.5B/"), snapshot);
  const std::string old = PutRepository(DefaultHub(), "gpt2", {"model.safetensors"});
  EXPECT_EQ(ResolveModelPath("gpt2"), old);
}

TEST_F(ModelPathTest, TheCacheIsWhereTheLibraryWouldLook) {
  const std::pair<const char*, const char*> places[] = {  // least first
      {"XDG_CACHE_HOME", "xdg/huggingface/hub"}, {"HF_HOME", "hf/hub"}, {"HUGGINGFACE_HUB_CACHE", "legacy"}, {"HF_HUB_CACHE", "hub"}};
  const char* const values[] = {"xdg", "hf", "legacy", "hub"};
  EXPECT_EQ(HubCacheFolder(), DefaultHub());
  for (size_t i = 0; i < 4; ++i) {
    ::setenv(places[i].first, (home_ / values[i]).c_str(), 1);
    EXPECT_EQ(HubCacheFolder(), home_ / places[i].second);
    const std::string snapshot = PutRepository(home_ / places[i].second, Str("a--b", i), {"model.safetensors"});
    EXPECT_EQ(ResolveModelPath(Str("a/b", i)), snapshot);
  }
  ::setenv("HF_HUB_CACHE", "~/hub", 1);
  EXPECT_EQ(HubCacheFolder(), home_ / "hub");
}

TEST_F(ModelPathTest, WhatIsOnDiskComesBeforeTheCache) {
  PutRepository(DefaultHub(), "org--m", {"model.safetensors"});
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(home_.path());
  Touch(home_ / "org/m/model.safetensors");
  EXPECT_EQ(ResolveModelPath("org/m"), "org/m");
  EXPECT_EQ(PortableModelName("org/m"), "org/m");
  std::filesystem::remove_all(home_ / "org");
  EXPECT_NE(ResolveModelPath("org/m"), "org/m");
  std::filesystem::current_path(before);
}

TEST_F(ModelPathTest, SaysWhereWasLookedAndHowToGetIt) {
  ExpectError("org/absent", Str("there is no file or folder 'org/absent', and Hugging Face's cache (", DefaultHub(),
                                ") has no model org/absent; correct the path, or fetch the model: hf download org/absent"));
  ExpectError("org/absent@v2", "hf download org/absent --revision v2");
  PutRepository(DefaultHub(), "org--m", {"a.gguf"}, kCommit, "v1");
  ExpectError("org/m", Str("has no revision main of org/m; it has ", kCommit));
  ExpectError("org/m@v3", "has no revision v3 of org/m");
  ExpectError("org/m@v1/b.gguf", "has no revision v1/b.gguf");
  ExpectError("org/m/b.gguf@v1", "has no 'b.gguf', it has a.gguf; fetch it: hf download org/m b.gguf --revision v1");
  Overwrite(DefaultHub() + "/models--org--m/refs/v1", "../../../..");
  ExpectError("org/m@v1", "does not hold a commit's hash");
}

// What transformers' library leaves of a download that ends early.
TEST_F(ModelPathTest, WhatIsIncompleteInTheCacheIsNamed) {
  const auto loading = [](const std::string& name) -> std::string {
    try {
      BaseModel::Load(ResolveModelPath(name));
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  };
  const std::string hint = "its download is not complete: hf download org/tiny fetches the rest", snapshot = DefaultHub() + "/models--org--tiny/snapshots/c0ffee";
  Touch(DefaultHub() + "/models--org--tiny/refs/main");
  Overwrite(DefaultHub() + "/models--org--tiny/refs/main", "c0ffee");
  std::filesystem::create_directories(snapshot);
  EXPECT_NE(loading("org/tiny").find(hint), std::string::npos) << loading("org/tiny");
  std::filesystem::copy_file(PITH_TEST_GOLDEN "/tiny-llama/config.json", snapshot + "/config.json");
  EXPECT_NE(loading("org/tiny").find(hint), std::string::npos) << loading("org/tiny");
  Overwrite(snapshot + "/model.safetensors.index.json", R"({"weight_map": {"a": "model-00001-of-00002.safetensors"}})");
  EXPECT_NE(loading("org/tiny").find("lacks model-00001-of-00002.safetensors, which"), std::string::npos) << loading("org/tiny");
  EXPECT_NE(loading("org/tiny").find(hint), std::string::npos) << loading("org/tiny");
  // A part that is named itself, in a folder of one's own.
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(home_.path());
  for (const char* name : {"org/model-00001-of-00002.safetensors", "gone/model-00001-of-00002.safetensors"}) {
    EXPECT_EQ(loading(name).find("hf download"), std::string::npos) << loading(name);
    EXPECT_NE(loading(name).find(name), std::string::npos) << loading(name);
  }
  std::filesystem::current_path(before);
}

TEST_F(ModelPathTest, NoNameLeadsOutOfTheCache) {
  for (const char* name : {"../x", "org/..", "org/m@../../x", "org/m/../../x", "org/m@/etc", "/org/m", "org//m", "-o/m", "org/m-", "o rg/m", "org/a--b",
                           "org/m/", ""}) {
    EXPECT_EQ(ParseHubName(name), std::nullopt) << name;
  }
  const auto name = ParseHubName("org/m@refs/pr/3");
  ASSERT_TRUE(name.has_value());
  EXPECT_EQ(name->repository, "org/m");
  EXPECT_EQ(name->revision, "refs/pr/3");
  EXPECT_EQ(ParseHubName("org/m/x.gguf")->file, "x.gguf");
}

TEST_F(ModelPathTest, OthersKnowARepositoryByItsName) {
  const std::string snapshot = PutRepository(DefaultHub(), "org--m", {"model.safetensors"});
  EXPECT_EQ(PortableModelName("org/m"), "org/m");
  EXPECT_EQ(PortableModelName(Str("org/m@", kCommit)), "org/m");
  EXPECT_EQ(PortableModelName(snapshot), snapshot);
  EXPECT_EQ(RepositoryOf(snapshot), "org/m");
  EXPECT_EQ(RepositoryOf(snapshot + "/x.gguf"), "org/m");
  EXPECT_EQ(RepositoryOf("/elsewhere/models--gpt2/snapshots/c0ffee/"), "gpt2");
  for (const char* path : {"org/m", "/models--org--m/refs/c0ffee", "/models--org--m", "/snapshots/models--org--m", "models--a--b/x/snapshots/y"}) {
    EXPECT_EQ(RepositoryOf(path), std::nullopt) << path;
  }
  std::filesystem::create_directories(DefaultHub() + "/models--org--tiny/snapshots");
  for (const char* revision : {"c0ffee", "c0ffef"}) {
    const std::string folder = DefaultHub() + "/models--org--tiny/snapshots/" + revision;
    std::filesystem::copy(PITH_TEST_GOLDEN "/tiny-llama", folder);
    const std::string config = ReadFile(folder + "/config.json");
    if (revision == std::string("c0ffef")) Overwrite(folder + "/config.json", "{\"_name_or_path\": \"/home/me/run\"," + config.substr(config.find('{') + 1));
    EXPECT_EQ(BaseModel::Load(folder)->config().name, "org/tiny");
  }
  std::filesystem::copy(DefaultHub() + "/models--org--tiny/snapshots/c0ffef", home_ / "mine");
  EXPECT_EQ(BaseModel::Load(home_ / "mine")->config().name, "mine") << "not where its maker had it";
  ::setenv("PITH_DEMO_MODEL", "elsewhere.gguf", 1);
  EXPECT_EQ(PortableModelName("demo"), "elsewhere.gguf");
}

}  // namespace
}  // namespace pith
