// What a checkpoint must hold so that a resumed run equals an uninterrupted one.
#pragma once

#include <string>

namespace pith {

// A part of a run that changes with its steps and outlives its process. All parts' texts lie in one state.json, each under
// its key; large things go into files of their own beside it.
//
// A part holds whatever a step reads and an earlier step wrote. What follows from the configuration and the number of the
// step (an order of problems, a seed) is no state: derive it.
class Stateful {
 public:
  virtual ~Stateful() = default;
  virtual std::string key() const = 0;  // unique within a run, and the same in every version of pith
  virtual std::string Save() const = 0;  // JSON
  // Takes what Save() gave, at any time after the construction. UserError, a sentence without the file's name, for values
  // that Save() cannot have written; nlohmann's exceptions may pass (a damaged file).
  virtual void Load(const std::string& json) = 0;
  // Whether an alarm's rollback takes this part back to the best checkpoint: what is learned, but not what counts or watches.
  virtual bool rolls_back() const { return false; }
  // Whether a checkpoint may lack it, written before there was such a part: it is then left as it was constructed.
  virtual bool may_lack() const { return false; }
  // Into, and from, the checkpoint's folder; LoadFiles comes after Load.
  virtual void SaveFiles(const std::string& folder) const { (void)folder; }
  virtual void LoadFiles(const std::string& folder) { (void)folder; }
  // Keeps in memory what SaveFiles would write now, for SaveHeld to write later: one that writes files has both.
  virtual void Hold() {}
  virtual void SaveHeld(const std::string& folder) const { (void)folder; }
};

}  // namespace pith
