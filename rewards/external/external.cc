#include "rewards/external/external.h"

#include "base/error.h"
#include "rewards/external/command_verifier.h"
#include "rewards/external/url_verifier.h"

namespace pith {

void UseExternal(const VerifierSettings& settings, bool pay_unsimplified, const std::string& log, Verifiers* verifiers) {
  if (!settings.command.empty()) verifiers->Use(std::make_shared<CommandVerifier>(settings, pay_unsimplified, log), settings.kinds);
  if (!settings.url.empty()) verifiers->Use(std::make_shared<UrlVerifier>(settings, pay_unsimplified), settings.kinds);
}

VerifierSettings ParseVerifier(const std::string& text) {
  VerifierSettings settings;
  if (text.find("://") != std::string::npos && text.find_first_of(" \t'\"") == std::string::npos) {
    ParseHttpUrl(text);
    settings.url = text;
    return settings;
  }
  std::string word;
  bool in_word = false;
  char quote = 0;
  for (char c : text) {
    if (quote != 0) {
      if (c == quote) quote = 0;
      else word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t' || c == '\n') {
      if (in_word) settings.command.push_back(word);
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != 0) ThrowUser("the verifier ", text, " has a quote without its end; expected a command such as 'python3 judge.py', or http://…");
  if (in_word) settings.command.push_back(word);
  if (settings.command.empty() || settings.command[0].empty()) ThrowUser("the verifier is empty; expected a command such as 'python3 judge.py', or http://…");
  return settings;
}

}  // namespace pith
