// pith-train: a run from a YAML file, or the logits of one sequence.
#include <CLI/CLI.hpp>
#include <torch/version.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/model_path.h"
#include "base/number_rule.h"
#include "base/version.h"
#include "configs/load.h"
#include "configs/ready.h"
#include "train/dry_run.h"
#include "train/heads/switcher.h"
#include "train/heads/verifier.h"
#include "train/proof/logits.h"
#include "train/proof/prove.h"
#include "train/ranks/rank_log.h"
#include "train/ranks/ranks.h"
#include "train/rl/rl_run.h"
#include "train/run/expectation.h"
#include "train/run/run_folder.h"
#include "train/supervised/distill.h"
#include "train/supervised/sft.h"

namespace pith {
namespace {

// Settings that libraries read before main(), so the program starts itself anew with them (set ones are respected):
// OpenMP's threads would spin for milliseconds between loops, which starves the sampler's pool and whatever else runs here;
// oneDNN would keep 1024 compiled products of about a megabyte each, while batches of ever new sizes reuse none of them.
void RestartWithSettings(char** argv) {
  bool changed = false;
  const auto set = [&](const char* name, const char* value) {
    if (std::getenv(name) == nullptr) changed |= setenv(name, value, 0) == 0;
  };
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) set("GOMP_SPINCOUNT", "10000");
  set("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128");
  if (changed) execv("/proc/self/exe", argv);  // where this fails, training only takes more time and memory
}

// Where the ready configurations lie: here, or beside the folder that this program was built in.
std::string ReadyFolder() {
  std::error_code error;
  const std::string beside = std::filesystem::read_symlink("/proc/self/exe", error).parent_path().parent_path() / "configs";
  return IsFolder("configs") || !IsFolder(beside) ? "configs" : beside;
}

// A dry run shows what there is to show, and what would stop the run.
void CheckFolder(const TrainConfig& config, FolderMode mode, bool dry_run) {
  try {
    CheckRunFolder(RunFolderPath(config), mode);
  } catch (const UserError& error) {
    if (!dry_run) throw;
    LogWarning(Str("without --dry-run this would stop: ", error.what()));
  }
}

int Main(int argc, char** argv) {
  CLI::App app{"Trains reasoning adapters: pith-train CONFIG.yaml, or pith-train logits"};
  std::string config_path, model, adapter, ids;
  std::vector<std::string> overrides;
  bool list = false, expect = false;
  bool dry_run = false, no_doctor = false, resume = false, overwrite = false, json = false, any_base = false;
  app.add_option("config", config_path, "configuration of the run (YAML)");
  app.add_option("--set", overrides, "KEY=VALUE: overrides a setting; may be repeated")->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  app.add_flag("--dry-run", dry_run, "show the resolved configuration, a prompt, the arithmetic and the memory; write nothing");
  app.add_flag("--no-doctor", no_doctor, "do not look at the first step for what no run gets over");
  auto* resume_flag = app.add_flag("--resume", resume, "continue the run in its folder from the last checkpoint");
  app.add_flag("--overwrite", overwrite, "replace an earlier run in the same folder")->excludes(resume_flag);
  app.add_flag("--list", list, "show the ready configurations of configs/ (or of the folder that is given as config), a line each, and end");
  app.add_flag("--expect", expect, "compare the run with CONFIG.expect.json, what its metrics did over several seeds, and say when it leaves that");
  app.set_version_flag("--version", [] { return VersionText("pith-train", {"LibTorch " TORCH_VERSION}); });
  app.footer("Keys of CONFIG.yaml and of --set (docs/config-reference.md has their rules):\n" + ConfigKeys());
  CLI::App* logits = app.add_subcommand("logits", "logits of one sequence in float32");
  logits->add_option("--model", model, "GGUF or Hugging Face folder")->required();
  logits->add_option("--adapter", adapter, "PEFT folder");
  logits->add_option("--ids", ids, "token ids, separated by commas")->required();
  logits->add_flag("--any-base", any_base, "go on when the adapter was trained on another base");
  logits->add_flag("--json", json, "print JSON (the only form)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return app.exit(e);
  } catch (const CLI::ParseError& e) {
    ThrowUser(e.what(), "; see pith-train --help");
  }
  if (*logits) {
    const auto tokens = ParseNumbers<int32_t>("logits: --ids", ids, Between(0, std::numeric_limits<int32_t>::max()));
    PrepareProcess(0);
    std::cout << LogitsJson(model, adapter, tokens, any_base) << "\n";
    return 0;
  }
  if (list) {
    std::cout << ReadyTable(ListReady(config_path.empty() ? ReadyFolder() : config_path));
    return 0;
  }
  if (config_path.empty()) ThrowUser("no configuration was given; expected pith-train CONFIG.yaml, see pith-train --help");
  TrainConfig config = LoadTrainConfig(config_path, overrides);
  if (resume) TakeStoredTime(&config);
  Ranks::Start(&argc, &argv);
  RankLog log(Ranks::World());
  RunOptions options;
  if (expect) options.expectation = ExpectationPath(config_path);
  options.mode = resume ? FolderMode::kResume : overwrite ? FolderMode::kOverwrite : FolderMode::kNew;
  options.doctor = !no_doctor;
  if (Ranks::World().first()) CheckFolder(config, options.mode, dry_run);
  PrepareProcess(config.run.threads);
  if (const std::string model_path = ResolveModelPath(config.model.path); dry_run && HoldsShapesAlone(model_path)) {
    if (Ranks::World().first()) std::cout << DryRunOfShapes(config, ModelConfigFromHf(model_path + "/config.json"));
    return 0;
  }
  const Session session = OpenSession(config, dry_run ? Inputs::kAnnounced : Inputs::kDemanded);
  log.Settle();
  if (dry_run) {
    if (Ranks::World().first()) std::cout << DryRun(session);
    return 0;
  }
  if (config.run.stage == "sft") {
    RunSft(session, options);
  } else if (config.run.stage == "distill") {
    RunDistill(session, options);
  } else if (config.run.stage == "verifier") {
    RunVerifier(session, options);
  } else if (config.run.stage == "switcher") {
    RunSwitcher(session, options);
  } else {
    RunRl(session, options);
  }
  log.Settle();
  if (Ranks::World().first()) {
    const std::string folder = RunFolderPath(config) + "/adapter";
    if (!FileExists(folder + "/" + kProofFile)) ProveAdapter(session, folder);  // when the stage has given its memory back
    std::cout << "adapter: " << folder << "\n";
  }
  return 0;
}

}  // namespace
}  // namespace pith

int main(int argc, char** argv) {
  pith::RestartWithSettings(argv);
  const int status = pith::RunProgram("pith-train", [&] { return pith::Main(argc, argv); });
  if (status != 0) pith::Ranks::Abort(status);  // others may be waiting for this one
  pith::Ranks::Finish();
  return status;
}
