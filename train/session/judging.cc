#include "train/session/judging.h"

#include "rewards/external/external.h"
#include "train/ranks/ranks.h"
#include "train/run/run_folder.h"

namespace pith {

std::shared_ptr<Verifiers> MakeVerifiers(const TrainConfig& config, const std::string& log) {
  VerifiersOptions options;
  options.pay_unsimplified = config.reward.form == "any";
  options.threads = config.run.threads;
  options.max_error_share = config.reward.verifier.max_error_share;
  auto verifiers = std::make_shared<Verifiers>(options);
  UseExternal(config.reward.verifier, options.pay_unsimplified, log, verifiers.get());
  return verifiers;
}

std::string VerifierLog(const TrainConfig& config) { return RunFolderPath(config) + "/verifier.log"; }

std::shared_ptr<Verifiers> MakeSharedVerifiers(const TrainConfig& config) {
  auto verifiers = MakeVerifiers(config, VerifierLog(config));
  if (Ranks::World().size() > 1) {
    verifiers->Share([](const std::function<std::string()>& ask) { return Ranks::World().FromFirst(Ranks::World().first() ? ask() : ""); });
  }
  return verifiers;
}

}  // namespace pith
