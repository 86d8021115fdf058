// The subcommands of pith-run. Each parses its own arguments, prints results on standard output and messages on standard
// error, and throws UserError for the user's mistakes.
#pragma once

#include <string>
#include <vector>

namespace pith {

using Arguments = std::vector<std::string>;  // without the program's and the subcommand's name

int GenerateCommand(const Arguments& args);
int ChatCommand(const Arguments& args);
int EvalCommand(const Arguments& args);
int BenchCommand(const Arguments& args);
int TokenizeCommand(const Arguments& args);
int TemplateCommand(const Arguments& args);
int GradeCommand(const Arguments& args);
int LogitsCommand(const Arguments& args);
int FitCommand(const Arguments& args);
int InfoCommand(const Arguments& args);
int VerifyCommand(const Arguments& args);  // 1: the adapter does not do what its proof says

}  // namespace pith
