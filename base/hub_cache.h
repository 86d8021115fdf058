// Hugging Face's cache of downloaded repositories, as the library huggingface_hub lays it out:
//   models--ORG--NAME/refs/REVISION (a file that holds a commit's hash), models--ORG--NAME/snapshots/HASH/FILES
// Only read, never written.
#pragma once

#include <optional>
#include <string>

namespace pith {

struct HubName {
  std::string repository;  // "org/name", or "name" alone, as the oldest ones are called
  std::string revision;    // "main" unless given: a branch, a tag, "refs/pr/1", or a commit's hash
  std::string file;        // within the repository; may be empty
};

// What `text` names, as "org/name", "org/name@revision" or "org/name/folder/file"; nothing when no repository can be called so.
std::optional<HubName> ParseHubName(const std::string& text);

// $HF_HUB_CACHE, $HUGGINGFACE_HUB_CACHE, $HF_HOME/hub, $XDG_CACHE_HOME/huggingface/hub or ~/.cache/huggingface/hub: the first whose
// variable is set. Empty when there is no home either.
std::string HubCacheFolder();

// Whether the cache holds anything of the repository.
bool InHubCache(const HubName& name);
// The folder of the revision's files, or the file in it that is named. UserError when the cache lacks it, saying what there is.
std::string FindInHubCache(const HubName& name);
// The same in a repository's folder ("…/models--org--name"), wherever that lies. Nothing when `folder` is not called and laid out so.
std::optional<std::string> FindInRepository(const std::string& folder);
// The repository ("org/name") in whose snapshot `path` lies, whatever folder the cache is in; nothing elsewhere.
std::optional<std::string> RepositoryOf(const std::string& path);
// Behind a sentence about something missing in `path`: where that lies in a cache's snapshot, that the download is incomplete and how to finish it.
// Empty elsewhere.
std::string CompletionHint(const std::string& path);
// How to download it: "hf download org/name".
std::string DownloadCommand(const HubName& name);

// `path` with a leading ~ replaced by the home folder, where there is one.
std::string ExpandHome(const std::string& path);

}  // namespace pith
