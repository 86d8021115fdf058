// pith-run: the runtime's programs behind one name.
#include <iostream>
#include <string>

#include "base/error.h"
#include "base/version.h"
#include "runtime/kernels/linear.h"
#include "runtime/programs/commands.h"

namespace {

struct Command {
  const char* name;
  const char* purpose;
  int (*run)(const pith::Arguments&);
};

constexpr Command kCommands[] = {
    {"generate", "answer a prompt, with or without an adapter and a budget", pith::GenerateCommand},
    {"chat", "a conversation in the terminal, changing modes and budgets in place", pith::ChatCommand},
    {"eval", "accuracy against length over a data set: results.json and report.html", pith::EvalCommand},
    {"bench", "speed and memory: prefill, decode, batches", pith::BenchCommand},
    {"tokenize", "token ids of a text file", pith::TokenizeCommand},
    {"template", "render a chat template", pith::TemplateCommand},
    {"grade", "judge answers, JSON lines in and out", pith::GradeCommand},
    {"logits", "logits of given token ids, as JSON", pith::LogitsCommand},
    {"fit", "what memory a model takes with adapters and chains, against what there is", pith::FitCommand},
    {"info", "what a base or an adapter is, in one screen", pith::InfoCommand},
    {"verify", "replay the proof inside an adapter: does it do here what its maker computed?", pith::VerifyCommand},
};

int PrintHelp(std::ostream& out) {
  out << "usage: pith-run COMMAND [options]; pith-run COMMAND --help tells more, pith-run --version what was built\n";
  for (const Command& command : kCommands) {
    out << "  " << command.name << std::string(12 - std::string(command.name).size(), ' ') << command.purpose << "\n";
  }
  return 0;
}

std::string CommandNames() {
  std::string names;
  for (const Command& command : kCommands) names += pith::Str(names.empty() ? "" : ", ", command.name);
  return names;
}

int PrintVersion(std::ostream& out) {
  std::string here;
  for (const pith::Isa isa : pith::kIsas) {
    if (pith::IsaAvailable(isa)) here += pith::Str(" ", pith::IsaName(isa));
  }
  out << pith::VersionText("pith-run", {pith::Str("kernels ", pith::IsaName(pith::BestIsa()), ", of those that run here:", here)}) << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return pith::RunProgram("pith-run", [&] {
    if (argc < 2) pith::ThrowUser("no command given; the commands are ", CommandNames(), " (pith-run --help)");
    const std::string name = argv[1];
    if (name == "--help" || name == "-h" || name == "help") return PrintHelp(std::cout);
    if (name == "--version") return PrintVersion(std::cout);
    for (const Command& command : kCommands) {
      if (name == command.name) return command.run(pith::Arguments(argv + 2, argv + argc));
    }
    pith::ThrowUser("there is no command '", name, "'; the commands are ", CommandNames(), " (pith-run --help)");
  });
}
